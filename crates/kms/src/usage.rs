//! When each key was last used.
//!
//! Uses are noted in memory and written to the store about once a second, off the calls' way: a
//! crash loses at most that second's dates, never a key. What is asked for is always exact. What
//! can't be written stays in memory and is tried again; when memory is full of it, calls fail.

use std::borrow::Cow;
use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bulla_plane::Stop;
use bulla_store::{Barrier, BarrierError, Expected, SealedBatch, Space};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

/// One row a key that was ever used, under the key's own path.
pub(crate) const USAGES: Space = Space::new("kms.usage");
/// How long uses gather before they are written.
const GATHER: Duration = Duration::from_secs(1);
/// How many keys' uses are kept unwritten; beyond, calls wait until some are written.
const MAX_UNWRITTEN: usize = 16_384;
/// How many rows one commit writes.
const ROWS_A_COMMIT: usize = 128;

/// The last use of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Use {
    pub(crate) operation: Cow<'static, str>,
    pub(crate) at_ms: i64,
    pub(crate) event_id: [u8; 16],
    pub(crate) request_id: [u8; 16],
}

/// The uses that are not written yet.
pub(crate) struct UsageBook {
    barrier: Arc<Barrier>,
    most: usize,
    book: Mutex<Book>,
    /// Held by whoever writes.
    writing: tokio::sync::Mutex<()>,
    /// Wakes the writer before its time.
    full: Notify,
    /// Wakes those who wait for room, after every writing.
    written: Notify,
}

#[derive(Default)]
struct Book {
    /// By the key's row. While there are any, a writer lives.
    unwritten: HashMap<String, Use>,
    /// Whether the last writing left something unwritten.
    is_failing: bool,
}

