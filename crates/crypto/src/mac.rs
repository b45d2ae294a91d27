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
