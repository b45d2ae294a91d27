//! When each access key and each role was last used.
//!
//! A use is written off the calls' way, at most once in [`GRAIN_MS`] for each key, region and
//! service, or for each session of a role, so that the date is exact to that. A crash loses at most
//! that much of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bulla_plane::Stop;
use bulla_plane::identity::Scope;
use bulla_store::{BarrierError, Expected, SealedBatch};
use serde::{Deserialize, Serialize};

use super::Principals;
use crate::records::{KEY_USES, bytes, load, version_of};

/// How exact the date of the last use is. AWS's own comes late by as much as hours.
const GRAIN_MS: i64 = 60_000;

/// The last use of an access key or of a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastUse {
    pub(crate) at_ms: i64,
    /// The service's signing name.
    pub(crate) service: String,
    pub(crate) region: String,
}

impl Principals {
    /// Notes that a request was signed with a key, or in a session of a role, whose id that is;
    /// `noted` is when its use was noted before, in milliseconds since 1970.
    pub(crate) fn note_use(self: &Arc<Self>, id: &str, scope: Scope<'_>, noted: &AtomicI64) {
        let now_ms = self.clock.now_ms();
        let noted_ms = noted.load(Ordering::Relaxed);
        if now_ms.saturating_sub(noted_ms) < GRAIN_MS {
            return;
        }
        let (was, is) = (Ordering::Relaxed, Ordering::Relaxed);
        if noted.compare_exchange(noted_ms, now_ms, is, was).is_err() {
            return;
        }
        let (principals, id) = (Arc::clone(self), id.to_owned());
        let (service, region) = (scope.service.to_owned(), scope.region.to_owned());
        let last = LastUse { at_ms: now_ms, service, region };
        tokio::spawn(async move {
            match principals.write_use(&id, &last).await {
                Ok(()) | Err(Stop::Again) => {}
                Err(_) => {
                    tracing::warn!(id, "the last use of an access key or a role is not written")
                }
            }
        });
    }

    async fn write_use(&self, id: &str, last: &LastUse) -> Result<(), Stop> {
        let view = self.barrier.view().await?;
        let before = load::<LastUse>(&view, KEY_USES, id).await?;
        drop(view);
        let expected = Expected::from(before.map(|before| before.version));
        let batch = SealedBatch::new().put(KEY_USES, id, expected, bytes(last)?);
        match self.barrier.commit(batch).await {
            // Another use was written first.
            Ok(_) | Err(BarrierError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Adds to a batch that the last use of a key or a role is not known any more.
    pub(crate) async fn forget_use(
        &self,
        id: &str,
        batch: SealedBatch,
    ) -> Result<SealedBatch, Stop> {
        let view = self.barrier.view().await?;
        Ok(match version_of(&view, KEY_USES, id).await? {
            Some(version) => batch.delete(KEY_USES, id, Expected::At(version)),
            None => batch,
        })
    }

    /// The last use of a key or a role, if any is known.
    pub(crate) async fn last_use(&self, id: &str) -> Result<Option<LastUse>, Stop> {
        let view = self.barrier.view().await?;
        Ok(load::<LastUse>(&view, KEY_USES, id).await?.map(|found| found.record))
    }
}
