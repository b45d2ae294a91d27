//! Branch keys at rest: wrapped by KMS, with attributes that the wrapping authenticates. They are
//! those of the branch key stores of AWS's own libraries.

use std::collections::BTreeMap;

use crate::EncryptionContext;
use crate::keyring::KeyringError;
use crate::materials::BoxFuture;

pub(super) const ID: &str = "branch-key-id";
pub(super) const TYPE: &str = "type";
pub(super) const VERSION: &str = "version";
pub(super) const CREATED: &str = "create-time";
pub(super) const KMS_ARN: &str = "kms-arn";
pub(super) const HIERARCHY: &str = "hierarchy-version";
/// What the wrapping is bound to beyond the attributes.
const TABLE: &str = "tablename";

/// The type of the version that wraps, and what those of all versions begin with.
pub(super) const ACTIVE: &str = "branch:ACTIVE";
pub(super) const VERSION_PREFIX: &str = "branch:version:";

/// A wrapped branch key: its attributes, and the ciphertext (`enc`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchKeyRecord {
    /// All attributes but the ciphertext, as text.
    pub attributes: BTreeMap<String, String>,
    /// The branch key, as KMS wrapped it.
    pub ciphertext: Vec<u8>,
}

impl BranchKeyRecord {
    /// An attribute.
    ///
    /// # Errors
    /// [`KeyringError::Refused`] when it is missing.
    pub(super) fn get(&self, name: &str) -> Result<&str, KeyringError> {
        let found = self.attributes.get(name).map(String::as_str);
        found.ok_or_else(|| KeyringError::Refused(format!("a branch key's record has no {name}")))
    }

    /// The encryption context of the ciphertext: every attribute, and the store's logical name.
    pub(super) fn context(
        attributes: &BTreeMap<String, String>,
        store: &str,
    ) -> Result<EncryptionContext, KeyringError> {
        let pairs = attributes.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let context = EncryptionContext::from_pairs(pairs.chain([(TABLE, store)]));
        context.map_err(|error| KeyringError::Configuration(error.to_string()))
    }
}

/// Where records lie: a folder, or a table of one's own.
pub trait BranchKeyRecords: Send + Sync {
    /// The record of this type, if there is one.
    ///
    /// # Errors
    /// [`KeyringError::Refused`], with what the medium says.
    fn get<'a>(
        &'a self,
        id: &'a str,
        kind: &'a str,
    ) -> BoxFuture<'a, Result<Option<BranchKeyRecord>, KeyringError>>;

    /// Writes a new version and the active record that names it. `replaced` is the active record
    /// that must be there, or none.
    ///
    /// # Errors
    /// [`KeyringError::Refused`] when another one is there, and with what the medium says.
    fn put<'a>(
        &'a self,
        version: &'a BranchKeyRecord,
        active: &'a BranchKeyRecord,
        replaced: Option<&'a BranchKeyRecord>,
    ) -> BoxFuture<'a, Result<(), KeyringError>>;
}
