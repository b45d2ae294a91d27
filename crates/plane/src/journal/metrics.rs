//! What the journal counts.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use crate::Clock;

/// Counters since the journal was opened; plain atomics, to be read at any time.
#[derive(Debug, Default)]
pub struct Metrics {
    records: AtomicU64,
    groups: AtomicU64,
    bytes: AtomicU64,
    failures: AtomicU64,
    refused: AtomicU64,
    last_sync_micros: AtomicU64,
    /// When the last group became durable, by the system's clock; 0 before the first.
    durable_ms: AtomicI64,
}

impl Metrics {
    /// Records that are durable.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.records.load(Ordering::Relaxed)
    }

    /// Groups that were written and synced together.
    #[must_use]
    pub fn groups(&self) -> u64 {
        self.groups.load(Ordering::Relaxed)
    }

    /// Bytes of durable frames.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Writes, syncs and beginnings of segments that failed, or took too long.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Records that were answered as unavailable.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// How long the last write and sync of a group took, in microseconds.
    #[must_use]
    pub fn last_sync_micros(&self) -> u64 {
        self.last_sync_micros.load(Ordering::Relaxed)
    }

    /// How many milliseconds ago the last record became durable.
    #[must_use]
    pub fn since_durable_ms(&self) -> Option<u64> {
        let at = self.durable_ms.load(Ordering::Relaxed);
        let since = Clock::wall_ms().saturating_sub(at);
        (at > 0).then(|| u64::try_from(since).unwrap_or(0))
    }

    pub(super) fn count_group(&self, records: u64, bytes: u64, micros: u64) {
        self.records.fetch_add(records, Ordering::Relaxed);
        self.groups.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.last_sync_micros.store(micros, Ordering::Relaxed);
        self.durable_ms.store(Clock::wall_ms(), Ordering::Relaxed);
    }

    pub(super) fn count_failure(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_refused(&self, records: u64) {
        self.refused.fetch_add(records, Ordering::Relaxed);
    }
}