impl UsageBook {
    pub(crate) fn new(barrier: Arc<Barrier>) -> Self {
        Self {
            barrier,
            most: MAX_UNWRITTEN,
            book: Mutex::default(),
            writing: tokio::sync::Mutex::default(),
            full: Notify::new(),
            written: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a successful use. Fails when there is no room and none can be made.
    pub(crate) async fn note(self: &Arc<Self>, path: &str, usage: Use) -> Result<(), Stop> {
        while !self.noted(path, &usage) {
            let mut written = pin!(self.written.notified());
            written.as_mut().enable();
            self.full.notify_one();
            written.await;
            if self.lock().is_failing && !self.noted(path, &usage) {
                tracing::error!(
                    "there is no room for the last uses of keys, which can't be written"
                );
                return Err(Stop::Internal);
            }
        }
        Ok(())
    }

    /// Notes a use if there is room.
    fn noted(self: &Arc<Self>, path: &str, usage: &Use) -> bool {
        let mut book = self.lock();
        if let Some(before) = book.unwritten.get_mut(path) {
            before.clone_from(usage);
            return true;
        }
        if book.unwritten.len() >= self.most {
            return false;
        }
        let first = book.unwritten.is_empty();
        book.unwritten.insert(path.to_owned(), usage.clone());
        drop(book);
        if first {
            let book = Arc::clone(self);
            tokio::spawn(async move { book.write_until_empty().await });
        }
        true
    }

    /// The last use of a key.
    pub(crate) async fn last(&self, path: &str) -> Result<Option<Use>, Stop> {
        if let Some(usage) = self.lock().unwritten.get(path).cloned() {
            return Ok(Some(usage));
        }
        let Some(opened) = self.barrier.get(USAGES, path.as_bytes()).await? else {
            return Ok(None);
        };
        match serde_json::from_slice(opened.value.expose()) {
            Ok(usage) => Ok(Some(usage)),
            Err(error) => {
                tracing::error!(%error, path, "the last use of a key does not read");
                Err(Stop::Internal)
            }
        }
    }

    /// Forgets what is unwritten, after a reset.
    pub(crate) fn clear(&self) {
        *self.lock() = Book::default();
        self.written.notify_waiters();
    }

    /// Writes what has gathered, again and again until nothing new has come.
    async fn write_until_empty(&self) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(GATHER) => {}
                () = self.full.notified() => {}
            }
            self.write().await;
            if self.lock().unwritten.is_empty() {
                return;
            }
        }
    }

    /// Writes what has gathered. What can't be written is kept.
    pub(crate) async fn write(&self) {
        let _alone = self.writing.lock().await;
        let gathered: Vec<(String, Use)> = {
            let book = self.lock();
            book.unwritten.iter().map(|(path, usage)| (path.clone(), usage.clone())).collect()
        };
        let mut is_failing = false;
        for some in gathered.chunks(ROWS_A_COMMIT) {
            match self.write_some(some).await {
                Ok(written) => {
                    is_failing |= written.len() < some.len();
                    self.strike(&written);
                }
                Err(error) => {
                    is_failing = true;
                    tracing::error!(%error, "the last uses of some keys can't be written; trying again");
                }
            }
        }
        self.lock().is_failing = is_failing;
        self.written.notify_waiters();
    }

    /// Strikes what was written. What was used again in the meantime waits for the next turn.
    fn strike(&self, written: &[&(String, Use)]) {
        let mut book = self.lock();
        for (path, usage) in written {
            if book.unwritten.get(path) == Some(usage) {
                book.unwritten.remove(path);
            }
        }
    }

    /// Writes some in one commit, and answers which. A row that does not open is left, and keeps
    /// the others from nothing.
    async fn write_some<'u>(
        &self,
        some: &'u [(String, Use)],
    ) -> Result<Vec<&'u (String, Use)>, BarrierError> {
        let mut batch = SealedBatch::new();
        let mut written = Vec::with_capacity(some.len());
        for one in some {
            let (path, usage) = one;
            let before = match self.barrier.get(USAGES, path.as_bytes()).await {
                Err(error @ (BarrierError::Altered { .. } | BarrierError::NoDomainKey { .. })) => {
                    tracing::error!(%error, "the last use of a key can't be written");
                    continue;
                }
                before => before?,
            };
            let bytes = match serde_json::to_vec(usage) {
                Ok(bytes) => bytes,
                Err(error) => {
                    tracing::error!(%error, path, "the last use of a key does not serialize");
                    continue;
                }
            };
            let expected = Expected::from(before.map(|opened| opened.version));
            batch = batch.put(USAGES, path.as_str(), expected, bytes);
            written.push(one);
        }
        if !batch.is_empty() {
            self.barrier.commit(batch).await?;
        }
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use bulla_crypto::Crypto;
    use bulla_store::{Disk, DiskFault, Faults, Simulated};

    use super::*;

    fn usage(at_ms: i64) -> Use {
        Use { operation: "Encrypt".into(), at_ms, event_id: [1; 16], request_id: [2; 16] }
    }

    async fn book(disk: &Disk, most: usize) -> Arc<UsageBook> {
        let crypto = Crypto::standard();
        let engine = Arc::new(Simulated::open(disk.clone()).unwrap());
        let root = crypto.generate_key().unwrap();
        let barrier = Arc::new(Barrier::create(engine, crypto, root).await.unwrap());
        Arc::new(UsageBook { most, ..UsageBook::new(barrier) })
    }

    async fn last(book: &UsageBook, path: &str) -> Option<i64> {
        book.last(path).await.ok().unwrap().map(|usage| usage.at_ms)
    }

    #[tokio::test]
    async fn when_the_book_is_full_calls_wait_until_it_is_written() {
        let book = book(&Disk::new(1), 2).await;
        for number in 0..9 {
            assert!(book.note(&format!("key{number}"), usage(number)).await.is_ok());
        }
        for number in 0..9 {
            assert_eq!(last(&book, &format!("key{number}")).await, Some(number));
        }
        assert!(book.note("key8", usage(10)).await.is_ok());
        book.write().await;
        assert!(book.lock().unwritten.is_empty());
        assert_eq!(last(&book, "key8").await, Some(10));
        assert_eq!(last(&book, "other").await, None);
    }

    #[tokio::test]
    async fn what_cannot_be_written_is_kept_and_when_there_is_no_room_for_it_calls_fail() {
        let disk = Disk::new(2);
        let book = book(&disk, 2).await;
        disk.set_faults(Faults {
            fail_at: Some((1, DiskFault::Full)),
            fail_forever: true,
            ..Faults::default()
        });
        for number in 0..2 {
            assert!(book.note(&format!("key{number}"), usage(number)).await.is_ok());
        }
        assert!(book.note("one more", usage(3)).await.is_err());
        assert!(book.note("key1", usage(4)).await.is_ok());
        assert_eq!((last(&book, "key0").await, last(&book, "key1").await), (Some(0), Some(4)));
        disk.set_faults(Faults::default());
        book.write().await;
        assert!(book.lock().unwritten.is_empty());
        assert!(book.note("one more", usage(3)).await.is_ok());
        assert_eq!((last(&book, "key0").await, last(&book, "key1").await), (Some(0), Some(4)));
    }

    #[tokio::test]
    async fn a_row_that_does_not_read_is_not_a_key_that_was_never_used() {
        let book = book(&Disk::new(3), 2).await;
        let batch = SealedBatch::new().put(USAGES, "key", Expected::Absent, b"{}".to_vec());
        book.barrier.commit(batch).await.unwrap();
        assert!(book.last("key").await.is_err());
    }
}
