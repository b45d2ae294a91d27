//! The contract between the store's engines and those who use them.
//!
//! Instead of interactive transactions there is compare-and-commit: read from a [`Snapshot`], build
//! a [`Batch`] that says what it expects, commit it, and start again on
//! [`CommitError::Conflict`]. No lock outlives a call, so nothing can wait for anything else.

mod attest;
mod batch;
mod error;
mod names;
mod progress;
mod room;

use std::{fmt, future::Future, pin::Pin, sync::Arc};

pub use attest::{AttestError, Attestor, RowChange};
pub use batch::{Batch, Delete, Expect, Expectation, Put};
pub use error::{BatchError, CommitError, StoreError};
pub use names::{Key, Place, Range, Space};
pub(crate) use progress::Progress;
pub(crate) use room::Room;

/// The longest key, in bytes.
pub const MAX_KEY_BYTES: usize = 1024;
/// The longest name of a space, in bytes.
pub const MAX_SPACE_BYTES: usize = 23;
/// The longest value, in bytes.
pub const MAX_VALUE_BYTES: usize = 1 << 20;
/// The most expectations, puts and deletes in one batch, together.
pub const MAX_BATCH_ROWS: usize = 2048;
/// The most bytes of keys and values in one batch.
pub const MAX_BATCH_BYTES: usize = 8 << 20;
/// The most rows in one page of a range, whatever was asked for.
pub const MAX_PAGE_ROWS: usize = 1000;
/// A page ends once it holds this many bytes of keys and values; it always holds one row.
pub const MAX_PAGE_BYTES: usize = 4 << 20;
/// The most changes in one page. At least [`MAX_BATCH_ROWS`], so that a page can hold any revision.
pub const MAX_CHANGES: usize = 4096;
/// How many revisions the changelog reaches back.
pub const CHANGELOG_REVISIONS: u64 = 100_000;
/// The last bytes of a value, by which [`Expect::Exactly`] and attestations know it: the
/// authentication tag of a sealed value.
pub const TAIL_BYTES: usize = 16;

const _: () = assert!(MAX_CHANGES >= MAX_BATCH_ROWS, "a page of changes must hold any revision");

/// The last [`TAIL_BYTES`] of a value, or all of a shorter one.
pub(crate) fn tail(value: &[u8]) -> &[u8] {
    value.last_chunk::<TAIL_BYTES>().map_or(value, |tail| tail.as_slice())
}

/// The [`tail`] of a value, on its own.
#[derive(Clone, Copy)]
pub(crate) struct Tail {
    bytes: [u8; TAIL_BYTES],
    len: usize,
}

impl Tail {
    pub(crate) fn of(value: &[u8]) -> Self {
        let (tail, mut bytes) = (tail(value), [0; TAIL_BYTES]);
        for (byte, tail) in bytes.iter_mut().zip(tail) {
            *byte = *tail;
        }
        Self { bytes, len: tail.len() }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// What an asynchronous method of a trait object answers.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The version of a row. Chosen by whoever writes it: 1 for a new row, else one more than it was.
pub type Version = u64;

/// The number of a commit that wrote something, over the whole store: 0 when empty, then 1, 2, …
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a row holds.
#[derive(Clone, PartialEq, Eq)]
pub struct Row {
    /// Its version.
    pub version: Version,
    /// Its value, at most [`MAX_VALUE_BYTES`].
    pub value: Vec<u8>,
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Row {{ version: {}, value: {} bytes }}", self.version, self.value.len())
    }
}

/// Rows in the order of their keys, as bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The rows.
    pub rows: Vec<(Key, Row)>,
    /// Where the next page starts; nothing when the range ends here.
    pub next: Option<Key>,
}

/// Rows of every space, in the order of space and key.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// The rows.
    pub rows: Vec<(Place, Row)>,
    /// Whether more rows follow the last of these.
    pub more: bool,
}

/// One row that a commit wrote or deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The commit.
    pub revision: Revision,
    /// The row.
    pub place: Place,
}

/// Changes in the order in which they were committed, whole revisions only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// At most [`MAX_CHANGES`].
    pub changes: Vec<Change>,
    /// Ask for the changes after this revision next.
    pub upto: Revision,
    /// Whether there are more already.
    pub more: bool,
}

impl Changes {
    /// A page of what was found, which is one change more than a page has if there is more, in a
    /// store whose newest revision is `newest`.
    pub(crate) fn page(mut changes: Vec<Change>, newest: Revision) -> Self {
        if changes.len() <= MAX_CHANGES {
            return Self { changes, upto: newest, more: false };
        }
        // Whole revisions only: the last one may go on beyond the page.
        let cut = changes.pop().map_or(Revision(0), |change| change.revision);
        changes.retain(|change| change.revision < cut);
        Self { changes, upto: Revision(cut.0.saturating_sub(1)), more: true }
    }
}

/// An engine: keeps rows, each known by space and key.
///
/// Every engine promises, and the suite in `conformance` checks:
/// - a commit happens in whole or not at all, and is durable before it is acknowledged;
/// - commits are serial: what a batch expects is judged against every commit before it;
/// - a snapshot sees one revision, however long it lives;
/// - after an I/O error that leaves the durable state in doubt, everything is refused until the
///   engine is opened anew. A failed sync is never tried again.
///
/// A commit whose future is dropped may happen or not.
pub trait Store: Send + Sync {
    /// The engine's name, for logs and errors.
    fn name(&self) -> &'static str;

    /// The newest state. Short-lived by intent: it may pin resources of the engine, of which there
    /// are finitely many, so its holder must not wait for another snapshot.
    fn snapshot(&self) -> BoxFuture<'_, Result<Box<dyn Snapshot>, StoreError>>;

    /// One row of the newest state.
    fn get<'a>(
        &'a self,
        space: Space,
        key: &'a [u8],
    ) -> BoxFuture<'a, Result<Option<Row>, StoreError>> {
        Box::pin(async move { self.snapshot().await?.get(space, key).await })
    }

    /// Commits `batch`. A batch that only expects answers the newest revision and writes nothing.
    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Revision, CommitError>>;

    /// A page of the changes after a revision. Answers at once.
    fn changes(&self, after: Revision) -> BoxFuture<'_, Result<Changes, StoreError>>;

    /// Waits until there is a revision after this one, and answers the newest.
    fn watch(&self, after: Revision) -> BoxFuture<'_, Result<Revision, StoreError>>;

    /// Has `attestor` attest every commit from now on. The last one given counts.
    fn attest_with(&self, attestor: Arc<dyn Attestor>) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Finishes the commits that are under way and refuses everything after.
    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// The rows of one revision.
pub trait Snapshot: Send + Sync {
    /// The revision.
    fn revision(&self) -> Revision;

    /// One row.
    fn get<'a>(
        &'a self,
        space: Space,
        key: &'a [u8],
    ) -> BoxFuture<'a, Result<Option<Row>, StoreError>>;

    /// The first rows of a range, at most `limit` and [`MAX_PAGE_ROWS`].
    fn range<'a>(
        &'a self,
        space: Space,
        range: &'a Range,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page, StoreError>>;

    /// The first rows of all spaces after `after`, at most `limit` and [`MAX_PAGE_ROWS`].
    fn scan<'a>(
        &'a self,
        after: Option<&'a Place>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Scan, StoreError>>;

    /// The attestation of this revision, if the store was ever attested.
    fn attestation(&self) -> BoxFuture<'_, Result<Option<Vec<u8>>, StoreError>>;
}
