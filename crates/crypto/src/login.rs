//! What databases ask of those who log in: the digests, MACs and salted passwords of SCRAM
//! (RFC 5802, RFC 7677) and of older ways.
//!
//! MD5 and SHA-1 are here because protocols of others fix them; use them for nothing else.

use std::num::NonZeroU32;

use aws_lc_rs::{digest, hmac, pbkdf2};

use crate::SecretBytes;
use crate::raw::aws_lc;

/// The length of an MD5 digest, in bytes.
pub const MD5_LEN: usize = 16;

/// The MD5 digest of `data`.
#[must_use]
pub fn md5(data: &[u8]) -> [u8; MD5_LEN] {
    aws_lc::md5(data)
}

/// The hash function of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginHash {
    /// SHA-1
    Sha1,
    /// SHA-256
    Sha256,
}

impl LoginHash {
    /// The digest's length, in bytes.
    #[must_use]
    pub const fn output_len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// The digest of the concatenated `parts`, [`Self::output_len`] bytes.
    #[must_use]
    pub fn digest(self, parts: &[&[u8]]) -> SecretBytes {
        let algorithm = match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
        };
        let mut context = digest::Context::new(algorithm);
        for part in parts {
            context.update(part);
        }
        SecretBytes::from_slice(context.finish().as_ref())
    }

    /// The HMAC of `message` under a key of any length, [`Self::output_len`] bytes.
    #[must_use]
    pub fn hmac(self, key: &[u8], message: &[u8]) -> SecretBytes {
        let algorithm = match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
        };
        let tag = hmac::sign(&hmac::Key::new(algorithm, key), message);
        SecretBytes::from_slice(tag.as_ref())
    }

    /// The password under a salt, by PBKDF2 with HMAC (RFC 8018, section 5.2): SCRAM's `Hi`.
    #[must_use]
    pub fn salted(self, password: &[u8], salt: &[u8], iterations: NonZeroU32) -> SecretBytes {
        let algorithm = match self {
            Self::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
            Self::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
        };
        let mut out = SecretBytes::zeroed(self.output_len());
        pbkdf2::derive(algorithm, iterations, salt, password, out.expose_mut());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    // RFC 1321, appendix A.5.
    #[test]
    fn known_md5_digests() {
        assert_eq!(hex::encode(&md5(b"")), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(hex::encode(&md5(b"message digest")), "f96b697d7cb7938d525a2f31aaf161d0");
    }

    // FIPS 180-4's examples; RFC 2202, case 2; RFC 4231, case 2.
    #[test]
    fn known_digests_and_tags() {
        let (key, text) = (&b"Jefe"[..], &b"what do ya want for nothing?"[..]);
        for (hash, digest, tag) in [
            (
                LoginHash::Sha1,
                "a9993e364706816aba3e25717850c26c9cd0d89d",
                "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
            ),
            (
                LoginHash::Sha256,
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
        ] {
            assert_eq!(hex::encode(hash.digest(&[b"a", b"bc"]).expose()), digest);
            assert_eq!(hex::encode(hash.hmac(key, text).expose()), tag);
        }
    }

    // RFC 6070, case 3; RFC 7914, section 11, is of SHA-256 with other lengths, so the salted
    // password of RFC 7677's exchange stands in the test of that exchange.
    #[test]
    fn a_known_salted_password() {
        let rounds = NonZeroU32::new(4096).unwrap();
        let salted = LoginHash::Sha1.salted(b"password", b"salt", rounds);
        assert_eq!(hex::encode(salted.expose()), "4b007901b765489abead49d926f721d065a429c1");
    }
}
