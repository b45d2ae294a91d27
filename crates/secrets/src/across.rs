//! Replicas in other accounts (user guide, "Replicate secrets across accounts").
//!
//! Such a replica is a secret of its own: name, tags, policies and KMS key are its account's. It
//! takes values and their labels from its primary, and what its account could not give it:
//! description and type. A primary has one of them at most. One server holds both, so that they
//! change in one commit.

use std::sync::Arc;

use bulla_plane::{Authority, BoxFuture, Call, Stop};
use bulla_policy::{Policy, PolicyKind};
use bulla_shapes::secretsmanager::{CrossAccountPrimaryType, CrossAccountReplicaEntry};
use bulla_shapes::{Fault, View};
use bulla_store::{Expected, SealedBatch};

use crate::identifier::path_of;
use crate::live::LiveSecret;
use crate::record::{ForeignPrimary, ForeignReplica, SecretRecord, Standing, Version};
use crate::replicas::{SUCCEEDED, Spread, failure};
use crate::sealing::{Giver, Sealed, Value};
use crate::secrets::with_record;
use crate::{Secrets, VALUES, fault};

/// The name of the policy that a replica has while it is one (user guide, "Permissions for
/// cross-account replication").
pub(crate) const POLICY_NAME: &str = "cross-account-replication";
/// What whoever associates a replica must be allowed on it. No operation has this name: Secrets
/// Manager asks it within AssociateCrossAccountReplica.
pub(crate) const ACCEPT: &str = "secretsmanager:AcceptCrossAccountReplication";

/// A role that is to replicate a secret.
#[derive(Clone, Copy, Debug)]
pub struct Replicating<'a> {
    /// The role's ARN.
    pub role: &'a str,
    /// The primary secret's ARN, for conditions in the role's trust policy.
    pub secret: &'a str,
    /// The primary's account.
    pub account: &'a str,
}

/// Roles as replication needs them. The program joins this to whoever keeps them.
pub trait Roles: Send + Sync {
    /// Assumes the role, which becomes a record; whether it is there and trusts
    /// `secretsmanager.amazonaws.com`.
    ///
    /// # Errors
    /// Our own, when the store can't be read or the journal not be written.
    fn assume<'a>(&'a self, asked: Replicating<'a>) -> BoxFuture<'a, Result<bool, Fault>>;
}

/// No roles: none can be assumed.
pub(crate) struct NoRoles;

impl Roles for NoRoles {
    fn assume<'a>(&'a self, _: Replicating<'a>) -> BoxFuture<'a, Result<bool, Fault>> {
        Box::pin(std::future::ready(Ok(false)))
    }
}

impl Secrets {
    /// The other side of a primary's link, where it still says so itself.
    pub(crate) async fn foreign_replica(
        &self,
        primary: &SecretRecord,
        link: &ForeignReplica,
    ) -> Result<Option<Arc<LiveSecret>>, Stop> {
        let Some(path) = path_of(&link.arn) else { return Ok(None) };
        let live = self.live(&path).await?.filter(|live| live.arn == link.arn);
        Ok(live.filter(|live| live.record.is_foreign_replica_of(&primary.arn())))
    }

    /// The other side of a replica's link, where it still says so itself.
    pub(crate) async fn foreign_primary(
        &self,
        replica: &SecretRecord,
        link: &ForeignPrimary,
    ) -> Result<Option<Arc<LiveSecret>>, Stop> {
        let Some(path) = path_of(&link.arn) else { return Ok(None) };
        let live = self.live(&path).await?.filter(|live| live.arn == link.arn);
        let own = replica.arn();
        let names = |live: &Arc<LiveSecret>| {
            live.record.foreign_replica.as_ref().is_some_and(|it| it.arn == own)
        };
        Ok(live.filter(names))
    }

