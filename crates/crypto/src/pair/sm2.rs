//! SM2 (GB/T 32918, GM/T 0003) by RustCrypto: signatures, encryption and agreement on one curve.
//!
//! Messages are signed for the distinguishing identifier that GM/T 0009 names where nobody chose
//! one. Ciphertexts are in the DER of GM/T 0009: a point's two coordinates, a digest, and what is
//! encrypted.

use sm2::dsa::signature::hazmat::{PrehashVerifier as _, RandomizedPrehashSigner as _};
use sm2::dsa::signature::{RandomizedSigner as _, Verifier as _};
use sm2::dsa::{Signature, SigningKey, VerifyingKey};
use sm2::elliptic_curve::Generate as _;
use sm2::elliptic_curve::point::AffineCoordinates as _;
use sm2::elliptic_curve::rand_core::{TryCryptoRng, TryRng};
use sm2::elliptic_curve::sec1::ToSec1Point as _;
use sm2::pkcs8::DecodePrivateKey as _;
use sm2::pke::{DecryptingKey, EncryptingKey};
use sm2::{ProjectivePoint, PublicKey, SecretKey};

use super::ec;
use super::{Agreement, Encryption, EncryptionScheme, KeyPair, Scheme, Signed, Signing};
use crate::der::{element, tag};
use crate::{CryptoError, Rng, SecretBytes, SystemRng};

const REFUSED: CryptoError = CryptoError::MalformedKey("an SM2 private key");
const REFUSED_PEER: CryptoError = CryptoError::MalformedKey("an SM2 public key");
const SIGNING: CryptoError = CryptoError::Library("SM2 signing");
const ENCRYPTION: CryptoError = CryptoError::Library("SM2 encryption");
/// The curve's name as an object identifier, contents only: 1.2.156.10197.1.301.
const CURVE: &[u8] = &[0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d];
/// Whom signatures are made for.
const IDENTIFIER: &str = "1234567812345678";
/// The first byte of a point that is not compressed (SEC 1, section 2.3.3).
const UNCOMPRESSED: u8 = 4;

/// A random source of ours, as the library wants it.
struct Drawn<'r>(&'r dyn Rng);

impl TryRng for Drawn<'_> {
    type Error = CryptoError;

    fn try_next_u32(&mut self) -> Result<u32, CryptoError> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, CryptoError> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), CryptoError> {
        self.0.fill(out)
    }
}

impl TryCryptoRng for Drawn<'_> {}

pub(super) fn generate(rng: &dyn Rng) -> Result<SecretBytes, CryptoError> {
    Ok(written(&SecretKey::try_generate_from_rng(&mut Drawn(rng))?))
}

fn written(secret: &SecretKey) -> SecretBytes {
    let scalar = SecretBytes::from_slice(&secret.to_bytes());
    ec::private_info(CURVE, scalar.expose(), point(secret).as_ref())
}

fn point(secret: &SecretKey) -> Box<[u8]> {
    secret.public_key().to_sec1_point(false).to_bytes()
}

/// The library wipes `secret` alone when it is dropped. What it makes of it is therefore made for
/// each use, and never lies on the heap.
pub(super) struct Pair {
    secret: SecretKey,
    public: Vec<u8>,
}

impl Pair {
    pub(super) fn open(pkcs8: &[u8]) -> Result<Self, CryptoError> {
        let secret = SecretKey::from_pkcs8_der(pkcs8).map_err(|_| REFUSED)?;
        let algorithm = ec::algorithm(CURVE);
        let bits = element(tag::BIT_STRING, &[&[0], &point(&secret)]);
        let public = element(tag::SEQUENCE, &[&algorithm, &bits]);
        Ok(Self { secret, public })
    }
}

impl KeyPair for Pair {
    fn public_der(&self) -> &[u8] {
        &self.public
    }

    fn private_der(&self) -> Result<SecretBytes, CryptoError> {
        Ok(written(&self.secret))
    }

    fn signing(&self) -> Option<&dyn Signing> {
        Some(self)
    }

    fn encryption(&self) -> Option<&dyn Encryption> {
        Some(self)
    }

    fn agreement(&self) -> Option<&dyn Agreement> {
        Some(self)
    }
}

impl Signing for Pair {
    fn sign(&self, scheme: Scheme, signed: Signed<'_>) -> Result<Vec<u8>, CryptoError> {
        if scheme != Scheme::Sm2 {
            return Err(SIGNING);
        }
        let key = SigningKey::new(IDENTIFIER, &self.secret).map_err(|_| SIGNING)?;
        let mut rng = Drawn(&SystemRng);
        let signature: Signature = match signed {
            Signed::Message(message) => key.try_sign_with_rng(&mut rng, message),
            Signed::Digest(digest) => key.sign_prehash_with_rng(&mut rng, digest),
            Signed::Mu(_) => return Err(SIGNING),
        }
        .map_err(|_| SIGNING)?;
        Ok(signature.to_der().as_bytes().to_vec())
    }

    fn verify(&self, scheme: Scheme, signed: Signed<'_>, signature: &[u8]) -> bool {
        let key = VerifyingKey::new(IDENTIFIER, self.secret.public_key());
        let (Scheme::Sm2, Ok(key), Ok(signature)) = (scheme, key, Signature::from_der(signature))
        else {
            return false;
        };
        match signed {
            Signed::Message(message) => key.verify(message, &signature).is_ok(),
            Signed::Digest(digest) => key.verify_prehash(digest, &signature).is_ok(),
            Signed::Mu(_) => false,
        }
    }
}

