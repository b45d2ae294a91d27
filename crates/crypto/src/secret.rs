//! The types that hold secrets: nothing prints, clones or compares them by accident.

use zeroize::Zeroize;

use crate::{CryptoError, Rng, ct_eq, raw::memory::Slot};

/// The length of a [`SecretKey`], in bytes.
pub const KEY_LEN: usize = 32;

/// A 256-bit symmetric key in locked, undumpable memory, wiped when dropped.
///
/// Moving it moves an address, never the key's bytes.
pub struct SecretKey(Slot);

impl SecretKey {
    /// Copies a key out of `bytes`, which the caller should wipe.
    ///
    /// # Errors
    /// [`CryptoError::KeyLength`] unless there are 32 bytes; else as [`Self::try_fill`].
    pub fn from_slice(bytes: &[u8]) -> Result<Self, CryptoError> {
        let wrong = CryptoError::KeyLength { expected: KEY_LEN, got: bytes.len() };
        let bytes: &[u8; KEY_LEN] = bytes.try_into().map_err(|_| wrong)?;
        Self::try_fill(|key| {
            key.copy_from_slice(bytes);
            Ok(())
        })
    }

    /// Draws a key from `rng`.
    ///
    /// # Errors
    /// Those of the random source; else as [`Self::try_fill`].
    pub fn generate(rng: &dyn Rng) -> Result<Self, CryptoError> {
        Self::try_fill(|key| rng.fill(key))
    }

    /// Lets `fill` write the key in place, so that no copy of it is made on the way. The bytes
    /// are zero at first.
    ///
    /// # Errors
    /// Those of `fill`; [`CryptoError::KeyMemory`] and [`CryptoError::KeyMemoryFull`] when there
    /// is no slot for it.
    pub fn try_fill<E: From<CryptoError>>(
        fill: impl FnOnce(&mut [u8; KEY_LEN]) -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut slot = Slot::take()?;
        fill(slot.bytes_mut())?;
        Ok(Self(slot))
    }

    /// The key's bytes. Do not copy them to where they are not wiped.
    #[must_use]
    pub fn expose(&self) -> &[u8; KEY_LEN] {
        self.0.bytes()
    }

    /// Whether two keys are equal, in constant time.
    #[must_use]
    pub fn ct_eq(&self, other: &Self) -> bool {
        ct_eq(self.expose(), other.expose())
    }
}

/// Secret bytes of any length on the heap, wiped when dropped, spare capacity included.
///
/// Its length cannot grow, so no reallocation leaves a copy behind.
pub struct SecretBytes(Vec<u8>);

impl SecretBytes {
    /// Takes over `bytes`. Copies that earlier growth of the vector left behind are not wiped:
    /// reserve its full length first.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Copies `bytes`, which the caller should wipe.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// `len` zero bytes, to be written through [`Self::expose_mut`].
    #[must_use]
    pub fn zeroed(len: usize) -> Self {
        Self(vec![0; len])
    }

    /// The bytes. Do not copy them to where they are not wiped.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, to be written.
    #[must_use]
    pub fn expose_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }

    /// Their number.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the bytes equal `other`, in constant time for equal lengths.
    #[must_use]
    pub fn ct_eq(&self, other: &[u8]) -> bool {
        ct_eq(&self.0, other)
    }

    /// Hands the vector over. From here on the caller wipes it.
    #[must_use]
    pub fn into_vec(mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }
}

impl From<Vec<u8>> for SecretBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(bytes)
    }
}

impl Drop for SecretBytes {
    fn drop(&mut self) {
        // A whole slice is wiped many bytes at a time; a vector by itself byte by byte.
        self.0.as_mut_slice().zeroize();
        self.0.spare_capacity_mut().zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_exactly_32_bytes() {
        for len in [0, 16, 31, 33, 64] {
            let refused = SecretKey::from_slice(&vec![1; len]).err();
            assert_eq!(refused, Some(CryptoError::KeyLength { expected: 32, got: len }));
        }
        assert_eq!(SecretKey::from_slice(&[7; 32]).unwrap().expose(), &[7; 32]);
    }

    #[test]
    fn keys_compare_by_content() {
        let key = SecretKey::from_slice(&[7; 32]).unwrap();
        let mut other = [7; 32];
        assert!(key.ct_eq(&SecretKey::from_slice(&other).unwrap()));
        other[31] ^= 1;
        assert!(!key.ct_eq(&SecretKey::from_slice(&other).unwrap()));
    }

    #[test]
    fn a_key_that_could_not_be_filled_is_not_made() {
        let refused = SecretKey::try_fill(|_| Err(CryptoError::RandomSource)).err();
        assert_eq!(refused, Some(CryptoError::RandomSource));
    }

    #[test]
    fn secret_bytes_compare_and_hand_over() {
        let secret = SecretBytes::from_slice(b"tokens");
        assert!(secret.ct_eq(b"tokens"));
        assert!(!secret.ct_eq(b"token"));
        assert!(!secret.ct_eq(b"tokenz"));
        assert_eq!(secret.len(), 6);
        assert_eq!(secret.into_vec(), b"tokens");
    }
}
