//! A secret's record, as it stands in the store.

use bulla_plane::Stop;
use serde::{Deserialize, Serialize};

use crate::fault;

/// How many letters and digits an ARN has after the secret's name and a hyphen.
pub(crate) const SUFFIX_LEN: usize = 6;
/// What names the AWS managed key.
pub(crate) const DEFAULT_KEY: &str = "alias/aws/secretsmanager";

/// A secret without its values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SecretRecord {
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) partition: String,
    pub(crate) name: String,
    /// What tells it from an earlier secret of the same name.
    pub(crate) suffix: String,
    pub(crate) created_ms: i64,
    pub(crate) changed_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rotated_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    /// The KMS key as it was named; none for the AWS managed key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    /// The kind of a partner's secret, as it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<String>,
    /// The token of the call that made it, for secrets that were made without a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<String>,
    /// In the order in which they were set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<(String, String)>,
    /// Oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) versions: Vec<Version>,
    /// When it goes, while its deletion is scheduled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) deletion_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<PolicyText>,
    /// What was ever said about rotation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rotation: Option<Rotation>,
    /// Where the primary is, once the secret is replicated; on both sides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) primary_region: Option<String>,
    /// The primary's replicas, in the order in which they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) replicas: Option<Vec<Replica>>,
    /// The primary in another account that it takes its values from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) foreign_primary: Option<ForeignPrimary>,
    /// The replica in another account that takes its values from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) foreign_replica: Option<ForeignReplica>,
}

/// One version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Version {
    pub(crate) id: String,
    pub(crate) created_ms: i64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) stages: Vec<String>,
    /// The KMS key that its value is under, as it was named; none for the AWS managed key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    /// Whether there is a value. A rotation begins with a version that has none.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub(crate) has_value: bool,
    /// The version whose value this one shows, while a rotation is only tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shows: Option<String>,
}

impl Version {
    /// The id under which its value is sealed.
    pub(crate) fn sealed_as(&self) -> &str {
        self.shows.as_deref().unwrap_or(&self.id)
    }

    /// Whether it has a value of its own.
    pub(crate) fn has_own_value(&self) -> bool {
        self.has_value && self.shows.is_none()
    }
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_yes(yes: &bool) -> bool {
    *yes
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_no(yes: &bool) -> bool {
    !*yes
}

/// A resource policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PolicyText {
    pub(crate) text: String,
    /// The users and roles that it names: each one's ARN, and the unique id that it had then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) principals: Vec<(String, String)>,
}

/// How a secret is rotated.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rotation {
    pub(crate) enabled: bool,
    /// What carries it out, by its ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rotator: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rules: Option<Rules>,
    /// The date that is shown: the end of the next window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) next_ms: Option<i64>,
    /// When its job in the schedule is due; none while there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) due_ms: Option<i64>,
    /// The rotation that has begun and is not through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) under_way: Option<UnderWay>,
}

/// A rotation that has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UnderWay {
    /// The version that it makes.
    pub(crate) token: String,
    /// How often it failed.
    pub(crate) failures: u32,
    /// Whether the third step alone is tried, and nothing is changed.
    #[serde(default, skip_serializing_if = "is_no")]
    pub(crate) trial: bool,
}

/// When a secret is rotated, as it was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rules {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) days: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expression: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) duration: Option<String>,
}

/// A replica, as its primary knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Replica {
    pub(crate) region: String,
    /// The KMS key as it was named; none for the AWS managed key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    /// Why it is not as the primary is; none while it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<String>,
}

/// A primary in another account, as its replica knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ForeignPrimary {
    pub(crate) arn: String,
    pub(crate) standing: Standing,
}

/// A replica in another account, as its primary knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ForeignReplica {
    pub(crate) arn: String,
    /// The role of the primary's account that replicates; none where whoever changes the primary
    /// does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) role: Option<String>,
    pub(crate) standing: Standing,
}

/// How a primary and a replica in another account stand to each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Standing {
    /// The replica waits for the primary's account.
    Pending,
    InSync,
    /// It is not as the primary is: why.
    Failed(String),
    /// The other account has ended it.
    Detached,
}

impl SecretRecord {
    pub(crate) fn arn(&self) -> String {
        self.arn_in(&self.region)
    }

    /// The ARN of its replica in a region.
    pub(crate) fn arn_in(&self, region: &str) -> String {
        let Self { partition, account, name, suffix, .. } = self;
        format!("{}-{suffix}", arn(partition, region, account, name))
    }

    pub(crate) fn path(&self) -> String {
        path(&self.account, &self.region, &self.name)
    }

    /// The row of a version's value.
    pub(crate) fn value_row(&self, version: &str) -> String {
        format!("{}:{version}", self.path())
    }

