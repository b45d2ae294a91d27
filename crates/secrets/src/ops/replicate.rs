//! ReplicateSecretToRegions, RemoveRegionsFromReplication and StopReplicationToReplica.

use std::sync::Arc;

use bulla_plane::gate::Named;
use bulla_plane::{Call, Stop};
use bulla_shapes::View;
use bulla_shapes::secretsmanager::{
    RemoveRegionsFromReplicationRequest, RemoveRegionsFromReplicationResponse, ReplicaRegionType,
    ReplicateSecretToRegionsRequest, ReplicateSecretToRegionsResponse, ReplicationStatusType,
    StopReplicationToReplicaRequest, StopReplicationToReplicaResponse,
};
use bulla_store::{Expected, SealedBatch};

use super::{Answer, key_name};
use crate::across::POLICY_NAME;
use crate::conditions;
use crate::live::LiveSecret;
use crate::record::{self, ForeignPrimary, Replica, SecretRecord, Standing};
use crate::replicas::{check_region, failure, status};
use crate::sealing::Giver;
use crate::secrets::{SECRET_TYPE, with_record};
use crate::{SECRETS, Secrets, VALUES, fault};

pub(crate) async fn replicate_secret_to_regions(
    service: &Secrets,
    call: &mut Call,
    input: &ReplicateSecretToRegionsRequest<'_>,
) -> Answer {
    let wanted: Vec<_> =
        input.add_replica_regions().map(|all| all.iter().collect()).unwrap_or_default();
    let regions = wanted.iter().filter_map(ReplicaRegionType::region).collect();
    let force = input.force_overwrite_replica_secret();
    let keys = conditions::of(input.secret_id())
        .with_many("secretsmanager:addreplicaregions", regions)
        .with_flag("secretsmanager:forceoverwritereplicasecret", force);
    let action = "secretsmanager:ReplicateSecretToRegions";
    let secret = service.permitted(call, input.secret_id(), action, &keys).await?;
    secret.record.must_live()?;
    secret.record.must_be_primary()?;
    for one in &wanted {
        check_region(call, one.region().unwrap_or_default())?;
    }
    let path = secret.path.clone();
    let statuses = service.replicate(call, &path, &wanted, force == Some(true)).await?;
    let answer = ReplicateSecretToRegionsResponse::new()
        .with_arn(secret.arn.clone())
        .with_replication_status(statuses);
    call.responded(answer.record());
    Ok(Some(answer.into_record()))
}

pub(crate) async fn remove_regions_from_replication(
    service: &Secrets,
    call: &mut Call,
    input: &RemoveRegionsFromReplicationRequest<'_>,
) -> Answer {
    let keys = conditions::of(input.secret_id());
    let action = "secretsmanager:RemoveRegionsFromReplication";
    let secret = service.permitted(call, input.secret_id(), action, &keys).await?;
    secret.record.must_live()?;
    secret.record.must_be_primary()?;
    let goes = |replica: &Replica| {
        input.remove_replica_regions().is_some_and(|all| all.contains(&replica.region))
    };
    let (gone, kept): (Vec<_>, Vec<_>) = secret.record.replicas().iter().cloned().partition(goes);
    // One region at a time: the values of several may be more than fits into one commit.
    let mut current = Arc::clone(&secret);
    for replica in gone {
        current = service.remove_replica(&current, &replica).await?;
    }
    let answer = RemoveRegionsFromReplicationResponse::new()
        .with_arn(secret.arn.clone())
        .with_replication_status(status(&kept, |_| false));
    call.responded(answer.record());
    Ok(Some(answer.into_record()))
}

