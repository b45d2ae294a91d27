//! A store on a disk, and the intruder who has his hands on its file.

use std::path::PathBuf;
use std::sync::Arc;

use bulla_store::{Barrier, DATABASE_FILE, Expected, SealedBatch, Sqlite};
use rusqlite::{Connection, params};
use tempfile::TempDir;

use crate::run::{demand, say};
use crate::store::{KEYS, create};

/// How many records the store holds.
pub(crate) const RECORDS: usize = 8;

/// A row as it is in the file.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Sealed {
    pub(crate) version: u64,
    pub(crate) value: Vec<u8>,
}

/// A live store of [`RECORDS`] records and the intruder's connection to it.
pub(crate) struct Intruded {
    pub(crate) directory: TempDir,
    pub(crate) barrier: Barrier,
    intruder: Connection,
}

pub(crate) fn name(record: usize) -> String {
    format!("record{record}")
}

/// What a record holds at a version.
pub(crate) fn value(record: usize, version: u64) -> Vec<u8> {
    format!("what record {record} holds at version {version}").into_bytes()
}

impl Intruded {
    pub(crate) async fn new(seed: u64) -> Result<Self, String> {
        let directory = tempfile::tempdir().map_err(say)?;
        let engine = Sqlite::open(directory.path()).map_err(say)?;
        let barrier = create(Arc::new(engine), seed).await.map_err(say)?;
        let intruder = Connection::open(directory.path().join(DATABASE_FILE)).map_err(say)?;
        intruder.execute_batch("PRAGMA synchronous = OFF").map_err(say)?;
        let store = Self { directory, barrier, intruder };
        for record in 0..RECORDS {
            store.write(record, 1).await?;
        }
        Ok(store)
    }

    /// Writes a record the honest way, at this version.
    pub(crate) async fn write(&self, record: usize, version: u64) -> Result<(), String> {
        let expected = if version == 1 { Expected::Absent } else { Expected::At(version - 1) };
        let batch = SealedBatch::new().put(KEYS, name(record), expected, value(record, version));
        self.barrier.commit(batch).await.map(drop).map_err(say)
    }

    pub(crate) fn sealed(&self, record: usize) -> Result<Sealed, String> {
        let sql = "SELECT version, value FROM kv WHERE space = 'keys' AND key = ?1";
        let row = self.intruder.query_row(sql, [name(record).as_bytes()], |row| {
            Ok(Sealed { version: row.get(0)?, value: row.get(1)? })
        });
        row.map_err(say)
    }

    pub(crate) fn replace(&self, record: usize, row: &Sealed) -> Result<(), String> {
        let sql = "UPDATE kv SET version = ?2, value = ?3 WHERE space = 'keys' AND key = ?1";
        let key = name(record);
        one(self.intruder.execute(sql, params![key.as_bytes(), row.version, row.value]))
    }

    pub(crate) fn insert(&self, key: &str, row: &Sealed) -> Result<(), String> {
        let sql = "INSERT INTO kv (space, key, version, value) VALUES ('keys', ?1, ?2, ?3)";
        one(self.intruder.execute(sql, params![key.as_bytes(), row.version, row.value]))
    }

    pub(crate) fn delete(&self, key: &str) -> Result<(), String> {
        let sql = "DELETE FROM kv WHERE space = 'keys' AND key = ?1";
        one(self.intruder.execute(sql, [key.as_bytes()]))
    }

    pub(crate) fn rename(&self, from: &str, to: &str) -> Result<(), String> {
        let sql = "UPDATE kv SET key = ?2 WHERE space = 'keys' AND key = ?1";
        one(self.intruder.execute(sql, params![from.as_bytes(), to.as_bytes()]))
    }

    /// Closes the store, everything in its one file.
    pub(crate) async fn close(self) -> Result<(TempDir, PathBuf), String> {
        drop(self.intruder);
        self.barrier.engine().close().await.map_err(say)?;
        let file = self.directory.path().join(DATABASE_FILE);
        Ok((self.directory, file))
    }
}

fn one(changed: rusqlite::Result<usize>) -> Result<(), String> {
    let changed = changed.map_err(say)?;
    demand(changed == 1, || format!("the intruder changed {changed} rows"))
}
