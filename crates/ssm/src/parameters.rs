//! Loading parameters, and changing their rows.

use std::sync::Arc;

use bulla_plane::gate::Named;
use bulla_plane::{Call, Guarded, Stop};
use bulla_policy::Conditions;
use bulla_shapes::Fault;
use bulla_store::{Expected, SealedBatch};

use crate::counts::Tally;
use crate::live::{Held, Live};
use crate::name::Name;
use crate::place::{self, PARAMETERS, VERSIONS};
use crate::record::{ParameterRecord, Version};
use crate::{Ssm, fault};

/// What CloudTrail calls the type of a parameter: nothing (recorded).
const NO_TYPE: &str = "";

/// A parameter, or its absence, that the caller may know of.
pub(crate) struct Permitted {
    pub(crate) parameter: Option<Arc<Live>>,
}

impl Permitted {
    /// The parameter.
    pub(crate) fn existing(self) -> Result<Arc<Live>, Fault> {
        self.parameter.ok_or_else(fault::not_found)
    }
}

impl Ssm {
    /// What a name names, if the caller may do this to it.
    pub(crate) async fn permitted(
        &self,
        call: &mut Call,
        name: &Name,
        action: &str,
        keys: &(dyn Conditions + Sync),
    ) -> Result<Permitted, Stop> {
        let guarded = self.find(call, name).await?;
        let held = guarded.permit(call, action, keys, Named::Arn)?;
        call.touched(&held.arn, &held.account, NO_TYPE);
        Ok(Permitted { parameter: held.parameter })
    }

    /// What a name names, still behind the Gate.
    pub(crate) async fn find(&self, call: &Call, name: &Name) -> Result<Guarded<Held>, Stop> {
        let row = place::row(&name.account, &call.region, name.path());
        let parameter = self.live(&row).await?;
        let (arn, account) = (name.arn(call), name.account.clone());
        Ok(Guarded::new(Held { parameter, arn, account }))
    }

    /// A parameter, from memory or from the store.
    pub(crate) async fn live(&self, row: &str) -> Result<Option<Arc<Live>>, Stop> {
        if let Some(live) = self.cache.get(row) {
            return Ok(Some(live));
        }
        let read_at = self.cache.generation();
        let Some(opened) = self.barrier.get(PARAMETERS, row.as_bytes()).await? else {
            return Ok(None);
        };
        let live = Arc::new(alive(row, opened.version, opened.value.expose())?);
        self.cache.keep(row, &live, read_at);
        Ok(Some(live))
    }

    /// A version of a parameter that is kept, if nobody removed it just now.
    pub(crate) async fn version(&self, live: &Live, number: u64) -> Result<Option<Version>, Stop> {
        if number == live.record.newest.number {
            return Ok(Some(live.record.newest.clone()));
        }
        let row = place::version_row(&live.row, number);
        let opened = self.barrier.get(VERSIONS, row.as_bytes()).await?;
        opened.map(|opened| Version::read(opened.value.expose())).transpose()
    }

    /// Commits a batch with what a parameter is from now on, and keeps that in memory. `before` is
    /// what it was, if it was there.
    pub(crate) async fn save(
        &self,
        batch: SealedBatch,
        before: Option<&Live>,
        record: ParameterRecord,
    ) -> Result<(), Stop> {
        let row = record.row();
        let expected = Expected::from(before.map(|live| live.version));
        let batch = batch.put(PARAMETERS, row.as_str(), expected, record.to_bytes()?);
        let counted = |live: &Live| Tally::default().without(live.record.newest.tier);
        let change = before.map(counted).unwrap_or_default().with(record.newest.tier);
        let version = before.map_or(1, |live| live.version.saturating_add(1));
        let live = Arc::new(Live::of(&row, version, record)?);
        let rows = [row.as_str()];
        let cached = self.cache.begin_change(&rows);
        match self.commit_counted(&live.record, change, batch).await {
            Ok(()) => cached.end_as(live),
            Err(stop) => {
                // After a conflict the next attempt must read anew.
                cached.end();
                return Err(stop);
            }
        }
        Ok(())
    }

    /// Commits a batch that takes parameters of one account and region away, and drops them from
    /// memory before anybody is told.
    pub(crate) async fn remove(
        &self,
        batch: SealedBatch,
        parameters: &[Arc<Live>],
    ) -> Result<(), Stop> {
        let Some(first) = parameters.first() else { return Ok(()) };
        let tiers = parameters.iter().map(|live| live.record.newest.tier);
        let change = tiers.fold(Tally::default(), Tally::without);
        let rows: Vec<_> = parameters.iter().map(|live| live.row.as_str()).collect();
        let cached = self.cache.begin_change(&rows);
        let outcome = self.commit_counted(&first.record, change, batch).await;
        cached.end();
        outcome
    }

    /// Commits a batch, with the count of the parameters where a record is, if it changes.
    async fn commit_counted(
        &self,
        record: &ParameterRecord,
        change: Tally,
        batch: SealedBatch,
    ) -> Result<(), Stop> {
        if change == Tally::default() {
            self.barrier.commit(batch).await?;
            return Ok(());
        }
        let home = place::home(&record.account, &record.region);
        let lease = self.counts.lease(&self.barrier, &home, change.0).await?;
        self.barrier.commit(lease.write(batch)).await?;
        lease.end();
        Ok(())
    }
}

/// A parameter of a row's content.
pub(crate) fn alive(row: &str, version: u64, bytes: &[u8]) -> Result<Live, Stop> {
    Live::of(row, version, ParameterRecord::read(bytes)?)
}
