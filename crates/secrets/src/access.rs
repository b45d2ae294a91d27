//! On which day each secret, and each of its versions, was last read.
//!
//! AWS tells days, no finer, so a secret that is read all the time is noted once a day. Notes
//! gather in memory and are written about once a second, off the calls' way: a crash loses at most
//! that second's notes. What can't be written stays in memory and is tried again; when memory is
//! full of it, calls fail.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bulla_plane::Stop;
use bulla_plane::cache::{Cache, Weighs};
use bulla_store::{Barrier, BarrierError, Expected, SealedBatch, Space};

use crate::SECRETS;
use crate::index::Index;
use crate::live::LiveSecret;
use crate::record::SecretRecord;
use crate::stages::CURRENT;

/// One row a secret that was ever read, under the secret's own path: version ids, and days in
/// milliseconds since 1970.
pub(crate) const ACCESSES: Space = Space::new("secrets.access");
/// A day in milliseconds.
pub(crate) const DAY_MS: i64 = 86_400_000;
/// How long notes gather before they are written.
const GATHER: Duration = Duration::from_secs(1);
/// How many secrets' notes are kept unwritten.
const MAX_UNWRITTEN: usize = 16_384;
/// How many rows one commit writes.
const ROWS_A_COMMIT: usize = 128;

/// The days on which versions were read, by their ids.
pub(crate) type Days = BTreeMap<String, i64>;

/// How many secrets' written notes stay in memory, and how much room they have in bytes.
const KEPT_SECRETS: usize = 16_384;
const KEPT_BYTES: u64 = 8 << 20;
/// About how many bytes the note of a version takes.
const NOTE_BYTES: usize = 96;

/// The written notes of a secret.
struct Written(Days);

