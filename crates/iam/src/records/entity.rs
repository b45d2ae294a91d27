//! Users, groups and roles: one record for the three, as policies hang on them alike.

use bulla_store::Space;
use serde::{Deserialize, Serialize};

use super::{GROUPS, PARTITION, ROLES, USERS, row};

/// What an entity is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    User,
    Group,
    Role,
}

impl Kind {
    /// The space of its rows.
    pub(crate) fn space(self) -> Space {
        match self {
            Self::User => USERS,
            Self::Group => GROUPS,
            Self::Role => ROLES,
        }
    }

    /// What ARNs, texts and parameters call it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Role => "role",
        }
    }

    /// What its unique ids begin with.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::User => "AIDA",
            Self::Group => "AGPA",
            Self::Role => "AROA",
        }
    }
}

/// A user, group or role.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Entity {
    pub(crate) kind: Kind,
    pub(crate) account: String,
    /// `/`, or `/…/`.
    pub(crate) path: String,
    /// As its maker wrote it.
    pub(crate) name: String,
    /// The unique id.
    pub(crate) id: String,
    pub(crate) created_ms: i64,
    /// In the order in which they were set.
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) inline: Vec<Inline>,
    /// The ARNs of the managed policies attached to it, oldest first.
    pub(crate) attached: Vec<String>,
    /// The ARN of the managed policy that is its permissions boundary.
    pub(crate) boundary: Option<String>,
    /// A user's groups by their unique ids, oldest first.
    pub(crate) groups: Vec<String>,
    /// The ids of a user's access keys, oldest first.
    pub(crate) keys: Vec<String>,
    /// What only roles have.
    pub(crate) role: Option<RolePart>,
}

/// A policy that is part of its holder.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Inline {
    pub(crate) name: String,
    pub(crate) document: String,
}

/// What only roles have.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RolePart {
    /// The trust policy as it was written.
    pub(crate) trust: String,
    /// Whom the trust policy's ARNs named when it was stored.
    pub(crate) bindings: Vec<TrustBinding>,
    pub(crate) description: Option<String>,
    pub(crate) max_session_seconds: i64,
    /// The instance profiles that have it, by name.
    pub(crate) profiles: Vec<String>,
    /// The service whose role it is, for service-linked roles.
    pub(crate) service: Option<String>,
}

/// A principal of a trust policy, and who had its ARN when the policy was stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TrustBinding {
    pub(crate) arn: String,
    pub(crate) id: String,
}

impl Entity {
    pub(crate) fn arn(&self) -> String {
        arn(self.kind.word(), &self.account, &self.path, &self.name)
    }

    pub(crate) fn row(&self) -> String {
        row(&self.account, &self.name)
    }
}

/// The ARN of something in IAM that has a path.
pub(crate) fn arn(word: &str, account: &str, path: &str, name: &str) -> String {
    format!("arn:{PARTITION}:iam::{account}:{word}{path}{name}")
}