    pub(crate) fn version(&self, id: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.id == id)
    }

    /// The version that a label is on.
    pub(crate) fn labelled(&self, stage: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.stages.iter().any(|label| label == stage))
    }

    /// Whether it takes its content from a secret in another region.
    pub(crate) fn is_replica(&self) -> bool {
        self.primary_region.as_ref().is_some_and(|region| *region != self.region)
    }

    /// Its replicas in other regions.
    pub(crate) fn replicas(&self) -> &[Replica] {
        self.replicas.as_deref().unwrap_or_default()
    }

    /// What names the KMS key that new values are under.
    pub(crate) fn key_name(&self) -> &str {
        self.key.as_deref().unwrap_or(DEFAULT_KEY)
    }

    /// The ARN of that key, for whoever calls from another account.
    pub(crate) fn key_arn(&self) -> String {
        let named = self.key_name();
        let Self { partition, region, account, .. } = self;
        match named {
            _ if named.starts_with("arn:") => named.to_owned(),
            _ if named.starts_with("alias/") => {
                format!("arn:{partition}:kms:{region}:{account}:{named}")
            }
            id => format!("arn:{partition}:kms:{region}:{account}:key/{id}"),
        }
    }

    /// Refuses what a secret does not do once its deletion is scheduled.
    pub(crate) fn must_live(&self) -> Result<(), Stop> {
        match self.deletion_ms {
            None => Ok(()),
            Some(_) => Err(fault::marked_for_deletion().into()),
        }
    }

    /// Refuses what only a primary does.
    pub(crate) fn must_be_primary(&self) -> Result<(), Stop> {
        self.must_keep_its_own()?;
        match self.foreign_primary {
            None => Ok(()),
            Some(_) => Err(fault::on_a_foreign_replica().into()),
        }
    }

    /// Refuses what a replica in another region does not do: it has tags and policy from its
    /// primary. One in another account keeps its own (user guide, "Replicate secrets across
    /// accounts").
    pub(crate) fn must_keep_its_own(&self) -> Result<(), Stop> {
        if self.is_replica() { Err(fault::on_a_replica().into()) } else { Ok(()) }
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Stop> {
        let mut record: Self = serde_json::from_slice(bytes).map_err(|error| unreadable(&error))?;
        // It may stay in memory.
        record.versions.shrink_to_fit();
        record.versions.iter_mut().for_each(|version| version.stages.shrink_to_fit());
        Ok(record)
    }

    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, Stop> {
        serde_json::to_vec(self).map_err(|error| unreadable(&error))
    }
}

/// The ARN of a secret without its suffix.
pub(crate) fn arn(partition: &str, region: &str, account: &str, name: &str) -> String {
    format!("arn:{partition}:secretsmanager:{region}:{account}:secret:{name}")
}

/// The row of a secret.
pub(crate) fn path(account: &str, region: &str, name: &str) -> String {
    format!("{account}/{region}/{name}")
}

fn unreadable(error: &serde_json::Error) -> Stop {
    tracing::error!(%error, "a stored secret's record does not read");
    Stop::Internal
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn secret(versions: &[(&str, &[&str])]) -> SecretRecord {
        let version = |(id, stages): &(&str, &[&str])| Version {
            id: (*id).to_owned(),
            created_ms: 0,
            stages: stages.iter().map(|stage| (*stage).to_owned()).collect(),
            key: None,
            has_value: true,
            shows: None,
        };
        SecretRecord {
            account: "111122223333".into(),
            region: "eu-central-1".into(),
            partition: "aws".into(),
            name: "db/app".into(),
            suffix: "AbCdEf".into(),
            created_ms: 1,
            changed_ms: 2,
            rotated_ms: None,
            description: None,
            key: None,
            kind: None,
            token: None,
            tags: vec![],
            versions: versions.iter().map(version).collect(),
            deletion_ms: None,
            policy: None,
            rotation: None,
            primary_region: None,
            replicas: None,
            foreign_primary: None,
            foreign_replica: None,
        }
    }

    #[test]
    fn a_record_reads_as_it_was_written_and_leaves_out_what_is_not_there() {
        let mut record = secret(&[("v1", &["AWSCURRENT"])]);
        assert!(record.to_bytes().unwrap().len() < 260, "{:?}", record.to_bytes());
        record.tags = vec![("team".into(), "red".into())];
        assert_eq!(SecretRecord::read(&record.to_bytes().unwrap()).unwrap(), record);
    }

    #[test]
    fn an_arn_ends_with_the_suffix() {
        let arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:db/app-AbCdEf";
        assert_eq!(secret(&[]).arn(), arn);
    }
}
