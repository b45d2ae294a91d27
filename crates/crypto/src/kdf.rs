//! Key derivation: NIST SP 800-108r1 in counter mode with HMAC-SHA-256.
//!
//! `K = HMAC(key, [1] || label || 0x00 || context || [256])`, both numbers as 32 bits, big endian
//! (the counter of the only block, and the output's length in bits). The label ends at the first
//! zero byte, so a label must hold none for the split from the context to be unambiguous.

use aws_lc_rs::kdf::{KbkdfCtrHmacAlgorithmId, get_kbkdf_ctr_hmac_algorithm, kbkdf_ctr_hmac};

use crate::{CryptoError, KEY_LEN, SecretKey};

/// Key derivation as a part of [`crate::Crypto`].
pub trait Kdf: Send + Sync {
    /// The key that belongs to `label` (what it is for) and `context` (whose it is).
    ///
    /// # Errors
    /// [`CryptoError::KeyMemory`] and [`CryptoError::KeyMemoryFull`] when there is no room for it.
    fn derive(
        &self,
        key: &SecretKey,
        label: &[u8],
        context: &[u8],
    ) -> Result<SecretKey, CryptoError>;

    /// Whether this runs inside a FIPS-validated module.
    fn fips(&self) -> bool {
        false
    }
}

/// SP 800-108 counter mode with HMAC-SHA-256 by AWS-LC.
#[derive(Clone, Copy, Debug)]
pub struct CounterKdf;

/// Fixed input up to this length, in bytes, is put together without an allocation.
const INLINE_LEN: usize = 256;
const OUTPUT_BITS: [u8; 4] = (KEY_LEN as u32 * 8).to_be_bytes();

impl Kdf for CounterKdf {
    fn derive(
        &self,
        key: &SecretKey,
        label: &[u8],
        context: &[u8],
    ) -> Result<SecretKey, CryptoError> {
        let parts = [label, &[0], context, &OUTPUT_BITS];
        let mut inline = [0; INLINE_LEN];
        if let Some(info) = concatenate(&mut inline, &parts) {
            return derive_from(key, info);
        }
        derive_from(key, &parts.concat())
    }

    fn fips(&self) -> bool {
        aws_lc_rs::try_fips_mode().is_ok()
    }
}

/// `parts` one after the other in `space`, or nothing if they do not fit.
fn concatenate<'a>(space: &'a mut [u8; INLINE_LEN], parts: &[&[u8]]) -> Option<&'a [u8]> {
    let mut used = 0;
    for part in parts {
        let end = used + part.len();
        space.get_mut(used..end)?.copy_from_slice(part);
        used = end;
    }
    space.get(..used)
}

fn derive_from(key: &SecretKey, fixed_input: &[u8]) -> Result<SecretKey, CryptoError> {
    let failed = CryptoError::Library("the SP 800-108 key derivation");
    let algorithm = get_kbkdf_ctr_hmac_algorithm(KbkdfCtrHmacAlgorithmId::Sha256).ok_or(failed)?;
    SecretKey::try_fill(|out| {
        kbkdf_ctr_hmac(algorithm, key.expose(), fixed_input, out).map_err(|_| failed)
    })
}
