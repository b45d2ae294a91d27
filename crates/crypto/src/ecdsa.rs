//! ECDSA on NIST's curves over digests that were computed piece by piece, signatures in DER.

use aws_lc_rs::signature::{
    self, EcdsaKeyPair as LibraryPair, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm,
    KeyPair as _, UnparsedPublicKey,
};

use crate::{CryptoError, Curve, Hash, Hasher};

/// The first byte of an uncompressed point (SEC 1, section 2.3.3).
const UNCOMPRESSED: u8 = 4;
/// The first byte of a compressed point with an even second coordinate.
const COMPRESSED_EVEN: u8 = 2;

/// A key pair for signing. The library keeps the private key on its heap and wipes it.
pub struct EcdsaKeyPair {
    curve: Curve,
    pair: LibraryPair,
}

impl EcdsaKeyPair {
    /// Draws a key pair.
    ///
    /// # Errors
    /// [`CryptoError::Library`] when the library has no random bytes.
    pub fn generate(curve: Curve) -> Result<Self, CryptoError> {
        let pair = LibraryPair::generate(signing(curve));
        let pair = pair.map_err(|_| CryptoError::Library("an ECDSA key pair"))?;
        Ok(Self { curve, pair })
    }

    /// The public key as a compressed point (SEC 1, section 2.3.3).
    #[must_use]
    pub fn compressed_public_key(&self) -> Vec<u8> {
        compress(self.pair.public_key().as_ref())
    }

    /// Signs what was hashed with [`digest_of`] the curve. The signature is DER.
    ///
    /// # Errors
    /// [`CryptoError::Library`] when `hasher` is of another hash.
    pub fn sign(&self, hasher: Hasher) -> Result<Vec<u8>, CryptoError> {
        let signature = self.pair.sign_digest(&hasher.into_digest());
        let signature = signature.map_err(|_| CryptoError::Library("ECDSA signing"))?;
        Ok(signature.as_ref().to_vec())
    }

    /// The curve.
    #[must_use]
    pub fn curve(&self) -> Curve {
        self.curve
    }
}

/// The hash that goes with a curve.
#[must_use]
pub const fn digest_of(curve: Curve) -> Hash {
    match curve {
        Curve::P256 => Hash::Sha256,
        Curve::P384 => Hash::Sha384,
        Curve::P521 => Hash::Sha512,
    }
}

/// Whether `signature`, which is DER, is that of the holder of `public_key` on what was hashed.
/// The key is a point, compressed or not. False, too, for a key that is none and another hash.
#[must_use]
pub fn verify_hashed(curve: Curve, public_key: &[u8], hasher: Hasher, signature: &[u8]) -> bool {
    let key = UnparsedPublicKey::new(verification(curve), public_key);
    key.verify_digest(&hasher.into_digest(), signature).is_ok()
}

/// The compressed form of an uncompressed point; anything else comes back as it is.
pub(crate) fn compress(point: &[u8]) -> Vec<u8> {
    let Some((&UNCOMPRESSED, coordinates)) = point.split_first() else { return point.to_vec() };
    let (x, y) = coordinates.split_at(coordinates.len() / 2);
    let sign = COMPRESSED_EVEN + (y.last().copied().unwrap_or_default() & 1);
    [&[sign], x].concat()
}

fn signing(curve: Curve) -> &'static EcdsaSigningAlgorithm {
    match curve {
        Curve::P256 => &signature::ECDSA_P256_SHA256_ASN1_SIGNING,
        Curve::P384 => &signature::ECDSA_P384_SHA384_ASN1_SIGNING,
        Curve::P521 => &signature::ECDSA_P521_SHA512_ASN1_SIGNING,
    }
}

pub(crate) fn verification(curve: Curve) -> &'static EcdsaVerificationAlgorithm {
    match curve {
        Curve::P256 => &signature::ECDSA_P256_SHA256_ASN1,
        Curve::P384 => &signature::ECDSA_P384_SHA384_ASN1,
        Curve::P521 => &signature::ECDSA_P521_SHA512_ASN1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_signed_verifies_and_nothing_else() {
        for curve in [Curve::P256, Curve::P384, Curve::P521] {
            let pair = EcdsaKeyPair::generate(curve).unwrap();
            let key = pair.compressed_public_key();
            let hashed = |text: &[u8]| {
                let mut hasher = Hasher::new(digest_of(curve));
                hasher.update(text);
                hasher
            };
            let signature = pair.sign(hashed(b"message")).unwrap();
            assert!(verify_hashed(curve, &key, hashed(b"message"), &signature));
            assert!(!verify_hashed(curve, &key, hashed(b"massage"), &signature));
            for at in 0..signature.len() {
                let mut altered = signature.clone();
                altered[at] ^= 1;
                assert!(!verify_hashed(curve, &key, hashed(b"message"), &altered));
            }
            let other = EcdsaKeyPair::generate(curve).unwrap().compressed_public_key();
            assert!(!verify_hashed(curve, &other, hashed(b"message"), &signature));
            assert!(!verify_hashed(curve, b"", hashed(b"message"), &signature));
        }
    }

    #[test]
    fn another_hash_is_refused() {
        let pair = EcdsaKeyPair::generate(Curve::P256).unwrap();
        assert!(pair.sign(Hasher::new(Hash::Sha384)).is_err());
    }
}
