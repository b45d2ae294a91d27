//! Asymmetric key pairs, each behind the traits of what it can do.
//!
//! A private key is stored and handed over as PKCS #8 (RFC 5958), a public one as
//! `SubjectPublicKeyInfo` (RFC 5280), both DER. [`KeyPairs`] makes and opens them; what is opened
//! is a [`KeyPair`], which keeps its private key on the library's heap and wipes it.

mod ec;
mod ed25519;
mod ml_dsa;
mod ml_kem;
mod rsa;
#[cfg(feature = "sm2")]
mod sm2;

use crate::{CryptoError, Hash, Rng, RsaPadding, SecretBytes};

/// A kind of key pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairSpec {
    /// RSA with a modulus of 2048, 3072 or 4096 bits, and 65537.
    Rsa(RsaBits),
    /// A key on a curve: ECDSA, and ECDH on NIST's.
    Ec(EcCurve),
    /// Ed25519 (RFC 8032).
    Ed25519,
    /// ML-DSA (FIPS 204).
    MlDsa(MlDsaSet),
    /// ML-KEM (FIPS 203).
    MlKem(MlKemSet),
    /// SM2 (GB/T 32918), which builds without the feature of that name do not have.
    Sm2,
}

/// The length of an RSA modulus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RsaBits {
    /// 2048 bits.
    B2048,
    /// 3072 bits.
    B3072,
    /// 4096 bits.
    B4096,
}

/// A curve in short Weierstrass form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EcCurve {
    /// NIST's P-256.
    P256,
    /// NIST's P-384.
    P384,
    /// NIST's P-521.
    P521,
    /// SECG's secp256k1.
    Secp256k1,
}

/// A parameter set of ML-DSA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MlDsaSet {
    /// ML-DSA-44.
    M44,
    /// ML-DSA-65.
    M65,
    /// ML-DSA-87.
    M87,
}

/// A parameter set of ML-KEM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MlKemSet {
    /// ML-KEM-512.
    M512,
    /// ML-KEM-768.
    M768,
    /// ML-KEM-1024.
    M1024,
}

/// How a message is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// RSASSA-PKCS1-v1_5 (RFC 8017).
    RsaPkcs1(Hash),
    /// RSASSA-PSS (RFC 8017), the same hash in MGF1, and a salt as long as a digest.
    RsaPss(Hash),
    /// ECDSA (FIPS 186-5); signatures in DER.
    Ecdsa(Hash),
    /// Ed25519, which takes messages only.
    Ed25519,
    /// Ed25519ph, which hashes what it is given once more.
    Ed25519ph,
    /// ML-DSA, hedged, with an empty context.
    MlDsa,
    /// SM2 with SM3, for the default identifier; signatures in DER. A digest is that of identifier,
    /// key and message together.
    Sm2,
}

/// How a message is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncryptionScheme {
    /// RSA with a padding.
    Rsa(RsaPadding),
    /// SM2's public-key encryption; ciphertexts in DER.
    Sm2,
}

