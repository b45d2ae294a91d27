//! Connections that read, a few of which are kept.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    changelog,
    files::Files,
    schema::{self, Role, explain},
};
use crate::{
    Changes, Key, MAX_CHANGES, Page, Place, Range, Revision, Row, Scan, Space, StoreError, Version,
    engine::Room,
};

/// How many snapshots and reads there may be at a time. More wait.
const MAX_READERS: usize = 64;
/// How many connections are kept for the next reads.
const MAX_IDLE_READERS: usize = 4;

/// The connections that read.
pub(super) struct Readers {
    files: Arc<Files>,
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(files: Arc<Files>) -> Self {
        Self { files, idle: Arc::default(), permits: Arc::new(Semaphore::new(MAX_READERS)) }
    }

    pub(super) async fn take(&self) -> Result<Reader, StoreError> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|_| StoreError::Closed)?;
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => schema::connect(&self.files, Role::Reader)?,
        };
        Ok(Reader {
            connection: Some(connection),
            files: Arc::clone(&self.files),
            idle: Arc::clone(&self.idle),
            _permit: permit,
        })
    }
}

/// A connection, until it goes back.
pub(super) struct Reader {
    /// Nothing only while it is dropped.
    connection: Option<Connection>,
    files: Arc<Files>,
    idle: Arc<Mutex<Vec<Connection>>>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Reader {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        // A connection that cannot end its snapshot would pin the log: it is closed instead.
        let end = || connection.prepare_cached("ROLLBACK")?.execute([]);
        if !connection.is_autocommit() && end().is_err() {
            return;
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE_READERS {
            idle.push(connection);
        }
    }
}

impl Reader {
    fn run<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let connection = self.connection.as_ref().ok_or(StoreError::Closed)?;
        read(connection).map_err(|error| explain(&error, &self.files))
    }

    fn corrupt(&self, detail: &str) -> StoreError {
        StoreError::Corrupt { file: self.files.database.clone(), detail: detail.into() }
    }

    fn space(&self, name: &str) -> Result<Space, StoreError> {
        let space = Space::parse(name.as_bytes());
        space.ok_or_else(|| self.corrupt(&format!("a row in the space {}", name.escape_debug())))
    }

    /// Begins a snapshot, which lasts until this goes back.
    pub(super) fn begin(&self) -> Result<Revision, StoreError> {
        let revision: i64 = self.run(|connection| {
            connection.prepare_cached("BEGIN")?.execute([])?;
            // The snapshot is that of the first read.
            let mut head = connection.prepare_cached("SELECT rev FROM head WHERE one = 1")?;
            head.query_row([], |row| row.get(0))
        })?;
        revision.try_into().map(Revision).map_err(|_| self.corrupt("the revision is below zero"))
    }

    pub(super) fn attestation(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.run(|connection| {
            let mut head =
                connection.prepare_cached("SELECT attestation FROM head WHERE one = 1")?;
            head.query_row([], |row| row.get(0))
        })
    }

    pub(super) fn get(&self, space: Space, key: &[u8]) -> Result<Option<Row>, StoreError> {
        self.run(|connection| {
            let mut select = connection
                .prepare_cached("SELECT version, value FROM kv WHERE space = ?1 AND key = ?2")?;
            select
                .query_row(params![space.as_str(), key], |row| {
                    Ok(Row { version: row.get::<_, Version>(0)?, value: row.get(1)? })
                })
                .optional()
        })
    }

    pub(super) fn range(
        &self,
        space: Space,
        range: &Range,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let mut page = Page::default();
        if range.is_empty() {
            return Ok(page);
        }
        let mut room = Room::new(limit);
        let (from, to) = (range.from.as_bytes(), range.to.as_ref().map(Key::as_bytes));
        self.run(|connection| {
            let mut select = connection.prepare_cached(match to {
                Some(_) => {
                    "SELECT key, version, value FROM kv
                     WHERE space = ?1 AND key >= ?2 AND key < ?3 ORDER BY key"
                }
                None => {
                    "SELECT key, version, value FROM kv
                     WHERE space = ?1 AND key >= ?2 AND ?3 IS NULL ORDER BY key"
                }
            })?;
            let mut rows = select.query(params![space.as_str(), from, to])?;
            while let Some(row) = rows.next()? {
                let key = Key::from(row.get_ref(0)?.as_blob()?);
                let row = Row { version: row.get(1)?, value: row.get(2)? };
                if !room.take(&key, &row) {
                    page.next = Some(key);
                    break;
                }
                page.rows.push((key, row));
            }
            Ok(())
        })?;
        Ok(page)
    }

    pub(super) fn scan(&self, after: Option<&Place>, limit: usize) -> Result<Scan, StoreError> {
        let mut found = Vec::new();
        let mut more = false;
        let mut room = Room::new(limit);
        // No name of a space is empty: this is before all of them.
        let (space, key) =
            after.map_or(("", [].as_slice()), |place| (place.space.as_str(), place.key.as_bytes()));
        self.run(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT space, key, version, value FROM kv
                 WHERE (space, key) > (?1, ?2) ORDER BY space, key",
            )?;
            let mut rows = select.query(params![space, key])?;
            while let Some(row) = rows.next()? {
                let space: String = row.get(0)?;
                let key = Key::from(row.get_ref(1)?.as_blob()?);
                let row = Row { version: row.get(2)?, value: row.get(3)? };
                if !room.take(&key, &row) {
                    more = true;
                    break;
                }
                found.push((space, key, row));
            }
            Ok(())
        })?;
        let rows = found
            .into_iter()
            .map(|(space, key, row)| Ok((Place { space: self.space(&space)?, key }, row)))
            .collect::<Result<_, StoreError>>()?;
        Ok(Scan { rows, more })
    }

    pub(super) fn changes(&self, after: Revision, newest: Revision) -> Result<Changes, StoreError> {
        let oldest = Revision(newest.0.saturating_sub(crate::CHANGELOG_REVISIONS));
        if after < oldest {
            return Err(StoreError::ChangesForgotten { oldest });
        }
        let mut changes = Vec::new();
        let mut damaged = false;
        self.run(|connection| {
            let mut select = connection
                .prepare_cached("SELECT places FROM changelog WHERE rev > ?1 ORDER BY rev")?;
            let mut rows = select.query([after.0])?;
            // One more than a page holds tells that there are more.
            while changes.len() <= MAX_CHANGES
                && let Some(row) = rows.next()?
            {
                match changelog::read(row.get_ref(0)?.as_blob()?) {
                    Some(found) => {
                        changes.extend(found.into_iter().filter(|change| change.revision > after));
                    }
                    None => damaged = true,
                }
            }
            Ok(())
        })?;
        if damaged {
            return Err(self.corrupt("a row of the changelog does not read"));
        }
        changes.truncate(MAX_CHANGES + 1);
        Ok(Changes::page(changes, after.max(newest)))
    }
}
