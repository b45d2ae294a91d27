//! AES-256-GCM (NIST SP 800-38D): sealing with associated data.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroize;

use crate::{CryptoError, SecretBytes, SecretKey};

/// The length of a nonce, in bytes. Never use one twice under the same key.
pub const NONCE_LEN: usize = 12;
/// The length of the authentication tag at a ciphertext's end, in bytes.
pub const TAG_LEN: usize = 16;

/// Authenticated encryption as a part of [`crate::Crypto`].
pub trait Aead: Send + Sync {
    /// Appends ciphertext and tag to `out`, which is unchanged on error.
    ///
    /// # Errors
    /// [`CryptoError::Library`] when the plaintext is longer than the mode allows (64 GiB).
    fn seal(
        &self,
        key: &SecretKey,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        plaintext: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), CryptoError>;

    /// The plaintext of `sealed`, which is ciphertext and tag.
    ///
    /// # Errors
    /// [`CryptoError::Unauthentic`] when anything about it is not as it was sealed.
    fn open(
        &self,
        key: &SecretKey,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        sealed: &[u8],
    ) -> Result<SecretBytes, CryptoError>;

    /// Whether this runs inside a FIPS-validated module.
    fn fips(&self) -> bool {
        false
    }
}

/// AES-256-GCM by AWS-LC. The library keeps the key schedule on its heap and wipes it.
#[derive(Clone, Copy, Debug)]
pub struct Aes256Gcm;

impl Aead for Aes256Gcm {
    fn seal(
        &self,
        key: &SecretKey,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        plaintext: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), CryptoError> {
        let start = out.len();
        // All at once: growing later would leave the plaintext behind in a freed block.
        out.reserve(plaintext.len().saturating_add(TAG_LEN));
        out.extend_from_slice(plaintext);
        let text = out.get_mut(start..).unwrap_or_default();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let sealed = schedule(key)
            .and_then(|key| key.seal_in_place_separate_tag(nonce, Aad::from(aad), text).ok());
        if let Some(tag) = sealed {
            out.extend_from_slice(tag.as_ref());
            return Ok(());
        }
        text.zeroize();
        out.truncate(start);
        Err(CryptoError::Library("AES-256-GCM sealing"))
    }

    fn open(
        &self,
        key: &SecretKey,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        sealed: &[u8],
    ) -> Result<SecretBytes, CryptoError> {
        let (text, tag) = sealed.split_last_chunk::<TAG_LEN>().ok_or(CryptoError::Unauthentic)?;
        let mut plain = SecretBytes::zeroed(text.len());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        schedule(key)
            .ok_or(CryptoError::Library("an AES-256-GCM key"))?
            .open_separate_gather(nonce, Aad::from(aad), text, tag, plain.expose_mut())
            .map_err(|_| CryptoError::Unauthentic)?;
        Ok(plain)
    }

    fn fips(&self) -> bool {
        aws_lc_rs::try_fips_mode().is_ok()
    }
}

