//! A key's record, as it stands in the store.

use serde::{Deserialize, Serialize};

use crate::family::Family;
use crate::kind::Kind;

/// A day in milliseconds. Records have their periods in days.
pub(crate) const DAY_MS: i64 = 86_400_000;

/// A key without its material.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct KeyRecord {
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) partition: String,
    pub(crate) id: String,
    #[serde(default = "Kind::symmetric")]
    pub(crate) kind: &'static Kind,
    #[serde(default)]
    pub(crate) origin: Origin,
    pub(crate) created_ms: i64,
    pub(crate) description: String,
    pub(crate) state: State,
    /// The regions it stands in, if it is a multi-Region key.
    #[serde(default)]
    pub(crate) family: Option<Family>,
    /// When the key goes, while its deletion is pending.
    pub(crate) deletion_ms: Option<i64>,
    /// The waiting period that begins when its last replica is gone, in days.
    #[serde(default)]
    pub(crate) window_days: Option<i64>,
    /// The service that an AWS managed key belongs to, such as `ssm`.
    pub(crate) managed_by: Option<String>,
    pub(crate) policy: String,
    /// The users and roles that the policy names: each one's ARN, as the policy has it, and the
    /// unique id that it had then.
    #[serde(default)]
    pub(crate) principals: Vec<(String, String)>,
    /// In the order in which they were set.
    pub(crate) tags: Vec<(String, String)>,
    /// The names of its aliases, with their prefix.
    pub(crate) aliases: Vec<String>,
    /// How many grants it has.
    #[serde(default)]
    pub(crate) grants: u32,
    /// Automatic rotation, when it is on.
    pub(crate) rotation: Option<Rotation>,
    /// The on-demand rotation under way.
    pub(crate) on_demand: Option<OnDemand>,
    pub(crate) on_demand_count: u32,
    /// Oldest first; the last one encrypts.
    pub(crate) materials: Vec<Material>,
    /// Brought in, and waiting for a rotation to become the current one.
    #[serde(default)]
    pub(crate) pending: Option<Material>,
    /// Where its outer key is, if it is in a custom key store.
    #[serde(default)]
    pub(crate) custom: Option<Custom>,
}

/// What a key in a custom key store has there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Custom {
    /// The store's id.
    pub(crate) store: String,
    /// The external key's id; none for keys in a token, which bear the KMS key's own id.
    pub(crate) external: Option<String>,
}

/// Where a key's material comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Origin {
    /// It was made here.
    #[default]
    AwsKms,
    /// Its owner brings it.
    External,
    /// It was made here, and an external key manager has another.
    ExternalKeyStore,
    /// It was made here, and a token has another.
    CloudHsm,
}

impl Origin {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::AwsKms => "AWS_KMS",
            Self::External => "EXTERNAL",
            Self::ExternalKeyStore => "EXTERNAL_KEY_STORE",
            Self::CloudHsm => "AWS_CLOUDHSM",
        }
    }
}

/// The state that a new replica is answered in. AWS needs seconds to make one; here it is made
/// when the answer is given, and stands in the state that follows.
pub(crate) const CREATING: &str = "Creating";

/// The states that a key can be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    Enabled,
    Disabled,
    PendingDeletion,
    /// A primary key, whose replicas must be gone first.
    PendingReplicaDeletion,
    /// Some of its material is to be brought in, for the first time or again.
    PendingImport,
}

impl State {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Enabled => "Enabled",
            Self::Disabled => "Disabled",
            Self::PendingDeletion => "PendingDeletion",
            Self::PendingReplicaDeletion => "PendingReplicaDeletion",
            Self::PendingImport => "PendingImport",
        }
    }

    /// What errors call it while the key's deletion is pending.
    pub(crate) fn going(self) -> Option<&'static str> {
        match self {
            Self::PendingDeletion => Some("pending deletion"),
            Self::PendingReplicaDeletion => Some("pending replica deletion"),
            Self::Enabled | Self::Disabled | Self::PendingImport => None,
        }
    }
}

/// Automatic rotation.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Rotation {
    pub(crate) period_days: i64,
    pub(crate) next_ms: i64,
    /// Whether a job for `next_ms` stands in the schedule; none does while the key is paused.
    pub(crate) scheduled: bool,
}

/// A rotation that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OnDemand {
    pub(crate) started_ms: i64,
    pub(crate) done_ms: i64,
}

/// One generation of key material.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Material {
    /// 64 lower-case hex digits.
    pub(crate) id: String,
    /// When it became current; the first one has no date.
    pub(crate) rotated_ms: Option<i64>,
    /// `AUTOMATIC` or `ON_DEMAND`.
    pub(crate) rotated_by: Option<String>,
    /// None for material that was made here.
    #[serde(default)]
    pub(crate) import: Option<Import>,
}

/// What is particular to material that was brought in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Import {
    /// Whether it is here.
    pub(crate) held: bool,
    /// When it goes, in whole seconds.
    pub(crate) valid_to_ms: Option<i64>,
    pub(crate) description: Option<String>,
}

impl Import {
    /// AWS's names for what becomes of it.
    pub(crate) const EXPIRES: &'static str = "KEY_MATERIAL_EXPIRES";
    pub(crate) const FOREVER: &'static str = "KEY_MATERIAL_DOES_NOT_EXPIRE";

    pub(crate) fn model(&self) -> &'static str {
        if self.valid_to_ms.is_some() { Self::EXPIRES } else { Self::FOREVER }
    }
}

impl KeyRecord {
    pub(crate) fn arn(&self) -> String {
        arn(&self.partition, &self.region, &self.account, &self.id)
    }

    pub(crate) fn path(&self) -> String {
        path(&self.account, &self.region, &self.id)
    }

    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }
}

/// The row of a key in its space.
pub(crate) fn path(account: &str, region: &str, id: &str) -> String {
    [account, "/", region, "/", id].concat()
}

/// The row of a material in its space.
pub(crate) fn material_path(region: &str, id: &str) -> String {
    [region, "/", id].concat()
}

/// A key's ARN.
pub(crate) fn arn(partition: &str, region: &str, account: &str, id: &str) -> String {
    format!("arn:{partition}:kms:{region}:{account}:key/{id}")
}
