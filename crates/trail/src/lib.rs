//! CloudTrail: what happened, looked up, and delivered in files that show when they were altered.
//!
//! Events are the journal's records; nothing is recorded here. [`index`] finds them again by what
//! `LookupEvents` asks for. Trails say which events are delivered where; `deliver` writes them as
//! gzip files, `digest` signs what was written, and `cipher` encrypts both under a trail's key.

mod cipher;
mod deliver;
mod digest;
mod fault;
pub mod index;
mod keys;
mod md5;
mod name;
mod ops;
pub mod parquet;
mod place;
mod records;
mod rows;
#[cfg(feature = "s3")]
pub mod s3;
mod select;
mod store;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bulla_crypto::Crypto;
use bulla_plane::journal::Journal;
use bulla_plane::{Clock, Neighbours, Stop};
use bulla_shapes::Fault;
use bulla_store::{Barrier, Space};

use index::Index;

pub use place::{Folder, Nowhere, Object, Place, PutError};

/// The spaces that a reset empties.
pub const SPACES: &[Space] = &[
    records::TRAILS,
    records::DELIVERIES,
    records::FILES,
    records::DIGESTS,
    records::KEYS,
    records::SIGNERS,
];

/// How often log files are written: AWS's are about five minutes apart.
pub const DELIVERY: Duration = Duration::from_secs(300);
/// How often digests are written.
pub const DIGEST: Duration = Duration::from_secs(3600);
/// How often is looked whether something is to be done.
const TICK: Duration = Duration::from_secs(1);

/// After how many looks old records are looked for.
const TICKS_A_RETENTION: u32 = 600;

/// How often files are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intervals {
    /// From one log file to the next.
    pub delivery: Duration,
    /// From one digest to the next.
    pub digest: Duration,
}

impl Default for Intervals {
    fn default() -> Self {
        Self { delivery: DELIVERY, digest: DIGEST }
    }
}

/// The service.
pub struct Trail {
    barrier: Arc<Barrier>,
    crypto: Crypto,
    clock: Arc<Clock>,
    journal: Arc<Journal>,
    index: Arc<Index>,
    place: Arc<dyn Place>,
    intervals: Intervals,
    /// KMS; none where files can't be encrypted.
    keys: Option<cipher::Keys>,
    /// How long records are kept; for ever where this is not set.
    retention: Option<Duration>,
    /// The first record that others have still to read; 0 until they know.
    needed: Arc<AtomicU64>,
}

impl Trail {
    /// The service over a store and a journal with its index. `place` is where trails deliver to.
    #[must_use]
    pub fn new(
        (barrier, crypto): (Arc<Barrier>, Crypto),
        clock: Arc<Clock>,
        (journal, index): (Arc<Journal>, Arc<Index>),
        place: Arc<dyn Place>,
        intervals: Intervals,
    ) -> Self {
        let (keys, retention, needed) = (None, None, Arc::new(AtomicU64::new(u64::MAX)));
        Self { barrier, crypto, clock, journal, index, place, intervals, keys, retention, needed }
    }

    /// The service, which encrypts files under keys of the KMS that is among these.
    #[must_use]
    pub fn with_neighbours(self, neighbours: Arc<Neighbours>) -> Self {
        Self { keys: Some(cipher::Keys::new(neighbours)), ..self }
    }

    /// The service, which drops what is older than that from the journal. `needed` is the number of
    /// the first record that others have still to read, and 0 until they know.
    #[must_use]
    pub fn with_retention(self, retention: Option<Duration>, needed: Arc<AtomicU64>) -> Self {
        Self { retention, needed, ..self }
    }

    /// Drops what is older than it shall become from the journal, but nothing that a trail still
    /// has to deliver, or others have to read.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn drop_old(&self) -> Result<(), Stop> {
        let Some(retention) = self.retention else { return Ok(()) };
        let retention = i64::try_from(retention.as_millis()).unwrap_or(i64::MAX);
        let before_ms = self.clock.now_ms().saturating_sub(retention);
        let before = self.undelivered().await?.min(self.needed.load(Ordering::Acquire));
        let journal = Arc::clone(&self.journal);
        let dropped = tokio::task::spawn_blocking(move || journal.retain(before_ms, before)).await;
        match dropped {
            Ok(Ok(None)) => {}
            Ok(Ok(Some(segment))) => tracing::info!(segment, "older segments were dropped"),
            Ok(Err(error)) => tracing::error!(%error, "old records can't be dropped"),
            Err(error) => tracing::error!(%error, "old records can't be dropped"),
        }
        Ok(())
    }

    /// Keeps the index up, and writes files when they are due, for as long as the task lives.
    pub async fn tick_forever(self: Arc<Self>) {
        let mut wait = 0_u32;
        loop {
            let is_known = self.needed.load(Ordering::Acquire) > 0;
            if wait == 0 && is_known {
                wait = TICKS_A_RETENTION;
                if let Err(stop) = self.drop_old().await {
                    tracing::error!(error = %told(stop), "old records can't be dropped");
                }
            }
            wait = wait.saturating_sub(1);
            let index = Arc::clone(&self.index);
            match tokio::task::spawn_blocking(move || index.keep_up()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(%error, "the index of events is behind"),
                Err(error) => tracing::error!(%error, "the index of events is behind"),
            }
            if let Err(stop) = self.deliver_due().await {
                tracing::error!(error = %told(stop), "trails can't be delivered; trying again");
            }
            tokio::time::sleep(TICK).await;
        }
    }
}

/// What is told of a failure that nobody asked for.
fn told(stop: Stop) -> Fault {
    match stop {
        Stop::Fault(fault) => fault,
        Stop::Again => fault::of("ConflictException", "the trail was changed meanwhile"),
        Stop::Internal => fault::internal(),
    }
}
