//! Branch keys, and who keeps them (specification: `framework/branch-key-store.md`).

use bulla_crypto::{Crypto, SecretKey};

use crate::keyring::KeyringError;
use crate::materials::BoxFuture;

/// The length of a version's id, in bytes: a UUID (RFC 9562).
pub const VERSION_LEN: usize = 16;

/// A version's id.
pub type VersionId = [u8; VERSION_LEN];

/// One version of a branch key.
pub struct BranchKey {
    pub(super) version: VersionId,
    pub(super) key: SecretKey,
}

impl BranchKey {
    /// The branch key of these bytes, 32 of them.
    ///
    /// # Errors
    /// [`KeyringError::Crypto`] for another length.
    pub fn new(version: VersionId, key: &[u8]) -> Result<Self, KeyringError> {
        Ok(Self { version, key: SecretKey::from_slice(key)? })
    }

    /// The version.
    #[must_use]
    pub fn version(&self) -> &VersionId {
        &self.version
    }
}

/// Where branch keys are kept.
pub trait BranchKeyStore: Send + Sync {
    /// The version that wraps.
    ///
    /// # Errors
    /// [`KeyringError::Refused`] when there is no such branch key, and the store's own.
    fn active<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<BranchKey, KeyringError>>;

    /// A version, to unwrap.
    ///
    /// # Errors
    /// As [`Self::active`].
    fn version<'a>(
        &'a self,
        id: &'a str,
        version: VersionId,
    ) -> BoxFuture<'a, Result<BranchKey, KeyringError>>;
}

/// A new version's id: a random UUID.
pub(super) fn new_version(crypto: &Crypto) -> Result<VersionId, KeyringError> {
    let mut id = crypto.random::<VERSION_LEN>()?;
    id[6] = id[6] & 0x0f | 0x40;
    id[8] = id[8] & 0x3f | 0x80;
    Ok(id)
}

/// A UUID as people write it.
pub(super) fn uuid(version: &VersionId) -> String {
    let digits = bulla_crypto::hex::encode(version);
    let mut text = String::with_capacity(digits.len() + 4);
    for (at, digit) in digits.chars().enumerate() {
        if [8, 12, 16, 20].contains(&at) {
            text.push('-');
        }
        text.push(digit);
    }
    text
}

/// What [`uuid`] wrote.
pub(super) fn parse_uuid(text: &str) -> Option<VersionId> {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    bulla_crypto::hex::decode(digits).ok()?.try_into().ok()
}

/// The answer for what is not there.
pub(super) fn missing(id: &str) -> KeyringError {
    KeyringError::Refused(format!("there is no branch key {id:?}, or not in this version"))
}
