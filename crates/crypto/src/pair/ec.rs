//! ECDSA (FIPS 186-5) and ECDH (SP 800-56A) on curves in short Weierstrass form.

use aws_lc_rs::encoding::{AsBigEndian, AsDer, EcPrivateKeyBin, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm, KeyPair as _,
    UnparsedPublicKey,
};

use super::{Agreement, EcCurve, KeyPair, Scheme, Signed, Signing};
use crate::der::{Reader, element, tag};
use crate::{CryptoError, Curve, EcdhKey, Hash, SecretBytes};

const REFUSED: CryptoError = CryptoError::MalformedKey("a private key on the curve");
const SIGNING: CryptoError = CryptoError::Library("ECDSA signing");
/// id-ecPublicKey, 1.2.840.10045.2.1.
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];

impl EcCurve {
    /// The hash that goes with the curve.
    #[must_use]
    pub const fn hash(self) -> Hash {
        match self {
            Self::P256 | Self::Secp256k1 => Hash::Sha256,
            Self::P384 => Hash::Sha384,
            Self::P521 => Hash::Sha512,
        }
    }

    /// The curve's name as an object identifier, contents only (RFC 5480, section 2.1.1.1).
    fn object(self) -> &'static [u8] {
        match self {
            Self::P256 => &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
            Self::P384 => &[0x2b, 0x81, 0x04, 0x00, 0x22],
            Self::P521 => &[0x2b, 0x81, 0x04, 0x00, 0x23],
            Self::Secp256k1 => &[0x2b, 0x81, 0x04, 0x00, 0x0a],
        }
    }

    /// The curve by the name that agreement knows it by; there is none on secp256k1.
    fn agreement(self) -> Option<Curve> {
        match self {
            Self::P256 => Some(Curve::P256),
            Self::P384 => Some(Curve::P384),
            Self::P521 => Some(Curve::P521),
            Self::Secp256k1 => None,
        }
    }

    fn signing(self) -> &'static EcdsaSigningAlgorithm {
        match self {
            Self::P256 => &signature::ECDSA_P256_SHA256_ASN1_SIGNING,
            Self::P384 => &signature::ECDSA_P384_SHA384_ASN1_SIGNING,
            Self::P521 => &signature::ECDSA_P521_SHA512_ASN1_SIGNING,
            Self::Secp256k1 => &signature::ECDSA_P256K1_SHA256_ASN1_SIGNING,
        }
    }

    fn verification(self) -> &'static EcdsaVerificationAlgorithm {
        match self {
            Self::P256 => &signature::ECDSA_P256_SHA256_ASN1,
            Self::P384 => &signature::ECDSA_P384_SHA384_ASN1,
            Self::P521 => &signature::ECDSA_P521_SHA512_ASN1,
            Self::Secp256k1 => &signature::ECDSA_P256K1_SHA256_ASN1,
        }
    }
}

pub(super) fn generate(curve: EcCurve) -> Result<SecretBytes, CryptoError> {
    let pair = EcdsaKeyPair::generate(curve.signing());
    written(curve, &pair.map_err(|_| CryptoError::Library("a key pair on a curve"))?)
}

fn written(curve: EcCurve, pair: &EcdsaKeyPair) -> Result<SecretBytes, CryptoError> {
    let scalar: EcPrivateKeyBin<'_> =
        pair.private_key().as_be_bytes().map_err(|_| CryptoError::Library("a key on a curve"))?;
    Ok(private_info(curve.object(), scalar.as_ref(), pair.public_key().as_ref()))
}

/// The `AlgorithmIdentifier` of keys on the curve with this name.
pub(super) fn algorithm(curve: &[u8]) -> Vec<u8> {
    let named = element(tag::OBJECT, &[curve]);
    element(tag::SEQUENCE, &[&element(tag::OBJECT, &[EC_PUBLIC_KEY]), &named])
}

/// PKCS #8 with an `ECPrivateKey` (RFC 5915) that repeats the curve and has the public key, as
/// AWS writes them (by the recorded lengths).
pub(super) fn private_info(curve: &[u8], scalar: &[u8], point: &[u8]) -> SecretBytes {
    let named = element(tag::OBJECT, &[curve]);
    let point = element(tag::BIT_STRING, &[&[0], point]);
    let scalar = SecretBytes::new(element(tag::OCTET_STRING, &[scalar]));
    let inner = SecretBytes::new(element(
        tag::SEQUENCE,
        &[
            &element(tag::INTEGER, &[&[1]]),
            scalar.expose(),
            &element(tag::explicit(0), &[&named]),
            &element(tag::explicit(1), &[&point]),
        ],
    ));
    let wrapped = SecretBytes::new(element(tag::OCTET_STRING, &[inner.expose()]));
    let version = element(tag::INTEGER, &[&[0]]);
    SecretBytes::new(element(tag::SEQUENCE, &[&version, &algorithm(curve), wrapped.expose()]))
}

