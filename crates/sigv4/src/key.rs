//! The key of a day, a region and a service.

use bulla_crypto::{HmacKey, SHA256_LEN, SecretBytes, hmac_sha256};

use crate::credential::TERMINATOR;

/// A signing key. It is good for one secret, day, region and service, and costs four HMACs to
/// derive, so that callers do well to keep it for as long as the secret is valid.
///
/// Not printed, cloned or compared by accident; wiped when dropped.
pub struct SigningKey {
    key: HmacKey,
    dummy: bool,
}

impl SigningKey {
    /// Derives the key from a secret access key and the three parts of the credential scope
    /// (`YYYYMMDD`, region, service).
    #[must_use]
    pub fn derive(secret: &[u8], date: &str, region: &str, service: &str) -> Self {
        let mut start = SecretBytes::zeroed(4 + secret.len());
        let (prefix, rest) = start.expose_mut().split_at_mut(4);
        prefix.copy_from_slice(b"AWS4");
        rest.copy_from_slice(secret);
        let mut key = start;
        for part in [date, region, service, TERMINATOR] {
            let mut next = hmac_sha256(key.expose(), &[part.as_bytes()]);
            key = SecretBytes::from_slice(&next);
            wipe(&mut next);
        }
        Self { key: HmacKey::new(key.expose()), dummy: false }
    }

    /// A key that takes as long to make and to use as any other, and that verifies nothing:
    /// for an access key id that does not exist, so that its request costs what others cost.
    /// [`crate::Claim::verify`] answers [`crate::AuthError::UnknownKey`] under it, always.
    #[must_use]
    pub fn dummy() -> Self {
        // As long as AWS's secrets.
        Self { dummy: true, ..Self::derive(&[0; 40], "19700101", "us-east-1", "kms") }
    }

    pub(crate) fn is_dummy(&self) -> bool {
        self.dummy
    }

    pub(crate) fn sign(&self, text: &[u8]) -> [u8; SHA256_LEN] {
        self.key.sign(&[text])
    }
}

/// Overwrites a stack copy of key material; the barrier keeps the write from being left out.
fn wipe(bytes: &mut [u8; SHA256_LEN]) {
    bytes.fill(0);
    std::hint::black_box(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of AWS's guide to signing, by its last HMAC: the key for
    // 20150830/us-east-1/iam is c4afb1cc...; signing its example string gives this signature.
    #[test]
    fn the_guides_example() {
        let secret = b"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        let key = SigningKey::derive(secret, "20150830", "us-east-1", "iam");
        let text = b"AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/iam/aws4_request\n\
            f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59";
        assert_eq!(
            bulla_crypto::hex::encode(&key.sign(text)),
            "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
        );
        assert!(!key.is_dummy());
        assert!(SigningKey::dummy().is_dummy());
    }
}
