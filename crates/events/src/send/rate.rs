//! How often API destinations may be asked: so many times a second each.

use std::sync::Mutex;

use quick_cache::sync::Cache;

use super::lock;

/// How many destinations are remembered.
const MAX_DESTINATIONS: usize = 4_096;
/// How much of the rate may be used at once, in milliseconds' worth.
const BURST_MS: i64 = 1_000;
/// Times are counted in this many parts of a millisecond.
const PARTS: i64 = 1_000;

/// When each destination would be free if everything asked of it so far came evenly.
pub(super) struct Rates {
    free_at: Cache<String, i64>,
    changes: Mutex<()>,
}

impl Rates {
    pub(super) fn new() -> Self {
        Self { free_at: Cache::new(MAX_DESTINATIONS), changes: Mutex::default() }
    }

    pub(super) fn clear(&self) {
        self.free_at.clear();
    }

    /// Takes one turn of a destination, or tells how many milliseconds to wait for one.
    pub(super) fn take(&self, arn: &str, per_second: i64, now_ms: i64) -> Result<(), i64> {
        let _changes = lock(&self.changes);
        let now = now_ms.saturating_mul(PARTS);
        let free_at = self.free_at.get(arn).unwrap_or(now).max(now);
        let early = free_at.saturating_sub(now).saturating_sub((BURST_MS - 1) * PARTS);
        if early > 0 {
            return Err(early.div_euclid(PARTS) + 1);
        }
        let each = 1_000 * PARTS / per_second.max(1);
        self.free_at.insert(arn.to_owned(), free_at.saturating_add(each));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_asked_as_often_as_it_may() {
        let rates = Rates::new();
        let taken =
            |from: i64, to: i64| (from..to).filter(|now| rates.take("d", 10, *now).is_ok()).count();
        assert_eq!((0..20).filter(|_| rates.take("d", 10, 0).is_ok()).count(), 10);
        let wait = rates.take("d", 10, 0).unwrap_err();
        assert!((1..=101).contains(&wait), "{wait}");
        assert!(rates.take("other", 10, 0).is_ok());
        assert_eq!(taken(1, 1_001), 10);
        assert_eq!(taken(1_001, 11_001), 100);
    }
}
