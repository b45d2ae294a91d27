//! A store whose readers come late: what they read may be old by the time they have it, as on a
//! machine that takes a thread's processor away between two steps.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bulla_store::{
    Attestor, Batch, Changes, CommitError, Page, Place, Range, Revision, Row, Scan, Snapshot,
    Space, Store, StoreError,
};

type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How often a late reader looks whether somebody has committed meanwhile; then it goes on anyway.
const MOST_LOOKS: u32 = 16;

thread_local! {
    /// Of how many reads on this thread one is late; 0 is none.
    static LATE_ONE_IN: Cell<u64> = const { Cell::new(0) };
    static READS: Cell<u64> = const { Cell::new(0) };
}

/// Makes one of so many reads on this thread late.
pub(crate) fn be_late(one_in: u64) {
    LATE_ONE_IN.set(one_in);
}

/// An engine with late readers.
pub(crate) struct Slow {
    engine: Arc<dyn Store>,
    commits: Arc<AtomicU64>,
}

impl Slow {
    pub(crate) fn new(engine: Arc<dyn Store>) -> Self {
        Self { engine, commits: Arc::default() }
    }
}

/// Lets a commit pass by, if it is this read's turn to be late.
fn linger(commits: &AtomicU64) {
    let one_in = LATE_ONE_IN.get();
    READS.set(READS.get() + 1);
    if one_in == 0 || !READS.get().is_multiple_of(one_in) {
        return;
    }
    let before = commits.load(Ordering::Acquire);
    for _ in 0..MOST_LOOKS {
        if commits.load(Ordering::Acquire) != before {
            return;
        }
        std::thread::yield_now();
    }
}

impl Store for Slow {
    fn name(&self) -> &'static str {
        self.engine.name()
    }

    fn snapshot(&self) -> BoxFuture<'_, Result<Box<dyn Snapshot>, StoreError>> {
        let commits = Arc::clone(&self.commits);
        Box::pin(async move {
            let snapshot = self.engine.snapshot().await?;
            Ok(Box::new(SlowSnapshot { snapshot, commits }) as Box<dyn Snapshot>)
        })
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Revision, CommitError>> {
        Box::pin(async move {
            let outcome = self.engine.commit(batch).await;
            self.commits.fetch_add(1, Ordering::Release);
            // Whoever is late gets ahead of what follows a commit.
            std::thread::yield_now();
            outcome
        })
    }

    fn changes(&self, after: Revision) -> BoxFuture<'_, Result<Changes, StoreError>> {
        self.engine.changes(after)
    }

    fn watch(&self, after: Revision) -> BoxFuture<'_, Result<Revision, StoreError>> {
        self.engine.watch(after)
    }

    fn attest_with(&self, attestor: Arc<dyn Attestor>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.engine.attest_with(attestor)
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.engine.close()
    }
}

struct SlowSnapshot {
    snapshot: Box<dyn Snapshot>,
    commits: Arc<AtomicU64>,
}

impl Snapshot for SlowSnapshot {
    fn revision(&self) -> Revision {
        self.snapshot.revision()
    }

    fn get<'a>(
        &'a self,
        space: Space,
        key: &'a [u8],
    ) -> BoxFuture<'a, Result<Option<Row>, StoreError>> {
        Box::pin(async move {
            let row = self.snapshot.get(space, key).await;
            linger(&self.commits);
            row
        })
    }

    fn range<'a>(
        &'a self,
        space: Space,
        range: &'a Range,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page, StoreError>> {
        Box::pin(async move {
            let page = self.snapshot.range(space, range, limit).await;
            linger(&self.commits);
            page
        })
    }

    fn scan<'a>(
        &'a self,
        after: Option<&'a Place>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Scan, StoreError>> {
        self.snapshot.scan(after, limit)
    }

    fn attestation(&self) -> BoxFuture<'_, Result<Option<Vec<u8>>, StoreError>> {
        self.snapshot.attestation()
    }
}
