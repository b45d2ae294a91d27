//! What a hostile database answers, to each rotator's steps: no answer breaks a rotator, none makes
//! it wait, and no text of the database's is told.

#![no_main]

use bulla_fuzz::databases::Hostile;
use libfuzzer_sys::fuzz_target;

thread_local! {
    static HOSTILE: Hostile = Hostile::new();
}

fuzz_target!(|data: &[u8]| {
    let Some((how, answer)) = data.split_first() else { return };
    HOSTILE.with(|hostile| hostile.answer(*how, answer));
});
