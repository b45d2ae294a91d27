//! The two random ids of a call.

use bulla_crypto::{Crypto, CryptoError, RandomStock, hex};

/// How many digits stand between dashes (RFC 9562, section 4).
const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
/// The length of an id's text: 32 digits and four dashes.
const TEXT_BYTES: usize = 36;

/// The ids of one call: UUIDs of version 4 (RFC 9562, section 5.4).
pub(super) struct Ids {
    pub(super) request: [u8; 16],
    pub(super) event: [u8; 16],
}

/// Ids for the calls to come. They are no secret, so that they may lie about.
#[derive(Default)]
pub struct IdStock(RandomStock<32>);

impl IdStock {
    /// The ids of the next call.
    pub(super) fn draw(&self, crypto: &Crypto) -> Result<Ids, CryptoError> {
        let random = self.0.draw(&*crypto.rng)?;
        let (pairs, _) = random.as_chunks::<16>();
        let [request, event] = pairs else { return Err(CryptoError::RandomSource) };
        Ok(Ids { request: version_4(*request), event: version_4(*event) })
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
        let calls = 100;
        let mut all = HashSet::new();
        for _ in 0..calls {
            let Ids { request, event } = stock.draw(&crypto).unwrap();
            all.extend([request, event]);
        }
        assert_eq!(all.len(), 2 * calls);
    }
}
