//! RSA encryption (RFC 8017): OAEP, and PKCS #1 v1.5 for what older software left.

use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA384_MGF1SHA384, OAEP_SHA512_MGF1SHA512,
    OaepAlgorithm, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, Pkcs1PrivateDecryptingKey,
    Pkcs1PublicEncryptingKey, PrivateDecryptingKey, PublicEncryptingKey,
};

use crate::{CryptoError, SecretBytes};

/// How a message is padded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RsaPadding {
    /// PKCS #1 v1.5. Whoever can tell failures apart can decrypt by asking: prefer OAEP.
    Pkcs1,
    /// OAEP with SHA-1, also in MGF1.
    OaepSha1,
    /// OAEP with SHA-256, also in MGF1.
    OaepSha256,
    /// OAEP with SHA-384, also in MGF1.
    OaepSha384,
    /// OAEP with SHA-512, also in MGF1.
    OaepSha512,
}

impl RsaPadding {
    fn oaep(self) -> Option<&'static OaepAlgorithm> {
        match self {
            Self::Pkcs1 => None,
            Self::OaepSha1 => Some(&OAEP_SHA1_MGF1SHA1),
            Self::OaepSha256 => Some(&OAEP_SHA256_MGF1SHA256),
            Self::OaepSha384 => Some(&OAEP_SHA384_MGF1SHA384),
            Self::OaepSha512 => Some(&OAEP_SHA512_MGF1SHA512),
        }
    }
}

/// A public key to encrypt with, of 2048 to 8192 bits.
pub struct RsaEncryptionKey(PublicEncryptingKey);

impl RsaEncryptionKey {
    /// Reads a `SubjectPublicKeyInfo` (RFC 5280), DER.
    ///
    /// # Errors
    /// [`CryptoError::MalformedKey`]
    pub fn from_der(der: &[u8]) -> Result<Self, CryptoError> {
        let key = PublicEncryptingKey::from_der(der);
        key.map(Self).map_err(|_| CryptoError::MalformedKey("an RSA public key"))
    }

    /// The ciphertext of `plain`, as long as the modulus.
    ///
    /// # Errors
    /// [`CryptoError::Library`] when `plain` is too long for modulus and padding.
    pub fn encrypt(&self, padding: RsaPadding, plain: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let failed = CryptoError::Library("RSA encryption");
        let key = self.0.clone();
        let mut out = vec![0; self.0.key_size_bytes()];
        let written = match padding.oaep() {
            Some(oaep) => OaepPublicEncryptingKey::new(key)
                .and_then(|key| key.encrypt(oaep, plain, &mut out, None).map(|text| text.len())),
            None => Pkcs1PublicEncryptingKey::new(key)
                .and_then(|key| key.encrypt(plain, &mut out).map(|text| text.len())),
        };
        out.truncate(written.map_err(|_| failed)?);
        Ok(out)
    }
}

/// A private key to decrypt with. The library keeps it on its heap and wipes it.
pub struct RsaDecryptionKey(PrivateDecryptingKey);

impl RsaDecryptionKey {
    /// Reads an unencrypted PKCS #8 document (RFC 5208), DER.
    ///
    /// # Errors
    /// [`CryptoError::MalformedKey`]
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, CryptoError> {
        let key = PrivateDecryptingKey::from_pkcs8(der);
        key.map(Self).map_err(|_| CryptoError::MalformedKey("an RSA private key"))
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> RsaEncryptionKey {
        RsaEncryptionKey(self.0.public_key())
    }

    /// The plaintext of `sealed`.
    ///
    /// # Errors
    /// [`CryptoError::Unauthentic`], whatever is wrong with it.
    pub fn decrypt(&self, padding: RsaPadding, sealed: &[u8]) -> Result<SecretBytes, CryptoError> {
        let key = self.0.clone();
        let mut out = SecretBytes::zeroed(self.0.key_size_bytes());
        let buffer = out.expose_mut();
        let written = match padding.oaep() {
            Some(oaep) => OaepPrivateDecryptingKey::new(key)
                .and_then(|key| key.decrypt(oaep, sealed, buffer, None).map(|text| text.len())),
            None => Pkcs1PrivateDecryptingKey::new(key)
                .and_then(|key| key.decrypt(sealed, buffer).map(|text| text.len())),
        };
        let written = written.map_err(|_| CryptoError::Unauthentic)?;
        Ok(SecretBytes::from_slice(out.expose().get(..written).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
    use aws_lc_rs::rsa::KeySize;

    use super::*;

    #[test]
    fn what_was_encrypted_decrypts_with_its_padding_only() {
        let pair = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let private = RsaDecryptionKey::from_pkcs8(der.as_ref()).unwrap();
        let der: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        let public = RsaEncryptionKey::from_der(der.as_ref()).unwrap();
        let all = [
            RsaPadding::Pkcs1,
            RsaPadding::OaepSha1,
            RsaPadding::OaepSha256,
            RsaPadding::OaepSha384,
            RsaPadding::OaepSha512,
        ];
        for padding in all {
            let sealed = public.encrypt(padding, b"data key").unwrap();
            for other in all {
                let opened = private.decrypt(other, &sealed);
                assert_eq!(opened.is_ok_and(|plain| plain.ct_eq(b"data key")), other == padding);
            }
            assert!(public.encrypt(padding, &[0; 256]).is_err());
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        assert!(RsaEncryptionKey::from_der(b"no key").is_err());
        assert!(RsaDecryptionKey::from_pkcs8(b"no key").is_err());
    }
}
