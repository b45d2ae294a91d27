//! The engine on SQLite: one directory, one process, many readers, one writer that groups commits.

mod changelog;
mod checkpoint;
mod files;
mod migrate;
mod reader;
mod schema;
mod statements;
mod writer;

use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use tokio::sync::{mpsc, oneshot};

pub use self::files::{DATABASE_FILE, LOCK_FILE};
use self::{
    checkpoint::Checkpoints,
    files::Files,
    reader::{Reader, Readers},
    writer::{Message, State, Writer},
};
use crate::{
    Attestor, Batch, BoxFuture, Changes, CommitError, Page, Place, Range, Revision, Row, Scan,
    Snapshot, Space, Store, StoreError, engine::Progress,
};

/// How many commits may wait for the writer. More wait for room, in the order of their coming.
const MAX_WAITING_COMMITS: usize = 256;

/// Rows in a SQLite database in a directory of their own.
pub struct Sqlite {
    readers: Readers,
    shared: Arc<Shared>,
    queue: Mutex<Option<mpsc::Sender<Message>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    // The last to go: it holds the directory's lock.
    _files: Arc<Files>,
}

/// What the writer and everyone else look at.
struct Shared {
    progress: Progress,
    /// Set with the end of `progress`, which it spares the reading paths.
    ended: AtomicBool,
}

impl Shared {
    fn check(&self) -> Result<(), StoreError> {
        if self.ended.load(Ordering::Acquire) { self.progress.check() } else { Ok(()) }
    }

    fn end(&self, why: StoreError) {
        self.progress.end(why);
        self.ended.store(true, Ordering::Release);
    }
}

impl Sqlite {
    /// Opens the store in `directory`, or makes one there if there is none. Files are made with
    /// mode 0600, the directory with 0700. Blocks for as long as a few reads of the disk take,
    /// however many rows there are.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another process has it open, [`StoreError::Newer`],
    /// [`StoreError::Foreign`], [`StoreError::Corrupt`], and [`StoreError::Io`].
    pub fn open(directory: impl AsRef<Path>) -> Result<Self, StoreError> {
        let files = Arc::new(Files::lock(directory.as_ref())?);
        let mut connection = schema::open(&files)?;
        let state = State::read(&connection, Arc::clone(&files))?;
        let progress = Progress::new(state.revision());
        let shared = Arc::new(Shared { progress, ended: AtomicBool::new(false) });
        let checkpoints = Checkpoints::start(&mut connection, &files, &shared)?;
        let writer = Writer { connection, state, checkpoints };
        let (queue, messages) = mpsc::channel(MAX_WAITING_COMMITS);
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || writer.run(messages, &theirs))
            .map_err(|error| StoreError::Io {
                attempt: "start the store's writer".into(),
                cause: error.to_string(),
            })?;
        Ok(Self {
            readers: Readers::new(Arc::clone(&files)),
            shared,
            queue: Mutex::new(Some(queue)),
            thread: Mutex::new(Some(thread)),
            _files: files,
        })
    }

    fn queue(&self) -> Result<mpsc::Sender<Message>, StoreError> {
        self.shared.check()?;
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.clone().ok_or(StoreError::Closed)
    }

    /// Sends a message to the writer and waits for its answer.
    async fn ask<T>(
        &self,
        message: impl FnOnce(oneshot::Sender<T>) -> Message,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let gone = || self.shared.progress.check().err().unwrap_or(StoreError::Closed);
        self.queue()?.send(message(answer)).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        // Without a sender the writer ends; then nothing is left that could still write.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A panic of the writer has already ended every call; there is nobody left to tell.
            let _ = thread.join();
        }
    }
}

impl Store for Sqlite {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn snapshot(&self) -> BoxFuture<'_, Result<Box<dyn Snapshot>, StoreError>> {
        Box::pin(async {
            self.shared.check()?;
            let reader = self.readers.take().await?;
            let revision = reader.begin()?;
            Ok(Box::new(SqliteSnapshot { reader: Mutex::new(reader), revision }) as _)
        })
    }

    fn get<'a>(
        &'a self,
        space: Space,
        key: &'a [u8],
    ) -> BoxFuture<'a, Result<Option<Row>, StoreError>> {
        Box::pin(async move {
            self.shared.check()?;
            self.readers.take().await?.get(space, key)
        })
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Revision, CommitError>> {
        Box::pin(async move {
            batch.check()?;
            self.ask(|answer| Message::Commit(batch, answer)).await?
        })
    }

    fn changes(&self, after: Revision) -> BoxFuture<'_, Result<Changes, StoreError>> {
        Box::pin(async move {
            self.shared.check()?;
            let reader = self.readers.take().await?;
            let revision = reader.begin()?;
            reader.changes(after, revision)
        })
    }

    fn watch(&self, after: Revision) -> BoxFuture<'_, Result<Revision, StoreError>> {
        Box::pin(self.shared.progress.wait(after))
    }

    fn attest_with(&self, attestor: Arc<dyn Attestor>) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async { self.ask(|answer| Message::Attest(attestor, answer)).await })
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async { self.ask(Message::Close).await? })
    }
}

struct SqliteSnapshot {
    // Never contended: a lock only because a connection may be used by one thread at a time.
    reader: Mutex<Reader>,
    revision: Revision,
}

impl SqliteSnapshot {
    fn with<T>(&self, read: impl FnOnce(&Reader) -> T) -> T {
        read(&self.reader.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Snapshot for SqliteSnapshot {
    fn revision(&self) -> Revision {
        self.revision
    }

    fn get<'a>(
        &'a self,
        space: Space,
        key: &'a [u8],
    ) -> BoxFuture<'a, Result<Option<Row>, StoreError>> {
        Box::pin(async move { self.with(|reader| reader.get(space, key)) })
    }

    fn range<'a>(
        &'a self,
        space: Space,
        range: &'a Range,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page, StoreError>> {
        Box::pin(async move { self.with(|reader| reader.range(space, range, limit)) })
    }

    fn scan<'a>(
        &'a self,
        after: Option<&'a Place>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Scan, StoreError>> {
        Box::pin(async move { self.with(|reader| reader.scan(after, limit)) })
    }

    fn attestation(&self) -> BoxFuture<'_, Result<Option<Vec<u8>>, StoreError>> {
        Box::pin(async { self.with(Reader::attestation) })
    }
}
