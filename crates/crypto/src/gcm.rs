//! AES-GCM (NIST SP 800-38D) with a key schedule that is kept, into the caller's buffers.
//!
//! For long messages of many frames under one key: [`crate::Aead`] makes a schedule for each call.

use aws_lc_rs::aead::{AES_128_GCM, AES_192_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::{CryptoError, NONCE_LEN, TAG_LEN};

/// A prepared AES-GCM key of 128, 192 or 256 bits. The library keeps the schedule on its heap and
/// wipes it.
pub struct GcmKey(LessSafeKey);

impl GcmKey {
    /// Prepares `key`.
    ///
    /// # Errors
    /// [`CryptoError::KeyLength`] unless it has 16, 24 or 32 bytes.
    pub fn new(key: &[u8]) -> Result<Self, CryptoError> {
        let algorithm = match key.len() {
            16 => &AES_128_GCM,
            24 => &AES_192_GCM,
            32 => &AES_256_GCM,
            got => return Err(CryptoError::KeyLength { expected: 32, got }),
        };
        let key = UnboundKey::new(algorithm, key);
        let key = key.map_err(|_| CryptoError::Library("an AES-GCM key"))?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// Writes ciphertext and tag of `plain` to `out`. Never use a nonce twice.
    ///
    /// # Errors
    /// [`CryptoError::Library`] unless `out` is [`TAG_LEN`] bytes longer than `plain`.
    pub fn seal(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        plain: &[u8],
        out: &mut [u8],
    ) -> Result<(), CryptoError> {
        let failed = CryptoError::Library("AES-GCM sealing");
        let (text, tag) = out.split_at_mut_checked(plain.len()).ok_or(failed)?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        self.0
            .seal_out_of_place_scatter(nonce, Aad::from(aad), plain, text, &[], tag)
            .map_err(|_| failed)
    }

    /// Writes the plaintext of `sealed`, which is ciphertext and tag, to `out`. On error `out` is
    /// all zero: nothing that is not authentic can be read there.
    ///
    /// # Errors
    /// [`CryptoError::Unauthentic`] when anything is not as it was sealed, or unless `out` is
    /// [`TAG_LEN`] bytes shorter than `sealed`.
    pub fn open(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        sealed: &[u8],
        out: &mut [u8],
    ) -> Result<(), CryptoError> {
        let opened = sealed.split_last_chunk::<TAG_LEN>().and_then(|(text, tag)| {
            let nonce = Nonce::assume_unique_for_key(*nonce);
            self.0.open_separate_gather(nonce, Aad::from(aad), text, tag, out).ok()
        });
        opened.ok_or_else(|| {
            out.fill(0);
            CryptoError::Unauthentic
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    // Cases 4, 10 and 16 of the GCM specification: the same text under keys of three lengths.
    #[test]
    fn known_ciphertexts() {
        let key = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
        let text = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c9\
            5956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
        let aad = hex::decode("feedfacedeadbeeffeedfacedeadbeefabaddad2").unwrap();
        let nonce = hex::decode("cafebabefacedbaddecaf888").unwrap().try_into().unwrap();
        let text = hex::decode(text).unwrap();
        for (len, tag) in [
            (16, "5bc94fbc3221a5db94fae95ae7121a47"),
            (24, "2519498e80f1478f37ba55bd6d27618c"),
            (32, "76fc6ece0f4e1768cddf8853bb2d551b"),
        ] {
            let key = GcmKey::new(&hex::decode(key).unwrap()[..len]).unwrap();
            let mut sealed = vec![0; text.len() + TAG_LEN];
            key.seal(&nonce, &aad, &text, &mut sealed).unwrap();
            assert_eq!(hex::encode(&sealed[text.len()..]), tag);
            let mut opened = vec![0; text.len()];
            key.open(&nonce, &aad, &sealed, &mut opened).unwrap();
            assert_eq!(opened, text);
            for bit in 0..sealed.len() * 8 {
                let mut altered = sealed.clone();
                altered[bit / 8] ^= 1 << (bit % 8);
                let refused = key.open(&nonce, &aad, &altered, &mut opened);
                assert_eq!(refused, Err(CryptoError::Unauthentic));
                assert!(opened.iter().all(|byte| *byte == 0));
            }
        }
    }

    #[test]
    fn lengths_are_checked() {
        assert!(GcmKey::new(&[0; 20]).is_err());
        let key = GcmKey::new(&[0; 32]).unwrap();
        let nonce = [0; NONCE_LEN];
        assert!(key.seal(&nonce, b"", b"abc", &mut [0; 18]).is_err());
        assert!(key.seal(&nonce, b"", b"abc", &mut [0; 2]).is_err());
        assert!(key.open(&nonce, b"", &[0; 15], &mut []).is_err());
        assert!(key.open(&nonce, b"", &[0; 20], &mut [0; 5]).is_err());
    }
}