/// What is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signed<'m> {
    /// A whole message.
    Message(&'m [u8]),
    /// The digest of one, made with the scheme's own hash.
    Digest(&'m [u8]),
    /// ML-DSA's representative of one, of 64 bytes (FIPS 204, section 6.2).
    Mu(&'m [u8]),
}

/// Making and opening key pairs, as a part of [`crate::Crypto`].
pub trait KeyPairs: Send + Sync {
    /// Draws a key pair and gives its private key as PKCS #8. RSA takes seconds.
    ///
    /// # Errors
    /// Those of the random source; [`CryptoError::Library`].
    fn generate(&self, rng: &dyn Rng, spec: PairSpec) -> Result<SecretBytes, CryptoError>;

    /// Reads a private key, which is checked: that takes a millisecond with RSA.
    ///
    /// # Errors
    /// [`CryptoError::MalformedKey`] when it is not a private key of this spec.
    fn open(&self, spec: PairSpec, pkcs8: &[u8]) -> Result<Box<dyn KeyPair>, CryptoError>;

    /// Whether this runs inside a FIPS-validated module.
    fn fips(&self) -> bool {
        false
    }
}

/// A key pair: its two halves, and what it can do.
pub trait KeyPair: Send + Sync {
    /// The public key as `SubjectPublicKeyInfo`.
    fn public_der(&self) -> &[u8];

    /// The private key as PKCS #8, in the one form that we write. Opened and written again, a key
    /// is the same bytes, whoever wrote it first.
    ///
    /// # Errors
    /// [`CryptoError::Library`]
    fn private_der(&self) -> Result<SecretBytes, CryptoError>;

    /// What signs with it, if it can.
    fn signing(&self) -> Option<&dyn Signing> {
        None
    }

    /// What encrypts under it, if it can.
    fn encryption(&self) -> Option<&dyn Encryption> {
        None
    }

    /// What agrees on secrets with it, if it can.
    fn agreement(&self) -> Option<&dyn Agreement> {
        None
    }

    /// What encapsulates secrets under it, if it can.
    fn encapsulation(&self) -> Option<&dyn Encapsulation> {
        None
    }
}

/// Signatures.
pub trait Signing: Send + Sync {
    /// The signature of `signed`.
    ///
    /// # Errors
    /// [`CryptoError::Library`] when key, scheme and what is signed do not go together.
    fn sign(&self, scheme: Scheme, signed: Signed<'_>) -> Result<Vec<u8>, CryptoError>;

    /// Whether `signature` is one of `signed`. False, too, where nothing goes together.
    fn verify(&self, scheme: Scheme, signed: Signed<'_>, signature: &[u8]) -> bool;
}

/// Asymmetric encryption.
pub trait Encryption: Send + Sync {
    /// The ciphertext of `plain`.
    ///
    /// # Errors
    /// [`CryptoError::Library`] when it is too long, or key and scheme do not go together.
    fn encrypt(&self, scheme: EncryptionScheme, plain: &[u8]) -> Result<Vec<u8>, CryptoError>;

    /// The plaintext of `sealed`.
    ///
    /// # Errors
    /// [`CryptoError::Unauthentic`], whatever is wrong with it.
    fn decrypt(&self, scheme: EncryptionScheme, sealed: &[u8]) -> Result<SecretBytes, CryptoError>;
}

/// Key agreement.
pub trait Agreement: Send + Sync {
    /// The raw secret shared with the holder of `peer`, a `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    /// [`CryptoError::MalformedKey`] when `peer` is no valid key on the same curve.
    fn agree(&self, peer: &[u8]) -> Result<SecretBytes, CryptoError>;
}

/// Key encapsulation.
pub trait Encapsulation: Send + Sync {
    /// A new shared secret, and the ciphertext that tells it to the holder of the private key.
    ///
    /// # Errors
    /// [`CryptoError::Library`]
    fn encapsulate(&self) -> Result<(Vec<u8>, SecretBytes), CryptoError>;

    /// The shared secret of a ciphertext. One that is not for this key gives a secret that nobody
    /// else knows (FIPS 203, section 6.3).
    ///
    /// # Errors
    /// [`CryptoError::Unauthentic`] when it has not the right length.
    fn decapsulate(&self, sealed: &[u8]) -> Result<SecretBytes, CryptoError>;
}

/// What a build without SM2 answers.
#[cfg(not(feature = "sm2"))]
const NO_SM2: CryptoError = CryptoError::Library("SM2, which this build does not have");

/// Key pairs by AWS-LC; SM2's by RustCrypto.
#[derive(Clone, Copy, Debug)]
pub struct StandardPairs;

impl KeyPairs for StandardPairs {
    fn generate(&self, rng: &dyn Rng, spec: PairSpec) -> Result<SecretBytes, CryptoError> {
        match spec {
            PairSpec::Rsa(bits) => rsa::generate(bits),
            PairSpec::Ec(curve) => ec::generate(curve),
            PairSpec::Ed25519 => ed25519::generate(rng),
            PairSpec::MlDsa(set) => ml_dsa::generate(rng, set),
            PairSpec::MlKem(set) => ml_kem::generate(rng, set),
            #[cfg(feature = "sm2")]
            PairSpec::Sm2 => sm2::generate(rng),
            #[cfg(not(feature = "sm2"))]
            PairSpec::Sm2 => Err(NO_SM2),
        }
    }

    fn open(&self, spec: PairSpec, pkcs8: &[u8]) -> Result<Box<dyn KeyPair>, CryptoError> {
        Ok(match spec {
            PairSpec::Rsa(bits) => Box::new(rsa::Pair::open(bits, pkcs8)?),
            PairSpec::Ec(curve) => Box::new(ec::Pair::open(curve, pkcs8)?),
            PairSpec::Ed25519 => Box::new(ed25519::Pair::open(pkcs8)?),
            PairSpec::MlDsa(set) => Box::new(ml_dsa::Pair::open(set, pkcs8)?),
            PairSpec::MlKem(set) => Box::new(ml_kem::Pair::open(set, pkcs8)?),
            #[cfg(feature = "sm2")]
            PairSpec::Sm2 => Box::new(sm2::Pair::open(pkcs8)?),
            #[cfg(not(feature = "sm2"))]
            PairSpec::Sm2 => return Err(NO_SM2),
        })
    }

    fn fips(&self) -> bool {
        aws_lc_rs::try_fips_mode().is_ok()
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod wycheproof_tests;
