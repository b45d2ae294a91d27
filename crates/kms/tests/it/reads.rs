//! An engine that counts what is read of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bulla_store::{
    Attestor, Batch, Changes, CommitError, Page, Place, Range, Revision, Row, Scan, Snapshot,
    Space, Store, StoreError,
};

type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Counts reads and the rows that they answered.
pub(crate) struct Counting {
    engine: Arc<dyn Store>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    reads: AtomicUsize,
    rows: AtomicUsize,
}

impl Counts {
    fn read(&self, rows: usize) {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.rows.fetch_add(rows, Ordering::Relaxed);
    }
}

impl Counting {
    pub(crate) fn new(engine: Arc<dyn Store>) -> Self {
        Self { engine, counts: Arc::default() }
    }

    /// How many reads there were since the last question, and how many rows they answered.
    pub(crate) fn take(&self) -> (usize, usize) {
        let take = |count: &AtomicUsize| count.swap(0, Ordering::Relaxed);
        (take(&self.counts.reads), take(&self.counts.rows))
    }
}

impl Store for Counting {
    fn name(&self) -> &'static str {
        self.engine.name()
    }

    fn snapshot(&self) -> BoxFuture<'_, Result<Box<dyn Snapshot>, StoreError>> {
        let counts = Arc::clone(&self.counts);
        Box::pin(async move {
            let snapshot = self.engine.snapshot().await?;
            Ok(Box::new(CountingSnapshot { snapshot, counts }) as Box<dyn Snapshot>)
        })
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Revision, CommitError>> {
        self.engine.commit(batch)
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

struct CountingSnapshot {
    snapshot: Box<dyn Snapshot>,
    counts: Arc<Counts>,
}

impl Snapshot for CountingSnapshot {
    fn revision(&self) -> Revision {
        self.snapshot.revision()
    }

    fn get<'a>(
        &'a self,
        space: Space,
        key: &'a [u8],
    ) -> BoxFuture<'a, Result<Option<Row>, StoreError>> {
        Box::pin(async move {
            let row = self.snapshot.get(space, key).await?;
            self.counts.read(usize::from(row.is_some()));
            Ok(row)
        })
    }

    fn range<'a>(
        &'a self,
        space: Space,
        range: &'a Range,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page, StoreError>> {
        Box::pin(async move {
            let page = self.snapshot.range(space, range, limit).await?;
            self.counts.read(page.rows.len());
            Ok(page)
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
