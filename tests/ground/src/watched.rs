//! A store in front of another, that tells of each read and each commit as it is done.

use std::sync::Arc;

use bulla_store::{
    Attestor, Batch, Changes, CommitError, Page, Place, Range, Revision, Row, Scan, Snapshot,
    Space, Store, StoreError,
};

type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Is told what is done to a store, on the thread that does it.
pub trait Watch: Send + Sync + 'static {
    /// A read was done, and so many rows came of it; they are not handed over before this returns.
    fn read(&self, rows: usize);
    /// A commit was done, well or not.
    fn committed(&self) {}
}

/// An engine that is watched.
pub struct Watched<W> {
    engine: Arc<dyn Store>,
    watch: Arc<W>,
}

impl<W: Watch> Watched<W> {
    /// Watches an engine.
    pub fn new(engine: Arc<dyn Store>, watch: Arc<W>) -> Self {
        Self { engine, watch }
    }
}

impl<W: Watch> Store for Watched<W> {
    fn name(&self) -> &'static str {
        self.engine.name()
    }

    fn snapshot(&self) -> BoxFuture<'_, Result<Box<dyn Snapshot>, StoreError>> {
        let watch = Arc::clone(&self.watch);
        Box::pin(async move {
            let snapshot = self.engine.snapshot().await?;
            Ok(Box::new(WatchedSnapshot { snapshot, watch }) as Box<dyn Snapshot>)
        })
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Revision, CommitError>> {
        Box::pin(async move {
            let outcome = self.engine.commit(batch).await;
            self.watch.committed();
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

struct WatchedSnapshot<W> {
    snapshot: Box<dyn Snapshot>,
    watch: Arc<W>,
}

impl<W: Watch> Snapshot for WatchedSnapshot<W> {
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
            self.watch.read(usize::from(row.is_some()));
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
            self.watch.read(page.rows.len());
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
