//! Many small messages under kept keys, against the cryptography of one.

use std::time::Duration;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hmac::{self, HMAC_SHA512};
use bulla_envelope::cache::{CachingSource, LocalCache};
use bulla_envelope::{Committing, DefaultSource, EncryptionContext, Envelope};

use super::{Clock, Comparison, FRAME_LEN, Unit, failed, interleaved, keyring, library};
use crate::error::BenchError;

/// How many messages are made between two looks at the clock.
const BATCH: u64 = 1000;

pub(super) fn compare(rounds: usize) -> Result<Vec<Comparison>, BenchError> {
    let plain = vec![5_u8; FRAME_LEN];
    let context = EncryptionContext::from_pairs([("purpose", "bench")]);
    let context = context.map_err(|error| failed(error.into()))?;
    let cache = LocalCache::new(std::num::NonZeroUsize::MIN.saturating_add(9));
    let source = DefaultSource::new(keyring()?);
    let source = CachingSource::new(source, cache, Duration::from_secs(600)).map_err(failed)?;
    let envelope = Envelope::from_source(source).suite(Committing::Unsigned);
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.map_err(BenchError::io("start a runtime"))?;

    let message = runtime.block_on(envelope.encrypt(&plain, &context)).map_err(failed)?;
    let sealing = || {
        runtime.block_on(async {
            for _ in 0..BATCH {
                let message = envelope.encrypt(&plain, &context).await.map_err(failed)?;
                std::hint::black_box(message);
            }
            Ok(BATCH)
        })
    };
    let opening = || {
        runtime.block_on(async {
            for _ in 0..BATCH {
                let opened = envelope.decrypt(&message, &context).await.map_err(failed)?;
                std::hint::black_box(opened);
            }
            Ok(BATCH)
        })
    };
    let floor = "HKDF-SHA-512 by HMAC, two tags";
    let mut all = Vec::new();
    let pairs = interleaved(Clock::Cpu, rounds, Box::new(cryptography(&plain)), Box::new(sealing))?;
    let (unit, target) = (Unit::Messages, None);
    let name = "04 78, 4 KiB messages, encrypting, cached";
    all.push(Comparison { name, floor, unit, target, rounds: pairs });
    let pairs = interleaved(Clock::Cpu, rounds, Box::new(cryptography(&plain)), Box::new(opening))?;
    let name = "04 78, 4 KiB messages, decrypting, cached";
    all.push(Comparison { name, floor, unit, target, rounds: pairs });
    Ok(all)
}

/// What a message takes at least: extraction, two expansions, a key schedule, the header's tag, and
/// one frame.
fn cryptography(plain: &[u8]) -> impl FnMut() -> Result<u64, BenchError> {
    let mut out = vec![0; plain.len()];
    move || {
        for number in 0..BATCH {
            let salt = hmac::Key::new(HMAC_SHA512, &number.to_be_bytes());
            let extracted = hmac::sign(&salt, &[7; 32]);
            let expanding = hmac::Key::new(HMAC_SHA512, extracted.as_ref());
            let key = hmac::sign(&expanding, b"\x04\x78DERIVEKEY\x01");
            let commitment = hmac::sign(&expanding, b"COMMITKEY\x01");
            std::hint::black_box(commitment);
            let key = key.as_ref().get(..32).unwrap_or_default();
            let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).map_err(library)?);
            let nonce = |last| {
                let mut nonce = [0; 12];
                nonce[11] = last;
                Nonce::assume_unique_for_key(nonce)
            };
            out.copy_from_slice(plain);
            let aad = Aad::from([0; 128]);
            let tag = key.seal_in_place_separate_tag(nonce(0), aad, &mut []).map_err(library)?;
            std::hint::black_box(tag.as_ref());
            let tag = key.seal_in_place_separate_tag(nonce(1), Aad::empty(), &mut out);
            std::hint::black_box(tag.map_err(library)?.as_ref());
        }
        Ok(BATCH)
    }
}
