//! The provider: one plain struct of trait objects, in the manner of rustls.

use std::sync::{Arc, OnceLock};

use crate::{
    Aead, Aes256Gcm, Argon2Cost, Argon2id, ContinuousTest, CounterKdf, CryptoError,
    HEDGED_NONCE_LEN, Hash, HmacSha256, Kdf, KeyPairs, Mac, NONCE_LEN, PasswordHash, Rng,
    SecretBytes, SecretKey, StandardPairs, SystemRng,
    nonce::{Hedges, hedged_nonce},
};

/// Every primitive that Bulla chooses. Cloning it is cheap.
#[derive(Clone)]
pub struct Crypto {
    /// Random bytes.
    pub rng: Arc<dyn Rng>,
    /// Authenticated encryption.
    pub aead: &'static dyn Aead,
    /// Key derivation from keys.
    pub kdf: &'static dyn Kdf,
    /// Message authentication.
    pub mac: &'static dyn Mac,
    /// Key derivation from passphrases.
    pub password: &'static dyn PasswordHash,
    /// Key pairs.
    pub pairs: &'static dyn KeyPairs,
    /// Random bytes for the nonces to come, of this source.
    hedges: Arc<Hedges>,
}

impl Crypto {
    /// AES-256-GCM, SP 800-108 and HMAC-SHA-256 by AWS-LC, Argon2id by RustCrypto, and AWS-LC's
    /// random source under a [`ContinuousTest`] that all such providers of a process share.
    #[must_use]
    pub fn standard() -> Self {
        static SYSTEM: OnceLock<Arc<ContinuousTest<SystemRng>>> = OnceLock::new();
        let rng = SYSTEM.get_or_init(|| Arc::new(ContinuousTest::new(SystemRng)));
        Self {
            rng: Arc::clone(rng) as Arc<dyn Rng>,
            aead: &Aes256Gcm,
            kdf: &CounterKdf,
            mac: &HmacSha256,
            password: &Argon2id,
            pairs: &StandardPairs,
            hedges: Arc::default(),
        }
    }

    /// The standard provider on another random source, under a continuous test of its own.
    #[must_use]
    pub fn with_rng(rng: impl Rng + 'static) -> Self {
        Self::on(Arc::new(ContinuousTest::new(rng)))
    }

    /// The standard provider on another random source as it is, untested.
    #[must_use]
    pub fn on(rng: Arc<dyn Rng>) -> Self {
        Self { rng, hedges: Arc::default(), ..Self::standard() }
    }

    /// Whether every part runs inside a FIPS-validated module. The standard provider's Argon2id
    /// does not, whatever the build.
    #[must_use]
    pub fn fips(&self) -> bool {
        // Without `..`: a new part must be considered here to compile.
        let Self { rng, aead, kdf, mac, password, pairs, hedges: _ } = self;
        rng.fips() && aead.fips() && kdf.fips() && mac.fips() && password.fips() && pairs.fips()
    }

    /// Appends ciphertext and tag of `plaintext` to `out`.
    ///
    /// # Errors
    /// As [`Aead::seal`].
    pub fn seal(
        &self,
        key: &SecretKey,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        plaintext: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), CryptoError> {
        self.aead.seal(key, nonce, aad, plaintext, out)
    }

    /// The plaintext of `sealed`, which is ciphertext and tag.
    ///
    /// # Errors
    /// As [`Aead::open`]: [`CryptoError::Unauthentic`] when anything is not as it was sealed.
    pub fn open(
        &self,
        key: &SecretKey,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        sealed: &[u8],
    ) -> Result<SecretBytes, CryptoError> {
        self.aead.open(key, nonce, aad, sealed)
    }

    /// The key that belongs to `label` (what it is for, no zero byte in it) and `context`.
    ///
    /// # Errors
    /// As [`Kdf::derive`].
    pub fn derive_key(
        &self,
        key: &SecretKey,
        label: &[u8],
        context: &[u8],
    ) -> Result<SecretKey, CryptoError> {
        self.kdf.derive(key, label, context)
    }

    /// The key that belongs to `passphrase` and `salt` at `cost`.
    ///
    /// # Errors
    /// As [`PasswordHash::derive`].
    pub fn derive_from_passphrase(
        &self,
        passphrase: &[u8],
        salt: &[u8],
        cost: Argon2Cost,
    ) -> Result<SecretKey, CryptoError> {
        self.password.derive(passphrase, salt, cost)
    }

