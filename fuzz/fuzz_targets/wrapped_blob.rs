//! Ciphertext blobs of keys in a custom key store (version 2), through the whole way of Decrypt and
//! the token behind it, by the same rule as those of version 1.

#![no_main]

use bulla_fuzz::kms::Blobs;
use libfuzzer_sys::fuzz_target;

thread_local! {
    static BLOBS: Blobs = Blobs::in_a_store();
}

fuzz_target!(|data: &[u8]| BLOBS.with(|blobs| blobs.try_one(data)));
