//! What AWS-LC does and `aws-lc-rs` does not: Ed25519ph, ML-DSA over an external mu, ML-KEM keys
//! from their seed, and MD5. Each function gives back owned bytes; no pointer leaves this file.
#![expect(unsafe_code, reason = "these functions of AWS-LC have no safe interface")]

use std::ffi::c_int;
use std::ptr::{self, NonNull};

use aws_lc_sys as lc;

use crate::{CryptoError, SecretBytes};

/// The length of an Ed25519 signature, in bytes.
pub(crate) const ED25519_SIGNATURE_LEN: usize = 64;
/// The length of ML-DSA's message representative, in bytes (FIPS 204, section 6.2).
pub(crate) const MU_LEN: usize = 64;

/// The MD5 digest of `data`.
pub(crate) fn md5(data: &[u8]) -> [u8; 16] {
    let mut out = [0; 16];
    // SAFETY: the data are readable in their whole length, and the digest has room for 16 bytes.
    // The function can't fail: it gives back its last argument.
    unsafe { lc::MD5(data.as_ptr(), data.len(), out.as_mut_ptr()) };
    out
}

/// Why AWS-LC would refuse a call: it had no memory or no random bytes.
fn succeed(status: c_int, call: &'static str) -> Result<(), CryptoError> {
    if status == 1 { Ok(()) } else { Err(CryptoError::Library(call)) }
}

/// An `EVP_PKEY` of our own.
struct Key(NonNull<lc::EVP_PKEY>);

impl Key {
    fn own(raw: *mut lc::EVP_PKEY, call: &'static str) -> Result<Self, CryptoError> {
        NonNull::new(raw).map(Self).ok_or(CryptoError::Library(call))
    }

    fn context(&self) -> Result<Context, CryptoError> {
        // SAFETY: the key is valid; the context takes a reference of its own to it.
        let raw = unsafe { lc::EVP_PKEY_CTX_new(self.0.as_ptr(), ptr::null_mut()) };
        Context::own(raw)
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: the pointer is ours alone and not used again.
        unsafe { lc::EVP_PKEY_free(self.0.as_ptr()) }
    }
}

/// An `EVP_PKEY_CTX` of our own.
struct Context(NonNull<lc::EVP_PKEY_CTX>);

impl Context {
    fn own(raw: *mut lc::EVP_PKEY_CTX) -> Result<Self, CryptoError> {
        NonNull::new(raw).map(Self).ok_or(CryptoError::Library("a context of a key"))
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: the pointer is ours alone and not used again.
        unsafe { lc::EVP_PKEY_CTX_free(self.0.as_ptr()) }
    }
}

/// The Ed25519ph signature of `message` (RFC 8032, section 5.1) without a context. `private` is
/// seed and public key.
pub(crate) fn ed25519ph_sign(
    private: &[u8; 64],
    message: &[u8],
) -> Result<[u8; ED25519_SIGNATURE_LEN], CryptoError> {
    let mut signature = [0; ED25519_SIGNATURE_LEN];
    // SAFETY: all pointers are to memory of the lengths that the function expects: 64 bytes out,
    // `message.len()` bytes in, 64 bytes of private key, and no context.
    let status = unsafe {
        lc::ED25519ph_sign(
            signature.as_mut_ptr(),
            message.as_ptr(),
            message.len(),
            private.as_ptr(),
            ptr::null(),
            0,
        )
    };
    succeed(status, "Ed25519ph signing")?;
    Ok(signature)
}

/// Whether this is an Ed25519ph signature of `message` without a context.
pub(crate) fn ed25519ph_verify(public: &[u8; 32], message: &[u8], signature: &[u8]) -> bool {
    if signature.len() != ED25519_SIGNATURE_LEN {
        return false;
    }
    // SAFETY: the signature has the 64 bytes that are read of it, the public key its 32.
    let status = unsafe {
        lc::ED25519ph_verify(
            message.as_ptr(),
            message.len(),
            signature.as_ptr(),
            public.as_ptr(),
            ptr::null(),
            0,
        )
    };
    status == 1
}

/// A parameter set of ML-DSA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MlDsa {
    M44,
    M65,
    M87,
}

impl MlDsa {
    fn nid(self) -> c_int {
        match self {
            Self::M44 => lc::NID_MLDSA44,
            Self::M65 => lc::NID_MLDSA65,
            Self::M87 => lc::NID_MLDSA87,
        }
    }

    /// The length of a signature, in bytes (FIPS 204, table 2).
    pub(crate) fn signature_len(self) -> usize {
        match self {
            Self::M44 => 2_420,
            Self::M65 => 3_309,
            Self::M87 => 4_627,
        }
    }
}