    /// Writes what a replica in another account shares with its primary to it; to one that has
    /// just failed, that it has.
    pub(crate) async fn spread_across(
        &self,
        before: &SecretRecord,
        primary: &SecretRecord,
        spread: &mut Spread,
    ) -> Result<(), Stop> {
        let Some(link) = &primary.foreign_replica else { return Ok(()) };
        let Some(live) = self.foreign_replica(primary, link).await? else { return Ok(()) };
        let followed = match &link.standing {
            Standing::InSync => live.record.following_across(primary),
            Standing::Failed(why) if before.foreign_replica.as_ref() != Some(link) => {
                for side in [primary, &live.record] {
                    self.tell_failure(spread, side, (&link.arn, why), primary.changed_ms)?;
                }
                live.record.standing_at(&link.standing)
            }
            _ => return Ok(()),
        };
        let gone = live.record.versions.iter().map(|version| version.id.as_str());
        let gone: Vec<_> = gone.filter(|id| followed.version(id).is_none()).collect();
        let batch = std::mem::take(&mut spread.batch);
        let batch = self.without_values(batch, &live.record, gone.into_iter()).await?;
        spread.batch = with_record(batch, &live, &followed)?;
        spread.paths.push(live.path.clone());
        Ok(())
    }

    /// Seals a new version's value for a primary's replica in another account. Where it can't be
    /// sealed the replica fails, and the primary goes on without it.
    pub(crate) async fn seal_across(
        &self,
        call: &mut Call,
        primary: &mut SecretRecord,
        (version, sealed): (&str, &Sealed),
        batch: SealedBatch,
    ) -> Result<SealedBatch, Stop> {
        let in_sync = |link: &ForeignReplica| link.standing == Standing::InSync;
        let Some(link) = primary.foreign_replica.clone().filter(in_sync) else { return Ok(batch) };
        let Some(live) = self.foreign_replica(primary, &link).await? else { return Ok(batch) };
        let copied = async |call: &mut Call| {
            let value = self.open(call, primary, version, sealed).await?;
            self.seal(Giver::Us, call, &live.record, (version, &value)).await
        };
        let role = link.role.as_deref();
        match self.replicating(call, primary, role, copied).await {
            Ok(copy) => {
                let row = live.record.value_row(version);
                Ok(batch.put(VALUES, row, Expected::Absent, copy.to_bytes()))
            }
            Err(Stop::Fault(refused)) => {
                let standing = Standing::Failed(failure(&refused));
                primary.foreign_replica = Some(ForeignReplica { standing, ..link });
                Ok(batch)
            }
            Err(stop) => Err(stop),
        }
    }

    /// The rows of all values for a replica in another account, in place of those that it has.
    pub(crate) async fn copy_across(
        &self,
        call: &mut Call,
        primary: &LiveSecret,
        replica: &LiveSecret,
        role: Option<&str>,
    ) -> Result<SealedBatch, Stop> {
        let copied = async |call: &mut Call| {
            let mut batch = SealedBatch::new();
            let own = primary.record.versions.iter().filter(|version| version.has_own_value());
            for version in own {
                let value: Value = self.open_version(call, primary, version).await?;
                let sealed =
                    self.seal(Giver::Us, call, &replica.record, (&version.id, &value)).await?;
                let row = replica.record.value_row(&version.id);
                let before = self.barrier.get(VALUES, row.as_bytes()).await?;
                let before = Expected::from(before.map(|before| before.version));
                batch = batch.put(VALUES, row, before, sealed.to_bytes());
            }
            Ok(batch)
        };
        self.replicating(call, &primary.record, role, copied).await
    }

    /// Does something as whoever replicates: the role that was given for it, or else the caller.
    async fn replicating<T>(
        &self,
        call: &mut Call,
        primary: &SecretRecord,
        role: Option<&str>,
        copied: impl AsyncFnOnce(&mut Call) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        let Some(role) = role else { return copied(call).await };
        let authority = self.replication_role(primary, role).await?;
        let caller = std::mem::replace(&mut call.authority, authority);
        let key = std::mem::take(&mut call.access_key_id);
        let outcome = copied(call).await;
        call.authority = caller;
        call.access_key_id = key;
        outcome
    }

    /// A replication role's authority, while it trusts Secrets Manager.
    pub(crate) async fn replication_role(
        &self,
        primary: &SecretRecord,
        role: &str,
    ) -> Result<Arc<Authority>, Stop> {
        let (arn, account) = (primary.arn(), primary.account.as_str());
        let asked = Replicating { role, secret: &arn, account };
        let authority = match self.roles.assume(asked).await? {
            true => self.directory.authority(role).await?,
            false => None,
        };
        // AWS's text is not published; this one is ours.
        let text = "Secrets Manager can't assume the replication role.";
        Ok(authority.ok_or_else(|| fault::invalid_request(text))?)
    }
}

