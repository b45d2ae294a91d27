//! Loading parameters, and changing their rows.

use std::sync::Arc;

use bulla_plane::gate::Named;
use bulla_plane::{Call, Guarded, Stop};
use bulla_policy::Conditions;
use bulla_shapes::Fault;
use bulla_store::SealedBatch;

use crate::live::{Held, Live};
use crate::name::Name;
use crate::place::{self, PARAMETERS, VERSIONS};
use crate::record::{ParameterRecord, Version};
use crate::{Ssm, fault, sharing};

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

    /// Commits a batch that touches these parameters, and drops them from memory before anybody is
    /// told.
    pub(crate) async fn commit(&self, rows: &[&str], batch: SealedBatch) -> Result<(), Stop> {
        let change = self.cache.begin_change(rows);
        let outcome = self.barrier.commit(batch).await;
        // Whatever the outcome: after a conflict the next attempt must read anew.
        change.end();
        outcome?;
        Ok(())
    }
}

/// A parameter of a row's content.
pub(crate) fn alive(row: &str, version: u64, bytes: &[u8]) -> Result<Live, Stop> {
    let record = ParameterRecord::read(bytes)?;
    let policy = sharing::compiled(&record.sharing)?;
    Ok(Live { arn: record.arn(), row: row.to_owned(), version, policy, record })
}