/// The hedged ML-DSA signature over a message representative.
pub(crate) fn ml_dsa_sign_mu(
    set: MlDsa,
    seed: &[u8; 32],
    mu: &[u8; MU_LEN],
) -> Result<Vec<u8>, CryptoError> {
    const CALL: &str = "ML-DSA signing";
    // SAFETY: the seed has the length that is given.
    let raw =
        unsafe { lc::EVP_PKEY_pqdsa_new_raw_private_key(set.nid(), seed.as_ptr(), seed.len()) };
    let key = Key::own(raw, CALL)?;
    let context = key.context()?;
    let mut signature = vec![0; set.signature_len()];
    let mut len = signature.len();
    // SAFETY: the context is valid; at most `len` bytes are written, and `mu` has its length.
    unsafe {
        succeed(lc::EVP_PKEY_sign_init(context.0.as_ptr()), CALL)?;
        let (out, mu_len) = (signature.as_mut_ptr(), mu.len());
        let status = lc::EVP_PKEY_sign(context.0.as_ptr(), out, &raw mut len, mu.as_ptr(), mu_len);
        succeed(status, CALL)?;
    }
    signature.truncate(len);
    Ok(signature)
}

/// Whether this is an ML-DSA signature over a message representative.
pub(crate) fn ml_dsa_verify_mu(
    set: MlDsa,
    public: &[u8],
    mu: &[u8; MU_LEN],
    signature: &[u8],
) -> bool {
    const CALL: &str = "ML-DSA verification";
    // SAFETY: the public key has the length that is given, which the function checks.
    let raw =
        unsafe { lc::EVP_PKEY_pqdsa_new_raw_public_key(set.nid(), public.as_ptr(), public.len()) };
    let Ok(key) = Key::own(raw, CALL) else { return false };
    let Ok(context) = key.context() else { return false };
    // SAFETY: the context is valid, signature and `mu` have the lengths that are given.
    unsafe {
        lc::EVP_PKEY_verify_init(context.0.as_ptr()) == 1
            && lc::EVP_PKEY_verify(
                context.0.as_ptr(),
                signature.as_ptr(),
                signature.len(),
                mu.as_ptr(),
                mu.len(),
            ) == 1
    }
}

/// A parameter set of ML-KEM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MlKem {
    M512,
    M768,
    M1024,
}

impl MlKem {
    fn nid(self) -> c_int {
        match self {
            Self::M512 => lc::NID_MLKEM512,
            Self::M768 => lc::NID_MLKEM768,
            Self::M1024 => lc::NID_MLKEM1024,
        }
    }

    /// The lengths of decapsulation and encapsulation key, in bytes (FIPS 203, table 3).
    fn key_lens(self) -> (usize, usize) {
        match self {
            Self::M512 => (1_632, 800),
            Self::M768 => (2_400, 1_184),
            Self::M1024 => (3_168, 1_568),
        }
    }
}

/// The length of the seed of an ML-KEM key: d and z (FIPS 203, section 7.1).
pub(crate) const ML_KEM_SEED_LEN: usize = 64;

/// The decapsulation and the encapsulation key of a seed.
pub(crate) fn ml_kem_keys(
    set: MlKem,
    seed: &[u8; ML_KEM_SEED_LEN],
) -> Result<(SecretBytes, Vec<u8>), CryptoError> {
    const CALL: &str = "ML-KEM key generation";
    // SAFETY: the id is one that the library knows.
    let context =
        Context::own(unsafe { lc::EVP_PKEY_CTX_new_id(lc::EVP_PKEY_KEM, ptr::null_mut()) })?;
    let mut raw = ptr::null_mut();
    let mut seed_len = seed.len();
    // SAFETY: the context is valid; the key is written to `raw`, from where it is owned below.
    unsafe {
        succeed(lc::EVP_PKEY_CTX_kem_set_params(context.0.as_ptr(), set.nid()), CALL)?;
        succeed(lc::EVP_PKEY_keygen_init(context.0.as_ptr()), CALL)?;
        let status = lc::EVP_PKEY_keygen_deterministic(
            context.0.as_ptr(),
            &raw mut raw,
            seed.as_ptr(),
            &raw mut seed_len,
        );
        succeed(status, CALL)?;
    }
    let key = Key::own(raw, CALL)?;
    let (mut private_len, mut public_len) = set.key_lens();
    let mut private = SecretBytes::zeroed(private_len);
    let mut public = vec![0; public_len];
    // SAFETY: both buffers have the lengths that are given, beyond which nothing is written.
    unsafe {
        let out = private.expose_mut().as_mut_ptr();
        let status = lc::EVP_PKEY_get_raw_private_key(key.0.as_ptr(), out, &raw mut private_len);
        succeed(status, CALL)?;
        let out = public.as_mut_ptr();
        let status = lc::EVP_PKEY_get_raw_public_key(key.0.as_ptr(), out, &raw mut public_len);
        succeed(status, CALL)?;
    }
    if (private_len, public_len) != set.key_lens() {
        return Err(CryptoError::Library(CALL));
    }
    Ok((private, public))
}
