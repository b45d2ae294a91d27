//! Branch keys in this process's memory: for tests, and for keys that need not outlive it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bulla_crypto::{Crypto, SecretKey};

use super::store::{BranchKey, BranchKeyStore, VersionId, missing, new_version};
use crate::keyring::KeyringError;
use crate::materials::BoxFuture;

/// Branch keys that are gone with the process.
pub struct LocalBranchKeys {
    /// By branch key: all versions, the active one last.
    keys: Mutex<HashMap<String, Vec<(VersionId, SecretKey)>>>,
    crypto: Crypto,
}

impl LocalBranchKeys {
    /// No branch keys yet.
    #[must_use]
    pub fn new() -> Self {
        Self { keys: Mutex::default(), crypto: Crypto::standard() }
    }

    /// Draws a branch key, or a new version of one that is there; the version's id.
    ///
    /// # Errors
    /// Those of the random source.
    pub fn create_or_rotate(&self, id: &str) -> Result<VersionId, KeyringError> {
        let (version, key) = (new_version(&self.crypto)?, self.crypto.generate_key()?);
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.entry(id.to_owned()).or_default().push((version, key));
        Ok(version)
    }

    fn find(&self, id: &str, wanted: Option<VersionId>) -> Result<BranchKey, KeyringError> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let mut versions = keys.get(id).into_iter().flatten().rev();
        let found = versions.find(|(version, _)| wanted.is_none_or(|wanted| wanted == *version));
        let (version, key) = found.ok_or_else(|| missing(id))?;
        BranchKey::new(*version, key.expose())
    }
}

impl Default for LocalBranchKeys {
    fn default() -> Self {
        Self::new()
    }
}

impl BranchKeyStore for LocalBranchKeys {
    fn active<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<BranchKey, KeyringError>> {
        Box::pin(async move { self.find(id, None) })
    }

    fn version<'a>(
        &'a self,
        id: &'a str,
        version: VersionId,
    ) -> BoxFuture<'a, Result<BranchKey, KeyringError>> {
        Box::pin(async move { self.find(id, Some(version)) })
    }
}