fn schedule(key: &SecretKey) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, key.expose()).ok().map(LessSafeKey::new)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hex;

    fn key(byte: u8) -> SecretKey {
        SecretKey::from_slice(&[byte; 32]).unwrap()
    }

    // The AES-256 cases 13, 14 and 16 of the GCM specification, on which NIST's vectors build.
    #[test]
    fn known_ciphertexts() {
        let text = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c9\
            5956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
        let sealed = "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e4\
            8590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b";
        let nonzero = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
        let zero = "00".repeat(32);
        for (key, nonce, aad, text, sealed) in [
            (&*zero, "00".repeat(12), "", "", "530f8afbc74536b9a963b4f1c4cb738b"),
            (
                &zero,
                "00".repeat(12),
                "",
                "00000000000000000000000000000000",
                "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919",
            ),
            (
                nonzero,
                "cafebabefacedbaddecaf888".to_owned(),
                "feedfacedeadbeeffeedfacedeadbeefabaddad2",
                text,
                sealed,
            ),
        ] {
            let key = SecretKey::from_slice(&hex::decode(key).unwrap()).unwrap();
            let nonce = hex::decode(nonce).unwrap().try_into().unwrap();
            let aad = hex::decode(aad).unwrap();
            let mut out = b"before".to_vec();
            Aes256Gcm.seal(&key, &nonce, &aad, &hex::decode(text).unwrap(), &mut out).unwrap();
            assert_eq!(hex::encode(&out), hex::encode(b"before") + sealed);
            let opened = Aes256Gcm.open(&key, &nonce, &aad, &out[6..]).unwrap();
            assert_eq!(hex::encode(opened.expose()), text);
        }
    }

    #[test]
    fn every_single_bit_counts() {
        let (nonce, aad) = ([3; NONCE_LEN], *b"context");
        let mut sealed = Vec::new();
        Aes256Gcm.seal(&key(1), &nonce, &aad, b"the tokens lie inside", &mut sealed).unwrap();
        let refused = |key: &SecretKey, nonce: &_, aad: &[u8], sealed: &[u8]| {
            let opened = Aes256Gcm.open(key, nonce, aad, sealed);
            assert_eq!(opened.err(), Some(CryptoError::Unauthentic));
        };
        for bit in 0..sealed.len() * 8 {
            let mut altered = sealed.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            refused(&key(1), &nonce, &aad, &altered);
        }
        for bit in 0..NONCE_LEN * 8 {
            let mut altered = nonce;
            altered[bit / 8] ^= 1 << (bit % 8);
            refused(&key(1), &altered, &aad, &sealed);
        }
        for bit in 0..aad.len() * 8 {
            let mut altered = aad;
            altered[bit / 8] ^= 1 << (bit % 8);
            refused(&key(1), &nonce, &altered, &sealed);
        }
        for bit in 0..256 {
            let mut altered = [1; 32];
            altered[bit / 8] ^= 1 << (bit % 8);
            refused(&SecretKey::from_slice(&altered).unwrap(), &nonce, &aad, &sealed);
        }
        for len in 0..sealed.len() {
            refused(&key(1), &nonce, &aad, &sealed[..len]);
        }
    }

    #[test]
    fn sealing_into_reserved_space_does_not_move_the_plaintext() {
        let mut out = Vec::with_capacity(1024);
        let before = out.as_ptr();
        Aes256Gcm.seal(&key(1), &[0; 12], b"", &[7; 1024 - TAG_LEN], &mut out).unwrap();
        assert_eq!((out.as_ptr(), out.len()), (before, 1024));
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens(
            text in prop::collection::vec(any::<u8>(), 0..300),
            aad in prop::collection::vec(any::<u8>(), 0..100),
            nonce: [u8; NONCE_LEN],
            bytes: [u8; 32],
        ) {
            let key = SecretKey::from_slice(&bytes).unwrap();
            let mut sealed = Vec::new();
            Aes256Gcm.seal(&key, &nonce, &aad, &text, &mut sealed).unwrap();
            prop_assert_eq!(sealed.len(), text.len() + TAG_LEN);
            let opened = Aes256Gcm.open(&key, &nonce, &aad, &sealed).unwrap();
            prop_assert_eq!(opened.expose(), &text[..]);
        }

        #[test]
        fn what_was_altered_does_not_open(
            text in prop::collection::vec(any::<u8>(), 0..64),
            at: prop::sample::Index,
            change in 1..=255_u8,
        ) {
            let mut sealed = Vec::new();
            Aes256Gcm.seal(&key(9), &[1; NONCE_LEN], b"", &text, &mut sealed).unwrap();
            let at = at.index(sealed.len());
            sealed[at] ^= change;
            let opened = Aes256Gcm.open(&key(9), &[1; NONCE_LEN], b"", &sealed);
            prop_assert_eq!(opened.err(), Some(CryptoError::Unauthentic));
        }
    }
}
