//! Which key a material or an alias belongs to, in memory, and how many keys are kept.

use std::sync::Arc;

use bulla_plane::cache::{Cache, Weighs};
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
pub(crate) struct Owners(Lru<MaterialId, Arc<str>>);

impl Owners {
    pub(crate) fn new() -> Self {
        Self(Lru::new(MAX_CACHED_OWNERS))
    }

    pub(crate) fn get(&self, material: &MaterialId) -> Option<Arc<str>> {
        self.0.get(material)
    }

    pub(crate) fn keep(&self, material: MaterialId, path: &str) {
        self.0.insert(material, Arc::from(path));
    }

    pub(crate) fn clear(&self) {
        self.0.clear();
    }
}

/// The rows of the keys that aliases were last seen to name. They are hints: an alias names a key
/// only as long as the key's record says so, which each change of an alias changes too.
pub(crate) struct AliasHints(Lru<String, Arc<str>>);

impl AliasHints {
    pub(crate) fn new() -> Self {
        Self(Lru::new(MAX_CACHED_ALIASES))
    }

    /// The row of the key, by the row of the alias.
    pub(crate) fn get(&self, alias: &str) -> Option<Arc<str>> {
        self.0.get(alias)
    }

    pub(crate) fn keep(&self, alias: String, path: &str) {
        self.0.insert(alias, Arc::from(path));
    }

    pub(crate) fn clear(&self) {
        self.0.clear();
    }
}
