//! Loading secrets, and changing their rows.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use bulla_plane::counts::Lease;
use bulla_plane::gate::Named;
use bulla_plane::{Call, Guarded, Stop};
use bulla_policy::Conditions;
use bulla_store::{Expected, Place, SealedBatch, View};

use crate::identifier;
use crate::live::{Held, LiveSecret};
use crate::record::{self, SecretRecord, Version};
use crate::replicas::Spread;
use crate::sealing::Sealed;
use crate::stages::CURRENT;
use crate::{SECRETS, Secrets, VALUES, across, fault, policies};

/// CloudTrail's type of a secret.
pub(crate) const SECRET_TYPE: &str = "AWS::SecretsManager::Secret";

/// What a call may do something to.
pub(crate) enum Permitted {
    Secret(Arc<LiveSecret>),
    /// There is no such secret, and the caller may know.
    Nothing(String),
}

impl Permitted {
    /// The secret.
    pub(crate) fn existing(self) -> Result<Arc<LiveSecret>, Stop> {
        match self {
            Self::Secret(secret) => Ok(secret),
            Self::Nothing(_) => Err(fault::not_found().into()),
        }
    }
}

impl Secrets {
    /// The secret that a request names, if the caller may do this to it.
    pub(crate) async fn permitted(
        &self,
        call: &mut Call,
        id: &str,
        action: &str,
        keys: &(dyn Conditions + Sync),
    ) -> Result<Arc<LiveSecret>, Stop> {
        self.permitted_or_nothing(call, id, action, keys).await?.existing()
    }

    /// The same, for operations that take a missing secret for a success.
    pub(crate) async fn permitted_or_nothing(
        &self,
        call: &mut Call,
        id: &str,
        action: &str,
        keys: &(dyn Conditions + Sync),
    ) -> Result<Permitted, Stop> {
        let held = self.find(call, id).await?.permit(call, action, keys, Named::Arn)?;
        match held.secret {
            Some(secret) => {
                call.touched(&secret.arn, &secret.record.account, SECRET_TYPE);
                Ok(Permitted::Secret(secret))
            }
            None => Ok(Permitted::Nothing(held.arn)),
        }
    }

    /// What a text names, still behind the Gate.
    pub(crate) async fn find(&self, call: &Call, text: &str) -> Result<Guarded<Held>, Stop> {
        let named = identifier::parse(call, text);
        let account = named.as_ref().map_or(call.account(), |named| named.account).to_owned();
        let secret = match &named {
            Some(named) => {
                let path = record::path(named.account, &call.region, named.name);
                let secret = self.live(&path).await?;
                secret.filter(|secret| named.suffix.is_none_or(|is| is == secret.record.suffix))
            }
            None => None,
        };
        let arn = match &secret {
            Some(secret) => secret.arn.clone(),
            None => identifier::arn_of_nothing(call, text),
        };
        Ok(Guarded::new(Held { secret, arn, account }))
    }

    /// A secret, from memory or from the store.
    pub(crate) async fn live(&self, path: &str) -> Result<Option<Arc<LiveSecret>>, Stop> {
        self.live_in(&mut None, path).await
    }

    /// The same, from the view that others were read from as well, which is opened if it must be.
    pub(crate) async fn live_in<'s>(
        &'s self,
        view: &mut Option<(u64, View<'s>)>,
        path: &str,
    ) -> Result<Option<Arc<LiveSecret>>, Stop> {
        if let Some(live) = self.cache.get(path) {
            return Ok(Some(live));
        }
        let (read_at, view) = match view {
            Some(open) => open,
            None => {
                let read_at = self.cache.generation();
                view.insert((read_at, self.barrier.view().await?))
            }
        };
        let live = self.read_live(view, path).await?;
        if let Some(live) = &live {
            self.cache.keep(path, live, *read_at);
        }
        Ok(live)
    }

    /// A secret of a view, where record and value are of one revision.
    async fn read_live(
        &self,
        view: &View<'_>,
        path: &str,
    ) -> Result<Option<Arc<LiveSecret>>, Stop> {
        let Some(opened) = view.get(SECRETS, path.as_bytes()).await? else { return Ok(None) };
        let record = SecretRecord::read(opened.value.expose())?;
        let current = match record.labelled(CURRENT).filter(|version| version.has_value) {
            None => None,
            Some(version) => {
                let row = record.value_row(&version.id);
                let value = view.get(VALUES, row.as_bytes()).await?;
                Some(value.map(|value| Sealed::read(&value)).ok_or_else(fault::internal)??)
            }
        };
        let policy = record.policy.as_ref().map(policies::compiled).transpose()?;
        let policy = across::with_replication_policy(&record, policy)?;
        Ok(Some(Arc::new(LiveSecret {
            arn: record.arn(),
            path: path.to_owned(),
            version: opened.version,
            policy,
            current,
            noted_ms: AtomicI64::new(0),
            record,
        })))
    }

