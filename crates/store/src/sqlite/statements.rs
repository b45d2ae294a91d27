//! What the writer says to SQLite, compiled once.

use rusqlite::{Connection, OptionalExtension, Statement, params};

use super::schema;
use crate::{CHANGELOG_REVISIONS, Place, Revision, Version, engine::Tail};

/// Version and tail of a row.
pub(super) type Trace = (Version, Tail);

/// The writer's statements, on its connection.
pub(super) struct Statements<'c> {
    begin: Statement<'c>,
    commit: Statement<'c>,
    rollback: Statement<'c>,
    trace: Statement<'c>,
    put: Statement<'c>,
    delete: Statement<'c>,
    head: Statement<'c>,
    log: Statement<'c>,
    forget: Statement<'c>,
}

impl<'c> Statements<'c> {
    pub(super) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            begin: connection.prepare("BEGIN IMMEDIATE")?,
            commit: connection.prepare("COMMIT")?,
            rollback: connection.prepare("ROLLBACK")?,
            trace: connection
                .prepare("SELECT version, value FROM kv WHERE space = ?1 AND key = ?2")?,
            // In a table without rowid and other indexes, to replace is to look once.
            put: connection
                .prepare("REPLACE INTO kv (space, key, version, value) VALUES (?1, ?2, ?3, ?4)")?,
            delete: connection.prepare("DELETE FROM kv WHERE space = ?1 AND key = ?2")?,
            head: connection.prepare("UPDATE head SET rev = ?1, attestation = ?2 WHERE one = 1")?,
            log: connection.prepare(schema::LOG)?,
            forget: connection.prepare("DELETE FROM changelog WHERE rev <= ?1")?,
        })
    }

    pub(super) fn begin(&mut self) -> rusqlite::Result<()> {
        self.begin.execute([]).map(drop)
    }

    pub(super) fn commit(&mut self) -> rusqlite::Result<()> {
        self.commit.execute([]).map(drop)
    }

    pub(super) fn rollback(&mut self) -> rusqlite::Result<()> {
        self.rollback.execute([]).map(drop)
    }

    /// A row as it is.
    pub(super) fn trace(&mut self, place: &Place) -> rusqlite::Result<Option<Trace>> {
        let place = params![place.space.as_str(), place.key.as_bytes()];
        let row = self
            .trace
            .query_row(place, |row| Ok((row.get(0)?, Tail::of(row.get_ref(1)?.as_blob()?))));
        row.optional()
    }

    pub(super) fn put(
        &mut self,
        place: &Place,
        version: Version,
        value: &[u8],
    ) -> rusqlite::Result<()> {
        let row = params![place.space.as_str(), place.key.as_bytes(), version, value];
        self.put.execute(row).map(drop)
    }

    pub(super) fn delete(&mut self, place: &Place) -> rusqlite::Result<()> {
        self.delete.execute(params![place.space.as_str(), place.key.as_bytes()]).map(drop)
    }

    /// Writes a row of the changelog, whose last commit is `revision`.
    pub(super) fn log(&mut self, revision: Revision, places: &[u8]) -> rusqlite::Result<()> {
        self.log.execute(params![revision.0, places]).map(drop)
    }

    /// Sets the revision.
    pub(super) fn head(
        &mut self,
        revision: Revision,
        attestation: Option<&[u8]>,
    ) -> rusqlite::Result<()> {
        self.head.execute(params![revision.0, attestation]).map(drop)
    }

    /// Forgets what the changelog need not hold any more.
    pub(super) fn forget(&mut self, revision: Revision) -> rusqlite::Result<()> {
        self.forget.execute([revision.0.saturating_sub(CHANGELOG_REVISIONS)]).map(drop)
    }
}
