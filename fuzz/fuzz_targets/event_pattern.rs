//! Event patterns and events of any text: what is read matches in bounded time, and the index finds
//! what trying the pattern finds.

#![no_main]

use bulla_events::index::Index;
use bulla_events::pattern::{Event, Pattern};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (pattern, event) = text.split_once('\n').unwrap_or((text, "{}"));
    let refusal = match Pattern::parse(pattern) {
        Err(refusal) => refusal.in_text(pattern),
        Ok(read) => {
            let Ok(event) = Event::parse(event) else { return };
            let expected: &[u32] = if read.matches(&event) { &[0] } else { &[] };
            assert_eq!(Index::build(vec![read]).matches(&event), expected);
            return;
        }
    };
    assert!(!refusal.is_empty());
});
