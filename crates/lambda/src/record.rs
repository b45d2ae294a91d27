//! Functions as they stand in the store.

use bulla_plane::{SecretText, Stop};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A function: what all of its versions share, and the one that is not published.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct FunctionRecord {
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) partition: String,
    pub(crate) name: String,
    /// Tells it from an earlier function of the same name.
    pub(crate) id: String,
    pub(crate) latest: Config,
    /// The number that the next published version gets.
    pub(crate) next_version: u64,
    /// The versions that are published and not deleted, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) versions: Vec<u64>,
    /// By name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) aliases: Vec<Alias>,
    /// Resource policies, by what they are on: the empty text for the function itself, else a
    /// version's number or an alias's name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) policies: Vec<(String, PolicyRecord)>,
    /// In the order in which they were set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<(String, String)>,
    /// How many may run at once, where that is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reserved: Option<i64>,
}

/// What one version is.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Config {
    pub(crate) runtime: String,
    pub(crate) handler: String,
    pub(crate) role: String,
    pub(crate) description: String,
    pub(crate) timeout_s: i64,
    pub(crate) memory_mb: i64,
    pub(crate) storage_mb: i64,
    pub(crate) architecture: String,
    pub(crate) tracing: String,
    pub(crate) logging: Logging,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) environment: Option<Environment>,
    pub(crate) code: Code,
    pub(crate) modified_ms: i64,
    pub(crate) revision: String,
    /// The revision that a published version was made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) origin: Option<String>,
}

/// Where a function's log goes, as far as answers tell it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Logging {
    pub(crate) format: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) application_level: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) system_level: Option<String>,
    pub(crate) group: String,
}

/// Code that was uploaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Code {
    /// The name of its rows.
    pub(crate) id: String,
    /// SHA-256 of the archive, in base64.
    pub(crate) sha256: String,
    /// The archive's length in bytes.
    pub(crate) size: u64,
}

/// The variables that a function is given.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Environment {
    /// Under the store's own seal alone.
    Plain(Vec<(String, SecretText)>),
    /// Under a key of KMS besides.
    Sealed {
        /// The ARN of the key, as KMS told it.
        key: String,
        /// The data key, encrypted by KMS, in base64.
        data_key: String,
        /// Nonce and ciphertext of the variables as JSON, in base64.
        sealed: String,
    },
}

/// A name for a version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Alias {
    pub(crate) name: String,
    /// A version's number, or `$LATEST`.
    pub(crate) version: String,
    pub(crate) description: String,
    /// A second version that takes a part of the calls, and which part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) routing: Option<(String, f64)>,
    pub(crate) revision: String,
}

/// A resource policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PolicyRecord {
    /// The statements as JSON, in the order in which they were added.
    pub(crate) statements: Vec<StatementRecord>,
    pub(crate) revision: String,
}

/// A statement of a resource policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StatementRecord {
    pub(crate) id: String,
    /// The statement as JSON.
    pub(crate) text: String,
    /// The user or role that it names, and the unique id that it had then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bound: Option<(String, String)>,
}

impl FunctionRecord {
    pub(crate) fn arn(&self) -> String {
        let Self { partition, region, account, name, .. } = self;
        format!("arn:{partition}:lambda:{region}:{account}:function:{name}")
    }

    /// The row.
    pub(crate) fn path(&self) -> String {
        format!("{}/{}/{}", self.account, self.region, self.name)
    }

    /// The row of a published version.
    pub(crate) fn version_row(&self, version: u64) -> String {
        version_row(&self.path(), version)
    }

    pub(crate) fn alias(&self, name: &str) -> Option<&Alias> {
        self.aliases.iter().find(|alias| alias.name == name)
    }

    pub(crate) fn policy(&self, on: &str) -> Option<&PolicyRecord> {
        self.policies.iter().find(|(name, _)| name == on).map(|(_, policy)| policy)
    }
}

/// The row of a published version: numbers lie in their order.
pub(crate) fn version_row(path: &str, version: u64) -> String {
    format!("{path}:{version:020}")
}

pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Stop> {
    serde_json::from_slice(bytes).map_err(|error| {
        tracing::error!(%error, "a stored function's record does not read");
        Stop::Internal
    })
}

pub(crate) fn bytes<T: Serialize>(record: &T) -> Result<Vec<u8>, Stop> {
    serde_json::to_vec(record).map_err(|error| {
        tracing::error!(%error, "a function's record can't be written");
        Stop::Internal
    })
}
