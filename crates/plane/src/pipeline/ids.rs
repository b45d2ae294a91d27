//! The two random ids of a call.

use std::sync::{Mutex, PoisonError};

use bulla_crypto::{Crypto, CryptoError, hex};

/// How many digits stand between dashes (RFC 9562, section 4).
const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
/// The length of an id's text: 32 digits and four dashes.
const TEXT_BYTES: usize = 36;

/// For how many calls ids are drawn at once: asking the random source costs as much as a small
/// cryptographic operation.
const DRAWN_AHEAD: usize = 16;

/// The ids of one call: UUIDs of version 4 (RFC 9562, section 5.4).
pub(super) struct Ids {
    pub(super) request: [u8; 16],
    pub(super) event: [u8; 16],
}

/// Ids for the calls to come. They are no secret, so that they may lie about.
#[derive(Default)]
pub struct IdStock(Mutex<Vec<Ids>>);

impl IdStock {
    /// The ids of the next call.
    pub(super) fn draw(&self, crypto: &Crypto) -> Result<Ids, CryptoError> {
        // An unlucky thread leaves at worst fewer ids behind.
        let mut stock = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ids) = stock.pop() {
            return Ok(ids);
        }
        let mut random = [[[0; 16]; 2]; DRAWN_AHEAD];
        crypto.rng.fill(random.as_flattened_mut().as_flattened_mut())?;
        let mut drawn = random.into_iter().map(|pair| {
            let [request, event] = pair.map(version_4);
            Ids { request, event }
        });
        let ids = drawn.next().ok_or(CryptoError::RandomSource);
        stock.extend(drawn);
        ids
    }
}

/// The id of one more event.
///
/// # Errors
/// Those of the random source.
pub fn event(crypto: &Crypto) -> Result<[u8; 16], CryptoError> {
    let mut random = [0; 16];
    crypto.rng.fill(&mut random)?;
    Ok(version_4(random))
}

fn version_4(random: [u8; 16]) -> [u8; 16] {
    let value = u128::from_be_bytes(random);
    let version = value & !(0xf << 76) | 0x4 << 76;
    (version & !(0b11 << 62) | 0b10 << 62).to_be_bytes()
}

/// A new UUID of version 4, as text.
///
/// # Errors
/// Those of the random source.
pub fn new_uuid(crypto: &Crypto) -> Result<String, CryptoError> {
    event(crypto).map(text)
}

/// An id in hex with dashes.
#[must_use]
pub fn text(id: [u8; 16]) -> String {
    let digits = hex::digits(&id);
    let mut out = String::with_capacity(TEXT_BYTES);
    let mut rest = digits.as_text();
    for length in GROUPS {
        if !out.is_empty() {
            out.push('-');
        }
        let (group, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        out.push_str(group);
        rest = after;
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn version_and_variant_are_set() {
        assert_eq!(text(version_4([0xff; 16])), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(text(version_4([0; 16])), "00000000-0000-4000-8000-000000000000");
    }

    #[test]
    fn no_id_comes_twice() {
        let (stock, crypto) = (IdStock::default(), Crypto::standard());
        let calls = 3 * DRAWN_AHEAD + 1;
        let mut all = HashSet::new();
        for _ in 0..calls {
            let Ids { request, event } = stock.draw(&crypto).unwrap();
            all.extend([request, event]);
        }
        assert_eq!(all.len(), 2 * calls);
    }
}
