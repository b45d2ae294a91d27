//! Token buckets, one for each account, region and quota that is in use.
//!
//! A bucket is the one number of the generic cell rate algorithm (ITU-T I.371, annex A): the time
//! at which it will be full again. One whose time has passed is full, and as good as none, so that
//! it can be dropped without anybody noticing.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, BuildHasherDefault, Hasher, RandomState};
use std::sync::{Mutex, PoisonError};

/// How many parts the buckets are in. Calls of different parts don't wait for each other.
const SHARDS: usize = 64;
/// How many buckets a part has before full ones are first dropped from it.
const FIRST_SWEEP: usize = 1_024;
/// The most buckets in a part, 32 bytes each. More than a million in all would need as many calls
/// in one second.
const MAX_IN_SHARD: usize = 16_384;
/// How long a part that stayed full is left alone, in nanoseconds: going through it is not free.
const SWEEP_PAUSE_NS: i64 = 100_000_000;
/// What a bucket holds, in time: so much of what was not used can be used at once.
const WINDOW_NS: i64 = 1_000_000_000;
const NS_IN_MS: i64 = 1_000_000;
/// What is told where nobody is ever let through, in milliseconds: a day.
const NEVER_MS: u64 = 86_400_000;

/// All buckets.
pub(super) struct Buckets {
    /// The keys are hashes with a secret of the process, so that nobody chooses what collides.
    hash: RandomState,
    shards: Vec<Mutex<Shard>>,
}

/// The name of a bucket. Two may share one by a chance of one in 2^64.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key(u64);

struct Shard {
    /// When each bucket will be full again, in nanoseconds since 1970.
    full_at: HashMap<Key, i64, BuildHasherDefault<Same>>,
    sweep_at: usize,
    /// When a full part is gone through again.
    not_before: i64,
}

/// Keys are hashes already.
#[derive(Default)]
struct Same(u64);

impl Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

impl Buckets {
    pub(super) fn new() -> Self {
        let shard =
            || Shard { full_at: HashMap::default(), sweep_at: FIRST_SWEEP, not_before: i64::MIN };
        let shards = (0..SHARDS).map(|_| Mutex::new(shard())).collect();
        Self { hash: RandomState::new(), shards }
    }

    /// The bucket of a quota, or of a part of it, in an account and region.
    pub(super) fn key(&self, account: &str, region: &str, quota: (usize, &str)) -> Key {
        Key(self.hash.hash_one((account, region, quota)))
    }

    /// Takes one from a bucket that fills with `per_second`, or says in how many milliseconds there
    /// would be one. A new bucket is full: it has what comes within a second, one at least.
    pub(super) fn take(&self, key: Key, per_second: f64, now_ms: i64) -> Result<(), u64> {
        let now = now_ms.saturating_mul(NS_IN_MS);
        let Some((each, window)) = spacing(per_second) else { return Err(NEVER_MS) };
        // The table's own index is in the low bits.
        let shard = usize::try_from(key.0 >> 32).unwrap_or(0) % SHARDS;
        let Some(shard) = self.shards.get(shard) else { return Ok(()) };
        // Nothing that can fail runs under this lock.
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(full_at) = shard.at(key, now) else { return Err(1) };
        let latest = now.saturating_add(window);
        // No bucket is ever emptier than empty, unless the clock was set back or the rate raised.
        let begins = (*full_at).clamp(now, latest);
        let then = begins.saturating_add(each);
        if then <= latest {
            *full_at = then;
            return Ok(());
        }
        *full_at = begins;
        let wait = then.saturating_sub(latest).max(1);
        Err(u64::try_from(wait.saturating_add(NS_IN_MS - 1) / NS_IN_MS).unwrap_or(1))
    }
}

/// How many nanoseconds lie between two requests, and how many a whole bucket is. None for a rate
/// that lets nobody through.
#[expect(clippy::cast_possible_truncation, reason = "a float beyond an i64 becomes the largest")]
fn spacing(per_second: f64) -> Option<(i64, i64)> {
    if per_second.is_nan() || per_second <= 0.0 {
        return None;
    }
    let each = ((1e9 / per_second) as i64).max(1);
    Some((each, WINDOW_NS.max(each)))
}

impl Shard {
    /// The bucket of a key, new if need be; none when there are as many as there may be.
    fn at(&mut self, key: Key, now: i64) -> Option<&mut i64> {
        if self.full_at.len() >= self.sweep_at && !self.full_at.contains_key(&key) {
            if now >= self.not_before {
                self.full_at.retain(|_, full_at| *full_at > now);
            }
            let twice = self.full_at.len().saturating_mul(2);
            self.sweep_at = twice.clamp(FIRST_SWEEP, MAX_IN_SHARD);
            if self.full_at.len() >= MAX_IN_SHARD {
                if now >= self.not_before {
                    self.not_before = now.saturating_add(SWEEP_PAUSE_NS);
                }
                return None;
            }
        }
        Some(self.full_at.entry(key).or_insert(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_buckets_are_dropped_and_those_in_use_are_not() {
        let buckets = Buckets::new();
        let busy = buckets.key("111122223333", "eu-central-1", (0, ""));
        assert_eq!(buckets.take(busy, 0.001, 0), Ok(()));
        for at in 0..200_000_usize {
            let other = buckets.key("111122223333", "eu-central-1", (at + 1, ""));
            assert_eq!(buckets.take(other, 1000.0, at as i64), Ok(()));
        }
        let kept: usize =
            buckets.shards.iter().map(|shard| shard.lock().unwrap().full_at.len()).sum();
        assert!(kept < 2 * SHARDS * FIRST_SWEEP, "{kept} buckets are kept");
        assert!(buckets.take(busy, 0.001, 200_000).is_err(), "it is empty for 1,000 seconds");
    }

    #[test]
    fn more_buckets_than_there_may_be_are_refused() {
        let buckets = Buckets::new();
        let take = |at: usize| {
            let key = buckets.key("111122223333", "eu-central-1", (at, ""));
            buckets.take(key, 0.001, 0)
        };
        let most = SHARDS * MAX_IN_SHARD;
        let through = (0..most * 3 / 2).filter(|at| take(*at).is_ok()).count();
        assert!(through <= most, "{through} buckets were made");
        let later = buckets.key("111122223333", "eu-central-1", (most * 2, ""));
        assert_eq!(buckets.take(later, 0.001, 2_000_000), Ok(()), "full ones make room");
    }
}