    /// Commits a change of a secret and of its replicas, with what else goes along with it.
    pub(crate) async fn change(
        &self,
        before: &LiveSecret,
        record: &SecretRecord,
        batch: SealedBatch,
    ) -> Result<(), Stop> {
        let mut spread = Spread { batch, ..Spread::default() };
        self.spread(&before.record, record, &mut spread).await?;
        let became = became(before, record, &spread.batch)?.filter(|_| spread.paths.is_empty());
        let batch = with_record(spread.batch, before, record)?;
        let paths = spread.paths.iter().map(String::as_str).chain([before.path.as_str()]);
        self.commit_as(&paths.collect::<Vec<_>>(), batch, became).await
    }

    /// Commits a batch that touches these secrets, and drops them from memory before anybody is
    /// told.
    pub(crate) async fn commit(&self, paths: &[&str], batch: SealedBatch) -> Result<(), Stop> {
        self.commit_as(paths, batch, None).await
    }

    /// Commits a new secret, with its record added to a batch.
    pub(crate) async fn commit_new(
        &self,
        record: &SecretRecord,
        batch: SealedBatch,
    ) -> Result<(), Stop> {
        let path = record.path();
        let made = made(record, &batch)?;
        let batch = batch.put(SECRETS, path.as_str(), Expected::Absent, record.to_bytes()?);
        self.commit_as(&[&path], batch, made).await
    }

    /// The same; one secret that was changed alone may be kept as what it became.
    async fn commit_as(
        &self,
        paths: &[&str],
        batch: SealedBatch,
        became: Option<Arc<LiveSecret>>,
    ) -> Result<(), Stop> {
        let listed = self.index.begin_change(paths);
        let change = self.cache.begin_change(paths);
        let outcome = self.commit_counted(batch).await;
        match (became, &outcome) {
            (Some(became), Ok(())) => change.end_as(became),
            // After a conflict the next attempt must read anew.
            _ => change.end(),
        }
        listed.end();
        outcome?;
        Ok(())
    }

    async fn commit_counted(&self, batch: SealedBatch) -> Result<(), Stop> {
        let (batch, leases) = self.counted(batch).await?;
        self.barrier.commit(batch).await?;
        leases.into_iter().for_each(Lease::end);
        Ok(())
    }

    /// Adds the deletion of versions' values to a batch.
    pub(crate) async fn without_values<'v>(
        &self,
        mut batch: SealedBatch,
        record: &SecretRecord,
        versions: impl Iterator<Item = &'v str>,
    ) -> Result<SealedBatch, Stop> {
        for version in versions {
            let row = record.value_row(version);
            if let Some(stored) = self.barrier.get(VALUES, row.as_bytes()).await? {
                batch = batch.delete(VALUES, row.as_str(), Expected::At(stored.version));
            }
        }
        Ok(batch)
    }
}

/// A secret after a change of it, if that is known without reading it: nobody's permissions change,
/// and the current value is the one that it was or stands in the batch.
fn became(
    before: &LiveSecret,
    record: &SecretRecord,
    batch: &SealedBatch,
) -> Result<Option<Arc<LiveSecret>>, Stop> {
    let old = &before.record;
    let may_be_seen_alike = old.policy == record.policy
        && old.foreign_primary == record.foreign_primary
        && old.foreign_replica == record.foreign_replica;
    let Some(version) = record.labelled(CURRENT).filter(|_| may_be_seen_alike) else {
        return Ok(None);
    };
    let current = match put_with(record, version, batch)? {
        None if old.labelled(CURRENT) == Some(version) => before.current.clone(),
        put => put,
    };
    Ok(current.map(|current| {
        Arc::new(LiveSecret {
            record: record.clone(),
            version: before.version.saturating_add(1),
            arn: before.arn.clone(),
            path: before.path.clone(),
            policy: before.policy.clone(),
            current: Some(current),
            noted_ms: AtomicI64::new(0),
        })
    }))
}

/// A new secret, if it is known without reading it: nobody else has a part in it, and its value
/// stands in the batch.
fn made(record: &SecretRecord, batch: &SealedBatch) -> Result<Option<Arc<LiveSecret>>, Stop> {
    let alone = record.policy.is_none() && record.foreign_primary.is_none();
    let Some(version) = record.labelled(CURRENT).filter(|_| alone) else { return Ok(None) };
    let current = put_with(record, version, batch)?;
    Ok(current.map(|current| {
        Arc::new(LiveSecret {
            record: record.clone(),
            version: 1,
            arn: record.arn(),
            path: record.path(),
            policy: None,
            current: Some(current),
            noted_ms: AtomicI64::new(0),
        })
    }))
}

/// The value of a version, if it stands in a batch.
fn put_with(
    record: &SecretRecord,
    version: &Version,
    batch: &SealedBatch,
) -> Result<Option<Sealed>, Stop> {
    let row = record.value_row(&version.id);
    let is_it = |place: &Place| place.space == VALUES && place.key.as_bytes() == row.as_bytes();
    let put = batch.puts().find(|(_, place, _)| is_it(place));
    put.map(|(_, _, value)| Sealed::of(value)).transpose()
}

/// Adds the new record of a secret to a batch.
pub(crate) fn with_record(
    batch: SealedBatch,
    before: &LiveSecret,
    record: &SecretRecord,
) -> Result<SealedBatch, Stop> {
    let expected = Expected::At(before.version);
    Ok(batch.put(SECRETS, before.path.as_str(), expected, record.to_bytes()?))
}
