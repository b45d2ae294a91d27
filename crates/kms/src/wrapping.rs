//! How key material is wrapped to be brought in (KMS guide, "Importing key material").

use std::sync::Arc;

use bulla_crypto::{
    CryptoError, EcCurve, EncryptionScheme, KeyPair, PairSpec, RsaBits, RsaPadding, SecretBytes,
    SecretKey, unwrap_padded,
};
use bulla_shapes::Fault;

use crate::fault;
use crate::kind::{CHINA, Form, Kind};

/// A wrapping algorithm, with the spec of the wrapping key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrapping {
    Rsa {
        padding: RsaPadding,
        /// Whether RSA wraps an AES key, and that one the material.
        by_aes: bool,
        bits: RsaBits,
    },
    /// SM2PKE, in the regions in China.
    Sm2,
}

impl Wrapping {
    /// The wrapping that these names stand for, if a key of this kind can be brought in so in a
    /// partition.
    pub(crate) fn of(
        kind: &Kind,
        algorithm: &str,
        spec: &str,
        partition: &str,
    ) -> Result<Self, Fault> {
        let known = Self::named(algorithm, spec);
        let here = |wrapping: &Self| *wrapping != Self::Sm2 || partition == CHINA;
        known.filter(here).filter(|wrapping| wrapping.suits(kind)).ok_or_else(|| {
            fault::validation(format!(
                "Wrapping algorithm {algorithm} and wrapping key spec {spec} cannot be used to \
                 import a {} key.",
                kind.spec
            ))
        })
    }

    /// `RSAES_PKCS1_V1_5`, which AWS has given up, has none, nor has SM2 in a build without it.
    pub(crate) fn named(algorithm: &str, spec: &str) -> Option<Self> {
        let (padding, by_aes) = match algorithm {
            "RSAES_OAEP_SHA_1" => (RsaPadding::OaepSha1, false),
            "RSAES_OAEP_SHA_256" => (RsaPadding::OaepSha256, false),
            "RSA_AES_KEY_WRAP_SHA_1" => (RsaPadding::OaepSha1, true),
            "RSA_AES_KEY_WRAP_SHA_256" => (RsaPadding::OaepSha256, true),
            "SM2PKE" if cfg!(feature = "sm2") => return (spec == "SM2").then_some(Self::Sm2),
            _ => return None,
        };
        let bits = match spec {
            "RSA_2048" => RsaBits::B2048,
            "RSA_3072" => RsaBits::B3072,
            "RSA_4096" => RsaBits::B4096,
            _ => return None,
        };
        Some(Self::Rsa { padding, by_aes, bits })
    }

    /// What the wrapping key is.
    pub(crate) fn pair(self) -> PairSpec {
        match self {
            Self::Rsa { bits, .. } => PairSpec::Rsa(bits),
            Self::Sm2 => PairSpec::Sm2,
        }
    }

    fn suits(self, kind: &Kind) -> bool {
        match (self, kind.form) {
            (Self::Rsa { by_aes, .. }, Form::Symmetric | Form::Mac(_)) => !by_aes,
            (Self::Rsa { by_aes, .. }, Form::Pair(PairSpec::Rsa(_))) => by_aes,
            // Such a key is longer than what the shortest modulus takes.
            (Self::Rsa { by_aes, bits, .. }, Form::Pair(PairSpec::Ec(EcCurve::P521))) => {
                by_aes || bits != RsaBits::B2048
            }
            // SM2PKE takes 1,024 bytes, less than an RSA key has.
            (Self::Sm2, Form::Pair(PairSpec::Rsa(_))) => false,
            (Self::Rsa { .. }, Form::Pair(_)) | (Self::Sm2, _) => true,
        }
    }

    /// The material in `wrapped`. Slow: RSA.
    pub(crate) fn unwrap(
        self,
        pair: &Arc<dyn KeyPair>,
        wrapped: &[u8],
    ) -> Result<SecretBytes, CryptoError> {
        let own = pair.encryption().ok_or(CryptoError::MalformedKey("a wrapping key"))?;
        let (scheme, bits) = match self {
            Self::Sm2 => return own.decrypt(EncryptionScheme::Sm2, wrapped),
            Self::Rsa { padding, by_aes: false, .. } => {
                return own.decrypt(EncryptionScheme::Rsa(padding), wrapped);
            }
            Self::Rsa { padding, bits, .. } => (EncryptionScheme::Rsa(padding), bits),
        };
        // CKM_RSA_AES_KEY_WRAP of PKCS #11: the wrapped AES key first, then what it wraps.
        let (key, material) =
            wrapped.split_at_checked(bits.len()).ok_or(CryptoError::Unauthentic)?;
        let key = own.decrypt(scheme, key)?;
        let key = SecretKey::from_slice(key.expose()).map_err(|_| CryptoError::Unauthentic)?;
        unwrap_padded(&key, material)
    }
}