impl SecretRecord {
    /// Whether this is the replica of another account's secret, and still follows it.
    fn is_foreign_replica_of(&self, primary: &str) -> bool {
        let follows = |link: &ForeignPrimary| {
            link.arn == primary && !matches!(link.standing, Standing::Detached)
        };
        self.foreign_primary.as_ref().is_some_and(follows)
    }

    /// This replica as its primary has become.
    pub(crate) fn following_across(&self, primary: &Self) -> Self {
        let own = |of: &&Version| of.has_own_value();
        let version = |of: &Version| Version {
            created_ms: self.version(&of.id).map_or(primary.changed_ms, |own| own.created_ms),
            key: self.key.clone(),
            ..of.clone()
        };
        Self {
            description: primary.description.clone(),
            kind: primary.kind.clone(),
            changed_ms: primary.changed_ms,
            versions: primary.versions.iter().filter(own).map(version).collect(),
            ..self.standing_at(&Standing::InSync)
        }
    }

    /// This replica with another standing.
    pub(crate) fn standing_at(&self, standing: &Standing) -> Self {
        let link = self.foreign_primary.clone();
        let foreign_primary =
            link.map(|link| ForeignPrimary { standing: standing.clone(), ..link });
        Self { foreign_primary, ..self.clone() }
    }

    /// The policy that lets the primary's account begin replication, while this is a replica.
    /// AWS's document is not published; this one is ours.
    pub(crate) fn replication_policy(&self) -> Option<String> {
        let link = self.foreign_primary.as_ref()?;
        let account = link.arn.split(':').nth(4)?;
        Some(format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:{}:iam::{account}:root"}},"Action":"{ACCEPT}","Resource":"*"}}]}}"#,
            self.partition
        ))
    }
}

/// The policies of a secret as one: the one that it was given, and the one that a replica has.
pub(crate) fn with_replication_policy(
    record: &SecretRecord,
    own: Option<Policy>,
) -> Result<Option<Policy>, Stop> {
    let Some(text) = record.replication_policy() else { return Ok(own) };
    let parsed = Policy::parse(&text, PolicyKind::Resource).map_err(|error| {
        tracing::error!(%error, "the policy of a replica does not parse");
        Stop::Internal
    })?;
    Ok(Some(match own {
        Some(own) => own.joined(parsed),
        None => parsed,
    }))
}

/// Where a replica's primary is, as it is shown.
pub(crate) fn primary_of(record: &SecretRecord) -> Option<CrossAccountPrimaryType<'static>> {
    let link = record.foreign_primary.as_ref()?;
    let (status, message) = told(&link.standing);
    Some(
        CrossAccountPrimaryType::new()
            .with_primary_secret_arn(link.arn.clone())
            .with_replication_status(status)
            .with_some(message, CrossAccountPrimaryType::with_status_message),
    )
}

/// Where a primary's replicas are, as they are shown.
pub(crate) fn replicas_of(record: &SecretRecord) -> Option<Vec<CrossAccountReplicaEntry<'static>>> {
    let link = record.foreign_replica.as_ref()?;
    let (status, message) = told(&link.standing);
    let entry = CrossAccountReplicaEntry::new()
        .with_replica_secret_arn(link.arn.clone())
        .with_some(link.role.clone(), CrossAccountReplicaEntry::with_replication_role_arn)
        .with_replication_status(status)
        .with_some(message, CrossAccountReplicaEntry::with_status_message);
    Some(vec![entry])
}

/// A standing in AWS's words.
pub(crate) fn told(standing: &Standing) -> (&'static str, Option<String>) {
    match standing {
        Standing::Pending => ("Pending", None),
        Standing::InSync => ("InSync", Some(SUCCEEDED.to_owned())),
        Standing::Failed(why) => ("Failed", Some(why.clone())),
        Standing::Detached => ("Detached", None),
    }
}
