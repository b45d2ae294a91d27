//! The engine that keeps rows in memory, for `bulla dev` and as the body of the simulated one.

mod image;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

pub(crate) use self::image::{Image, Record};
use crate::{
    Attestor, Batch, BoxFuture, Changes, CommitError, Page, Place, Range, Revision, Row, Scan,
    Snapshot, Space, Store, StoreError, engine::Progress,
};

/// Where commits go before they are acknowledged.
pub(crate) trait Log: Send + Sync {
    /// Makes a record durable.
    fn append(&mut self, record: &Record) -> Result<(), LogError>;
}

/// Why a record is not durable.
pub(crate) enum LogError {
    /// There was no room. The log is as it was.
    Full,
    /// Nobody knows what the log holds.
    Broken(String),
}

/// Rows in memory. Gone when it is dropped.
pub struct Memory {
    name: &'static str,
    shared: Arc<Shared>,
}

struct Shared {
    state: RwLock<State>,
    progress: Progress,
}

struct State {
    image: Image,
    attestor: Option<Arc<dyn Attestor>>,
    log: Option<Box<dyn Log>>,
}

impl Shared {
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl Memory {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::over("memory", Image::default(), None)
    }

    pub(crate) fn over(name: &'static str, image: Image, log: Option<Box<dyn Log>>) -> Self {
        let progress = Progress::new(image.revision);
        let state = RwLock::new(State { image, attestor: None, log });
        Self { name, shared: Arc::new(Shared { state, progress }) }
    }

    fn commit_now(&self, batch: Batch) -> Result<Revision, CommitError> {
        batch.check()?;
        let mut state = self.shared.write();
        self.shared.progress.check()?;
        let State { image, attestor, log } = &mut *state;
        let Some(record) = image.prepare(batch, attestor.as_deref())? else {
            return Ok(image.revision);
        };
        match log.as_mut().map_or(Ok(()), |log| log.append(&record)) {
            Ok(()) => {}
            Err(LogError::Full) => return Err(StoreError::Full.into()),
            Err(LogError::Broken(cause)) => {
                let error = StoreError::FailStopped { cause };
                self.shared.progress.end(error.clone());
                return Err(error.into());
            }
        }
        let revision = record.revision;
        image.apply(record);
        self.shared.progress.advance(revision);
        Ok(revision)
    }
}

impl Store for Memory {
    fn name(&self) -> &'static str {
        self.name
    }

    fn snapshot(&self) -> BoxFuture<'_, Result<Box<dyn Snapshot>, StoreError>> {
        Box::pin(async {
            self.shared.progress.check()?;
            let mut state = self.shared.write();
            let attestation = state.image.attestation.clone();
            let revision = state.image.retain();
            let shared = Arc::clone(&self.shared);
            Ok(Box::new(MemorySnapshot { shared, revision, attestation }) as _)
        })
    }

    fn get<'a>(
        &'a self,
        space: Space,
        key: &'a [u8],
    ) -> BoxFuture<'a, Result<Option<Row>, StoreError>> {
        Box::pin(async move {
            self.shared.progress.check()?;
            let state = self.shared.read();
            Ok(state.image.get(state.image.revision, space, key).map(|row| Row::clone(row)))
        })
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Revision, CommitError>> {
        Box::pin(async move { self.commit_now(batch) })
    }

    fn changes(&self, after: Revision) -> BoxFuture<'_, Result<Changes, StoreError>> {
        Box::pin(async move {
            self.shared.progress.check()?;
            self.shared.read().image.changes(after)
        })
    }

    fn watch(&self, after: Revision) -> BoxFuture<'_, Result<Revision, StoreError>> {
        Box::pin(self.shared.progress.wait(after))
    }

    fn attest_with(&self, attestor: Arc<dyn Attestor>) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async {
            self.shared.progress.check()?;
            self.shared.write().attestor = Some(attestor);
            Ok(())
        })
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async {
            // Under the lock, so that no commit is half way.
            let _state = self.shared.write();
            self.shared.progress.end(StoreError::Closed);
            Ok(())
        })
    }
}

struct MemorySnapshot {
    shared: Arc<Shared>,
    revision: Revision,
    attestation: Option<Arc<[u8]>>,
}

impl Drop for MemorySnapshot {
    fn drop(&mut self) {
        self.shared.write().image.release(self.revision);
    }
}

impl Snapshot for MemorySnapshot {
    fn revision(&self) -> Revision {
        self.revision
    }

    fn get<'a>(
        &'a self,
        space: Space,
        key: &'a [u8],
    ) -> BoxFuture<'a, Result<Option<Row>, StoreError>> {
        Box::pin(async move {
            self.shared.progress.check()?;
            Ok(self.shared.read().image.get(self.revision, space, key).map(|row| Row::clone(row)))
        })
    }

    fn range<'a>(
        &'a self,
        space: Space,
        range: &'a Range,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page, StoreError>> {
        Box::pin(async move {
            self.shared.progress.check()?;
            Ok(self.shared.read().image.range(self.revision, space, range, limit))
        })
    }

    fn scan<'a>(
        &'a self,
        after: Option<&'a Place>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Scan, StoreError>> {
        Box::pin(async move {
            self.shared.progress.check()?;
            Ok(self.shared.read().image.scan(self.revision, after, limit))
        })
    }

    fn attestation(&self) -> BoxFuture<'_, Result<Option<Vec<u8>>, StoreError>> {
        Box::pin(async { Ok(self.attestation.as_deref().map(Vec::from)) })
    }
}
