//! Keys in memory, and what keeps them from outliving a change.
//!
//! INVARIANT: once a change of a key was acknowledged, no call that begins later sees the key as it
//! was before. A loader notes the generation before it reads and keeps what it read only if no
//! change ended in between and none is under way; a change drops its keys when it ends, and before
//! anybody is told. A change that is given up half-way may still be committed at any later time:
//! its keys are never kept again, and so are read from the store each time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quick_cache::sync::Cache as Lru;

use crate::live::LiveKey;

/// How many keys stay unwrapped in memory, at about 3 KiB each.
const MAX_CACHED_KEYS: usize = 2_048;
/// How many materials' owners stay known, at about 150 bytes each.
const MAX_CACHED_OWNERS: usize = 8_192;

/// Region and id of a material.
pub(crate) type MaterialId = (String, [u8; 32]);

/// Keys in memory. `K` is what is kept of one.
pub(crate) struct Cache<K = LiveKey> {
    live: Lru<String, Arc<K>>,
    owners: Lru<MaterialId, Arc<str>>,
    changes: Mutex<Changes>,
}

#[derive(Default)]
struct Changes {
    /// How many changes have ended.
    generation: u64,
    /// How many changes of a key have begun and not ended.
    under_way: HashMap<String, usize>,
}

impl<K> Cache<K> {
    pub(crate) fn new() -> Self {
        Self {
            live: Lru::new(MAX_CACHED_KEYS),
            owners: Lru::new(MAX_CACHED_OWNERS),
            changes: Mutex::default(),
        }
    }

    fn changes(&self) -> MutexGuard<'_, Changes> {
        // Nothing that can panic half-way through a change of it runs under this lock.
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, path: &str) -> Option<Arc<K>> {
        self.live.get(path)
    }

    /// To be noted before a key is read from the store.
    pub(crate) fn generation(&self) -> u64 {
        self.changes().generation
    }

    /// Keeps a key that was read after `read_at` was noted, unless it may have changed since.
    pub(crate) fn keep(&self, path: &str, live: &Arc<K>, read_at: u64) {
        let changes = self.changes();
        if changes.generation == read_at && !changes.under_way.contains_key(path) {
            self.live.insert(path.to_owned(), Arc::clone(live));
        }
    }

    /// The row of the key that a material belongs to; it never changes.
    pub(crate) fn owner(&self, material: &MaterialId) -> Option<Arc<str>> {
        self.owners.get(material)
    }

    pub(crate) fn keep_owner(&self, material: MaterialId, path: &str) {
        self.owners.insert(material, Arc::from(path));
    }

    /// To be called before a change of these keys is committed.
    pub(crate) fn begin_change<'c>(&'c self, paths: &'c [&'c str]) -> Change<'c, K> {
        let mut changes = self.changes();
        for path in paths {
            *changes.under_way.entry((*path).to_owned()).or_default() += 1;
        }
        drop(changes);
        Change { cache: self, paths, is_over: false }
    }

    pub(crate) fn clear(&self) {
        let mut changes = self.changes();
        changes.generation = changes.generation.wrapping_add(1);
        self.live.clear();
        self.owners.clear();
    }
}

/// A change of keys that is under way. Dropped without [`Change::end`], nobody knows whether it
/// will be committed.
#[must_use]
pub(crate) struct Change<'c, K> {
    cache: &'c Cache<K>,
    paths: &'c [&'c str],
    is_over: bool,
}

impl<K> Change<'_, K> {
    /// The change was committed or refused.
    pub(crate) fn end(mut self) {
        self.is_over = true;
    }
}

impl<K> Drop for Change<'_, K> {
    fn drop(&mut self) {
        let mut changes = self.cache.changes();
        changes.generation = changes.generation.wrapping_add(1);
        for path in self.paths {
            self.cache.live.remove(*path);
            if !self.is_over {
                continue;
            }
            if let Some(count) = changes.under_way.get_mut(*path) {
                *count -= 1;
                if *count == 0 {
                    changes.under_way.remove(*path);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(cache: &Cache<u8>, path: &str) -> Option<u8> {
        cache.get(path).map(|live| *live)
    }

    #[test]
    fn what_was_read_before_a_change_ended_is_not_kept() {
        let cache = Cache::new();
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
    fn a_change_that_was_given_up_leaves_its_keys_unkept() {
        let cache = Cache::new();
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
