//! When each key was last used.
//!
//! Uses are noted in memory and written to the store about once a second, off the calls' way: a
//! crash loses at most that second's dates, never a key. What is asked for is always exact.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bulla_plane::Call;
use bulla_store::{Barrier, BarrierError, Expected, SealedBatch, Space};
use serde::{Deserialize, Serialize};

/// One row a key that was ever used, under the key's own path.
pub(crate) const USAGES: Space = Space::new("kms.usage");
/// How long uses gather before they are written.
const GATHER: Duration = Duration::from_secs(1);
/// How many keys' uses are kept unwritten; beyond, new ones wait for the next writing.
const MAX_UNWRITTEN: usize = 16_384;
/// How many rows one commit writes.
const ROWS_A_COMMIT: usize = 128;

/// The last use of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Usage {
    pub(crate) operation: String,
    pub(crate) at_ms: i64,
    pub(crate) event_id: [u8; 16],
    pub(crate) request_id: [u8; 16],
}

/// The uses that are not written yet.
pub(crate) struct UsageBook {
    barrier: Arc<Barrier>,
    unwritten: Mutex<HashMap<String, Usage>>,
}

impl UsageBook {
    pub(crate) fn new(barrier: Arc<Barrier>) -> Self {
        Self { barrier, unwritten: Mutex::new(HashMap::new()) }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Usage>> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a successful use.
    pub(crate) fn note(self: &Arc<Self>, path: &str, call: &Call, operation: &str) {
        let mut unwritten = self.lock();
        if let Some(usage) = unwritten.get_mut(path) {
            usage.operation.clear();
            usage.operation.push_str(operation);
            usage.at_ms = call.now_ms;
            usage.event_id = call.event_id;
            usage.request_id = call.request_id;
            return;
        }
        if unwritten.len() >= MAX_UNWRITTEN {
            return;
        }
        let first = unwritten.is_empty();
        let usage = Usage {
            operation: operation.to_owned(),
            at_ms: call.now_ms,
            event_id: call.event_id,
            request_id: call.request_id,
        };
        unwritten.insert(path.to_owned(), usage);
        drop(unwritten);
        if first {
            let book = Arc::clone(self);
            tokio::spawn(async move { book.write_until_empty().await });
        }
    }

    /// The last use of a key.
    pub(crate) async fn last(&self, path: &str) -> Result<Option<Usage>, BarrierError> {
        if let Some(usage) = self.lock().get(path).cloned() {
            return Ok(Some(usage));
        }
        let Some(opened) = self.barrier.get(USAGES, path.as_bytes()).await? else {
            return Ok(None);
        };
        Ok(serde_json::from_slice(opened.value.expose()).ok())
    }

    /// Forgets what is unwritten, after a reset.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// Writes what has gathered, again and again until nothing new has come.
    async fn write_until_empty(&self) {
        loop {
            tokio::time::sleep(GATHER).await;
            let gathered: Vec<(String, Usage)> =
                self.lock().iter().map(|(path, usage)| (path.clone(), usage.clone())).collect();
            for some in gathered.chunks(ROWS_A_COMMIT) {
                if let Err(error) = self.write_some(some).await {
                    tracing::warn!(%error, "the last uses of some keys are not written");
                }
            }
            let mut unwritten = self.lock();
            for (path, usage) in gathered {
                // What was used again in the meantime has a new date and waits for the next turn.
                if unwritten.get(&path) == Some(&usage) {
                    unwritten.remove(&path);
                }
            }
            if unwritten.is_empty() {
                return;
            }
        }
    }

    async fn write_some(&self, some: &[(String, Usage)]) -> Result<(), BarrierError> {
        let mut batch = SealedBatch::new();
        for (path, usage) in some {
            let before = self.barrier.get(USAGES, path.as_bytes()).await?;
            let expected = Expected::from(before.map(|opened| opened.version));
            let bytes = serde_json::to_vec(usage).unwrap_or_default();
            batch = batch.put(USAGES, path.as_str(), expected, bytes);
        }
        self.barrier.commit(batch).await?;
        Ok(())
    }
}
