//! How long the stages of requests take, for operators: one histogram a stage, of the whole
//! process.
//!
//! A stage costs two looks at the clock and two additions, to numbers that few other threads write:
//! were they the same for all, each addition would fetch them from another core. Calls between
//! services pass the stages too; what they take is in their caller's work as well.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::traces::{self, Passing};

/// The upper ends of the buckets, in nanoseconds; what takes longer is in one more.
pub const BUCKETS_NS: [u64; 5] = [10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// Reading the body.
pub static READ: Stage = Stage::new("read");
/// Telling who calls: the signature, and the owner of the access key.
pub static VERIFY: Stage = Stage::new("verify");
/// Deciding whether they may, once for each permission that is asked for.
pub static AUTHORIZE: Stage = Stage::new("authorize");
/// The operation, with the decisions it asks for and what it waits for.
pub static WORK: Stage = Stage::new("work");
/// Waiting until the call's records are durable.
pub static RECORD: Stage = Stage::new("record");

/// All stages, in the order of a request's way.
pub static ALL: [&Stage; 5] = [&READ, &VERIFY, &AUTHORIZE, &WORK, &RECORD];

/// How many times each number is there. Threads share one only where there are more of them.
const COPIES: usize = 16;

/// How long a stage took.
#[derive(Debug)]
pub struct Stage {
    name: &'static str,
    copies: [Numbers; COPIES],
}

/// What some threads saw of a stage, in a cache line of its own.
#[derive(Debug)]
#[repr(align(64))]
struct Numbers {
    /// By bucket; the last is for what took longer than all.
    counts: [AtomicU64; BUCKETS_NS.len() + 1],
    sum_ns: AtomicU64,
}

thread_local! {
    /// Which copy of all numbers is the thread's.
    static COPY: usize = next_copy();
}

fn next_copy() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    THREADS.fetch_add(1, Ordering::Relaxed) % COPIES
}

/// What a stage took so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// How many took no longer than each bucket's end, and how many there were.
    pub within: [u64; BUCKETS_NS.len() + 1],
    /// All of them together, in nanoseconds.
    pub sum_ns: u64,
}

impl Stage {
    const fn new(name: &'static str) -> Self {
        Self { name, copies: [const { Numbers::none() }; COPIES] }
    }

    /// Its name in metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Measures until what this answers is dropped.
    #[must_use]
    pub fn begin(&'static self) -> Running {
        Running { stage: self, began: Instant::now(), _passing: traces::part(self.name) }
    }

    fn took(&self, time: Duration) {
        let ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BUCKETS_NS.iter().position(|end| ns <= *end).unwrap_or(BUCKETS_NS.len());
        // A thread that is ending has no copy any more.
        let copy = COPY.try_with(|copy| *copy).unwrap_or_default();
        let Some(numbers) = self.copies.get(copy) else { return };
        if let Some(count) = numbers.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        numbers.sum_ns.fetch_add(ns, Ordering::Relaxed);
    }

    /// What it took so far.
    #[must_use]
    pub fn taken(&self) -> Taken {
        let mut taken = Taken { within: [0; BUCKETS_NS.len() + 1], sum_ns: 0 };
        for numbers in &self.copies {
            let mut all = 0;
            for (count, sum) in numbers.counts.iter().zip(&mut taken.within) {
                all += count.load(Ordering::Relaxed);
                *sum += all;
            }
            taken.sum_ns += numbers.sum_ns.load(Ordering::Relaxed);
        }
        taken
    }
}

impl Numbers {
    const fn none() -> Self {
        Self {
            counts: [const { AtomicU64::new(0) }; BUCKETS_NS.len() + 1],
            sum_ns: AtomicU64::new(0),
        }
    }
}

/// A stage that is being passed.
#[derive(Debug)]
pub struct Running {
    stage: &'static Stage,
    began: Instant,
    _passing: Passing,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stage.took(self.began.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_counted_by_bucket_and_added_up() {
        static STAGE: Stage = Stage::new("test");
        for ns in [5, 10_000, 10_001, 2_000_000, 100_000_001] {
            STAGE.took(Duration::from_nanos(ns));
        }
        let taken = STAGE.taken();
        assert_eq!(taken, Taken { within: [2, 3, 3, 4, 4, 5], sum_ns: 102_020_007 });
        drop(STAGE.begin());
        assert_eq!(STAGE.taken().within.last(), Some(&6));
    }

    #[test]
    fn what_all_threads_saw_is_told() {
        static STAGE: Stage = Stage::new("test");
        std::thread::scope(|scope| {
            for _ in 0..3 * COPIES {
                scope.spawn(|| STAGE.took(Duration::from_nanos(7)));
            }
        });
        let all = 3 * COPIES as u64;
        assert_eq!(STAGE.taken(), Taken { within: [all; 6], sum_ns: 7 * all });
    }
}
