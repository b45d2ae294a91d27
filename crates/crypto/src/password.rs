//! Keys from passphrases: Argon2id (RFC 9106), version 0x13, 32 bytes of output.

use argon2::{Algorithm, Argon2, AssociatedData, ParamsBuilder, Version};

use crate::{CryptoError, KEY_LEN, SecretKey};

/// The most memory that a hash may take, in KiB: 2 GiB, RFC 9106's first recommended option.
pub const MAX_MEMORY_KIB: u32 = 2 * 1024 * 1024;
/// The most passes over the memory.
pub const MAX_PASSES: u32 = 64;
/// The most lanes.
pub const MAX_PARALLELISM: u32 = 64;
/// The shortest salt, in bytes (RFC 9106, section 3.1; 16 are recommended).
pub const MIN_SALT_LEN: usize = 8;
/// The longest salt, in bytes.
pub const MAX_SALT_LEN: usize = 64;
/// The longest passphrase, in bytes.
pub const MAX_PASSPHRASE_LEN: usize = 64 * 1024;

/// Memory that Argon2 needs for each lane at least, in KiB (RFC 9106, section 3.1).
const MIN_KIB_PER_LANE: u32 = 8;

/// What a guess at a passphrase costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argon2Cost {
    /// Memory, in KiB: at least 8 for each lane, at most [`MAX_MEMORY_KIB`].
    pub memory_kib: u32,
    /// Passes over the memory: 1 to [`MAX_PASSES`].
    pub passes: u32,
    /// Lanes: 1 to [`MAX_PARALLELISM`].
    pub parallelism: u32,
}

impl Argon2Cost {
    /// RFC 9106's second recommended option: 64 MiB, 3 passes, 4 lanes.
    pub const RECOMMENDED: Self = Self { memory_kib: 64 * 1024, passes: 3, parallelism: 4 };
}

/// Passphrase hashing as a part of [`crate::Crypto`].
pub trait PasswordHash: Send + Sync {
    /// The key that belongs to `passphrase` and `salt` at `cost`.
    ///
    /// # Errors
    /// [`CryptoError::OutOfRange`] names the parameter that is outside its limits;
    /// [`CryptoError::PasswordMemory`] when there is no memory for it; and those of
    /// [`SecretKey::try_fill`].
    fn derive(
        &self,
        passphrase: &[u8],
        salt: &[u8],
        cost: Argon2Cost,
    ) -> Result<SecretKey, CryptoError>;

    /// Whether this runs inside a FIPS-validated module.
    fn fips(&self) -> bool {
        false
    }
}

/// Argon2id by RustCrypto. Its memory is wiped, but not locked.
#[derive(Clone, Copy, Debug)]
pub struct Argon2id;

impl PasswordHash for Argon2id {
    fn derive(
        &self,
        passphrase: &[u8],
        salt: &[u8],
        cost: Argon2Cost,
    ) -> Result<SecretKey, CryptoError> {
        derive_with(passphrase, salt, cost, &[], &[])
    }
}

/// The Argon2id key of `passphrase` and `salt` with `m_kib` KiB of memory, `t` passes and `p`
/// lanes.
///
/// # Errors
/// As [`PasswordHash::derive`].
pub fn argon2id(
    passphrase: &[u8],
    salt: &[u8],
    m_kib: u32,
    t: u32,
    p: u32,
) -> Result<SecretKey, CryptoError> {
    let cost = Argon2Cost { memory_kib: m_kib, passes: t, parallelism: p };
    Argon2id.derive(passphrase, salt, cost)
}

/// With the algorithm's optional inputs, which RFC 9106's test vector uses.
fn derive_with(
    passphrase: &[u8],
    salt: &[u8],
    cost: Argon2Cost,
    secret: &[u8],
    associated: &[u8],
) -> Result<SecretKey, CryptoError> {
    let Argon2Cost { memory_kib, passes, parallelism } = cost;
    in_range("argon2id parallelism", parallelism, 1, MAX_PARALLELISM)?;
    let least = MIN_KIB_PER_LANE.saturating_mul(parallelism);
    in_range("argon2id memory in KiB", memory_kib, least, MAX_MEMORY_KIB)?;
    in_range("argon2id passes", passes, 1, MAX_PASSES)?;
    length_in_range("salt length", salt, MIN_SALT_LEN, MAX_SALT_LEN)?;
    length_in_range("passphrase length", passphrase, 0, MAX_PASSPHRASE_LEN)?;
    let refused = |_| CryptoError::Library("the Argon2id parameters");
    let mut params = ParamsBuilder::new();
    params.m_cost(memory_kib).t_cost(passes).p_cost(parallelism).output_len(KEY_LEN);
    params.data(AssociatedData::new(associated).map_err(refused)?);
    let params = params.build().map_err(refused)?;
    let argon2 = Argon2::new_with_secret(secret, Algorithm::Argon2id, Version::V0x13, params)
        .map_err(refused)?;
    SecretKey::try_fill(|key| {
        argon2.hash_password_into(passphrase, salt, key).map_err(|error| match error {
            argon2::Error::OutOfMemory => CryptoError::PasswordMemory { kib: memory_kib },
            _ => CryptoError::Library("Argon2id"),
        })
    })
}

fn length_in_range(
    name: &'static str,
    bytes: &[u8],
    min: usize,
    max: usize,
) -> Result<(), CryptoError> {
    in_range(name, bytes.len() as u64, min as u64, max as u64)
}

fn in_range<N: Into<u64>>(name: &'static str, got: N, min: N, max: N) -> Result<(), CryptoError> {
    let (got, min, max) = (got.into(), min.into(), max.into());
    if (min..=max).contains(&got) {
        return Ok(());
    }
    Err(CryptoError::OutOfRange { name, got, min, max })
}
