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
