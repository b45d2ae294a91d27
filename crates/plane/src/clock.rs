//! The time, as a part that a test can turn forward.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// The system's time plus an offset that only `bulla dev` moves.
#[derive(Debug, Default)]
pub struct Clock {
    offset_ms: AtomicI64,
}

impl Clock {
    /// Milliseconds since 1970.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        Self::wall_ms().saturating_add(self.offset_ms.load(Ordering::Acquire))
    }

    /// The time that callers sign by, in milliseconds since 1970: their clocks do not go along
    /// when a test turns this one.
    #[must_use]
    pub fn wall_ms() -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }

    /// Turns the clock forward. It never goes back: what was due stays due.
    pub fn advance(&self, by_ms: u64) {
        let by_ms = i64::try_from(by_ms).unwrap_or(i64::MAX);
        let add = |offset: i64| Some(offset.saturating_add(by_ms));
        let _always_set = self.offset_ms.fetch_update(Ordering::AcqRel, Ordering::Acquire, add);
    }
}
