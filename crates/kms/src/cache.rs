//! Which key a material or an alias belongs to, in memory, and how many keys are kept.

use std::hash::Hash;
use std::sync::Arc;

use bulla_plane::cache::{Cache, Weighs};
use quick_cache::Equivalent;
use quick_cache::sync::Cache as Lru;

use crate::live::LiveKey;

/// How many keys stay unwrapped in memory, at about 3 KiB each.
const MAX_CACHED_KEYS: u64 = 2_048;
/// How many materials' owners stay known, at about 150 bytes each.
const MAX_CACHED_OWNERS: usize = 8_192;
/// How many aliases' keys stay known, at about 250 bytes each.
const MAX_CACHED_ALIASES: usize = 8_192;

/// Region and id of a material.
pub(crate) type MaterialId = (String, [u8; 32]);

impl Weighs for LiveKey {}

/// An empty cache of keys.
pub(crate) fn keys() -> Cache<LiveKey> {
    Cache::new(usize::try_from(MAX_CACHED_KEYS).unwrap_or(usize::MAX), MAX_CACHED_KEYS)
}

/// The rows of the keys that materials belong to; they never change.
pub(crate) type Owners = KeyRows<MaterialId>;

/// The rows of the keys that aliases, by their own rows, were last seen to name. They are hints: an
/// alias names a key only as long as the key's record says so, which each change of an alias
/// changes too.
pub(crate) type AliasHints = KeyRows<String>;

/// The rows of keys, by what leads to them.
pub(crate) struct KeyRows<K>(Lru<K, Arc<str>>);

impl Owners {
    pub(crate) fn of_materials() -> Self {
        Self(Lru::new(MAX_CACHED_OWNERS))
    }
}

impl AliasHints {
    pub(crate) fn of_aliases() -> Self {
        Self(Lru::new(MAX_CACHED_ALIASES))
    }
}

impl<K: Eq + Hash> KeyRows<K> {
    pub(crate) fn get<Q: Hash + Equivalent<K> + ?Sized>(&self, from: &Q) -> Option<Arc<str>> {
        self.0.get(from)
    }

    pub(crate) fn keep(&self, from: K, path: &str) {
        self.0.insert(from, Arc::from(path));
    }

    pub(crate) fn clear(&self) {
        self.0.clear();
    }
}
