//! The one thread that writes: it takes what has queued up while the disk was busy, and commits
//! it in one transaction with one sync.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::{mpsc, oneshot};

use super::{Shared, files::Files, schema::explain};
use crate::{
    AttestError, Attestor, Batch, CHANGELOG_REVISIONS, CommitError, Expectation, Place, Revision,
    RowChange, StoreError, Version, engine::tail,
};

/// The most batches in one transaction.
const MAX_GROUP: usize = 128;

type Outcome = Result<Revision, CommitError>;

/// What the writer is asked to do.
pub(super) enum Message {
    Commit(Batch, oneshot::Sender<Outcome>),
    Attest(Arc<dyn Attestor>, oneshot::Sender<()>),
    Close(oneshot::Sender<Result<(), StoreError>>),
}

/// Version and tail of a row.
type Trace = (Version, Vec<u8>);

/// The rows that a batch expects something of, as they were before it.
type Known = HashMap<Place, Option<Trace>>;

/// A row before and after a batch, for the attestation.
struct Traced {
    place: Place,
    old: Option<Trace>,
    new: Option<Trace>,
}

/// Why a group was not committed.
enum GroupError {
    Sqlite(rusqlite::Error),
    Attest(AttestError),
}

impl From<rusqlite::Error> for GroupError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// Ends the engine when the writer ends in whatever way: nobody shall wait for it in vain.
struct EndGuard<'a>(&'a Shared);

impl Drop for EndGuard<'_> {
    fn drop(&mut self) {
        // Only the first reason counts, and every orderly end has given one.
        self.0.end(StoreError::FailStopped { cause: "the writer ended unexpectedly".into() });
    }
}

pub(super) struct Writer {
    connection: Connection,
    files: Arc<Files>,
    attestor: Option<Arc<dyn Attestor>>,
    revision: Revision,
    attestation: Option<Vec<u8>>,
}

impl Writer {
    pub(super) fn new(
        connection: Connection,
        files: Arc<Files>,
    ) -> Result<(Self, Revision), StoreError> {
        let read =
            connection.query_row("SELECT rev, attestation FROM head WHERE one = 1", [], |row| {
                Ok((Revision(row.get(0)?), row.get(1)?))
            });
        let (revision, attestation) = read.map_err(|error| explain(&error, &files))?;
        Ok((Self { connection, files, attestor: None, revision, attestation }, revision))
    }

    pub(super) fn run(mut self, mut messages: mpsc::Receiver<Message>, shared: &Shared) {
        let _guard = EndGuard(shared);
        let mut held = None;
        loop {
            let Some(first) = held.take().or_else(|| messages.blocking_recv()) else { break };
            match first {
                Message::Attest(attestor, answer) => {
                    self.attestor = Some(attestor);
                    // Whoever asked may have stopped waiting; the same holds below.
                    let _ = answer.send(());
                }
                Message::Close(answer) => {
                    shared.end(StoreError::Closed);
                    let _ = answer.send(self.checkpoint());
                    return;
                }
                Message::Commit(batch, answer) => {
                    let mut group = VecDeque::from([(batch, answer)]);
                    while group.len() < MAX_GROUP && held.is_none() {
                        match messages.try_recv() {
                            Ok(Message::Commit(batch, answer)) => group.push_back((batch, answer)),
                            Ok(other) => held = Some(other),
                            Err(_) => break,
                        }
                    }
                    if self.commit_group(group, shared).is_err() {
                        // What has queued up finds its answers dropped, and the reason set.
                        return;
                    }
                }
            }
        }
        shared.end(StoreError::Closed);
    }

    /// Writes the log back into the database, so that a copy of the one file is whole.
    fn checkpoint(&self) -> Result<(), StoreError> {
        let busy = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        busy.map(|_| ()).map_err(|error| explain(&error, &self.files))
    }

    /// Commits what can be committed of a group and answers all of it. Fails when the engine must
    /// stop.
    fn commit_group(
        &mut self,
        group: VecDeque<(Batch, oneshot::Sender<Outcome>)>,
        shared: &Shared,
    ) -> Result<(), ()> {
        let (batches, answers): (Vec<_>, Vec<_>) = group.into_iter().unzip();
        let error = match self.write_group(batches) {
            Ok(outcomes) => {
                shared.progress.advance(self.revision);
                for (answer, outcome) in answers.into_iter().zip(outcomes) {
                    let _ = answer.send(outcome);
                }
                return Ok(());
            }
            Err(error) => error,
        };
        let stop = self.must_stop(&error);
        let answer_with = match (error, &stop) {
            (GroupError::Attest(error), None) => CommitError::Attest(error),
            (GroupError::Sqlite(error), None) => explain(&error, &self.files).into(),
            (_, Some(why)) => why.clone().into(),
        };
        let stopped = stop.map_or(Ok(()), |why| {
            shared.end(why);
            Err(())
        });
        for answer in answers {
            let _ = answer.send(Err(answer_with.clone()));
        }
        stopped
    }

