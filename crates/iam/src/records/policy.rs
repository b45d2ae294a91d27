//! Customer managed policies with their versions.

use serde::{Deserialize, Serialize};

use super::entity::arn;

/// A customer managed policy.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PolicyRecord {
    pub(crate) account: String,
    pub(crate) path: String,
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) description: Option<String>,
    pub(crate) created_ms: i64,
    pub(crate) updated_ms: i64,
    /// The number of the version in force.
    pub(crate) default: u32,
    /// The number of the latest version there ever was; numbers are not given again.
    pub(crate) latest: u32,
    /// Oldest first.
    pub(crate) versions: Vec<PolicyVersion>,
    pub(crate) tags: Vec<(String, String)>,
}

/// A version of a managed policy.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PolicyVersion {
    pub(crate) number: u32,
    pub(crate) created_ms: i64,
    pub(crate) document: String,
}

impl PolicyRecord {
    pub(crate) fn arn(&self) -> String {
        arn("policy", &self.account, &self.path, &self.name)
    }

    /// The version in force.
    pub(crate) fn in_force(&self) -> Option<&PolicyVersion> {
        self.versions.iter().find(|version| version.number == self.default)
    }
}
