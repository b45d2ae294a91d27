//! The two random ids of a call.

use bulla_crypto::{Crypto, CryptoError};

/// The ids of one call: UUIDs of version 4 (RFC 9562, section 5.4).
pub(super) struct Ids {
    pub(super) request: [u8; 16],
    pub(super) event: [u8; 16],
}

impl Ids {
    /// Both ids out of one draw.
    pub(super) fn draw(crypto: &Crypto) -> Result<Self, CryptoError> {
        let mut random = [[0; 16]; 2];
        crypto.rng.fill(random.as_flattened_mut())?;
        let [request, event] = random.map(version_4);
        Ok(Self { request, event })
    }
}

/// The id of one more event.
pub(crate) fn event(crypto: &Crypto) -> Result<[u8; 16], CryptoError> {
    let mut random = [0; 16];
    crypto.rng.fill(&mut random)?;
    Ok(version_4(random))
}

fn version_4(random: [u8; 16]) -> [u8; 16] {
    let value = u128::from_be_bytes(random);
    let version = value & !(0xf << 76) | 0x4 << 76;
    (version & !(0b11 << 62) | 0b10 << 62).to_be_bytes()
}

/// An id in hex with dashes.
pub(super) fn text(id: [u8; 16]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = String::with_capacity(36);
    for (at, byte) in id.into_iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        for nibble in [byte >> 4, byte & 0xf] {
            out.extend(DIGITS.get(usize::from(nibble)).map(|digit| char::from(*digit)));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_and_variant_are_set() {
        assert_eq!(text(version_4([0xff; 16])), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(text(version_4([0; 16])), "00000000-0000-4000-8000-000000000000");
    }

    #[test]
    fn ids_of_a_draw_differ() {
        let ids = Ids::draw(&Crypto::standard()).unwrap();
        assert_ne!(ids.request, ids.event);
    }
}
