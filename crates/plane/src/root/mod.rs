//! The root of trust: the one key that everything else is wrapped under, and the seals on it.
//!
//! The root key is random and never changes with the seal. A seal yields a seal key (out of a
//! key file, out of a passphrase); keys derived from that check it and wrap the root key. What a
//! seal needs to be opened again stands in `seal.json`, in the data directory. Whoever has the
//! data directory alone has nothing; whoever has only the seal's secret has nothing either.
//!
//! A further kind of seal (Shamir shares, PKCS#11, another KMS) is a type that implements
//! [`Seal`], a [`SealKind`], and its [`Parameters`] in the header; nothing else knows of kinds.

mod anchor;
mod error;
mod files;
mod header;
mod keyfile;
mod kind;
mod passphrase;

use std::path::{Path, PathBuf};

use bulla_crypto::{Crypto, CryptoError, SecretKey};

pub use anchor::{Anchor, AnchorError};
pub use error::SealError;
pub use header::{
    MAX_HEADER_MEMORY_KIB, MAX_HEADER_PARALLELISM, MAX_HEADER_PASSES, Parameters, SALT_LEN,
    SEAL_FILE, SealHeader,
};
pub use keyfile::KeyFileSeal;
pub use kind::SealKind;
pub use passphrase::{MIN_PASSPHRASE_LEN, PassphraseSeal};

/// The length of a root key's identifier, in bytes.
pub const KEY_ID_LEN: usize = 16;

/// What the barrier's key is derived by.
const BARRIER_LABEL: &[u8] = b"bulla/barrier/v1";

/// The root key, unsealed. Only keys derived from it, or wrapped under it, protect anything.
pub struct RootKey {
    id: [u8; KEY_ID_LEN],
    key: SecretKey,
}

impl RootKey {
    fn new(id: [u8; KEY_ID_LEN], key: SecretKey) -> Self {
        Self { id, key }
    }

    /// Random, no secret, and the same for as long as the root key is: also after a reseal.
    #[must_use]
    pub fn id(&self) -> &[u8; KEY_ID_LEN] {
        &self.id
    }

    /// The key of the barrier over the store in this root's data directory.
    ///
    /// # Errors
    /// Those of [`Self::derive`].
    pub fn barrier_key(&self, crypto: &Crypto) -> Result<SecretKey, CryptoError> {
        self.derive(crypto, BARRIER_LABEL, &self.id)
    }

    /// The key that belongs to `label` (what it is for) and `context` (whose it is) under this
    /// root.
    ///
    /// # Errors
    /// Those of [`Crypto::derive_key`].
    pub fn derive(
        &self,
        crypto: &Crypto,
        label: &[u8],
        context: &[u8],
    ) -> Result<SecretKey, CryptoError> {
        crypto.derive_key(&self.key, label, context)
    }
}

/// One way to get at the seal key.
pub trait Seal {
    /// Which way.
    fn kind(&self) -> SealKind;

    /// Sets the seal up: the seal key, and what the header must keep of it. `salt` is random,
    /// new, and stands in the header.
    ///
    /// # Errors
    /// When it cannot be set up. Then nothing has changed.
    fn establish(
        &self,
        crypto: &Crypto,
        salt: &[u8; SALT_LEN],
    ) -> Result<(SecretKey, Parameters), SealError>;

    /// Takes back what [`Self::establish`] left on disk, since a later step failed.
    fn retract(&self) {}

    /// The seal key again. It need not be the right one: the caller checks it.
    ///
    /// # Errors
    /// When there is nothing to get it from.
    fn open(&self, crypto: &Crypto, header: &SealHeader) -> Result<SecretKey, SealError>;

    /// What to say when the seal key is not the right one.
    fn refused(&self) -> SealError;
}

/// Makes a root key and seals it: for `bulla init`. The directory must exist.
///
/// # Errors
/// [`SealError::AlreadySealed`] when there is a root key already, which is never overwritten;
/// else what `seal` or the disk refused. Then nothing has changed.
pub fn create(crypto: &Crypto, dir: &Path, seal: &dyn Seal) -> Result<RootKey, SealError> {
    let path = header_path(dir);
    if files::exists(&path)? {
        return Err(SealError::AlreadySealed { path });
    }
    let root = RootKey::new(crypto.random()?, crypto.generate_key()?);
    establish(crypto, &root, seal, |text| files::write_new(crypto, &path, text, HEADER_MODE))?;
    Ok(root)
}

/// Opens the seal: for `bulla serve`.
///
/// # Errors
/// [`SealError`] says what is missing, wrong or altered, where, and what to do. Nothing changes.
pub fn unseal(crypto: &Crypto, dir: &Path, seal: &dyn Seal) -> Result<RootKey, SealError> {
    let path = header_path(dir);
    let header = SealHeader::read(&path)?;
    if header.kind() != seal.kind() {
        return Err(SealError::WrongKind { path, sealed: header.kind(), given: seal.kind() });
    }
    let seal_key = seal.open(crypto, &header)?;
    if !header.fits(crypto, &seal_key)? {
        return Err(seal.refused());
    }
    let key = header.unwrap_root(crypto, &seal_key)?.ok_or(SealError::AlteredHeader { path })?;
    Ok(RootKey::new(*header.key_id(), key))
}

/// Puts another seal on the same root key, such as a new passphrase or a passphrase in place of
/// a key file. The old seal is void once this returns; an old key file is left for the operator
/// to destroy, who may need it for older backups.
///
/// # Errors
/// As [`unseal`] for the old seal and [`create`] for the new one. Then the old seal still holds,
/// but for [`SealError::Unreadable`] after the new header reached the directory: then it is the
/// new one, whose secret is kept.
pub fn reseal(
    crypto: &Crypto,
    dir: &Path,
    old: &dyn Seal,
    new: &dyn Seal,
) -> Result<(), SealError> {
    let path = header_path(dir);
    let root = unseal(crypto, dir, old)?;
    establish(crypto, &root, new, |text| files::replace(crypto, &path, text, HEADER_MODE))
}

/// How the data directory is sealed, so that the program knows what to ask for.
///
/// # Errors
/// [`SealError::NotSealed`] when it is not; else as [`SealHeader::read`].
pub fn kind_of(dir: &Path) -> Result<SealKind, SealError> {
    SealHeader::read(&header_path(dir)).map(|header| header.kind())
}

/// Where the seal's header stands: `seal.json` in the data directory.
#[must_use]
pub fn header_path(dir: &Path) -> PathBuf {
    dir.join(SEAL_FILE)
}

const HEADER_MODE: u32 = 0o600;

fn establish(
    crypto: &Crypto,
    root: &RootKey,
    seal: &dyn Seal,
    write: impl FnOnce(&[u8]) -> Result<(), files::WriteError>,
) -> Result<(), SealError> {
    let salt = crypto.random()?;
    let (seal_key, parameters) = seal.establish(crypto, &salt)?;
    let written = SealHeader::wrap(crypto, root, &seal_key, salt, parameters)
        .map_err(|error| (error.into(), true))
        .and_then(|header| {
            write(header.to_json().as_bytes()).map_err(|error| (error.source, !error.in_place))
        });
    written.map_err(|(error, unused)| {
        if unused {
            seal.retract();
        }
        error
    })
}

#[cfg(test)]
mod tests;
