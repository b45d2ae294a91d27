//! Readers of a store that come late: what they read may be old by the time they have it, as on a
//! machine that takes a thread's processor away between two steps.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use bulla_ground::Watch;

/// How often a late reader looks whether somebody has committed meanwhile; then it goes on anyway.
const MOST_LOOKS: u32 = 16;

thread_local! {
    /// Of how many reads on this thread one is late; 0 is none.
    static LATE_ONE_IN: Cell<u64> = const { Cell::new(0) };
    static READS: Cell<u64> = const { Cell::new(0) };
}

/// Makes one of so many reads on this thread late.
pub(crate) fn be_late(one_in: u64) {
    LATE_ONE_IN.set(one_in);
}

/// Holds late readers up.
#[derive(Default)]
pub(crate) struct Late {
    commits: AtomicU64,
}

impl Watch for Late {
    /// Lets a commit pass by, if it is this read's turn to be late.
    fn read(&self, _rows: usize) {
        let one_in = LATE_ONE_IN.get();
        READS.set(READS.get() + 1);
        if one_in == 0 || !READS.get().is_multiple_of(one_in) {
            return;
        }
        let before = self.commits.load(Ordering::Acquire);
        for _ in 0..MOST_LOOKS {
            if self.commits.load(Ordering::Acquire) != before {
                return;
            }
            std::thread::yield_now();
        }
    }

    fn committed(&self) {
        self.commits.fetch_add(1, Ordering::Release);
        // Whoever is late gets ahead of what follows a commit.
        std::thread::yield_now();
    }
}
