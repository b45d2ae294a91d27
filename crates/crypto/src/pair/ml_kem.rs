//! ML-KEM (FIPS 203), with private keys as seeds (RFC 9935).

use aws_lc_rs::kem::{self, Algorithm, Ciphertext, DecapsulationKey, EncapsulationKey};

use super::{Encapsulation, KeyPair, MlKemSet};
use crate::der::{Reader, element, tag};
use crate::raw::aws_lc::{self, ML_KEM_SEED_LEN, MlKem};
use crate::{CryptoError, Rng, SecretBytes};

const REFUSED: CryptoError = CryptoError::MalformedKey("an ML-KEM private key");
const FAILED: CryptoError = CryptoError::Library("ML-KEM");

impl MlKemSet {
    fn raw(self) -> MlKem {
        match self {
            Self::M512 => MlKem::M512,
            Self::M768 => MlKem::M768,
            Self::M1024 => MlKem::M1024,
        }
    }

    fn algorithm(self) -> &'static Algorithm {
        match self {
            Self::M512 => &kem::ML_KEM_512,
            Self::M768 => &kem::ML_KEM_768,
            Self::M1024 => &kem::ML_KEM_1024,
        }
    }

    /// 2.16.840.1.101.3.4.4.1 to 3, contents only (RFC 9935, section 3).
    fn object(self) -> [u8; 9] {
        let last = match self {
            Self::M512 => 1,
            Self::M768 => 2,
            Self::M1024 => 3,
        };
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x04, last]
    }

    fn named(self) -> Vec<u8> {
        element(tag::SEQUENCE, &[&element(tag::OBJECT, &[&self.object()])])
    }

    /// The length of a ciphertext, in bytes (FIPS 203, table 3).
    #[must_use]
    pub const fn ciphertext_len(self) -> usize {
        match self {
            Self::M512 => 768,
            Self::M768 => 1_088,
            Self::M1024 => 1_568,
        }
    }
}

pub(super) fn generate(rng: &dyn Rng, set: MlKemSet) -> Result<SecretBytes, CryptoError> {
    let mut seed = SecretBytes::zeroed(ML_KEM_SEED_LEN);
    rng.fill(seed.expose_mut())?;
    Ok(written(set, &seed))
}

/// PKCS #8 with the seed alone (RFC 9935, section 6).
fn written(set: MlKemSet, seed: &SecretBytes) -> SecretBytes {
    let seed = SecretBytes::new(element(tag::implicit(0), &[seed.expose()]));
    let wrapped = SecretBytes::new(element(tag::OCTET_STRING, &[seed.expose()]));
    let version = element(tag::INTEGER, &[&[0]]);
    SecretBytes::new(element(tag::SEQUENCE, &[&version, &set.named(), wrapped.expose()]))
}

/// The seed in PKCS #8 of that form.
fn seed(set: MlKemSet, pkcs8: &[u8]) -> Option<SecretBytes> {
    let mut outer = Reader::new(pkcs8);
    let mut whole = Reader::new(outer.take(tag::SEQUENCE)?);
    let version = whole.take(tag::INTEGER)?;
    let object = Reader::new(whole.take(tag::SEQUENCE)?).take(tag::OBJECT)?;
    let mut inner = Reader::new(whole.take(tag::OCTET_STRING)?);
    let seed = inner.take(tag::implicit(0))?;
    let done = outer.is_done() && whole.is_done() && inner.is_done();
    (done && version == [0] && object == set.object()).then(|| SecretBytes::from_slice(seed))
}

pub(super) struct Pair {
    set: MlKemSet,
    seed: SecretBytes,
    private: DecapsulationKey,
    encapsulation: EncapsulationKey,
    public: Vec<u8>,
}

impl Pair {
    pub(super) fn open(set: MlKemSet, pkcs8: &[u8]) -> Result<Self, CryptoError> {
        let seed = seed(set, pkcs8).ok_or(REFUSED)?;
        let bytes: &[u8; ML_KEM_SEED_LEN] = seed.expose().try_into().map_err(|_| REFUSED)?;
        let (private, point) = aws_lc::ml_kem_keys(set.raw(), bytes)?;
        let private =
            DecapsulationKey::new(set.algorithm(), private.expose()).map_err(|_| FAILED)?;
        let encapsulation = EncapsulationKey::new(set.algorithm(), &point).map_err(|_| FAILED)?;
        let bits = element(tag::BIT_STRING, &[&[0], &point]);
        let public = element(tag::SEQUENCE, &[&set.named(), &bits]);
        Ok(Self { set, seed, private, encapsulation, public })
    }
}

impl KeyPair for Pair {
    fn public_der(&self) -> &[u8] {
        &self.public
    }

    fn private_der(&self) -> Result<SecretBytes, CryptoError> {
        Ok(written(self.set, &self.seed))
    }

    fn encapsulation(&self) -> Option<&dyn Encapsulation> {
        Some(self)
    }
}

impl Encapsulation for Pair {
    fn encapsulate(&self) -> Result<(Vec<u8>, SecretBytes), CryptoError> {
        let (sealed, secret) = self.encapsulation.encapsulate().map_err(|_| FAILED)?;
        Ok((sealed.as_ref().to_vec(), SecretBytes::from_slice(secret.as_ref())))
    }

    fn decapsulate(&self, sealed: &[u8]) -> Result<SecretBytes, CryptoError> {
        if sealed.len() != self.set.ciphertext_len() {
            return Err(CryptoError::Unauthentic);
        }
        let secret = self.private.decapsulate(Ciphertext::from(sealed)).map_err(|_| FAILED)?;
        Ok(SecretBytes::from_slice(secret.as_ref()))
    }
}
