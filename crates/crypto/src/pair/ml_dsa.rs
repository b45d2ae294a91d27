//! ML-DSA (FIPS 204), hedged, with an empty context.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::signature::{
    self, KeyPair as _, PqdsaKeyPair, PqdsaSigningAlgorithm, PqdsaVerificationAlgorithm,
    UnparsedPublicKey,
};

use super::{KeyPair, MlDsaSet, Scheme, Signed, Signing};
use crate::der::{Reader, tag};
use crate::raw::aws_lc::{self, MU_LEN, MlDsa};
use crate::{CryptoError, Rng, SecretBytes, SecretKey};

const REFUSED: CryptoError = CryptoError::MalformedKey("an ML-DSA private key");
const SIGNING: CryptoError = CryptoError::Library("ML-DSA signing");

impl MlDsaSet {
    fn raw(self) -> MlDsa {
        match self {
            Self::M44 => MlDsa::M44,
            Self::M65 => MlDsa::M65,
            Self::M87 => MlDsa::M87,
        }
    }

    fn signing(self) -> &'static PqdsaSigningAlgorithm {
        match self {
            Self::M44 => &signature::ML_DSA_44_SIGNING,
            Self::M65 => &signature::ML_DSA_65_SIGNING,
            Self::M87 => &signature::ML_DSA_87_SIGNING,
        }
    }

    fn verification(self) -> &'static PqdsaVerificationAlgorithm {
        match self {
            Self::M44 => &signature::ML_DSA_44,
            Self::M65 => &signature::ML_DSA_65,
            Self::M87 => &signature::ML_DSA_87,
        }
    }
}

pub(super) fn generate(rng: &dyn Rng, set: MlDsaSet) -> Result<SecretBytes, CryptoError> {
    let seed = SecretKey::generate(rng)?;
    let failed = CryptoError::Library("an ML-DSA key pair");
    let pair = PqdsaKeyPair::from_seed(set.signing(), seed.expose()).map_err(|_| failed)?;
    written(&pair)
}

/// PKCS #8 with the seed alone (RFC 9881).
fn written(pair: &PqdsaKeyPair) -> Result<SecretBytes, CryptoError> {
    let der = pair.to_pkcs8v1().map_err(|_| CryptoError::Library("an ML-DSA key"))?;
    Ok(SecretBytes::from_slice(der.as_ref()))
}

/// The seed in PKCS #8 that [`written`] made.
fn seed(pkcs8: &[u8]) -> Option<SecretKey> {
    let mut whole = Reader::new(Reader::new(pkcs8).take(tag::SEQUENCE)?);
    whole.take(tag::INTEGER)?;
    whole.take(tag::SEQUENCE)?;
    let seed = Reader::new(whole.take(tag::OCTET_STRING)?).take(tag::implicit(0))?;
    SecretKey::from_slice(seed).ok()
}

pub(super) struct Pair {
    set: MlDsaSet,
    pair: PqdsaKeyPair,
    seed: SecretKey,
    public: Vec<u8>,
}

impl Pair {
    /// Takes keys that have their seed; from an expanded key alone it can't be computed.
    pub(super) fn open(set: MlDsaSet, pkcs8: &[u8]) -> Result<Self, CryptoError> {
        let pair = PqdsaKeyPair::from_pkcs8(set.signing(), pkcs8).map_err(|_| REFUSED)?;
        let own = written(&pair).map_err(|_| REFUSED)?;
        let seed = seed(own.expose()).ok_or(REFUSED)?;
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(|_| REFUSED)?;
        let public = public.as_ref().to_vec();
        Ok(Self { set, pair, seed, public })
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
}

fn mu(bytes: &[u8]) -> Option<&[u8; MU_LEN]> {
    bytes.try_into().ok()
}

impl Signing for Pair {
    fn sign(&self, scheme: Scheme, signed: Signed<'_>) -> Result<Vec<u8>, CryptoError> {
        match (scheme, signed) {
            (Scheme::MlDsa, Signed::Message(message)) => {
                let mut signature = vec![0; self.set.raw().signature_len()];
                let written = self.pair.sign(message, &mut signature).map_err(|_| SIGNING)?;
                signature.truncate(written);
                Ok(signature)
            }
            (Scheme::MlDsa, Signed::Mu(bytes)) => {
                let mu = mu(bytes).ok_or(SIGNING)?;
                aws_lc::ml_dsa_sign_mu(self.set.raw(), self.seed.expose(), mu)
            }
            _ => Err(SIGNING),
        }
    }

    fn verify(&self, scheme: Scheme, signed: Signed<'_>, signature: &[u8]) -> bool {
        let point = self.pair.public_key().as_ref();
        scheme == Scheme::MlDsa && verify(self.set, point, signed, signature)
    }
}

/// Whether this is a signature by the holder of a public key.
pub(super) fn verify(set: MlDsaSet, point: &[u8], signed: Signed<'_>, signature: &[u8]) -> bool {
    match signed {
        Signed::Message(message) => {
            let key = UnparsedPublicKey::new(set.verification(), point);
            key.verify(message, signature).is_ok()
        }
        Signed::Mu(bytes) => {
            mu(bytes).is_some_and(|mu| aws_lc::ml_dsa_verify_mu(set.raw(), point, mu, signature))
        }
        Signed::Digest(_) => false,
    }
}
