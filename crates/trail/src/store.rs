//! Trails as they are found and saved.

use bulla_plane::{Call, Stop};
use bulla_shapes::Fault;
use bulla_store::{Expected, Range, SealedBatch};

use crate::name::Named;
use crate::records::{DELIVERIES, Delivery, TRAILS, TrailRecord, bytes, read, row};
use crate::{Trail, fault};

/// How many rows one look takes.
const ROWS_A_LOOK: usize = 200;

/// A trail, and the version of its row.
pub(crate) struct Stored {
    pub(crate) record: TrailRecord,
    pub(crate) expected: Expected,
}

impl Trail {
    /// The trail that a request names, where it is seen from the request's region: by its ARN
    /// anywhere, by its name at home, and elsewhere if it is one of all regions.
    pub(crate) async fn stored(&self, call: &Call, named: &Named) -> Result<Option<Stored>, Stop> {
        let (account, region) = match &named.home {
            Some((account, region)) => (account.as_str(), region.as_str()),
            None => (call.account(), call.region.as_str()),
        };
        if account != call.account() {
            return Ok(None);
        }
        let key = row(account, region, &named.name);
        if let Some(opened) = self.barrier.get(TRAILS, key.as_bytes()).await? {
            let expected = Expected::At(opened.version);
            return Ok(Some(Stored { record: read(&opened)?, expected }));
        }
        if named.home.is_some() {
            return Ok(None);
        }
        let all = self.trails(account).await?;
        let shadows =
            |stored: &Stored| stored.record.multi_region && stored.record.name == named.name;
        Ok(all.into_iter().find(shadows))
    }

    /// The same, where there is none an error.
    pub(crate) async fn must_find(&self, call: &Call, named: &Named) -> Result<Stored, Stop> {
        let unknown = || fault::unknown_trail(&named.arn(call), call.account());
        Ok(self.stored(call, named).await?.ok_or_else(unknown)?)
    }

    /// All trails of an account.
    pub(crate) async fn trails(&self, account: &str) -> Result<Vec<Stored>, Stop> {
        let prefix = format!("{account}/");
        let mut range = Range::prefix(prefix.as_str());
        let view = self.barrier.view().await?;
        let mut all = Vec::new();
        loop {
            let page = view.range(TRAILS, &range, ROWS_A_LOOK).await?;
            for (_, opened) in &page.rows {
                let expected = Expected::At(opened.version);
                all.push(Stored { record: read(opened)?, expected });
            }
            let Some(next) = page.next else { return Ok(all) };
            range = range.resume(next);
        }
    }

    /// Writes a trail, over what was read of it.
    pub(crate) async fn save(&self, stored: &Stored) -> Result<(), Stop> {
        let Stored { record, expected } = stored;
        let batch =
            SealedBatch::new().put(TRAILS, record.row().as_str(), *expected, bytes(record)?);
        self.barrier.commit(batch).await?;
        Ok(())
    }

    /// How far the delivery of a trail has come, with the version of its row.
    pub(crate) async fn delivery(&self, key: &str) -> Result<(Delivery, Expected), Stop> {
        match self.barrier.get(DELIVERIES, key.as_bytes()).await? {
            Some(opened) => Ok((read(&opened)?, Expected::At(opened.version))),
            None => Ok((Delivery::default(), Expected::Absent)),
        }
    }
}

impl Stored {
    /// Refuses a change from elsewhere than the trail's home.
    pub(crate) fn must_be_home(&self, call: &Call) -> Result<(), Fault> {
        if self.record.home == call.region {
            return Ok(());
        }
        Err(fault::home_region(&self.record.arn(), &self.record.home))
    }
}
