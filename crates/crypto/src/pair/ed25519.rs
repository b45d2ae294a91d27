//! Ed25519 and Ed25519ph (RFC 8032).

use aws_lc_rs::encoding::{AsBigEndian, AsDer, Curve25519SeedBin, PublicKeyX509Der};
use aws_lc_rs::signature::{self, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

use super::{KeyPair, Scheme, Signed, Signing};
use crate::der::{element, tag};
use crate::raw::aws_lc;
use crate::{CryptoError, Rng, SecretBytes, SecretKey};

const REFUSED: CryptoError = CryptoError::MalformedKey("an Ed25519 private key");
const SIGNING: CryptoError = CryptoError::Library("Ed25519 signing");
/// id-Ed25519, 1.3.101.112 (RFC 8410).
const OBJECT: &[u8] = &[0x2b, 0x65, 0x70];

pub(super) fn generate(rng: &dyn Rng) -> Result<SecretBytes, CryptoError> {
    Ok(written(&SecretKey::generate(rng)?))
}

/// PKCS #8 of version 1, without the public key (RFC 8410).
fn written(seed: &SecretKey) -> SecretBytes {
    let inner = SecretBytes::new(element(tag::OCTET_STRING, &[seed.expose()]));
    let wrapped = SecretBytes::new(element(tag::OCTET_STRING, &[inner.expose()]));
    let algorithm = element(tag::SEQUENCE, &[&element(tag::OBJECT, &[OBJECT])]);
    let version = element(tag::INTEGER, &[&[0]]);
    SecretBytes::new(element(tag::SEQUENCE, &[&version, &algorithm, wrapped.expose()]))
}

pub(super) struct Pair {
    seed: SecretKey,
    pair: Ed25519KeyPair,
    point: [u8; 32],
    public: Vec<u8>,
}

impl Pair {
    pub(super) fn open(pkcs8: &[u8]) -> Result<Self, CryptoError> {
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map_err(|_| REFUSED)?;
        let seed = pair.seed().map_err(|_| REFUSED)?;
        let seed: Curve25519SeedBin<'_> = seed.as_be_bytes().map_err(|_| REFUSED)?;
        let seed = SecretKey::from_slice(seed.as_ref())?;
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(|_| REFUSED)?;
        let public = public.as_ref().to_vec();
        let point = pair.public_key().as_ref().try_into().map_err(|_| REFUSED)?;
        Ok(Self { seed, pair, point, public })
    }
}

impl KeyPair for Pair {
    fn public_der(&self) -> &[u8] {
        &self.public
    }

    fn private_der(&self) -> Result<SecretBytes, CryptoError> {
        Ok(written(&self.seed))
    }

    fn signing(&self) -> Option<&dyn Signing> {
        Some(self)
    }
}

impl Signing for Pair {
    fn sign(&self, scheme: Scheme, signed: Signed<'_>) -> Result<Vec<u8>, CryptoError> {
        match (scheme, signed) {
            (Scheme::Ed25519, Signed::Message(message)) => {
                Ok(self.pair.try_sign(message).map_err(|_| SIGNING)?.as_ref().to_vec())
            }
            (Scheme::Ed25519ph, Signed::Message(message)) => {
                let whole = [self.seed.expose().as_slice(), &self.point].concat();
                let whole = SecretBytes::new(whole);
                let private = whole.expose().try_into().map_err(|_| SIGNING)?;
                Ok(aws_lc::ed25519ph_sign(private, message)?.to_vec())
            }
            _ => Err(SIGNING),
        }
    }

    fn verify(&self, scheme: Scheme, signed: Signed<'_>, signature: &[u8]) -> bool {
        verify(&self.point, scheme, signed, signature)
    }
}

/// Whether this is a signature by the holder of a public key.
pub(super) fn verify(
    point: &[u8; 32],
    scheme: Scheme,
    signed: Signed<'_>,
    signature: &[u8],
) -> bool {
    match (scheme, signed) {
        (Scheme::Ed25519, Signed::Message(message)) => {
            let key = UnparsedPublicKey::new(&signature::ED25519, point);
            key.verify(message, signature).is_ok()
        }
        (Scheme::Ed25519ph, Signed::Message(message)) => {
            aws_lc::ed25519ph_verify(point, message, signature)
        }
        _ => false,
    }
}
