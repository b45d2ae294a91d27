//! ECDH on NIST's curves (SP 800-56A): the raw shared secret, for a key derivation of the caller.

use aws_lc_rs::agreement::{
    Algorithm, ECDH_P256, ECDH_P384, ECDH_P521, ParsedPublicKey, PrivateKey, UnparsedPublicKey,
    agree,
};
use aws_lc_rs::encoding::{AsBigEndian, AsDer, EcPublicKeyUncompressedBin, PublicKeyX509Der};
use aws_lc_rs::signature;

use crate::{
    CryptoError, Curve, SecretBytes,
    ecdsa::{compress, verification},
};

const REFUSED: CryptoError = CryptoError::MalformedKey("an elliptic curve key");

/// A private key for agreement. The library keeps it on its heap and wipes it.
pub struct EcdhKey {
    curve: Curve,
    key: PrivateKey,
    public: Vec<u8>,
}

impl EcdhKey {
    /// Draws a key.
    ///
    /// # Errors
    /// [`CryptoError::Library`] when the library has no random bytes.
    pub fn generate(curve: Curve) -> Result<Self, CryptoError> {
        let key = PrivateKey::generate(algorithm(curve));
        Self::of(curve, key.map_err(|_| CryptoError::Library("an ECDH key"))?)
    }

    /// Reads an unencrypted PKCS #8 document (RFC 5208) or `ECPrivateKey` (RFC 5915), DER.
    ///
    /// # Errors
    /// [`CryptoError::MalformedKey`], also for a key on another curve.
    pub fn from_der(curve: Curve, der: &[u8]) -> Result<Self, CryptoError> {
        let key = PrivateKey::from_private_key_der(algorithm(curve), der);
        Self::of(curve, key.map_err(|_| REFUSED)?)
    }

    fn of(curve: Curve, key: PrivateKey) -> Result<Self, CryptoError> {
        let public = key.compute_public_key().map_err(|_| REFUSED)?;
        let public: EcPublicKeyUncompressedBin<'_> = public.as_be_bytes().map_err(|_| REFUSED)?;
        let public = compress(public.as_ref());
        Ok(Self { curve, key, public })
    }

    /// The curve.
    #[must_use]
    pub fn curve(&self) -> Curve {
        self.curve
    }

    /// The public key as a compressed point (SEC 1, section 2.3.3).
    #[must_use]
    pub fn compressed_public_key(&self) -> &[u8] {
        &self.public
    }

    /// The secret shared with the holder of `peer`: a point or a `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    /// [`CryptoError::MalformedKey`] when `peer` is no valid key on this curve.
    pub fn agree(&self, peer: &[u8]) -> Result<SecretBytes, CryptoError> {
        let peer = UnparsedPublicKey::new(algorithm(self.curve), peer);
        agree(&self.key, peer, REFUSED, |secret| Ok(SecretBytes::from_slice(secret)))
    }
}

/// The compressed form of a public key: a point or a `SubjectPublicKeyInfo`.
///
/// # Errors
/// [`CryptoError::MalformedKey`] when it is no valid key on this curve.
pub fn compressed_point(curve: Curve, key: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let der = point_to_der(curve, key)?;
    // A `SubjectPublicKeyInfo` ends with the point, which is uncompressed.
    let point = der.len().checked_sub(1 + 2 * curve.coordinate_len());
    let point = point.and_then(|at| der.get(at..)).ok_or(REFUSED)?;
    Ok(compress(point))
}

/// The `SubjectPublicKeyInfo`, DER, of a public key: a point or another one.
///
/// # Errors
/// [`CryptoError::MalformedKey`] when it is no valid key on this curve.
pub fn point_to_der(curve: Curve, key: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let parsed = signature::ParsedPublicKey::new(verification(curve), key);
    let der: PublicKeyX509Der<'_> = parsed.map_err(|_| REFUSED)?.as_der().map_err(|_| REFUSED)?;
    Ok(der.as_ref().to_vec())
}

/// Whether `point` is a valid public key of the curve.
#[must_use]
pub fn is_public_key(curve: Curve, point: &[u8]) -> bool {
    ParsedPublicKey::try_from(UnparsedPublicKey::new(algorithm(curve), point)).is_ok()
}

fn algorithm(curve: Curve) -> &'static Algorithm {
    match curve {
        Curve::P256 => &ECDH_P256,
        Curve::P384 => &ECDH_P384,
        Curve::P521 => &ECDH_P521,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_parties_agree() {
        for curve in [Curve::P256, Curve::P384, Curve::P521] {
            let (ours, theirs) =
                (EcdhKey::generate(curve).unwrap(), EcdhKey::generate(curve).unwrap());
            let one = ours.agree(theirs.compressed_public_key()).unwrap();
            let other = theirs.agree(ours.compressed_public_key()).unwrap();
            assert!(one.ct_eq(other.expose()));
            let third = EcdhKey::generate(curve).unwrap();
            assert!(!one.ct_eq(third.agree(ours.compressed_public_key()).unwrap().expose()));
            assert!(is_public_key(curve, ours.compressed_public_key()));
            let der = point_to_der(curve, ours.compressed_public_key()).unwrap();
            assert_eq!(compressed_point(curve, &der).unwrap(), ours.compressed_public_key());
            assert!(one.ct_eq(theirs.agree(&der).unwrap().expose()));
        }
    }

    #[test]
    fn keys_of_other_curves_are_refused() {
        let ours = EcdhKey::generate(Curve::P256).unwrap();
        let theirs = EcdhKey::generate(Curve::P384).unwrap();
        assert_eq!(ours.agree(theirs.compressed_public_key()).err(), Some(REFUSED));
        assert!(!is_public_key(Curve::P256, theirs.compressed_public_key()));
        assert_eq!(ours.agree(b"").err(), Some(REFUSED));
        assert_eq!(EcdhKey::from_der(Curve::P256, b"no key").err(), Some(REFUSED));
    }
}