    /// Undoes a group that failed. Whether the durable state is still known: it is when there was
    /// no room, when another program held the lock, or when the attestation refused, and SQLite
    /// confirms that the transaction is gone.
    fn must_stop(&self, error: &GroupError) -> Option<StoreError> {
        let undone =
            self.connection.is_autocommit() || self.connection.execute_batch("ROLLBACK").is_ok();
        let (known, cause) = match error {
            GroupError::Attest(error) => (true, error.to_string()),
            GroupError::Sqlite(error) => {
                let code = error.sqlite_error_code();
                let harmless = matches!(
                    code,
                    Some(rusqlite::ErrorCode::DiskFull | rusqlite::ErrorCode::DatabaseBusy)
                );
                (harmless, explain(error, &self.files).to_string())
            }
        };
        (!(known && undone)).then_some(StoreError::FailStopped { cause })
    }

    fn write_group(&mut self, batches: Vec<Batch>) -> Result<Vec<Outcome>, GroupError> {
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let mut revision = self.revision;
        let mut changes = Vec::new();
        let mut outcomes = Vec::with_capacity(batches.len());
        for batch in batches {
            let known = match self.judge(&batch)? {
                Ok(known) => known,
                Err(unmet) => {
                    outcomes.push(Err(unmet));
                    continue;
                }
            };
            if !batch.is_read_only() {
                revision = Revision(revision.0 + 1);
                self.apply(batch, known, revision, &mut changes)?;
            }
            outcomes.push(Ok(revision));
        }
        if revision == self.revision {
            self.connection.prepare_cached("ROLLBACK")?.execute([])?;
            return Ok(outcomes);
        }
        let attestation = self.attest(revision, &changes)?;
        self.connection
            .prepare_cached("UPDATE head SET rev = ?1, attestation = ?2 WHERE one = 1")?
            .execute(params![revision.0, attestation])?;
        self.connection
            .prepare_cached("DELETE FROM changelog WHERE rev <= ?1")?
            .execute([revision.0.saturating_sub(CHANGELOG_REVISIONS)])?;
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        self.revision = revision;
        self.attestation = attestation;
        Ok(outcomes)
    }

    /// What a batch expects, as it is; or the first of it that is not so.
    fn judge(&self, batch: &Batch) -> rusqlite::Result<Result<Known, CommitError>> {
        let mut known = Known::with_capacity(batch.expect.len());
        for Expectation { place, expect } in &batch.expect {
            let row = self.trace(place)?;
            if !expect.holds(row.as_ref().map(|(version, tail)| (*version, tail.as_slice()))) {
                let (place, found) = (place.clone(), row.map(|(version, _)| version));
                return Ok(Err(CommitError::Conflict { place, found }));
            }
            known.insert(place.clone(), row);
        }
        Ok(Ok(known))
    }

    fn trace(&self, place: &Place) -> rusqlite::Result<Option<Trace>> {
        self.connection
            .prepare_cached("SELECT version, value FROM kv WHERE space = ?1 AND key = ?2")?
            .query_row(params![place.space.as_str(), place.key.as_bytes()], |row| {
                Ok((row.get(0)?, tail(row.get_ref(1)?.as_blob()?).to_vec()))
            })
            .optional()
    }

    fn apply(
        &self,
        batch: Batch,
        mut known: Known,
        revision: Revision,
        changes: &mut Vec<Traced>,
    ) -> rusqlite::Result<()> {
        let puts = batch.put.into_iter().map(|put| (put.place, Some((put.version, put.value))));
        let deletes = batch.delete.into_iter().map(|place| (place, None));
        for (number, (place, new)) in puts.chain(deletes).enumerate() {
            let (space, key) = (place.space.as_str(), place.key.as_bytes());
            let old = match known.remove(&place) {
                Some(old) => old,
                None if self.attestor.is_some() => self.trace(&place)?,
                None => None,
            };
            match &new {
                Some((version, value)) => self
                    .connection
                    .prepare_cached(
                        "INSERT INTO kv (space, key, version, value) VALUES (?1, ?2, ?3, ?4)
                         ON CONFLICT (space, key)
                         DO UPDATE SET version = excluded.version, value = excluded.value",
                    )?
                    .execute(params![space, key, version, value])?,
                None => self
                    .connection
                    .prepare_cached("DELETE FROM kv WHERE space = ?1 AND key = ?2")?
                    .execute(params![space, key])?,
            };
            self.connection
                .prepare_cached(
                    "INSERT INTO changelog (rev, nr, space, key) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![revision.0, number, space, key])?;
            if self.attestor.is_some() {
                let new = new.map(|(version, value)| (version, tail(&value).to_vec()));
                changes.push(Traced { place, old, new });
            }
        }
        Ok(())
    }

    /// The attestation to store with `revision`: one for the whole group.
    fn attest(
        &self,
        revision: Revision,
        changes: &[Traced],
    ) -> Result<Option<Vec<u8>>, GroupError> {
        let Some(attestor) = &self.attestor else { return Ok(self.attestation.clone()) };
        fn borrow(trace: Option<&Trace>) -> Option<(Version, &[u8])> {
            trace.map(|(version, tail)| (*version, tail.as_slice()))
        }
        let changes: Vec<RowChange<'_>> = changes
            .iter()
            .map(|change| RowChange {
                space: change.place.space,
                key: change.place.key.as_bytes(),
                old: borrow(change.old.as_ref()),
                new: borrow(change.new.as_ref()),
            })
            .collect();
        let previous = (self.revision, self.attestation.as_deref());
        attestor.attest(previous, revision, &changes).map(Some).map_err(GroupError::Attest)
    }
}
