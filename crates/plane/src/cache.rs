//! Records in memory, and what keeps them from outliving a change.
//!
//! INVARIANT: once a change of a record was acknowledged, no call that begins later sees the record
//! as it was before. A loader notes the generation before it reads and keeps what it read only if
//! no change ended in between and none is under way; a change drops its records when it ends, and
//! before anybody is told. Where it was the only change of a record, what the record has become is
//! kept in its place. A change that is given up half-way may still be committed at any later time:
//! its records are never kept again, and so are read from the store each time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quick_cache::Weighter;
use quick_cache::sync::Cache as Lru;

/// What can be kept in a [`Cache`].
pub trait Weighs {
    /// How much of the cache's room it takes: bytes, or one where records are counted.
    fn weight(&self) -> u64 {
        1
    }
}

/// Records in memory, each by its row. `K` is what is kept of one.
pub struct Cache<K> {
    live: Lru<String, Arc<K>, Scales>,
    changes: Mutex<Changes>,
}

/// Asks what is kept for its weight.
#[derive(Clone)]
struct Scales;

impl<K: Weighs> Weighter<String, Arc<K>> for Scales {
    fn weight(&self, path: &String, kept: &Arc<K>) -> u64 {
        // A cache that counts does not weigh the rows either.
        match kept.weight() {
            1 => 1,
            bytes => bytes.saturating_add(u64::try_from(path.len()).unwrap_or(u64::MAX)),
        }
    }
}

#[derive(Default)]
struct Changes {
    /// How many changes have ended.
    generation: u64,
    /// Changes of a record that have begun and not ended.
    under_way: HashMap<String, UnderWay>,
}

#[derive(Default)]
struct UnderWay {
    count: usize,
    /// Whether there was more than one at a time: then none knows which came last.
    crossed: bool,
}

impl<K: Weighs> Cache<K> {
    /// An empty cache with room for so much weight, which is about so many records.
    #[must_use]
    pub fn new(records: usize, room: u64) -> Self {
        Self { live: Lru::with_weighter(records, room, Scales), changes: Mutex::default() }
    }

    fn changes(&self) -> MutexGuard<'_, Changes> {
        // Nothing that can panic half-way through a change of it runs under this lock.
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The record of a row, if it is kept.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<Arc<K>> {
        self.live.get(path)
    }

    /// To be noted before a record is read from the store.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.changes().generation
    }

    /// Keeps a record that was read after `read_at` was noted, unless it may have changed since.
    pub fn keep(&self, path: &str, live: &Arc<K>, read_at: u64) {
        let changes = self.changes();
        if changes.generation == read_at && !changes.under_way.contains_key(path) {
            self.live.insert(path.to_owned(), Arc::clone(live));
        }
    }

    /// To be called before a change of these rows is committed.
    pub fn begin_change<'c>(&'c self, paths: &'c [&'c str]) -> Change<'c, K> {
        let mut changes = self.changes();
        for path in paths {
            let under_way = changes.under_way.entry((*path).to_owned()).or_default();
            under_way.count += 1;
            under_way.crossed |= under_way.count > 1;
        }
        drop(changes);
        Change { cache: self, paths, became: None, is_over: false }
    }

    /// Forgets a record, so that whoever asks next reads what is committed. A change that was
    /// committed may still be on its way to being acknowledged, and the record kept as it was until
    /// then: a job must not judge by that.
    pub fn forget(&self, path: &str) {
        let mut changes = self.changes();
        changes.generation = changes.generation.wrapping_add(1);
        self.live.remove(path);
    }

    /// Forgets everything.
    pub fn clear(&self) {
        let mut changes = self.changes();
        changes.generation = changes.generation.wrapping_add(1);
        self.live.clear();
    }
}

/// A change of records that is under way. Dropped without [`Change::end`], nobody knows whether it
/// will be committed.
#[must_use]
pub struct Change<'c, K: Weighs> {
    cache: &'c Cache<K>,
    paths: &'c [&'c str],
    became: Option<Arc<K>>,
    is_over: bool,
}

impl<K: Weighs> Change<'_, K> {
    /// The change was committed or refused.
    pub fn end(mut self) {
        self.is_over = true;
    }

    /// The change, which was of one record, was committed, and this is what the record is now.
    pub fn end_as(mut self, became: Arc<K>) {
        self.became = Some(became);
        self.is_over = true;
    }
}

