//! Replicas in other regions, which follow their primary (user guide, "Replicate secrets").
//!
//! One server serves all regions, so that a replica is a row beside its primary's, and both change
//! in one commit. Each has its own values, under a KMS key of its own region.

use std::sync::Arc;

use bulla_plane::{Call, Stop};
use bulla_shapes::Fault;
use bulla_shapes::secretsmanager::ReplicationStatusType;
use bulla_store::{Expected, SealedBatch};

use crate::live::LiveSecret;
use crate::record::{self, DEFAULT_KEY, Replica, SecretRecord, Version};
use crate::sealing::{Giver, Value};
use crate::secrets::with_record;
use crate::{Secrets, VALUES, fault};

/// What AWS says of a replica that is as its primary is.
pub(crate) const SUCCEEDED: &str = "Replication succeeded";

/// What a change of a primary does beyond its own row.
#[derive(Default)]
pub(crate) struct Spread {
    pub(crate) batch: SealedBatch,
    /// The rows of replicas that change.
    pub(crate) paths: Vec<String>,
}

impl Secrets {
    /// A replica of a secret, as it stands in its region.
    pub(crate) async fn replica(
        &self,
        primary: &SecretRecord,
        region: &str,
    ) -> Result<Option<Arc<LiveSecret>>, Stop> {
        let path = record::path(&primary.account, region, &primary.name);
        let live = self.live(&path).await?;
        Ok(live.filter(|live| live.record.is_replica_of(primary)))
    }

    /// Writes what replicas share with their primary to all of them, as far as they keep up, and
    /// tells which have just ceased to.
    pub(crate) async fn spread(
        &self,
        before: &SecretRecord,
        primary: &SecretRecord,
        spread: &mut Spread,
    ) -> Result<(), Stop> {
        for replica in primary.replicas() {
            if let Some(why) = &replica.failure {
                let held = |was: &&Replica| was.region == replica.region && was.failure.is_none();
                if before.replicas().iter().any(|was| held(&was)) {
                    let arn = primary.arn_in(&replica.region);
                    self.tell_failure(spread, primary, (&arn, why), primary.changed_ms)?;
                }
                continue;
            }
            let Some(live) = self.replica(primary, &replica.region).await? else { continue };
            let followed = live.record.following(primary, &live.record.region);
            let gone = live.record.versions.iter().map(|version| version.id.as_str());
            let gone: Vec<_> = gone.filter(|id| primary.version(id).is_none()).collect();
            let batch = std::mem::take(&mut spread.batch);
            let batch = self.without_values(batch, &live.record, gone.into_iter()).await?;
            spread.batch = with_record(batch, &live, &followed)?;
            spread.paths.push(live.path.clone());
        }
        self.spread_across(before, primary, spread).await
    }

    /// Tells one side of a replication that a copy failed.
    pub(crate) fn tell_failure(
        &self,
        spread: &mut Spread,
        side: &SecretRecord,
        (replica, why): (&str, &str),
        time_ms: i64,
    ) -> Result<(), Stop> {
        let batch = std::mem::take(&mut spread.batch);
        let about = (replica, Some(why));
        spread.batch = self.tell_of_replication(batch, side, about, time_ms)?;
        Ok(())
    }

    /// Seals a new version's value for a primary and for each of its replicas. Where a replica's
    /// key can't be used the replica fails, and the primary goes on without it.
    pub(crate) async fn seal_everywhere(
        &self,
        call: &mut Call,
        primary: &mut SecretRecord,
        version: &str,
        value: &Value,
        mut batch: SealedBatch,
    ) -> Result<SealedBatch, Stop> {
        let sealed = self.seal(Giver::Kms, call, primary, (version, value)).await?;
        let row = primary.value_row(version);
        batch = batch.put(VALUES, row, Expected::Absent, sealed.to_bytes());
        let mut replicas = primary.replicas.take();
        for replica in replicas.iter_mut().flatten().filter(|one| one.failure.is_none()) {
            let region = replica.region.clone();
            let Some(live) = self.replica(primary, &region).await? else { continue };
            match self.seal(Giver::Kms, call, &live.record, (version, value)).await {
                Ok(sealed) => {
                    let row = live.record.value_row(version);
                    batch = batch.put(VALUES, row, Expected::Absent, sealed.to_bytes());
                }
                Err(Stop::Fault(refused)) => replica.failure = Some(failure(&refused)),
                Err(stop) => return Err(stop),
            }
        }
        primary.replicas = replicas;
        self.seal_across(call, primary, (version, &sealed), batch).await
    }
}

