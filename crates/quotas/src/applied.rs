//! The values that hold: rows in the store, and the same in the plane, which charges calls to them.

use bulla_plane::quotas::Place;
use bulla_plane::{Call, Stop};
use bulla_store::{BarrierError, Expected, Range, SealedBatch};

use crate::catalog::{self, Found};
use crate::record::{Applied, SET, home, written};
use crate::{Desk, ServiceQuotas, fault};

/// How many rows one look at the store reads.
const ROWS_A_LOOK: usize = 1_000;
/// Where quotas that hold for all regions are kept.
const GLOBAL: &str = "us-east-1";

impl Desk {
    /// The region that a quota's value is kept in.
    fn region<'c>(found: &Found, call: &'c Call) -> &'c str {
        if found.quota.global { GLOBAL } else { &call.region }
    }

    fn place(found: &Found, call: &Call) -> Place {
        let region = Self::region(found, call).to_owned();
        Place { account: call.account().to_owned(), region, quota: found.place }
    }

    /// The value that holds for the caller's account.
    pub(crate) fn value(&self, found: &Found, call: &Call) -> f64 {
        let set = self.quotas.was_set(&Self::place(found, call));
        set.unwrap_or_else(|| found.quota.default_in(&call.region))
    }

    /// Adds to a batch that a value is set, or no longer is.
    pub(crate) async fn kept(
        &self,
        batch: SealedBatch,
        found: &Found,
        call: &Call,
        value: Option<f64>,
    ) -> Result<SealedBatch, Stop> {
        let home = home(call.account(), Self::region(found, call));
        let row = format!("{home}{}/{}", found.service.code, found.quota.code);
        let before = self.barrier.get(SET, row.as_bytes()).await?.map(|opened| opened.version);
        let Some(value) = value else {
            return Ok(match before {
                Some(version) => batch.delete(SET, row, Expected::At(version)),
                None => batch,
            });
        };
        let by = call.principal().arn.clone();
        let bytes = written(&Applied { value, set_ms: call.now_ms, by })?;
        Ok(batch.put(SET, row, Expected::from(before), bytes))
    }

    /// Has a value hold that was kept.
    pub(crate) fn apply(&self, found: &Found, call: &Call, value: Option<f64>) -> Result<(), Stop> {
        self.quotas.set(Self::place(found, call), value).map_err(|_too_many| {
            let text = "There are as many values as can be kept.";
            fault::operator("TooManyValuesException", text).into()
        })
    }
}

impl ServiceQuotas {
    /// Has the plane know the values that were set; before the first call.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn load(&self) -> Result<(), BarrierError> {
        let view = self.desk.barrier.view().await?;
        let mut range = Range::prefix("");
        loop {
            let page = view.range(SET, &range, ROWS_A_LOOK).await?;
            for (key, opened) in &page.rows {
                let row = String::from_utf8_lossy(key.as_bytes());
                if self.take_up(&row, opened.value.expose()).is_none() {
                    tracing::error!(%row, "the stored value of a quota is of no quota");
                }
            }
            match page.next {
                Some(next) => range.from = next,
                None => return Ok(()),
            }
        }
    }

    fn take_up(&self, row: &str, bytes: &[u8]) -> Option<()> {
        let mut parts = row.splitn(4, '/').map(str::to_owned);
        let (account, region) = (parts.next()?, parts.next()?);
        let found = catalog::find(&parts.next()?, &parts.next()?)?;
        let value = serde_json::from_slice::<Applied>(bytes).ok()?.value;
        self.desk.quotas.set(Place { account, region, quota: found.place }, Some(value)).ok()
    }
}
