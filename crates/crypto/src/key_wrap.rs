//! AES key wrap with padding (RFC 5649), as keys are brought in under it.

use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrapPadded};

use crate::{CryptoError, SecretBytes, SecretKey};

/// The key in `wrapped`.
///
/// # Errors
/// [`CryptoError::Unauthentic`], whatever is wrong with it.
pub fn unwrap_padded(kek: &SecretKey, wrapped: &[u8]) -> Result<SecretBytes, CryptoError> {
    let kek = AesKek::new(&AES_256, kek.expose()).map_err(|_| CryptoError::Unauthentic)?;
    let mut out = SecretBytes::zeroed(wrapped.len());
    let unwrapped = kek.unwrap_with_padding(wrapped, out.expose_mut());
    let len = unwrapped.map_err(|_| CryptoError::Unauthentic)?.len();
    Ok(SecretBytes::from_slice(out.expose().get(..len).unwrap_or_default()))
}

/// `key` in a wrap that [`unwrap_padded`] opens.
///
/// # Errors
/// [`CryptoError::Library`] when there is nothing to wrap.
pub fn wrap_padded(kek: &SecretKey, key: &[u8]) -> Result<Vec<u8>, CryptoError> {
    const FAILED: CryptoError = CryptoError::Library("AES key wrap");
    let kek = AesKek::new(&AES_256, kek.expose()).map_err(|_| FAILED)?;
    // Padding to a whole block of 8 bytes, and one block that tells of it.
    let mut out = vec![0; key.len().saturating_add(16)];
    let len = kek.wrap_with_padding(key, &mut out).map_err(|_| FAILED)?.len();
    out.truncate(len);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_wrapped_unwraps_whatever_its_length_and_nothing_else_does() {
        let key = SecretKey::from_slice(&[5; 32]).unwrap();
        for len in [1, 7, 8, 9, 32, 138, 1_700] {
            let wrapped = wrap_padded(&key, &vec![7; len]).unwrap();
            assert!(unwrap_padded(&key, &wrapped).unwrap().ct_eq(&vec![7; len]));
            let other = SecretKey::from_slice(&[6; 32]).unwrap();
            assert_eq!(unwrap_padded(&other, &wrapped).err(), Some(CryptoError::Unauthentic));
            assert!(unwrap_padded(&key, &wrapped[8..]).is_err());
            let mut altered = wrapped;
            altered[3] ^= 1;
            assert!(unwrap_padded(&key, &altered).is_err());
        }
        assert!(unwrap_padded(&key, b"").is_err());
        assert!(wrap_padded(&key, b"").is_err());
    }
}
