//! Ciphertext blobs of any bytes, through the whole way of Decrypt: what was made opens to what was
//! sealed, under its own context alone; whatever else there is is refused as the caller's fault.

#![no_main]

use bulla_fuzz::kms::Blobs;
use libfuzzer_sys::fuzz_target;

thread_local! {
    static BLOBS: Blobs = Blobs::own();
}

fuzz_target!(|data: &[u8]| BLOBS.with(|blobs| blobs.try_one(data)));
