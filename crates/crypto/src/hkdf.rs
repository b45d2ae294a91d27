//! HKDF (RFC 5869), which extracts once for any number of expansions.

use aws_lc_rs::hmac;
use zeroize::Zeroize;

use crate::{CryptoError, Hash, MAX_HASH_LEN};

/// The most output of one expansion, in digests (RFC 5869, section 2.3).
const MAX_BLOCKS: usize = 255;

/// A pseudo-random key, from which keys are expanded. The library wipes its state.
pub struct HkdfKey {
    hash: Hash,
    key: hmac::Key,
}

impl HkdfKey {
    /// Extracts from the secret `ikm`. An empty salt stands for zeros of the digest's length.
    #[must_use]
    pub fn extract(hash: Hash, salt: &[u8], ikm: &[u8]) -> Self {
        let extracted = hmac::sign(&hmac::Key::new(hash.hmac(), salt), ikm);
        Self { hash, key: hmac::Key::new(hash.hmac(), extracted.as_ref()) }
    }

    /// Fills `out` with the key that belongs to the concatenated parts of `info`.
    ///
    /// # Errors
    /// [`CryptoError::OutOfRange`] for more than 255 digests of output.
    pub fn expand(&self, info: &[&[u8]], out: &mut [u8]) -> Result<(), CryptoError> {
        let max = MAX_BLOCKS * self.hash.output_len();
        if out.len() > max {
            let (got, max) = (out.len() as u64, max as u64);
            return Err(CryptoError::OutOfRange { name: "HKDF output", got, min: 0, max });
        }
        let mut block = [0; MAX_HASH_LEN];
        let mut used = 0;
        for (index, piece) in (1..=u8::MAX).zip(out.chunks_mut(self.hash.output_len())) {
            let mut context = hmac::Context::with_key(&self.key);
            context.update(block.get(..used).unwrap_or_default());
            for part in info {
                context.update(part);
            }
            context.update(&[index]);
            let tag = context.sign();
            used = self.hash.output_len();
            for (to, from) in block.iter_mut().zip(tag.as_ref()) {
                *to = *from;
            }
            for (to, from) in piece.iter_mut().zip(&block) {
                *to = *from;
            }
        }
        block.zeroize();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    // RFC 5869, test cases 1 to 3.
    #[test]
    fn known_keys() {
        let bytes = |from: u8, to: u8| (from..to).collect::<Vec<u8>>();
        for (ikm, salt, info, okm) in [
            (
                vec![0x0b; 22],
                bytes(0, 0x0d),
                bytes(0xf0, 0xfa),
                "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf\
                 34007208d5b887185865",
            ),
            (
                bytes(0, 0x50),
                bytes(0x60, 0xb0),
                (0xb0..=0xff).collect(),
                "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c\
                 59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71\
                 cc30c58179ec3e87c14c01d5c1f3434f1d87",
            ),
            (
                vec![0x0b; 22],
                vec![],
                vec![],
                "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d\
                 9d201395faa4b61a96c8",
            ),
        ] {
            let mut out = vec![0; okm.len() / 2];
            let key = HkdfKey::extract(Hash::Sha256, &salt, &ikm);
            let (head, tail) = info.split_at(info.len() / 2);
            key.expand(&[head, tail], &mut out).unwrap();
            assert_eq!(hex::encode(&out), okm);
        }
    }

    // Computed by Python's cryptography 48: HKDF(SHA512, 80, b"salt", b"info").derive(b"secret").
    #[test]
    fn agrees_with_another_library() {
        let mut out = [0; 80];
        HkdfKey::extract(Hash::Sha512, b"salt", b"secret").expand(&[b"info"], &mut out).unwrap();
        let expected = "90e269f053d383c4b2070be93238adf358f3d67bd7b17ca3de95f10a50a8385e\
            66d8241c8c22c91cee75d7bda92e8111236b71b63c8f05973947428074d272f0\
            73de7d106ca1b6f5beeb22fc785a8166";
        assert_eq!(hex::encode(&out), expected);
    }

    #[test]
    fn too_much_is_refused() {
        let key = HkdfKey::extract(Hash::Sha256, b"", b"");
        assert!(key.expand(&[], &mut vec![0; 255 * 32]).is_ok());
        assert!(key.expand(&[], &mut vec![0; 255 * 32 + 1]).is_err());
    }
}
