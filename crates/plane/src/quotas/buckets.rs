//! Token buckets, one for each account, region and quota that is in use.
//!
//! A bucket is the one number of the generic cell rate algorithm (ITU-T I.371, annex A): the time
//! at which it will be full again. One whose time has passed is full, and as good as none, so that
//! it can be dropped without anybody noticing.

use std::hash::BuildHasher as _;
use std::sync::{Mutex, PoisonError};

use foldhash::quality::RandomState;

/// How many parts the buckets are in. Calls of different parts don't wait for each other.
const SHARDS: usize = 64;
/// How many slots a part has, of 16 bytes each, at first and at most.
const FIRST_SLOTS: usize = 16;
const MAX_SLOTS: usize = 32_768;
/// One slot of so many is taken at most, so that a bucket is found at a glance. More than a million
/// buckets in all would need as many calls in one second.
const SLOTS_TO_TAKEN: usize = 2;
/// So many times as many slots as buckets are there after a part was gone through.
const SLOTS_TO_KEPT: usize = 3;
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

/// The name of a bucket, never zero. Two may share one by a chance of one in 2^64.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Key(u64);

/// A part of the buckets: a table with open addressing, where a bucket lies in the first slot from
/// its key's on that was free. A slot whose bucket is full is free, but not an end of the search.
struct Shard {
    slots: Vec<Slot>,
    /// How many slots are not [`Slot::UNUSED`].
    taken: usize,
    /// When a part with no room left is gone through again.
    not_before: i64,
}

#[derive(Clone, Copy)]
struct Slot {
    /// The bucket's key; zero where there was none yet.
    key: u64,
    /// When the bucket will be full again, in nanoseconds since 1970.
    full_at: i64,
}

impl Slot {
    const UNUSED: Self = Self { key: 0, full_at: i64::MIN };
}

impl Buckets {
    pub(super) fn new() -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::new(Shard::new())).collect();
        Self { hash: RandomState::default(), shards }
    }

    /// The bucket of a quota, or of a part of it, in an account and region.
    pub(super) fn key(&self, account: &str, region: &str, quota: (usize, &str)) -> Key {
        Key(self.hash.hash_one((account, region, quota)).max(1))
    }

    /// Takes one from a bucket that fills with `per_second`, or says in how many milliseconds there
    /// would be one. A new bucket is full: it has what comes within a second, one at least.
    pub(super) fn take(&self, key: Key, per_second: f64, now_ms: i64) -> Result<(), u64> {
        let now = now_ms.saturating_mul(NS_IN_MS);
        let Some((each, window)) = spacing(per_second) else { return Err(NEVER_MS) };
        // A shard's own index is in the low bits.
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
    fn new() -> Self {
        Self { slots: vec![Slot::UNUSED; FIRST_SLOTS], taken: 0, not_before: i64::MIN }
    }

    /// The bucket of a key, new if need be; none when there are as many as there may be.
    fn at(&mut self, key: Key, now: i64) -> Option<&mut i64> {
        let (found, at) = self.find(key, now);
        if !found {
            let is_unused = self.slots.get(at)?.key == 0;
            if is_unused && self.taken >= self.slots.len() / SLOTS_TO_TAKEN {
                return self.make_room(now).then(|| self.at(key, now))?;
            }
            self.taken = self.taken.saturating_add(usize::from(is_unused));
            *self.slots.get_mut(at)? = Slot { key: key.0, full_at: now };
        }
        self.slots.get_mut(at).map(|slot| &mut slot.full_at)
    }

    /// Whether the key has a slot, and that slot, or else the one that it would get.
    fn find(&self, key: Key, now: i64) -> (bool, usize) {
        // The number of slots is a power of two, of which some are unused.
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = usize::try_from(key.0 & 0xffff_ffff).unwrap_or(0) & mask;
        let mut free = None;
        while let Some(slot) = self.slots.get(at) {
            if slot.key == key.0 {
                return (true, at);
            }
            if slot.key == 0 {
                break;
            }
            if slot.full_at <= now && free.is_none() {
                free = Some(at);
            }
            at = at.wrapping_add(1) & mask;
        }
        (false, free.unwrap_or(at))
    }

    /// Drops full buckets, and makes as many slots as the others need. Answers whether there is
    /// room now.
    #[cold]
    fn make_room(&mut self, now: i64) -> bool {
        if now < self.not_before {
            return false;
        }
        let kept: Vec<Slot> =
            self.slots.iter().filter(|slot| slot.full_at > now).copied().collect();
        let slots = kept.len().saturating_mul(SLOTS_TO_KEPT).next_power_of_two();
        let slots = slots.clamp(FIRST_SLOTS, MAX_SLOTS);
        *self = Self { slots: vec![Slot::UNUSED; slots], taken: kept.len(), ..*self };
        for slot in kept {
            let (_new, at) = self.find(Key(slot.key), now);
            if let Some(free) = self.slots.get_mut(at) {
                *free = slot;
            }
        }
        if slots == MAX_SLOTS {
            self.not_before = now.saturating_add(SWEEP_PAUSE_NS);
        }
        self.taken < slots / SLOTS_TO_TAKEN
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
        let slots: usize =
            buckets.shards.iter().map(|shard| shard.lock().unwrap().slots.len()).sum();
        assert!(slots <= 8 * SHARDS * FIRST_SLOTS, "{slots} slots are kept");
        assert!(buckets.take(busy, 0.001, 200_000).is_err(), "it is empty for 1,000 seconds");
    }

    #[test]
    fn more_buckets_than_there_may_be_are_refused() {
        let buckets = Buckets::new();
        let take = |at: usize| {
            let key = buckets.key("111122223333", "eu-central-1", (at, ""));
            buckets.take(key, 0.001, 0)
        };
        let most = SHARDS * MAX_SLOTS / SLOTS_TO_TAKEN;
        let through = (0..most * 3 / 2).filter(|at| take(*at).is_ok()).count();
        assert!(through <= most, "{through} buckets were made");
        let later = buckets.key("111122223333", "eu-central-1", (most * 2, ""));
        assert_eq!(buckets.take(later, 0.001, 2_000_000), Ok(()), "full ones make room");
    }

    #[test]
    fn no_bucket_is_lost_or_doubled_while_others_come_and_go() {
        let buckets = Buckets::new();
        let key = |at: usize| buckets.key("111122223333", "eu-central-1", (at, ""));
        // Each takes one a second and is taken from five times a second, among others that are
        // full again at once.
        for now_ms in 0..3_000 {
            for others in 0..40 {
                let other = key(1_000 + usize::try_from(now_ms * 40 + others).unwrap());
                assert_eq!(buckets.take(other, 1_000_000.0, now_ms), Ok(()));
            }
            let (at, round) = (usize::try_from(now_ms % 200).unwrap(), now_ms / 200);
            let outcome = buckets.take(key(at), 1.0, now_ms);
            assert_eq!(outcome.is_ok(), round % 5 == 0, "bucket {at} at {now_ms} ms: {outcome:?}");
        }
    }
}
