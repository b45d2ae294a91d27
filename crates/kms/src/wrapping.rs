//! How key material is wrapped to be brought in (KMS guide, "Importing key material").

use std::sync::Arc;

use bulla_crypto::{
    CryptoError, EcCurve, EncryptionScheme, KeyPair, PairSpec, RsaBits, RsaPadding, SecretBytes,
    SecretKey, unwrap_padded,
};
use bulla_shapes::Fault;

use crate::fault;
use crate::kind::{Form, Kind};

/// A wrapping algorithm, with the spec of the wrapping key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wrapping {
    padding: RsaPadding,
    /// Whether RSA wraps an AES key, and that one the material.
    by_aes: bool,
    pub(crate) bits: RsaBits,
}

impl Wrapping {
    /// The wrapping that these names stand for, if a key of this kind can be brought in so.
    pub(crate) fn of(kind: &Kind, algorithm: &str, spec: &str) -> Result<Self, Fault> {
        let known = Self::named(algorithm, spec);
        known.filter(|wrapping| wrapping.suits(kind)).ok_or_else(|| {
            fault::validation(format!(
                "Wrapping algorithm {algorithm} and wrapping key spec {spec} cannot be used to \
                 import a {} key.",
                kind.spec
            ))
        })
    }

    /// `RSAES_PKCS1_V1_5`, which AWS has given up, and SM2's have none.
    pub(crate) fn named(algorithm: &str, spec: &str) -> Option<Self> {
        let (padding, by_aes) = match algorithm {
            "RSAES_OAEP_SHA_1" => (RsaPadding::OaepSha1, false),
            "RSAES_OAEP_SHA_256" => (RsaPadding::OaepSha256, false),
            "RSA_AES_KEY_WRAP_SHA_1" => (RsaPadding::OaepSha1, true),
            "RSA_AES_KEY_WRAP_SHA_256" => (RsaPadding::OaepSha256, true),
            _ => return None,
        };
        let bits = match spec {
            "RSA_2048" => RsaBits::B2048,
            "RSA_3072" => RsaBits::B3072,
            "RSA_4096" => RsaBits::B4096,
            _ => return None,
        };
        Some(Self { padding, by_aes, bits })
    }

    fn suits(self, kind: &Kind) -> bool {
        match kind.form {
            Form::Symmetric | Form::Mac(_) => !self.by_aes,
            Form::Pair(PairSpec::Rsa(_)) => self.by_aes,
            // Such a key is longer than what the shortest modulus takes.
            Form::Pair(PairSpec::Ec(EcCurve::P521)) => self.by_aes || self.bits != RsaBits::B2048,
            Form::Pair(_) => true,
        }
    }

    /// The material in `wrapped`. Slow: RSA.
    pub(crate) fn unwrap(
        self,
        pair: &Arc<dyn KeyPair>,
        wrapped: &[u8],
    ) -> Result<SecretBytes, CryptoError> {
        let rsa = pair.encryption().ok_or(CryptoError::MalformedKey("an RSA private key"))?;
        let scheme = EncryptionScheme::Rsa(self.padding);
        if !self.by_aes {
            return rsa.decrypt(scheme, wrapped);
        }
        // CKM_RSA_AES_KEY_WRAP of PKCS #11: the wrapped AES key first, then what it wraps.
        let (key, material) =
            wrapped.split_at_checked(self.bits.len()).ok_or(CryptoError::Unauthentic)?;
        let key = rsa.decrypt(scheme, key)?;
        let key = SecretKey::from_slice(key.expose()).map_err(|_| CryptoError::Unauthentic)?;
        unwrap_padded(&key, material)
    }
}
