//! Caching of materials: fewer calls of KMS, at the price that one data key protects several
//! messages (specification: `framework/caching-cmm.md`, `local-cryptographic-materials-cache.md`).

mod id;
pub(crate) mod lru;
mod source;

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use id::CacheId;
use lru::Lru;

use crate::materials::{DecryptionMaterials, EncryptionMaterials};

pub use id::IdGeneration;
pub use source::{CachingSource, MAX_BYTES, MAX_MESSAGES};

/// A cache within this process, of bounded size. What was not used for longest makes room.
///
/// Several [`CachingSource`]s may share one; they share entries only within one partition.
pub struct LocalCache {
    entries: Mutex<Lru<CacheId, Entry>>,
    gates: Mutex<Gates>,
    hits: AtomicU64,
    misses: AtomicU64,
    evictions: AtomicU64,
    now: Box<dyn Fn() -> Instant + Send + Sync>,
}

type Gates = std::collections::HashMap<CacheId, Arc<tokio::sync::Mutex<()>>>;

/// What a cache did since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheMetrics {
    /// Messages whose materials were there.
    pub hits: u64,
    /// Messages whose materials were not there, or not usable any more.
    pub misses: u64,
    /// Entries that were given up: too old, used up, or for room.
    pub evictions: u64,
    /// Entries that are there now.
    pub entries: usize,
}

/// Materials, how long they have been there, and what they were used for.
struct Entry {
    since: Instant,
    max_age: Duration,
    materials: Cached,
}

enum Cached {
    Encryption { materials: Arc<EncryptionMaterials>, messages: u64, bytes: u64 },
    Decryption(Arc<DecryptionMaterials>),
}

/// How often materials may be used to encrypt.
#[derive(Clone, Copy, Debug)]
struct Limits {
    max_age: Duration,
    max_messages: u64,
    max_bytes: u64,
}

impl LocalCache {
    /// A cache of up to `capacity` entries.
    #[must_use]
    pub fn new(capacity: NonZeroUsize) -> Arc<Self> {
        Self::with_clock(capacity, Instant::now)
    }

    /// As [`Self::new`], with a clock of one's own, so that a test can turn minutes into nothing.
    #[must_use]
    pub fn with_clock(
        capacity: NonZeroUsize,
        now: impl Fn() -> Instant + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            entries: Mutex::new(Lru::new(capacity)),
            gates: Mutex::default(),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            evictions: AtomicU64::new(0),
            now: Box::new(now),
        })
    }

    /// What it did so far.
    #[must_use]
    pub fn metrics(&self) -> CacheMetrics {
        CacheMetrics {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            evictions: self.evictions.load(Ordering::Relaxed),
            entries: self.lock().len(),
        }
    }

    /// Gives up every entry.
    pub fn clear(&self) {
        let given_up = self.lock().clear();
        self.evictions.fetch_add(given_up as u64, Ordering::Relaxed);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Lru<CacheId, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The materials for one more message of `len` bytes, if they may still be used for it.
    fn encryption(
        &self,
        id: &CacheId,
        len: u64,
        limits: Limits,
    ) -> Option<Arc<EncryptionMaterials>> {
        let now = (self.now)();
        let mut entries = self.lock();
        let entry = entries.get(id)?;
        let fresh = entry.is_fresh(now, limits.max_age);
        if let Cached::Encryption { materials, messages, bytes } = &mut entry.materials
            && fresh
            && *messages < limits.max_messages
            && bytes.checked_add(len).is_some_and(|bytes| bytes <= limits.max_bytes)
        {
            *messages += 1;
            *bytes += len;
            return Some(Arc::clone(materials));
        }
        entries.remove(id);
        self.evictions.fetch_add(1, Ordering::Relaxed);
        None
    }

    fn decryption(&self, id: &CacheId, max_age: Duration) -> Option<Arc<DecryptionMaterials>> {
        let now = (self.now)();
        let mut entries = self.lock();
        let entry = entries.get(id)?;
        let fresh = entry.is_fresh(now, max_age);
        if let Cached::Decryption(materials) = &entry.materials
            && fresh
        {
            return Some(Arc::clone(materials));
        }
        entries.remove(id);
        self.evictions.fetch_add(1, Ordering::Relaxed);
        None
    }

    fn put(&self, id: CacheId, materials: Cached, max_age: Duration) {
        let now = (self.now)();
        let mut entries = self.lock();
        let too_old = |entry: &Entry| !entry.is_fresh(now, entry.max_age);
        let given_up = entries.put(id, Entry { since: now, max_age, materials }, too_old);
        self.evictions.fetch_add(given_up as u64, Ordering::Relaxed);
    }

    fn count(&self, hit: bool) {
        let counter = if hit { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// The gate of an entry: who holds it may ask for its materials.
    fn gate(&self, id: &CacheId) -> Arc<tokio::sync::Mutex<()>> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(gates.entry(id.clone()).or_default())
    }

    /// Forgets the gate of one who leaves, if nobody else is there.
    fn leave(&self, id: &CacheId, gate: &Arc<tokio::sync::Mutex<()>>) {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        // The map's and the leaver's own; who comes next takes the lock first.
        if Arc::strong_count(gate) == 2 {
            gates.remove(id);
        }
    }
}

impl Entry {
    fn is_fresh(&self, now: Instant, max_age: Duration) -> bool {
        now.saturating_duration_since(self.since) < max_age.min(self.max_age)
    }
}
