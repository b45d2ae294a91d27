//! Hedged nonces: unique even if the random source is stuck, or cloned with a virtual machine.
//!
//! `nonce = HMAC-SHA-256(key, label || r || c || len(p1) || p1 || len(p2) || p2 ...)`, cut to 16
//! bytes, with 32 random bytes `r`, a counter `c` of the process, and lengths and counter as
//! 64 bits, big endian. HMAC is a pseudo-random function, so nonces collide with the chance of 128
//! random bits whenever the inputs differ:
//! - with a sound source, by `r`;
//! - with a stuck one, by `c` within a process, and by the parts in any case;
//! - with a clone that repeats both `r` and `c`, by the parts: two different messages never share
//!   a nonce. Only the same message under the same context yields the same nonce, and then the
//!   same ciphertext, which tells no more than that they are the same.
//!
//! The random bytes are drawn for some nonces at once, and each is used once. They need not be
//! secret, as the key is.
//!
//! For that, the parts must hold all that the nonce will seal: plaintext and associated data.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{CryptoError, Mac, RandomStock, Rng, SecretKey};

/// The length of a hedged nonce, in bytes.
pub const HEDGED_NONCE_LEN: usize = 16;

const LABEL: &[u8] = b"bulla/hedged-nonce/v1";
const RANDOM_LEN: usize = 32;

/// So many parts are put together without an allocation.
const INLINE_PARTS: usize = 8;

/// Random bytes for the nonces to come.
pub(crate) type Hedges = RandomStock<RANDOM_LEN>;

static DRAWN: AtomicU64 = AtomicU64::new(0);

pub(crate) fn hedged_nonce(
    (rng, hedges): (&dyn Rng, &Hedges),
    mac: &dyn Mac,
    key: &SecretKey,
    parts: &[&[u8]],
) -> Result<[u8; HEDGED_NONCE_LEN], CryptoError> {
    let random = hedges.draw(rng)?;
    Ok(nonce_from(mac, key, &random, DRAWN.fetch_add(1, Ordering::Relaxed), parts))
}

fn nonce_from(
    mac: &dyn Mac,
    key: &SecretKey,
    random: &[u8; RANDOM_LEN],
    counter: u64,
    parts: &[&[u8]],
) -> [u8; HEDGED_NONCE_LEN] {
    let counter = counter.to_be_bytes();
    let tag = if parts.len() <= INLINE_PARTS {
        let mut lengths = [[0; 8]; INLINE_PARTS];
        let mut inputs: [&[u8]; 3 + 2 * INLINE_PARTS] = [&[]; 3 + 2 * INLINE_PARTS];
        fill_inputs(&mut inputs, &mut lengths, random, &counter, parts);
        mac.mac(key, &inputs)
    } else {
        let mut lengths = vec![[0; 8]; parts.len()];
        let mut inputs: Vec<&[u8]> = vec![&[]; 3 + 2 * parts.len()];
        fill_inputs(&mut inputs, &mut lengths, random, &counter, parts);
        mac.mac(key, &inputs)
    };
    let mut nonce = [0; HEDGED_NONCE_LEN];
    for (to, from) in nonce.iter_mut().zip(tag) {
        *to = from;
    }
    nonce
}

/// Lays out label, random bytes, counter, and each part behind its length. Slots that stay
/// unused are empty and add nothing to the input.
fn fill_inputs<'a>(
    inputs: &mut [&'a [u8]],
    lengths: &'a mut [[u8; 8]],
    random: &'a [u8],
    counter: &'a [u8],
    parts: &[&'a [u8]],
) {
    for (length, part) in lengths.iter_mut().zip(parts) {
        *length = (part.len() as u64).to_be_bytes();
    }
    let lengths: &'a [[u8; 8]] = lengths;
    let delimited = lengths.iter().zip(parts).flat_map(|(length, part)| [length.as_slice(), part]);
    let all = [LABEL, random, counter].into_iter().chain(delimited);
    for (slot, input) in inputs.iter_mut().zip(all) {
        *slot = input;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::{Crypto, HmacSha256, hex};

    fn key() -> SecretKey {
        let bytes: Vec<u8> = (0..32).collect();
        SecretKey::from_slice(&bytes).unwrap()
    }

    fn at(counter: u64, parts: &[&[u8]]) -> [u8; HEDGED_NONCE_LEN] {
        nonce_from(&HmacSha256, &key(), &[7; RANDOM_LEN], counter, parts)
    }

    // Computed by Python's hmac over the documented input.
    #[test]
    fn agrees_with_the_definition() {
        assert_eq!(hex::encode(&at(5, &[b"ab", b"", b"c"])), "00192d5db79380bd8f93a785396ff4c8");
    }

    #[test]
    fn different_messages_differ_when_random_bytes_and_counter_repeat() {
        let mut seen = HashSet::new();
        for message in 0..10_000_u32 {
            assert!(seen.insert(at(1, &[&message.to_be_bytes(), b"context"])));
        }
        // Nor can the border between parts be moved, or parts be left out.
        let like: [&[&[u8]]; 6] =
            [&[b"ab", b"c"], &[b"a", b"bc"], &[b"abc"], &[b"abc", b""], &[b"", b"abc"], &[]];
        for parts in like {
            assert!(seen.insert(at(1, parts)));
        }
    }

    #[test]
    fn the_same_message_differs_within_a_process_even_if_random_bytes_repeat() {
        struct Constant;
        impl Rng for Constant {
            fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError> {
                out.fill(7);
                Ok(())
            }
        }
        let (key, hedges, mut seen) = (key(), Hedges::default(), HashSet::new());
        for _ in 0..1_000 {
            let source = (&Constant as &dyn Rng, &hedges);
            let nonce = hedged_nonce(source, &HmacSha256, &key, &[b"same"]).unwrap();
            assert!(seen.insert(nonce));
        }
    }

    #[test]
    fn many_parts_count_each() {
        let mut parts = vec![&b"part"[..]; 40];
        let nonce = at(1, &parts);
        parts[39] = b"pars";
        assert_ne!(nonce, at(1, &parts));
        assert_ne!(nonce, at(1, &parts[..39]));
    }

    #[test]
    fn a_stuck_source_under_test_is_refused() {
        struct Constant;
        impl Rng for Constant {
            fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError> {
                out.fill(7);
                Ok(())
            }
        }
        let crypto = Crypto::with_rng(Constant);
        let outcome = crypto.hedged_nonce(&key(), &[b"same"]);
        assert_eq!(outcome, Err(CryptoError::RandomSourceStuck));
    }
}