pub(crate) async fn stop_replication_to_replica(
    service: &Secrets,
    call: &mut Call,
    input: &StopReplicationToReplicaRequest<'_>,
) -> Answer {
    let keys = conditions::of(input.secret_id());
    let action = "secretsmanager:StopReplicationToReplica";
    let secret = service.permitted(call, input.secret_id(), action, &keys).await?;
    secret.record.must_live()?;
    if let Some(link) = &secret.record.foreign_primary {
        return service.stand_alone(call, &secret, link).await;
    }
    let home = secret.record.primary_region.clone().filter(|_| secret.record.is_replica());
    // AWS's text is not recorded; this one is ours.
    let home = home.ok_or_else(|| {
        fault::invalid_request("You can stop replication only to a replica secret.")
    })?;
    let mut batch = SealedBatch::new();
    let mut paths = vec![secret.path.clone()];
    let path = record::path(&secret.record.account, &home, &secret.record.name);
    if let Some(primary) = service.live(&path).await?
        && secret.record.is_replica_of(&primary.record)
    {
        let mut record = primary.record.clone();
        record.forget_replica(&secret.record.region);
        batch = with_record(batch, &primary, &record)?;
        paths.push(path);
    }
    let alone = SecretRecord { primary_region: None, ..secret.record.clone() };
    let batch = with_record(batch, &secret, &alone)?;
    let paths: Vec<_> = paths.iter().map(String::as_str).collect();
    service.commit(&paths, batch).await?;
    let answer = StopReplicationToReplicaResponse::new().with_arn(secret.arn.clone());
    call.responded(answer.record());
    Ok(Some(answer.into_record()))
}

impl SecretRecord {
    /// Takes a region from a primary's list of replicas.
    fn forget_replica(&mut self, region: &str) {
        let replicas = self.replicas.get_or_insert_default();
        replicas.retain(|replica| replica.region != region);
    }
}

impl Secrets {
    /// Makes a secret of its own of a replica of another account's secret, whose standing tells it
    /// there. The policy that lets that account replicate goes, so that the caller needs permission
    /// to delete it (API reference).
    async fn stand_alone(
        &self,
        call: &mut Call,
        secret: &LiveSecret,
        link: &ForeignPrimary,
    ) -> Answer {
        let keys = conditions::of(&secret.arn).with("secretsmanager:policyname", POLICY_NAME);
        let action = "secretsmanager:DeleteResourcePolicy";
        self.find(call, &secret.arn).await?.permit(call, action, &keys, Named::Arn)?;
        let alone = SecretRecord { foreign_primary: None, ..secret.record.clone() };
        let mut batch = with_record(SealedBatch::new(), secret, &alone)?;
        let mut paths = vec![secret.path.as_str()];
        let primary = self.foreign_primary(&secret.record, link).await?;
        if let Some(primary) = &primary {
            call.touched(&primary.arn, &primary.record.account, SECRET_TYPE);
            let mut record = primary.record.clone();
            if let Some(link) = &mut record.foreign_replica {
                link.standing = Standing::Detached;
            }
            batch = with_record(batch, primary, &record)?;
            paths.push(&primary.path);
        }
        self.commit(&paths, batch).await?;
        let answer = StopReplicationToReplicaResponse::new().with_arn(secret.arn.clone());
        call.responded(answer.record());
        Ok(Some(answer.into_record()))
    }

    /// Makes replicas of a secret, and says how they stand as AWS does when it has just begun.
    pub(crate) async fn replicate(
        &self,
        call: &mut Call,
        path: &str,
        wanted: &[ReplicaRegionType<'_>],
        force: bool,
    ) -> Result<Vec<ReplicationStatusType<'static>>, Stop> {
        let mut new = Vec::new();
        let mut secret = self.live(path).await?.ok_or(Stop::Again)?;
        for one in wanted {
            let replica = Replica {
                region: one.region().unwrap_or_default().to_owned(),
                key: key_name(one.kms_key_id()),
                failure: None,
            };
            let standing =
                secret.record.replicas().iter().find(|known| known.region == replica.region);
            if standing.is_some_and(|known| known.failure.is_none()) {
                continue;
            }
            new.push(replica.region.clone());
            secret = self.add_replica(call, &secret, replica, force).await?;
        }
        let is_new = |replica: &Replica| new.contains(&replica.region);
        Ok(status(secret.record.replicas(), is_new))
    }

