//! Counts what is read of a store.

use std::sync::atomic::{AtomicUsize, Ordering};

use bulla_ground::Watch;

/// Counts reads and the rows that they answered.
#[derive(Default)]
pub(crate) struct Reads {
    reads: AtomicUsize,
    rows: AtomicUsize,
}

impl Reads {
    /// How many reads there were since the last question, and how many rows they answered.
    pub(crate) fn take(&self) -> (usize, usize) {
        let take = |count: &AtomicUsize| count.swap(0, Ordering::Relaxed);
        (take(&self.reads), take(&self.rows))
    }
}

impl Watch for Reads {
    fn read(&self, rows: usize) {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.rows.fetch_add(rows, Ordering::Relaxed);
    }
}
