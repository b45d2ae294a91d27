//! RSA: OAEP, PKCS #1 v1.5 and PSS (RFC 8017).

use aws_lc_rs::digest::Digest;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as LibraryPair, KeySize};
use aws_lc_rs::signature::{
    self, KeyPair as _, RsaParameters, RsaSignatureEncoding, UnparsedPublicKey,
};

use super::{Encryption, EncryptionScheme, KeyPair, RsaBits, Scheme, Signed, Signing};
use crate::{CryptoError, Hash, RsaDecryptionKey, RsaEncryptionKey, SecretBytes};

const REFUSED: CryptoError = CryptoError::MalformedKey("an RSA private key");
const SIGNING: CryptoError = CryptoError::Library("RSA signing");
const ENCRYPTION: CryptoError = CryptoError::Library("RSA encryption");

impl RsaBits {
    /// The length of the modulus, and so of signatures and ciphertexts, in bytes.
    #[must_use]
    pub const fn len(self) -> usize {
        match self {
            Self::B2048 => 256,
            Self::B3072 => 384,
            Self::B4096 => 512,
        }
    }

    /// No modulus is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        false
    }
}

pub(super) fn generate(bits: RsaBits) -> Result<SecretBytes, CryptoError> {
    let size = match bits {
        RsaBits::B2048 => KeySize::Rsa2048,
        RsaBits::B3072 => KeySize::Rsa3072,
        RsaBits::B4096 => KeySize::Rsa4096,
    };
    let pair = LibraryPair::generate(size).map_err(|_| CryptoError::Library("an RSA key pair"))?;
    written(&pair)
}

fn written(pair: &LibraryPair) -> Result<SecretBytes, CryptoError> {
    let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| CryptoError::Library("an RSA key"))?;
    Ok(SecretBytes::from_slice(der.as_ref()))
}

pub(super) struct Pair {
    pair: LibraryPair,
    decryption: RsaDecryptionKey,
    encryption: RsaEncryptionKey,
    public: Vec<u8>,
}

impl Pair {
    pub(super) fn open(bits: RsaBits, pkcs8: &[u8]) -> Result<Self, CryptoError> {
        let pair = LibraryPair::from_pkcs8(pkcs8).map_err(|_| REFUSED)?;
        if pair.public_modulus_len() != bits.len() {
            return Err(REFUSED);
        }
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(|_| REFUSED)?;
        let public = public.as_ref().to_vec();
        let decryption = RsaDecryptionKey::from_pkcs8(pkcs8)?;
        let encryption = decryption.public_key();
        Ok(Self { pair, decryption, encryption, public })
    }
}

impl KeyPair for Pair {
    fn public_der(&self) -> &[u8] {
        &self.public
    }

    fn private_der(&self) -> Result<SecretBytes, CryptoError> {
        written(&self.pair)
    }

    fn signing(&self) -> Option<&dyn Signing> {
        Some(self)
    }

    fn encryption(&self) -> Option<&dyn Encryption> {
        Some(self)
    }
}

impl Signing for Pair {
    fn sign(&self, scheme: Scheme, signed: Signed<'_>) -> Result<Vec<u8>, CryptoError> {
        let encoding = encoding(scheme).ok_or(SIGNING)?;
        let mut signature = vec![0; self.pair.public_modulus_len()];
        let done = match signed {
            Signed::Message(message) => {
                self.pair.sign(encoding, &SystemRandom::new(), message, &mut signature)
            }
            Signed::Digest(digest) => {
                let digest = hashed(scheme, digest).ok_or(SIGNING)?;
                self.pair.sign_digest(encoding, &digest, &mut signature)
            }
            Signed::Mu(_) => return Err(SIGNING),
        };
        done.map_err(|_| SIGNING)?;
        Ok(signature)
    }

    fn verify(&self, scheme: Scheme, signed: Signed<'_>, signature: &[u8]) -> bool {
        verify(&self.public, scheme, signed, signature)
    }
}

/// Whether this is a signature by the holder of a public key.
pub(super) fn verify(
    public_der: &[u8],
    scheme: Scheme,
    signed: Signed<'_>,
    signature: &[u8],
) -> bool {
    let Some(parameters) = parameters(scheme) else { return false };
    let key = UnparsedPublicKey::new(parameters, public_der);
    match signed {
        Signed::Message(message) => key.verify(message, signature).is_ok(),
        Signed::Digest(digest) => hashed(scheme, digest)
            .is_some_and(|digest| key.verify_digest(&digest, signature).is_ok()),
        Signed::Mu(_) => false,
    }
}

impl Encryption for Pair {
    fn encrypt(&self, scheme: EncryptionScheme, plain: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let EncryptionScheme::Rsa(padding) = scheme else { return Err(ENCRYPTION) };
        self.encryption.encrypt(padding, plain)
    }

    fn decrypt(&self, scheme: EncryptionScheme, sealed: &[u8]) -> Result<SecretBytes, CryptoError> {
        let EncryptionScheme::Rsa(padding) = scheme else { return Err(CryptoError::Unauthentic) };
        self.decryption.decrypt(padding, sealed)
    }
}

fn hashed(scheme: Scheme, digest: &[u8]) -> Option<Digest> {
    let (Scheme::RsaPkcs1(hash) | Scheme::RsaPss(hash)) = scheme else { return None };
    hash.import(digest)
}

fn encoding(scheme: Scheme) -> Option<&'static RsaSignatureEncoding> {
    Some(match scheme {
        Scheme::RsaPkcs1(Hash::Sha256) => &signature::RSA_PKCS1_SHA256,
        Scheme::RsaPkcs1(Hash::Sha384) => &signature::RSA_PKCS1_SHA384,
        Scheme::RsaPkcs1(Hash::Sha512) => &signature::RSA_PKCS1_SHA512,
        Scheme::RsaPss(Hash::Sha256) => &signature::RSA_PSS_SHA256,
        Scheme::RsaPss(Hash::Sha384) => &signature::RSA_PSS_SHA384,
        Scheme::RsaPss(Hash::Sha512) => &signature::RSA_PSS_SHA512,
        _ => return None,
    })
}

fn parameters(scheme: Scheme) -> Option<&'static RsaParameters> {
    Some(match scheme {
        Scheme::RsaPkcs1(Hash::Sha256) => &signature::RSA_PKCS1_2048_8192_SHA256,
        Scheme::RsaPkcs1(Hash::Sha384) => &signature::RSA_PKCS1_2048_8192_SHA384,
        Scheme::RsaPkcs1(Hash::Sha512) => &signature::RSA_PKCS1_2048_8192_SHA512,
        Scheme::RsaPss(Hash::Sha256) => &signature::RSA_PSS_2048_8192_SHA256,
        Scheme::RsaPss(Hash::Sha384) => &signature::RSA_PSS_2048_8192_SHA384,
        Scheme::RsaPss(Hash::Sha512) => &signature::RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}
