//! How the server is: its health, and what `/_bulla/status` answers to this machine.

use std::path::Path;

use bulla_store::BarrierError;
use serde_json::{Value, json};

use crate::house::House;

/// How well the server serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    /// As it should.
    Ready,
    /// Rows of the store were altered. They do not open; all others are served as ever.
    Degraded,
    /// The journal can't be written, so that all calls fail.
    Unavailable,
}

impl Health {
    pub(crate) fn of(house: &House) -> Self {
        let is_intact = |finding: bulla_plane::upkeep::Finding| finding.is_intact();
        match (house.plane.journal.healthy(), house.plane.upkeep.finding().is_none_or(is_intact)) {
            (false, _) => Self::Unavailable,
            (true, false) => Self::Degraded,
            (true, true) => Self::Ready,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Degraded => "degraded",
            Self::Unavailable => "unavailable",
        }
    }
}

/// What a running server says of itself.
///
/// # Errors
/// When the store can't be read.
pub(crate) async fn of(house: &House) -> Result<Value, BarrierError> {
    let plane = &house.plane;
    let attested = plane.barrier.attested().await?;
    let (journal, metrics) = (&plane.journal, plane.journal.metrics());
    let known = plane.quotas.known();
    let throttled = plane.quotas.throttled().into_iter().filter_map(|caller| {
        let service = known.get(caller.quota)?.service;
        let name = bulla_quotas::name(caller.quota)?;
        Some(json!({
            "account": caller.account,
            "region": caller.region,
            "service": service,
            "quota": name,
            "calls": caller.calls,
            "lastMilliseconds": caller.last_ms,
        }))
    });
    Ok(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "mode": if house.dev { "dev" } else { "serve" },
        "health": Health::of(house).name(),
        "seal": house.seal,
        "uptimeSeconds": house.since.elapsed().as_secs(),
        "store": {
            "rows": attested.rows,
            "revision": attested.revision.0,
            "bytes": house.directory.as_deref().map(store_bytes),
        },
        "journal": {
            "healthy": journal.healthy(),
            "lastRecord": journal.anchor().sequence,
            "segments": journal.segments().map(|all| all.len()).ok(),
            "waitingBytes": journal.waiting_bytes(),
            "sinceDurableMilliseconds": metrics.since_durable_ms(),
            "lastSyncMicroseconds": metrics.last_sync_micros(),
            "failures": metrics.failures(),
        },
        "throttledCallers": throttled.collect::<Vec<_>>(),
    }))
}

/// How many bytes the files of the store's database have.
fn store_bytes(directory: &Path) -> u64 {
    let name = bulla_store::DATABASE_FILE;
    let files = ["", "-wal", "-shm"].map(|end| directory.join(format!("{name}{end}")));
    let sizes = files.iter().filter_map(|file| std::fs::metadata(file).ok());
    sizes.map(|file| file.len()).sum()
}