impl Weighs for Written {
    fn weight(&self) -> u64 {
        let bytes = self.0.len().saturating_add(1).saturating_mul(NOTE_BYTES);
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}

/// What a secret's written notes are kept under: its row, and what tells it from an earlier secret
/// of the same name.
fn kept_as(path: &str, suffix: &str) -> String {
    format!("{path}-{suffix}")
}

/// The notes that are not written yet, and those written ones that were asked for.
pub(crate) struct AccessBook {
    barrier: Arc<Barrier>,
    index: Arc<Index>,
    written: Cache<Written>,
    /// By the secret's path and suffix. While there are any, a writer lives.
    unwritten: Mutex<HashMap<(String, String), Days>>,
    /// Held by whoever writes.
    writing: tokio::sync::Mutex<()>,
}

impl AccessBook {
    pub(crate) fn new(barrier: Arc<Barrier>, index: Arc<Index>) -> Self {
        Self {
            barrier,
            index,
            written: Cache::new(KEPT_SECRETS, KEPT_BYTES),
            unwritten: Mutex::default(),
            writing: tokio::sync::Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(String, String), Days>> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a version was read. Fails when there is no room and none can be made.
    pub(crate) async fn note(
        self: &Arc<Self>,
        secret: &LiveSecret,
        version: &str,
        now_ms: i64,
    ) -> Result<(), Stop> {
        let day = now_ms.saturating_sub(now_ms.rem_euclid(DAY_MS));
        let is_current = secret.record.labelled(CURRENT).is_some_and(|it| it.id == version);
        if is_current && secret.noted_ms.swap(day, Ordering::Relaxed) == day {
            return Ok(());
        }
        if self.noted(secret, version, day) {
            return Ok(());
        }
        self.write().await;
        if self.noted(secret, version, day) {
            return Ok(());
        }
        secret.noted_ms.store(0, Ordering::Relaxed);
        tracing::error!("there is no room for the last reads of secrets, which can't be written");
        Err(Stop::Internal)
    }

    /// Notes a reading if there is room.
    fn noted(self: &Arc<Self>, secret: &LiveSecret, version: &str, day: i64) -> bool {
        let key = (secret.path.clone(), secret.record.suffix.clone());
        let mut unwritten = self.lock();
        if unwritten.len() >= MAX_UNWRITTEN && !unwritten.contains_key(&key) {
            return false;
        }
        let first = unwritten.is_empty();
        unwritten.entry(key).or_default().insert(version.to_owned(), day);
        drop(unwritten);
        if first {
            let book = Arc::clone(self);
            tokio::spawn(async move { book.write_until_empty().await });
        }
        true
    }

    /// The day on which a secret was last read, if that is not written yet.
    pub(crate) fn unwritten(&self, secret: &LiveSecret) -> Option<i64> {
        let unwritten = self.lock();
        if unwritten.is_empty() {
            return None;
        }
        let days = unwritten.get(&(secret.path.clone(), secret.record.suffix.clone()))?;
        days.values().copied().max()
    }

    /// The days on which a secret's versions were last read.
    pub(crate) async fn days(&self, secret: &SecretRecord) -> Result<Days, Stop> {
        let path = secret.path();
        let unwritten = self.lock().get(&(path.clone(), secret.suffix.clone())).cloned();
        let mut days = self.written_days(&path, &secret.suffix).await?.0.clone();
        days.extend(unwritten.unwrap_or_default());
        Ok(days)
    }

    /// The written notes of a secret, from memory or from the store.
    async fn written_days(&self, path: &str, suffix: &str) -> Result<Arc<Written>, Stop> {
        let kept_as = kept_as(path, suffix);
        if let Some(written) = self.written.get(&kept_as) {
            return Ok(written);
        }
        let read_at = self.written.generation();
        let days = match self.barrier.get(ACCESSES, path.as_bytes()).await? {
            Some(opened) => read(opened.value.expose())?,
            None => Days::new(),
        };
        let written = Arc::new(Written(days));
        self.written.keep(&kept_as, &written, read_at);
        Ok(written)
    }

    /// Forgets what is unwritten, after a reset.
    pub(crate) fn clear(&self) {
        self.lock().clear();
        self.written.clear();
    }

    /// Writes what has gathered, again and again until nothing new has come.
    async fn write_until_empty(&self) {
        loop {
            tokio::time::sleep(GATHER).await;
            self.write().await;
            if self.lock().is_empty() {
                return;
            }
        }
    }

    /// Writes what has gathered. What can't be written is kept.
    pub(crate) async fn write(&self) {
        let _alone = self.writing.lock().await;
        let gathered: Vec<_> =
            self.lock().iter().map(|(key, days)| (key.clone(), days.clone())).collect();
        for some in gathered.chunks(ROWS_A_COMMIT) {
            match self.write_some(some).await {
                Ok(()) => self.strike(some),
                Err(error) => {
                    tracing::error!(%error, "the last reads of some secrets can't be written; trying again");
                }
            }
        }
    }

    /// Strikes what was written. What was noted again in the meantime waits for the next turn.
    fn strike(&self, written: &[((String, String), Days)]) {
        let mut unwritten = self.lock();
        for (key, days) in written {
            if unwritten.get(key) == Some(days) {
                unwritten.remove(key);
            }
        }
    }

    /// Writes some in one commit, if the secrets are still there. Notes of a secret that has gone
    /// are dropped; a row that does not open keeps the others from nothing.
    async fn write_some(&self, some: &[((String, String), Days)]) -> Result<(), BarrierError> {
        let mut batch = SealedBatch::new();
        let mut paths = Vec::new();
        for ((path, suffix), days) in some {
            match self.row(path, suffix, days).await {
                Ok(Some((secret, before, bytes))) => {
                    let before = Expected::from(before);
                    batch = batch.expect(SECRETS, path.as_str(), Expected::At(secret)).put(
                        ACCESSES,
                        path.as_str(),
                        before,
                        bytes,
                    );
                    paths.push(path.as_str());
                }
                Ok(None) => {}
                Err(Stop::Again) => return Ok(()),
                Err(Stop::Fault(_) | Stop::Internal) => {
                    tracing::error!(path, "the last reads of a secret can't be written");
                }
            }
        }
        if batch.is_empty() {
            return Ok(());
        }
        let listed = self.index.begin_change(&paths);
        let kept: Vec<_> = some.iter().map(|((path, suffix), _)| kept_as(path, suffix)).collect();
        let kept: Vec<_> = kept.iter().map(String::as_str).collect();
        let change = self.written.begin_change(&kept);
        let committed = self.barrier.commit(batch).await;
        change.end();
        listed.end();
        committed?;
        Ok(())
    }

    /// A secret's new row: the version of the secret's record, that of the row as it was, its
    /// content. None if the secret is no longer there, or has that row already.
    async fn row(
        &self,
        path: &str,
        suffix: &str,
        days: &Days,
    ) -> Result<Option<(u64, Option<u64>, Vec<u8>)>, Stop> {
        let before = self.barrier.get(ACCESSES, path.as_bytes()).await?;
        let mut all = match &before {
            Some(opened) => read(opened.value.expose())?,
            None => Days::new(),
        };
        // A secret that was read anew from the store is noted again.
        if days.iter().all(|(version, day)| all.get(version) == Some(day)) {
            return Ok(None);
        }
        let Some(secret) = self.barrier.get(SECRETS, path.as_bytes()).await? else {
            return Ok(None);
        };
        let record = SecretRecord::read(secret.value.expose())?;
        if record.suffix != suffix {
            return Ok(None);
        }
        all.extend(days.clone());
        all.retain(|version, _| record.version(version).is_some());
        let bytes = serde_json::to_vec(&all).map_err(|error| unreadable(&error))?;
        Ok(Some((secret.version, before.map(|before| before.version), bytes)))
    }
}

/// The days of a row.
pub(crate) fn read(bytes: &[u8]) -> Result<Days, Stop> {
    serde_json::from_slice(bytes).map_err(|error| unreadable(&error))
}

fn unreadable(error: &serde_json::Error) -> Stop {
    tracing::error!(%error, "the last reads of a secret do not read");
    Stop::Internal
}