    /// Makes one replica, or notes why it can't be made; gives the primary as it is then.
    async fn add_replica(
        &self,
        call: &mut Call,
        secret: &Arc<LiveSecret>,
        mut replica: Replica,
        force: bool,
    ) -> Result<Arc<LiveSecret>, Stop> {
        let path = record::path(&secret.record.account, &replica.region, &secret.record.name);
        let there = self.live(&path).await?;
        let own = there.as_ref().is_some_and(|it| it.record.is_replica_of(&secret.record));
        let mut paths = vec![secret.path.as_str()];
        let mut batch = SealedBatch::new();
        if there.is_some() && !own && !force {
            replica.failure = Some(format!(
                "Replication failed: Secret name {} already exists in region {}.",
                secret.record.name, replica.region
            ));
        } else {
            match self.copy(call, secret, &replica, there.as_deref()).await {
                Ok(made) => {
                    batch = made;
                    paths.push(&path);
                }
                Err(Stop::Fault(refused)) => replica.failure = Some(failure(&refused)),
                Err(stop) => return Err(stop),
            }
        }
        let mut record = secret.record.clone();
        record.primary_region = Some(record.region.clone());
        record.forget_replica(&replica.region);
        let (region, why) = (replica.region.clone(), replica.failure.clone());
        record.replicas.get_or_insert_default().push(replica);
        let batch = with_record(batch, secret, &record)?;
        let about = (secret.record.arn_in(&region), why);
        let about = (about.0.as_str(), about.1.as_deref());
        let batch = self.tell_of_replication(batch, &record, about, call.now_ms)?;
        self.commit(&paths, batch).await?;
        self.live(&secret.path).await?.ok_or(Stop::Again)
    }

    /// The rows of a new replica: its record, and each value under a key of its region. What
    /// stands there goes, and only its date of creation stays (recorded).
    async fn copy(
        &self,
        call: &mut Call,
        primary: &LiveSecret,
        replica: &Replica,
        there: Option<&LiveSecret>,
    ) -> Result<SealedBatch, Stop> {
        if there.is_none() {
            let home = (primary.record.account.as_str(), replica.region.as_str());
            self.must_have_room(call, home).await?;
        }
        let created_ms = there.map_or(call.now_ms, |there| there.record.created_ms);
        let fresh = SecretRecord {
            created_ms,
            key: replica.key.clone(),
            token: None,
            rotation: None,
            rotated_ms: None,
            deletion_ms: None,
            foreign_primary: None,
            versions: vec![],
            ..primary.record.clone()
        };
        let mut record = fresh.following(&primary.record, &replica.region);
        record.versions.iter_mut().for_each(|version| version.created_ms = call.now_ms);
        self.try_key(call, &record).await?;
        if record.key.is_some() && !self.may_encrypt(call, &record).await? {
            return Err(fault::access_to_kms().into());
        }
        let mut batch = SealedBatch::new();
        let mut kept = Vec::new();
        for version in &record.versions {
            let of = primary.record.version(&version.id).ok_or_else(fault::internal)?;
            let value = self.open_version(call, primary, of).await?;
            let sealed = self.seal(Giver::Kms, call, &record, (&version.id, &value)).await?;
            let row = record.value_row(&version.id);
            let before = self.barrier.get(VALUES, row.as_bytes()).await?;
            let before = Expected::from(before.map(|before| before.version));
            batch = batch.put(VALUES, row, before, sealed.to_bytes());
            kept.push(version.id.as_str());
        }
        if let Some(there) = there {
            let old = there.record.versions.iter().map(|version| version.id.as_str());
            let old = old.filter(|id| !kept.contains(id));
            batch = self.without_values(batch, &there.record, old).await?;
        }
        let before = Expected::from(there.map(|there| there.version));
        Ok(batch.put(SECRETS, record.path(), before, record.to_bytes()?))
    }

    /// Takes one replica away; gives the primary as it is then.
    async fn remove_replica(
        &self,
        secret: &Arc<LiveSecret>,
        replica: &Replica,
    ) -> Result<Arc<LiveSecret>, Stop> {
        let mut record = secret.record.clone();
        record.forget_replica(&replica.region);
        let mut batch = with_record(SealedBatch::new(), secret, &record)?;
        let live = self.replica(&secret.record, &replica.region).await?;
        let mut paths = vec![secret.path.as_str()];
        if let Some(live) = &live {
            batch = self.without(batch, live).await?;
            paths.push(&live.path);
        }
        self.commit(&paths, batch).await?;
        self.live(&secret.path).await?.ok_or(Stop::Again)
    }
}
