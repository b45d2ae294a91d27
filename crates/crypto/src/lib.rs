//! Bulla's cryptography: every primitive behind one provider, and the types that hold secrets.
//!
//! - [`Crypto`] is a plain struct of trait objects. [`Crypto::standard`] fills it with AWS-LC
//!   and, for passphrases, RustCrypto's Argon2id. Tests swap single fields, mostly the random
//!   source.
//! - [`SecretKey`] is a 256-bit key in locked, undumpable memory; [`SecretBytes`] is a plaintext
//!   of any length. Neither can be printed, cloned or compared by accident; both are wiped.
//! - [`verify`] checks signatures of others: RSA and ECDSA.
//! - [`GcmKey`], [`HkdfKey`], [`Hasher`], [`EcdsaKeyPair`], [`EcdhKey`], [`RsaEncryptionKey`] and
//!   [`RsaDecryptionKey`] are what envelope encryption is made of.
//! - [`LoginHash`] and [`md5`] are what databases ask of those who log in.
//! - [`sha256`], [`HmacKey`], [`ct_eq`] and [`hex`] are free of state and of choice.
//! - [`harden_process`] is for the program's first lines.
//!
//! - [`KeyPairs`] makes and opens the key pairs of all algorithms that sign, encrypt, agree or
//!   encapsulate; what one can do is behind the trait of that name.
//!
//! The only unsafe code is in `raw`.

mod aead;
#[cfg(feature = "attestation")]
mod attestation;
mod cms;
mod compare;
mod der;
mod digest;
mod ecdh;
mod ecdsa;
mod error;
mod gcm;
mod hash;
pub mod hex;
mod hkdf;
mod kdf;
mod key_wrap;
mod login;
mod mac;
mod nonce;
mod pair;
mod password;
mod process;
mod provider;
mod random;
mod raw;
mod rsa;
mod secret;
mod stock;
mod verify;

pub use aead::{Aead, Aes256Gcm, NONCE_LEN, TAG_LEN};
#[cfg(feature = "attestation")]
pub use attestation::{AttestationError, AttestationRoot, Attested, verify_attestation};
pub use cms::envelop;
pub use compare::ct_eq;
pub use digest::{SHA256_LEN, Sha256, sha1_thumbprint, sha256};
pub use ecdh::{EcdhKey, compressed_point, is_public_key, point_to_der};
pub use ecdsa::{EcdsaKeyPair, digest_of, verify_hashed};
pub use error::CryptoError;
pub use gcm::GcmKey;
pub use hash::{Hash, Hasher, MAX_HASH_LEN};
pub use hkdf::HkdfKey;
pub use kdf::{CounterKdf, Kdf, counter_kdf};
pub use key_wrap::{unwrap_padded, wrap_padded};
pub use login::{LoginHash, MD5_LEN, md5};
pub use mac::{HmacKey, HmacSha256, Mac, hmac_sha256};
pub use nonce::HEDGED_NONCE_LEN;
pub use pair::{
    Agreement, EcCurve, Encapsulation, Encryption, EncryptionScheme, KeyPair, KeyPairs, MlDsaSet,
    MlKemSet, PairSpec, RsaBits, Scheme, Signed, Signing, StandardPairs,
};
pub use password::{
    Argon2Cost, Argon2id, MAX_MEMORY_KIB, MAX_PARALLELISM, MAX_PASSES, MAX_PASSPHRASE_LEN,
    MAX_SALT_LEN, MIN_SALT_LEN, PasswordHash, argon2id,
};
pub use process::{Hardening, give_way, harden_process};
pub use provider::Crypto;
pub use random::{ContinuousTest, Rng, SystemRng};
pub use raw::memory::{MAX_ARENA_BYTES, MemoryLock, memory_lock};
pub use rsa::{RsaDecryptionKey, RsaEncryptionKey, RsaPadding};
pub use secret::{KEY_LEN, SecretBytes, SecretKey};
pub use stock::RandomStock;
pub use verify::{Curve, PublicKey, SignatureAlgorithm, verify};
