//! HMAC-SHA-256 (RFC 2104, FIPS 198-1) and comparison in constant time.

use aws_lc_rs::hmac;
use subtle::ConstantTimeEq;

use crate::{SHA256_LEN, SecretKey};

/// Message authentication as a part of [`crate::Crypto`].
pub trait Mac: Send + Sync {
    /// The HMAC-SHA-256 of the concatenated `parts` under `key`.
    fn mac(&self, key: &SecretKey, parts: &[&[u8]]) -> [u8; SHA256_LEN];

    /// Whether this runs inside a FIPS-validated module.
    fn fips(&self) -> bool {
        false
    }
}

/// HMAC-SHA-256 by AWS-LC.
#[derive(Clone, Copy, Debug)]
pub struct HmacSha256;

impl Mac for HmacSha256 {
    fn mac(&self, key: &SecretKey, parts: &[&[u8]]) -> [u8; SHA256_LEN] {
        hmac_sha256(key.expose(), parts)
    }

    fn fips(&self) -> bool {
        aws_lc_rs::try_fips_mode().is_ok()
    }
}

/// The HMAC-SHA-256 of the concatenated `parts` under `key`, which may have any length.
///
/// The parts are not delimited: where their borders matter, put lengths into them.
#[must_use]
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; SHA256_LEN] {
    HmacKey::new(key).sign(parts)
}

/// An HMAC-SHA-256 key whose two first blocks are computed once. The library wipes its state
/// when it is dropped, but does not lock it: for keys that live long, prefer [`SecretKey`].
pub struct HmacKey(hmac::Key);

impl HmacKey {
    /// Prepares `key`, which may have any length.
    #[must_use]
    pub fn new(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The HMAC of the concatenated `parts`.
    #[must_use]
    pub fn sign(&self, parts: &[&[u8]]) -> [u8; SHA256_LEN] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(part);
        }
        let mut out = [0; SHA256_LEN];
        out.copy_from_slice(context.sign().as_ref());
        out
    }

    /// Whether `tag` is the HMAC of the concatenated `parts`, in constant time.
    #[must_use]
    pub fn verify(&self, parts: &[&[u8]], tag: &[u8]) -> bool {
        ct_eq(&self.sign(parts), tag)
    }
}

/// Whether `a` and `b` are equal. The time taken depends on their lengths only.
#[must_use]
pub fn ct_eq(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    // RFC 4231, test cases 1, 2, 3, 6 and 7.
    #[test]
    fn known_tags() {
        let long = b"Test Using Larger Than Block-Size Key - Hash Key First";
        let longer = b"This is a test using a larger than block-size key and a larger than \
            block-size data. The key needs to be hashed before being used by the HMAC algorithm.";
        for (key, data, tag) in [
            (
                &[0x0b; 20][..],
                &b"Hi There"[..],
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                &[0xaa; 20],
                &[0xdd; 50],
                "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
            ),
            (
                &[0xaa; 131],
                long,
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
            (
                &[0xaa; 131],
                longer,
                "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
            ),
        ] {
            assert_eq!(hex::encode(&hmac_sha256(key, &[data])), tag);
            let (head, rest) = data.split_at(data.len() / 2);
            assert_eq!(hex::encode(&HmacKey::new(key).sign(&[head, b"", rest])), tag);
        }
    }

    #[test]
    fn verify_refuses_any_other_tag() {
        let key = HmacKey::new(b"key");
        let tag = key.sign(&[b"message"]);
        assert!(key.verify(&[b"mess", b"age"], &tag));
        assert!(!key.verify(&[b"message"], &tag[..31]));
        assert!(!key.verify(&[b"message"], b""));
        for bit in 0..256 {
            let mut other = tag;
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(!key.verify(&[b"message"], &other));
        }
    }
}
