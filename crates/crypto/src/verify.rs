//! Verification of others' signatures: RSA PKCS #1 v1.5 and ECDSA, as JSON Web Signatures have them
//! (RFC 7518, sections 3.3 and 3.4).

use aws_lc_rs::signature::{
    self, EcdsaVerificationAlgorithm, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey,
};

/// A public key that is not ours, and with it the algorithms it can be used with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// RSA: modulus and exponent, big endian without leading zeros. Of 2048 to 8192 bits, or
    /// nothing verifies.
    Rsa {
        /// The modulus.
        n: Vec<u8>,
        /// The exponent.
        e: Vec<u8>,
    },
    /// A point on a curve: its coordinates, each of the curve's length.
    Ec {
        /// The curve.
        curve: Curve,
        /// The first coordinate.
        x: Vec<u8>,
        /// The second coordinate.
        y: Vec<u8>,
    },
}

/// A curve of NIST's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// P-256
    P256,
    /// P-384
    P384,
    /// P-521
    P521,
}

/// How a message was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// ECDSA on P-521 with SHA-512.
    Es512,
}

impl Curve {
    /// Bytes of a coordinate.
    pub(crate) fn coordinate_len(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}

/// Whether `signature` is the key's holder's on `message`. False, too, for an algorithm that is
/// not one of the key's type and for a key that is none. ECDSA's signatures are the two numbers
/// one after the other, each of the curve's length.
#[must_use]
pub fn verify(
    key: &PublicKey,
    algorithm: SignatureAlgorithm,
    message: &[u8],
    signature: &[u8],
) -> bool {
    match key {
        PublicKey::Rsa { n, e } => {
            let Some(parameters) = rsa(algorithm) else { return false };
            RsaPublicKeyComponents { n, e }.verify(parameters, message, signature).is_ok()
        }
        PublicKey::Ec { curve, x, y } => {
            let Some(parameters) = ecdsa(*curve, algorithm) else { return false };
            if [x, y].iter().any(|part| part.len() != curve.coordinate_len()) {
                return false;
            }
            // Uncompressed (SEC 1, section 2.3.3).
            let point = [&[4], x.as_slice(), y.as_slice()].concat();
            UnparsedPublicKey::new(parameters, point).verify(message, signature).is_ok()
        }
    }
}

fn rsa(algorithm: SignatureAlgorithm) -> Option<&'static RsaParameters> {
    match algorithm {
        SignatureAlgorithm::Rs256 => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
        SignatureAlgorithm::Rs384 => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
        SignatureAlgorithm::Rs512 => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
        _ => None,
    }
}

fn ecdsa(
    curve: Curve,
    algorithm: SignatureAlgorithm,
) -> Option<&'static EcdsaVerificationAlgorithm> {
    match (curve, algorithm) {
        (Curve::P256, SignatureAlgorithm::Es256) => Some(&signature::ECDSA_P256_SHA256_FIXED),
        (Curve::P384, SignatureAlgorithm::Es384) => Some(&signature::ECDSA_P384_SHA384_FIXED),
        (Curve::P521, SignatureAlgorithm::Es512) => Some(&signature::ECDSA_P521_SHA512_FIXED),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    use aws_lc_rs::signature::{EcdsaKeyPair, KeyPair as _};

    use super::*;

    const ALL: [SignatureAlgorithm; 6] = [
        SignatureAlgorithm::Rs256,
        SignatureAlgorithm::Rs384,
        SignatureAlgorithm::Rs512,
        SignatureAlgorithm::Es256,
        SignatureAlgorithm::Es384,
        SignatureAlgorithm::Es512,
    ];

    /// Only this algorithm verifies, only this message, and only an unaltered signature.
    fn check(key: &PublicKey, algorithm: SignatureAlgorithm, signature: &[u8]) {
        for other in ALL {
            assert_eq!(verify(key, other, b"message", signature), other == algorithm, "{other:?}");
        }
        assert!(!verify(key, algorithm, b"another", signature));
        let mut altered = signature.to_vec();
        altered[3] ^= 1;
        assert!(!verify(key, algorithm, b"message", &altered));
        assert!(!verify(key, algorithm, b"message", b""));
    }

    #[test]
    fn rsa_signatures_are_verified() {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        // The DER of both numbers ends with the modulus, two bytes of head, and 65537.
        let der = pair.public_key().as_ref();
        let (rest, e) = der.split_at(der.len() - 3);
        let n = rest[..rest.len() - 2][rest.len() - 2 - 256..].to_vec();
        let key = PublicKey::Rsa { n, e: e.to_vec() };
        for (algorithm, encoding) in [
            (SignatureAlgorithm::Rs256, &signature::RSA_PKCS1_SHA256),
            (SignatureAlgorithm::Rs384, &signature::RSA_PKCS1_SHA384),
            (SignatureAlgorithm::Rs512, &signature::RSA_PKCS1_SHA512),
        ] {
            let mut signed = vec![0; pair.public_modulus_len()];
            pair.sign(encoding, &SystemRandom::new(), b"message", &mut signed).unwrap();
            check(&key, algorithm, &signed);
        }
    }

    #[test]
    fn ecdsa_signatures_are_verified() {
        for (curve, algorithm, signing) in [
            (Curve::P256, SignatureAlgorithm::Es256, &signature::ECDSA_P256_SHA256_FIXED_SIGNING),
            (Curve::P384, SignatureAlgorithm::Es384, &signature::ECDSA_P384_SHA384_FIXED_SIGNING),
            (Curve::P521, SignatureAlgorithm::Es512, &signature::ECDSA_P521_SHA512_FIXED_SIGNING),
        ] {
            let pair = EcdsaKeyPair::generate(signing).unwrap();
            let point = pair.public_key().as_ref()[1..].to_vec();
            let (x, y) = point.split_at(point.len() / 2);
            let key = PublicKey::Ec { curve, x: x.to_vec(), y: y.to_vec() };
            let signed = pair.sign(&SystemRandom::new(), b"message").unwrap();
            check(&key, algorithm, signed.as_ref());
            let short = PublicKey::Ec { curve, x: x[1..].to_vec(), y: y.to_vec() };
            assert!(!verify(&short, algorithm, b"message", signed.as_ref()));
        }
    }
}
