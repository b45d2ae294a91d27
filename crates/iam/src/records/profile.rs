//! Instance profiles.

use serde::{Deserialize, Serialize};

use super::entity::arn;

/// An instance profile.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ProfileRecord {
    pub(crate) account: String,
    pub(crate) path: String,
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) created_ms: i64,
    pub(crate) tags: Vec<(String, String)>,
    /// The unique id of the role in it.
    pub(crate) role: Option<String>,
}

impl ProfileRecord {
    pub(crate) fn arn(&self) -> String {
        arn("instance-profile", &self.account, &self.path, &self.name)
    }
}
