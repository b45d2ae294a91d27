//! The engine on a virtual disk: an append-only log whose every write and sync can go wrong.
//!
//! A record in the log is its length, its body and a digest that covers the digest before it, so
//! that neither a torn record nor the remains of an older one can be taken for the next one.

mod disk;
mod record;

use self::disk::DiskError;
pub use self::disk::{Disk, DiskFault, Faults};
use crate::{
    Attestor, Batch, BoxFuture, Changes, CommitError, Memory, Revision, Row, Snapshot, Space,
    Store, StoreError,
    memory::{Image, Log, LogError, Record},
};
use std::{path::PathBuf, sync::Arc};

/// Rows on a [`Disk`].
pub struct Simulated(Memory);

impl Simulated {
    /// What is durable on `disk`, after a power cut or a start.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a whole record makes no sense.
    pub fn open(disk: Disk) -> Result<Self, StoreError> {
        let mut image = Image::default();
        let mut log = DiskLog { disk, end: 0, digest: [0; 32] };
        let durable = log.disk.durable();
        let mut rest = durable.as_slice();
        while let Some((body, digest, after)) = record::next(rest, &log.digest) {
            let read = record::decode(body);
            let Some(record) = read.filter(|record| record.revision.0 == image.revision.0 + 1)
            else {
                let file = PathBuf::from("the simulated log");
                let detail = format!("the record at byte {} makes no sense", log.end);
                return Err(StoreError::Corrupt { file, detail });
            };
            image.apply(record);
            log.end += rest.len() - after.len();
            log.digest = digest;
            rest = after;
        }
        Ok(Self(Memory::over("simulated", image, Some(Box::new(log)))))
    }
}

struct DiskLog {
    disk: Disk,
    end: usize,
    digest: [u8; 32],
}

impl Log for DiskLog {
    fn append(&mut self, record: &Record) -> Result<(), LogError> {
        let (bytes, digest) = record::encode(record, &self.digest);
        match self.disk.write(self.end, &bytes) {
            Ok(()) => {}
            Err(DiskError::Full) => return Err(LogError::Full),
            Err(error) => return Err(LogError::Broken(error.to_string())),
        }
        // Whatever a failed sync says, what is durable is unknown from here on.
        self.disk.sync().map_err(|error| LogError::Broken(error.to_string()))?;
        self.end += bytes.len();
        self.digest = digest;
        Ok(())
    }
}

impl Store for Simulated {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn snapshot(&self) -> BoxFuture<'_, Result<Box<dyn Snapshot>, StoreError>> {
        self.0.snapshot()
    }

    fn get<'a>(
        &'a self,
        space: Space,
        key: &'a [u8],
    ) -> BoxFuture<'a, Result<Option<Row>, StoreError>> {
        self.0.get(space, key)
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Revision, CommitError>> {
        self.0.commit(batch)
    }

    fn changes(&self, after: Revision) -> BoxFuture<'_, Result<Changes, StoreError>> {
        self.0.changes(after)
    }

    fn watch(&self, after: Revision) -> BoxFuture<'_, Result<Revision, StoreError>> {
        self.0.watch(after)
    }

    fn attest_with(&self, attestor: Arc<dyn Attestor>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.0.attest_with(attestor)
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.0.close()
    }
}
