//! Rows of one revision, opened as they are read.

use std::sync::Arc;

use bulla_crypto::SecretBytes;

use super::{Barrier, BarrierError, DOMAIN, keyring::Ring};
use crate::{Key, Place, Range, Revision, Row, Snapshot, Space, Version};

/// An opened row.
pub struct Opened {
    /// Its version.
    pub version: Version,
    /// Its value in clear.
    pub value: SecretBytes,
}

/// Opened rows in the order of their keys.
pub struct OpenedPage {
    /// The rows.
    pub rows: Vec<(Key, Opened)>,
    /// Where the next page starts; nothing when the range ends here.
    pub next: Option<Key>,
    /// Rows of this page that were altered outside Bulla and are left out, at most as many as a
    /// page has.
    pub altered: Vec<Place>,
}

/// The store at one revision. Drop it before a commit or another view is waited for.
pub struct View<'b> {
    barrier: &'b Barrier,
    ring: Arc<Ring>,
    snapshot: Box<dyn Snapshot>,
}

impl<'b> View<'b> {
    pub(super) fn new(barrier: &'b Barrier, ring: Arc<Ring>, snapshot: Box<dyn Snapshot>) -> Self {
        Self { barrier, ring, snapshot }
    }

    /// The revision.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.snapshot.revision()
    }

    /// One row, opened.
    ///
    /// # Errors
    /// As [`Barrier::get`].
    pub async fn get(&self, space: Space, key: &[u8]) -> Result<Option<Opened>, BarrierError> {
        match self.snapshot.get(space, key).await? {
            Some(row) => self.open(space, key, row).await.map(Some),
            None => Ok(None),
        }
    }

    /// The first rows of a range, at most `limit` and
    /// [`MAX_PAGE_ROWS`](crate::MAX_PAGE_ROWS). A row that does not open is named in the answer
    /// and does not keep the others back.
    ///
    /// # Errors
    /// Those of the engine and of the key's memory.
    pub async fn range(
        &self,
        space: Space,
        range: &Range,
        limit: usize,
    ) -> Result<OpenedPage, BarrierError> {
        let page = self.snapshot.range(space, range, limit).await?;
        let mut opened = OpenedPage {
            rows: Vec::with_capacity(page.rows.len()),
            next: page.next,
            altered: vec![],
        };
        for (key, row) in page.rows {
            match self.open(space, key.as_bytes(), row).await {
                Ok(row) => opened.rows.push((key, row)),
                Err(BarrierError::Altered { place } | BarrierError::NoDomainKey { place, .. }) => {
                    opened.altered.push(place)
                }
                Err(error) => return Err(error),
            }
        }
        Ok(opened)
    }

    async fn open(&self, space: Space, key: &[u8], row: Row) -> Result<Opened, BarrierError> {
        if space == DOMAIN {
            return Err(BarrierError::Reserved { place: Place::new(space, key) });
        }
        let value = match self.barrier.open_row(&self.ring, space, key, &row) {
            // Sealed by another process under a key newer than the ring.
            Err(BarrierError::NoDomainKey { .. }) => {
                let ring = self.barrier.reload().await?;
                self.barrier.open_row(&ring, space, key, &row)?
            }
            opened => opened?,
        };
        Ok(Opened { version: row.version, value })
    }
}
