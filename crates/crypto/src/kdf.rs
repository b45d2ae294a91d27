//! Key derivation: NIST SP 800-108r1 in counter mode with HMAC-SHA-256.
//!
//! `K = HMAC(key, [1] || label || 0x00 || context || [256])`, both numbers as 32 bits, big endian
//! (the counter of the only block, and the output's length in bits). The label ends at the first
//! zero byte, so a label must hold none for the split from the context to be unambiguous.

use aws_lc_rs::kdf::{KbkdfCtrHmacAlgorithmId, get_kbkdf_ctr_hmac_algorithm, kbkdf_ctr_hmac};

use crate::{CryptoError, Hash, KEY_LEN, SecretKey};

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

/// Fills `out` by the same derivation with an HMAC of any hash and a key of any length. Several
/// blocks are numbered from one.
///
/// # Errors
/// [`CryptoError::Library`] when the library refuses, as for no output at all.
pub fn counter_kdf(
    hash: Hash,
    key: &[u8],
    label: &[u8],
    context: &[u8],
    out: &mut [u8],
) -> Result<(), CryptoError> {
    let failed = CryptoError::Library("the SP 800-108 key derivation");
    let algorithm = match hash {
        Hash::Sha224 => KbkdfCtrHmacAlgorithmId::Sha224,
        Hash::Sha256 => KbkdfCtrHmacAlgorithmId::Sha256,
        Hash::Sha384 => KbkdfCtrHmacAlgorithmId::Sha384,
        Hash::Sha512 => KbkdfCtrHmacAlgorithmId::Sha512,
    };
    let algorithm = get_kbkdf_ctr_hmac_algorithm(algorithm).ok_or(failed)?;
    let bits = u32::try_from(out.len() * 8).map_err(|_| failed)?.to_be_bytes();
    let info = [label, &[0], context, &bits].concat();
    kbkdf_ctr_hmac(algorithm, key, &info, out).map_err(|_| failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    fn key() -> SecretKey {
        let bytes: Vec<u8> = (0..32).collect();
        SecretKey::from_slice(&bytes).unwrap()
    }

    fn derived(label: &[u8], context: &[u8]) -> String {
        hex::encode(CounterKdf.derive(&key(), label, context).unwrap().expose())
    }

    // Computed by OpenSSL 3.0: `openssl kdf -keylen 32 -kdfopt mac:HMAC -kdfopt digest:SHA256
    // -kdfopt hexkey:0001...1f -kdfopt hexsalt:LABEL -kdfopt hexinfo:a0a1...af KBKDF`.
    #[test]
    fn agrees_with_openssl() {
        let context: Vec<u8> = (0xa0..0xb0).collect();
        assert_eq!(
            derived(b"bulla/kms/v1", &context),
            "e1e5841f21117b59ea05bc455ab0b3b97fb071c367d1428c87b826d05c4c60c9"
        );
    }

    // Computed by Python's hmac over the documented input: too long for the inline buffer.
    #[test]
    fn a_long_context_is_no_different() {
        let context: Vec<u8> = (0..=255).cycle().take(1000).collect();
        assert_eq!(
            derived(b"bulla/test", &context),
            "89834e58ad7b2e6c603a31917c00f78973e8ceb5142e555d6dc3b7516f5dbb8b"
        );
    }

    #[test]
    fn every_length_around_the_inline_buffer_agrees_with_the_definition() {
        for len in 230..=260 {
            let context = vec![5; len];
            let input: [&[u8]; 5] = [&[0, 0, 0, 1], b"label", &[0], &context, &[0, 0, 1, 0]];
            let expected = crate::hmac_sha256(key().expose(), &input);
            assert_eq!(derived(b"label", &context), hex::encode(&expected));
        }
    }

    // Computed by Python's hmac over the documented input, two blocks of it.
    #[test]
    fn other_hashes_agree_with_the_definition() {
        let mut out = [0; 64];
        counter_kdf(Hash::Sha384, b"secret", b"label", b"context", &mut out).unwrap();
        let expected = "ab75c397b798787d5a7fc0fb6cd5271a92fe803239657fde95a51f149565b3ab\
            88f07c312c58128b2f200cf7bacbe85b901f893637e91b1484399dea7fd96dd6";
        assert_eq!(hex::encode(&out), expected);
        let mut same = [0; 32];
        counter_kdf(Hash::Sha256, key().expose(), b"a", b"b", &mut same).unwrap();
        assert_eq!(hex::encode(&same), derived(b"a", b"b"));
    }

    #[test]
    fn label_and_context_do_not_run_into_each_other() {
        assert_ne!(derived(b"ab", b"c"), derived(b"a", b"bc"));
        assert_ne!(derived(b"a", b""), derived(b"", b"a"));
    }
}