    /// The HMAC-SHA-256 of the concatenated `parts` under `key`.
    #[must_use]
    pub fn hmac(&self, key: &SecretKey, parts: &[&[u8]]) -> [u8; 32] {
        self.mac.mac(key, parts)
    }

    /// The HMAC of `message` with this hash function, under a key of any length.
    #[must_use]
    pub fn tag(&self, hash: Hash, key: &SecretBytes, message: &[u8]) -> Vec<u8> {
        self.mac.tag(hash, key, message)
    }

    /// A nonce that stays unique when the random source fails: an HMAC under `key` of random bytes
    /// that are used once, a counter of the process, and `parts`, each with its length. Give it all
    /// that the nonce will seal (plaintext, associated data): then no two different messages share
    /// a nonce, even with a stuck or cloned random source. `key` must not sign anything else that
    /// an outsider chooses; keys for [`Self::derive_key`] are fine.
    ///
    /// # Errors
    /// Those of the random source.
    pub fn hedged_nonce(
        &self,
        key: &SecretKey,
        parts: &[&[u8]],
    ) -> Result<[u8; HEDGED_NONCE_LEN], CryptoError> {
        hedged_nonce((&*self.rng, &self.hedges), self.mac, key, parts)
    }

    /// A new random key.
    ///
    /// # Errors
    /// As [`SecretKey::generate`].
    pub fn generate_key(&self) -> Result<SecretKey, CryptoError> {
        SecretKey::generate(&*self.rng)
    }

    /// `N` random bytes that are no secret, such as a salt or an identifier.
    ///
    /// # Errors
    /// Those of the random source.
    pub fn random<const N: usize>(&self) -> Result<[u8; N], CryptoError> {
        let mut out = [0; N];
        self.rng.fill(&mut out)?;
        Ok(out)
    }

    /// `len` random bytes that are secret.
    ///
    /// # Errors
    /// Those of the random source.
    pub fn random_secret(&self, len: usize) -> Result<SecretBytes, CryptoError> {
        let mut out = SecretBytes::zeroed(len);
        self.rng.fill(out.expose_mut())?;
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_provider_claims_no_validation_it_does_not_have() {
        assert!(!Crypto::standard().fips());
    }

    #[test]
    fn providers_of_a_process_share_one_tested_source() {
        let (a, b) = (Crypto::standard(), Crypto::standard());
        assert!(Arc::ptr_eq(&a.rng, &b.rng));
    }

    #[test]
    fn a_random_source_that_fails_fails_everything_that_draws() {
        struct Dead;
        impl Rng for Dead {
            fn fill(&self, _: &mut [u8]) -> Result<(), CryptoError> {
                Err(CryptoError::RandomSource)
            }
        }
        let crypto = Crypto::with_rng(Dead);
        let key = SecretKey::from_slice(&[1; 32]).unwrap();
        assert_eq!(crypto.random::<16>(), Err(CryptoError::RandomSource));
        assert_eq!(crypto.generate_key().err(), Some(CryptoError::RandomSource));
        assert_eq!(crypto.random_secret(9).err(), Some(CryptoError::RandomSource));
        assert_eq!(crypto.hedged_nonce(&key, &[]), Err(CryptoError::RandomSource));
    }

    #[test]
    fn a_derived_key_opens_what_it_sealed_and_no_other_does() {
        let crypto = Crypto::standard();
        let root = crypto.generate_key().unwrap();
        let nonce = crypto.hedged_nonce(&root, &[b"plain", b"context"]).unwrap();
        let key = crypto.derive_key(&root, b"bulla/test", &nonce).unwrap();
        let mut sealed = Vec::new();
        crypto.seal(&key, &[0; 12], b"context", b"plain", &mut sealed).unwrap();
        let again = crypto.derive_key(&root, b"bulla/test", &nonce).unwrap();
        assert!(crypto.open(&again, &[0; 12], b"context", &sealed).unwrap().ct_eq(b"plain"));
        let other = crypto.derive_key(&root, b"bulla/tesu", &nonce).unwrap();
        let opened = crypto.open(&other, &[0; 12], b"context", &sealed);
        assert_eq!(opened.err(), Some(CryptoError::Unauthentic));
    }
}