/// Why a replica failed, in AWS's form.
pub(crate) fn failure(refused: &Fault) -> String {
    format!("Replication failed: {}", refused.message.as_deref().unwrap_or(&refused.code))
}

impl SecretRecord {
    /// Whether this is the replica of a secret.
    pub(crate) fn is_replica_of(&self, primary: &Self) -> bool {
        self.is_replica()
            && self.suffix == primary.suffix
            && self.primary_region.as_ref() == Some(&primary.region)
    }

    /// This replica as its primary has become. Dates of creation and the KMS key stay its own.
    pub(crate) fn following(&self, primary: &Self, region: &str) -> Self {
        let version = |of: &Version| Version {
            created_ms: self.version(&of.id).map_or(of.created_ms, |own| own.created_ms),
            key: self.key.clone(),
            ..of.clone()
        };
        Self {
            region: region.to_owned(),
            suffix: primary.suffix.clone(),
            description: primary.description.clone(),
            kind: primary.kind.clone(),
            tags: primary.tags.clone(),
            policy: primary.policy.clone(),
            changed_ms: primary.changed_ms,
            // A version without a value of its own is not copied.
            versions: primary
                .versions
                .iter()
                .filter(|of| of.has_own_value())
                .map(version)
                .collect(),
            primary_region: Some(primary.region.clone()),
            replicas: None,
            foreign_replica: None,
            ..self.clone()
        }
    }
}

/// Where a primary's replicas stand. In the answer of what makes them AWS is not through yet.
pub(crate) fn status(
    replicas: &[Replica],
    is_new: impl Fn(&Replica) -> bool,
) -> Vec<ReplicationStatusType<'static>> {
    let one = |replica: &Replica| {
        let key = replica.key.clone().unwrap_or_else(|| DEFAULT_KEY.to_owned());
        let status =
            ReplicationStatusType::new().with_region(replica.region.clone()).with_kms_key_id(key);
        match &replica.failure {
            _ if is_new(replica) => status.with_status("InProgress"),
            None => status.with_status("InSync").with_status_message(SUCCEEDED),
            Some(why) => status.with_status("Failed").with_status_message(why.clone()),
        }
    };
    replicas.iter().map(one).collect()
}

/// The refusal of a region that no replica can be in (our text).
pub(crate) fn check_region(call: &Call, region: &str) -> Result<(), Fault> {
    let fits = bulla_plane::region::is_known(region)
        && bulla_plane::region::partition(region) == call.partition
        && region != call.region;
    if fits { Ok(()) } else { Err(fault::invalid_parameter("Invalid replica region.")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::secret;

    #[test]
    fn a_replica_follows_in_everything_but_key_and_dates() {
        let mut primary = secret(&[("v1", &["AWSPREVIOUS"]), ("v2", &["AWSCURRENT"])]);
        primary.tags = vec![("a".into(), "b".into())];
        primary.description = Some("new".into());
        let mut replica = secret(&[("v1", &["AWSCURRENT"])]);
        replica.region = "us-east-1".into();
        replica.primary_region = Some(primary.region.clone());
        replica.key = Some("alias/there".into());
        replica.versions[0].created_ms = 7;
        assert!(replica.is_replica_of(&primary) && replica.is_replica());
        let followed = replica.following(&primary, "us-east-1");
        assert_eq!(followed.description, primary.description);
        assert_eq!(followed.tags, primary.tags);
        let key = Some("alias/there".to_owned());
        let version = |id: &str, created_ms, stage: &str| Version {
            id: id.into(),
            created_ms,
            stages: vec![stage.into()],
            key: key.clone(),
            has_value: true,
            shows: None,
        };
        let wanted = [version("v1", 7, "AWSPREVIOUS"), version("v2", 0, "AWSCURRENT")];
        assert_eq!(followed.versions, wanted);
        assert!(followed.arn().contains(":us-east-1:") && followed.arn().ends_with("AbCdEf"));
    }
}