impl<K: Weighs> Drop for Change<'_, K> {
    fn drop(&mut self) {
        let mut changes = self.cache.changes();
        changes.generation = changes.generation.wrapping_add(1);
        for path in self.paths {
            self.cache.live.remove(*path);
            if !self.is_over {
                continue;
            }
            let Some(under_way) = changes.under_way.get_mut(*path) else { continue };
            under_way.count -= 1;
            if under_way.count > 0 {
                continue;
            }
            let crossed = under_way.crossed;
            changes.under_way.remove(*path);
            if let Some(became) = self.became.take().filter(|_| !crossed) {
                self.cache.live.insert((*path).to_owned(), became);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Weighs for u8 {}

    struct Heavy;

    impl Weighs for Heavy {
        fn weight(&self) -> u64 {
            100
        }
    }

    #[test]
    fn what_is_kept_stays_within_the_room() {
        let cache = Cache::new(16, 1_000);
        for at in 0..1_000 {
            cache.keep(&at.to_string(), &Arc::new(Heavy), cache.generation());
        }
        let kept = (0..1_000).filter(|at| cache.get(&at.to_string()).is_some()).count();
        assert!((1..10).contains(&kept), "{kept}");
    }

    fn kept(cache: &Cache<u8>, path: &str) -> Option<u8> {
        cache.get(path).map(|live| *live)
    }

    #[test]
    fn what_was_read_before_a_change_ended_is_not_kept() {
        let cache = Cache::new(16, 16);
        let before = cache.generation();
        cache.keep("a", &Arc::new(1), before);
        assert_eq!(kept(&cache, "a"), Some(1));
        let change = cache.begin_change(&["a", "b"]);
        // Until it is acknowledged, the key may be seen as it was; but no reader puts it back.
        assert_eq!(kept(&cache, "a"), Some(1));
        cache.keep("b", &Arc::new(1), cache.generation());
        cache.keep("c", &Arc::new(1), cache.generation());
        assert_eq!((kept(&cache, "b"), kept(&cache, "c")), (None, Some(1)));
        change.end();
        assert_eq!(kept(&cache, "a"), None);
        cache.keep("a", &Arc::new(1), before);
        assert_eq!(kept(&cache, "a"), None);
        cache.keep("a", &Arc::new(2), cache.generation());
        assert_eq!(kept(&cache, "a"), Some(2));
    }

    #[test]
    fn what_was_forgotten_is_not_put_back_by_whoever_read_before() {
        let cache = Cache::new(16, 16);
        let before = cache.generation();
        cache.keep("a", &Arc::new(1), before);
        let change = cache.begin_change(&["a"]);
        assert_eq!(kept(&cache, "a"), Some(1), "the change is not acknowledged");
        cache.forget("a");
        assert_eq!(kept(&cache, "a"), None);
        cache.keep("a", &Arc::new(1), before);
        assert_eq!(kept(&cache, "a"), None);
        change.end();
    }

    #[test]
    fn what_a_record_became_is_kept_unless_another_change_crossed() {
        let cache = Cache::new(16, 16);
        let before = cache.generation();
        cache.begin_change(&["a"]).end_as(Arc::new(2));
        assert_eq!(kept(&cache, "a"), Some(2));
        // Whoever read before the change can't put back what was.
        cache.keep("a", &Arc::new(1), before);
        assert_eq!(kept(&cache, "a"), Some(2));
        // Which of two was committed last is not known: nothing is kept, whoever ends last.
        for swap in [false, true] {
            let (mut first, mut second) =
                (Some(cache.begin_change(&["a"])), Some(cache.begin_change(&["a"])));
            if swap {
                std::mem::swap(&mut first, &mut second);
            }
            first.unwrap().end_as(Arc::new(3));
            assert_eq!(kept(&cache, "a"), None);
            second.unwrap().end_as(Arc::new(4));
            assert_eq!(kept(&cache, "a"), None);
            cache.begin_change(&["a"]).end_as(Arc::new(5));
            assert_eq!(kept(&cache, "a"), Some(5));
        }
        // One that was given up stays under way.
        drop(cache.begin_change(&["a"]));
        cache.begin_change(&["a"]).end_as(Arc::new(6));
        assert_eq!(kept(&cache, "a"), None);
    }

    #[test]
    fn a_change_that_was_given_up_leaves_its_keys_unkept() {
        let cache = Cache::new(16, 16);
        cache.keep("a", &Arc::new(1), cache.generation());
        drop(cache.begin_change(&["a"]));
        assert_eq!(kept(&cache, "a"), None);
        // It may be committed now or later: nothing that is read of the key is sure to stay true.
        for _ in 0..2 {
            cache.keep("a", &Arc::new(1), cache.generation());
            assert_eq!(kept(&cache, "a"), None);
            cache.begin_change(&["a"]).end();
        }
        cache.keep("b", &Arc::new(1), cache.generation());
        assert_eq!(kept(&cache, "b"), Some(1));
    }
}
