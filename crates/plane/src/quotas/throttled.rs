//! Who was too fast lately, for operators.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Caller;

/// How many callers are remembered: those that were throttled last.
pub const MAX_THROTTLED: usize = 64;

/// A caller that was throttled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThrottledCaller {
    /// The account that was charged.
    pub account: String,
    /// The region.
    pub region: String,
    /// The place of the quota among those that are known.
    pub quota: usize,
    /// How many calls, since the caller is remembered.
    pub calls: u64,
    /// When last, in milliseconds since 1970.
    pub last_ms: i64,
}

/// The callers that were throttled last, the latest last.
#[derive(Default)]
pub(super) struct Throttled(Mutex<Vec<ThrottledCaller>>);

impl Throttled {
    fn lock(&self) -> MutexGuard<'_, Vec<ThrottledCaller>> {
        // Nothing that can fail runs under this lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a call that was not let through.
    pub(super) fn note(&self, asked: &Caller<'_>, quota: usize) {
        let mut all = self.lock();
        let known = all.iter().position(|one| {
            one.account == asked.account && one.region == asked.region && one.quota == quota
        });
        let mut one = match known {
            Some(at) => all.remove(at),
            None => ThrottledCaller {
                account: asked.account.to_owned(),
                region: asked.region.to_owned(),
                quota,
                calls: 0,
                last_ms: 0,
            },
        };
        one.calls = one.calls.saturating_add(1);
        one.last_ms = asked.now_ms;
        if all.len() >= MAX_THROTTLED {
            all.remove(0);
        }
        all.push(one);
    }

    pub(super) fn all(&self) -> Vec<ThrottledCaller> {
        self.lock().iter().rev().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_remembered() {
        let throttled = Throttled::default();
        for number in 0..100 {
            let account = number.to_string();
            let asked = Caller { account: &account, region: "eu-west-1", now_ms: number };
            throttled.note(&asked, 3);
            throttled.note(&Caller { account: "always", ..asked }, 3);
        }
        let all = throttled.all();
        assert_eq!(all.len(), MAX_THROTTLED);
        let told = |at: usize| {
            let one: &ThrottledCaller = &all[at];
            (one.account.as_str(), one.quota, one.calls, one.last_ms)
        };
        assert_eq!((told(0), told(1)), (("always", 3, 100, 99), ("99", 3, 1, 99)));
    }
}