pub(super) struct Pair {
    curve: EcCurve,
    pair: EcdsaKeyPair,
    agreement: Option<EcdhKey>,
    public: Vec<u8>,
}

impl Pair {
    pub(super) fn open(curve: EcCurve, pkcs8: &[u8]) -> Result<Self, CryptoError> {
        let pair = EcdsaKeyPair::from_pkcs8(curve.signing(), pkcs8).map_err(|_| REFUSED)?;
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(|_| REFUSED)?;
        let public = public.as_ref().to_vec();
        let agreement =
            curve.agreement().map(|curve| EcdhKey::from_der(curve, pkcs8)).transpose()?;
        Ok(Self { curve, pair, agreement, public })
    }
}

impl KeyPair for Pair {
    fn public_der(&self) -> &[u8] {
        &self.public
    }

    fn private_der(&self) -> Result<SecretBytes, CryptoError> {
        written(self.curve, &self.pair)
    }

    fn signing(&self) -> Option<&dyn Signing> {
        Some(self)
    }

    fn agreement(&self) -> Option<&dyn Agreement> {
        self.agreement.as_ref().map(|_| self as &dyn Agreement)
    }
}

impl Signing for Pair {
    fn sign(&self, scheme: Scheme, signed: Signed<'_>) -> Result<Vec<u8>, CryptoError> {
        if scheme != Scheme::Ecdsa(self.curve.hash()) {
            return Err(SIGNING);
        }
        let signature = match signed {
            Signed::Message(message) => self.pair.sign(&SystemRandom::new(), message),
            Signed::Digest(digest) => {
                self.pair.sign_digest(&self.curve.hash().import(digest).ok_or(SIGNING)?)
            }
            Signed::Mu(_) => return Err(SIGNING),
        };
        Ok(signature.map_err(|_| SIGNING)?.as_ref().to_vec())
    }

    fn verify(&self, scheme: Scheme, signed: Signed<'_>, signature: &[u8]) -> bool {
        scheme == Scheme::Ecdsa(self.curve.hash())
            && verify(self.curve, &self.public, signed, signature)
    }
}

/// Whether this is a signature, with the curve's own hash, by the holder of a public key.
pub(super) fn verify(
    curve: EcCurve,
    public_der: &[u8],
    signed: Signed<'_>,
    signature: &[u8],
) -> bool {
    let key = UnparsedPublicKey::new(curve.verification(), public_der);
    match signed {
        Signed::Message(message) => key.verify(message, signature).is_ok(),
        Signed::Digest(digest) => curve
            .hash()
            .import(digest)
            .is_some_and(|digest| key.verify_digest(&digest, signature).is_ok()),
        Signed::Mu(_) => false,
    }
}

/// The point in a `SubjectPublicKeyInfo` that names the curve. The library takes more: bare
/// points, bytes behind the key, and curves that are spelled out rather than named, of which
/// RFC 5480, section 2.1.1, wants none.
pub(super) fn point_on<'d>(curve: &[u8], public_der: &'d [u8]) -> Option<&'d [u8]> {
    let mut outer = Reader::new(public_der);
    let mut info = Reader::new(outer.take(tag::SEQUENCE)?);
    let mut algorithm = Reader::new(info.take(tag::SEQUENCE)?);
    let named =
        algorithm.take(tag::OBJECT)? == EC_PUBLIC_KEY && algorithm.take(tag::OBJECT)? == curve;
    let (unused, point) = info.take(tag::BIT_STRING)?.split_first()?;
    let whole = *unused == 0 && algorithm.is_done() && info.is_done() && outer.is_done();
    (named && whole).then_some(point)
}

impl Agreement for Pair {
    fn agree(&self, peer: &[u8]) -> Result<SecretBytes, CryptoError> {
        const REFUSED: CryptoError = CryptoError::MalformedKey("a public key on the curve");
        let key = self.agreement.as_ref().ok_or(REFUSED)?;
        point_on(self.curve.object(), peer).ok_or(REFUSED)?;
        key.agree(peer)
    }
}