impl Encryption for Pair {
    fn encrypt(&self, scheme: EncryptionScheme, plain: &[u8]) -> Result<Vec<u8>, CryptoError> {
        if scheme != EncryptionScheme::Sm2 {
            return Err(ENCRYPTION);
        }
        let key = EncryptingKey::new(self.secret.public_key());
        key.encrypt_der(&mut Drawn(&SystemRng), plain).map_err(|_| ENCRYPTION)
    }

    fn decrypt(&self, scheme: EncryptionScheme, sealed: &[u8]) -> Result<SecretBytes, CryptoError> {
        if scheme != EncryptionScheme::Sm2 {
            return Err(CryptoError::Unauthentic);
        }
        let key = DecryptingKey::new(self.secret.clone());
        key.decrypt_der(sealed).map(SecretBytes::new).map_err(|_| CryptoError::Unauthentic)
    }
}

impl Agreement for Pair {
    fn agree(&self, peer: &[u8]) -> Result<SecretBytes, CryptoError> {
        let point = ec::point_on(CURVE, peer).ok_or(REFUSED_PEER)?;
        if point.first() != Some(&UNCOMPRESSED) {
            return Err(REFUSED_PEER);
        }
        // That it lies on the curve is checked here.
        let peer = PublicKey::from_sec1_bytes(point).map_err(|_| REFUSED_PEER)?;
        let shared = ProjectivePoint::from(*peer.as_affine()) * *self.secret.to_nonzero_scalar();
        Ok(SecretBytes::from_slice(shared.to_affine().x().as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Crypto, KeyPairs as _, PairSpec, StandardPairs, hex};

    /// The key of GM/T 0003.5's examples.
    const SCALAR: &str = "3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8";
    /// A signature of "message digest" and a ciphertext of "encryption standard", from there.
    const SIGNED: [&str; 2] = [
        "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3",
        "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa",
    ];
    const SEALED: [&str; 4] = [
        "04ebfc718e8d1798620432268e77feb6415e2ede0e073c0f4f640ecd2e149a73",
        "e858f9d81e5430a57b36daab8f950a3c64e6ee6a63094d99283aff767e124df0",
        "59983c18f809e262923c53aec295d30383b54e39d609d160afcb1908d0bd8766",
        "21886ca989ca9c7d58087307ca93092d651efa",
    ];

    fn example() -> Pair {
        let scalar = hex::decode(SCALAR).unwrap();
        let secret = SecretKey::from_slice(&scalar).unwrap();
        Pair::open(written(&secret).expose()).unwrap()
    }

    /// A number as DER.
    fn integer(digits: &str) -> Vec<u8> {
        let bytes = hex::decode(digits).unwrap();
        let sign: &[u8] = if bytes[0] > 0x7f { &[0] } else { &[] };
        let bytes: Vec<u8> = bytes.into_iter().skip_while(|byte| *byte == 0).collect();
        element(tag::INTEGER, &[sign, &bytes])
    }

    #[test]
    fn the_standards_examples_verify_and_open() {
        let pair = example();
        let signature = element(tag::SEQUENCE, &[&integer(SIGNED[0]), &integer(SIGNED[1])]);
        let message = Signed::Message(b"message digest");
        assert!(pair.verify(Scheme::Sm2, message, &signature));
        assert!(!pair.verify(Scheme::Sm2, Signed::Message(b"message"), &signature));
        let octets = |digits: &str| element(tag::OCTET_STRING, &[&hex::decode(digits).unwrap()]);
        let [x, y, digest, text] = SEALED;
        let sealed =
            element(tag::SEQUENCE, &[&integer(x), &integer(y), &octets(digest), &octets(text)]);
        let opened = pair.decrypt(EncryptionScheme::Sm2, &sealed).unwrap();
        assert_eq!(opened.expose(), b"encryption standard");
    }

    #[test]
    fn an_altered_ciphertext_does_not_open() {
        let pair = example();
        let sealed = pair.encrypt(EncryptionScheme::Sm2, b"plain").unwrap();
        assert_eq!(pair.decrypt(EncryptionScheme::Sm2, &sealed).unwrap().expose(), b"plain");
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            let opened = pair.decrypt(EncryptionScheme::Sm2, &altered);
            assert_eq!(opened.err(), Some(CryptoError::Unauthentic), "{at}");
            let cut = pair.decrypt(EncryptionScheme::Sm2, &sealed[..at]);
            assert_eq!(cut.err(), Some(CryptoError::Unauthentic), "{at}");
        }
        let longer = [&sealed[..], &[0]].concat();
        assert!(pair.decrypt(EncryptionScheme::Sm2, &longer).is_err());
    }

    #[test]
    fn two_sides_agree_and_no_other_curve_does() {
        let rng = Crypto::standard().rng;
        let other = Pair::open(generate(&*rng).unwrap().expose()).unwrap();
        let pair = example();
        let secret = pair.agree(other.public_der()).unwrap();
        assert!(secret.ct_eq(other.agree(pair.public_der()).unwrap().expose()));
        assert_eq!(secret.len(), 32);
        let mut off = other.public_der().to_vec();
        *off.last_mut().unwrap() ^= 1;
        assert_eq!(pair.agree(&off).err(), Some(REFUSED_PEER));
        let p256 = PairSpec::Ec(super::super::EcCurve::P256);
        let p256 = StandardPairs
            .generate(&*rng, p256)
            .map(|key| StandardPairs.open(p256, key.expose()).unwrap().public_der().to_vec());
        assert_eq!(pair.agree(&p256.unwrap()).err(), Some(REFUSED_PEER));
    }
}
