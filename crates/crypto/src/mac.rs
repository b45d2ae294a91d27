//! HMAC (RFC 2104, FIPS 198-1).

use aws_lc_rs::hmac;

use crate::{Hash, SHA256_LEN, SecretBytes, SecretKey, ct_eq};

/// Message authentication as a part of [`crate::Crypto`].
pub trait Mac: Send + Sync {
    /// The HMAC-SHA-256 of the concatenated `parts` under `key`.
    fn mac(&self, key: &SecretKey, parts: &[&[u8]]) -> [u8; SHA256_LEN];

    /// The HMAC of `message` with this hash function, under a key of any length.
    fn tag(&self, hash: Hash, key: &SecretBytes, message: &[u8]) -> Vec<u8>;

    /// Whether this runs inside a FIPS-validated module.
    fn fips(&self) -> bool {
        false
    }
}

/// HMAC by AWS-LC, with SHA-256 where it is not said otherwise.
#[derive(Clone, Copy, Debug)]
pub struct HmacSha256;

impl Mac for HmacSha256 {
    fn mac(&self, key: &SecretKey, parts: &[&[u8]]) -> [u8; SHA256_LEN] {
        hmac_sha256(key.expose(), parts)
    }

    fn tag(&self, hash: Hash, key: &SecretBytes, message: &[u8]) -> Vec<u8> {
        hmac::sign(&hmac::Key::new(hash.hmac(), key.expose()), message).as_ref().to_vec()
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

    // RFC 4231, test case 2, with each hash function.
    #[test]
    fn each_hash_function_has_its_tag() {
        let key = SecretBytes::from_slice(b"Jefe");
        for (hash, tag) in [
            (Hash::Sha224, "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44"),
            (
                Hash::Sha384,
                "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e\
                 8e2240ca5e69e2c78b3239ecfab21649",
            ),
            (
                Hash::Sha512,
                "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554\
                 9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
            ),
        ] {
            let got = HmacSha256.tag(hash, &key, b"what do ya want for nothing?");
            assert_eq!(hex::encode(&got), tag);
            assert_eq!(got.len(), hash.output_len());
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
