//! The one thread that writes: it takes what has queued up while the disk was busy, and commits
//! it in one transaction with one sync.

use std::{collections::VecDeque, sync::Arc};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::{
    Shared, changelog,
    checkpoint::{self, Checkpoints, why_to_stop},
    files::Files,
    schema::explain,
    statements::{Statements, Trace},
};
use crate::{
    AttestError, Attestor, Batch, CommitError, Expectation, Place, Revision, RowChange, StoreError,
    Version, engine::Tail,
};

/// The most batches in one transaction.
const MAX_GROUP: usize = 128;

/// How many rows are remembered that many batches expect and none writes.
const MAX_STANDING: usize = 4;

/// How often others have their turn before a group is written, as long as each time more comes.
const MAX_TURNS: usize = 8;
/// After so many revisions the changelog forgets what it need not hold any more. Each time a page
/// is written that else is not.
const FORGET_AFTER: u64 = 1024;

type Outcome = Result<Revision, CommitError>;

/// What the writer is asked to do.
pub(super) enum Message {
    Commit(Batch, oneshot::Sender<Outcome>),
    Attest(Arc<dyn Attestor>, oneshot::Sender<()>),
    Close(oneshot::Sender<Result<(), StoreError>>),
}

/// A row before and after a batch, for the attestation.
struct Traced {
    place: Place,
    old: Option<Trace>,
    new: Option<Trace>,
}

/// What a batch expects of rows, and how they were before it.
struct Known {
    expected: Vec<Expectation>,
    traces: Vec<Option<Trace>>,
    /// Writes come in the order of what is expected of them, mostly.
    next: usize,
}

impl Known {
    /// How a row was, if anything was expected of it.
    fn of(&mut self, place: &Place) -> Option<Option<Trace>> {
        let (before, after) = self.expected.split_at_checked(self.next)?;
        let found = after.iter().position(|it| it.place == *place).map(|at| at + self.next);
        let at = found.or_else(|| before.iter().position(|it| it.place == *place))?;
        self.next = at + 1;
        self.traces.get(at).copied()
    }
}

/// What is written in one transaction.
struct Group {
    revision: Revision,
    changes: Vec<Traced>,
    log: changelog::Entry,
    /// Rows that batches expected first or last, and how they are: what commits are judged by comes
    /// first and the domain key last, and they are the same for most.
    standing: VecDeque<(Place, Option<Trace>)>,
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

/// What the writer works with.
pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) state: State,
    pub(super) checkpoints: Checkpoints,
}

/// What the writer knows.
pub(super) struct State {
    files: Arc<Files>,
    attestor: Option<Arc<dyn Attestor>>,
    revision: Revision,
    attestation: Option<Vec<u8>>,
}

impl State {
    pub(super) fn read(connection: &Connection, files: Arc<Files>) -> Result<Self, StoreError> {
        let read =
            connection.query_row("SELECT rev, attestation FROM head WHERE one = 1", [], |row| {
                Ok((Revision(row.get(0)?), row.get(1)?))
            });
        let (revision, attestation) = read.map_err(|error| explain(&error, &files))?;
        Ok(Self { files, attestor: None, revision, attestation })
    }

    pub(super) fn revision(&self) -> Revision {
        self.revision
    }
}

/// The writer at work.
struct Work<'c> {
    connection: &'c Connection,
    sql: Statements<'c>,
    state: State,
    /// Nothing once the store is being closed.
    checkpoints: Option<Checkpoints>,
}

impl Writer {
    pub(super) fn run(self, messages: mpsc::Receiver<Message>, shared: &Shared) {
        let _guard = EndGuard(shared);
        let Self { connection, state, checkpoints } = self;
        match Statements::new(&connection) {
            Ok(sql) => {
                let checkpoints = Some(checkpoints);
                Work { connection: &connection, sql, state, checkpoints }.run(messages, shared);
            }
            Err(error) => shared.end(explain(&error, &state.files)),
        }
    }
}

/// Adds what waits to a group, and gives what is no commit. While others have their turn more may
/// come: each commit that joins saves a sync.
fn gather(
    messages: &mut mpsc::Receiver<Message>,
    group: &mut VecDeque<(Batch, oneshot::Sender<Outcome>)>,
) -> Option<Message> {
    for _ in 0..MAX_TURNS {
        std::thread::yield_now();
        let before = group.len();
        while group.len() < MAX_GROUP {
            match messages.try_recv() {
                Ok(Message::Commit(batch, answer)) => group.push_back((batch, answer)),
                Ok(other) => return Some(other),
                Err(_) => break,
            }
        }
        if group.len() == before {
            break;
        }
    }
    None
}

impl Work<'_> {
    fn run(mut self, mut messages: mpsc::Receiver<Message>, shared: &Shared) {
        let mut held = None;
        loop {
            let Some(first) = held.take().or_else(|| messages.blocking_recv()) else { break };
            if shared.check().is_err() {
                // The thread that checkpoints has met an error. What has queued up finds its
                // answers dropped, and the reason set; the same holds below.
                return;
            }
            match first {
                Message::Attest(attestor, answer) => {
                    self.state.attestor = Some(attestor);
                    // Whoever asked may have stopped waiting; the same holds below.
                    let _ = answer.send(());
                }
                Message::Close(answer) => {
                    shared.end(StoreError::Closed);
                    let _ = answer.send(self.close());
                    return;
                }
                Message::Commit(batch, answer) => {
                    let mut group = VecDeque::from([(batch, answer)]);
                    held = gather(&mut messages, &mut group);
                    if self.commit_group(group, shared).is_err() || self.checkpoint(shared).is_err()
                    {
                        return;
                    }
                }
            }
        }
        shared.end(StoreError::Closed);
    }

    /// Moves the last pages of the log into the database, if it is time to. Fails when the engine
    /// must stop.
    fn checkpoint(&mut self, shared: &Shared) -> Result<(), ()> {
        if !self.checkpoints.as_mut().is_some_and(Checkpoints::go_on) {
            return Ok(());
        }
        let passed = checkpoint::pass(self.connection);
        let why = passed.err().and_then(|error| why_to_stop(&error, &self.state.files));
        why.map_or(Ok(()), |why| {
            shared.end(why);
            Err(())
        })
    }

    /// Writes the log back into the database, so that a copy of the one file is whole.
    fn close(&mut self) -> Result<(), StoreError> {
        // Two checkpoints at a time are none.
        self.checkpoints = None;
        let busy = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        busy.map(|_| ()).map_err(|error| explain(&error, &self.state.files))
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
                shared.progress.advance(self.state.revision);
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
            (GroupError::Sqlite(error), None) => explain(&error, &self.state.files).into(),
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
                (harmless, explain(error, &self.state.files).to_string())
            }
        };
        (!(known && undone)).then_some(StoreError::FailStopped { cause })
    }

    fn write_group(&mut self, batches: Vec<Batch>) -> Result<Vec<Outcome>, GroupError> {
        self.sql.begin()?;
        let log = changelog::Entry::default();
        let (revision, changes) = (self.state.revision, Vec::new());
        let mut group = Group { revision, changes, log, standing: VecDeque::new() };
        let mut outcomes = Vec::with_capacity(batches.len());
        for mut batch in batches {
            let expected = std::mem::take(&mut batch.expect);
            let known = match self.judge(expected, &mut group.standing)? {
                Ok(known) => known,
                Err(unmet) => {
                    outcomes.push(Err(unmet));
                    continue;
                }
            };
            if !batch.is_read_only() {
                group.revision = Revision(group.revision.0 + 1);
                self.apply(batch, known, &mut group)?;
            }
            outcomes.push(Ok(group.revision));
        }
        if group.revision == self.state.revision {
            self.sql.rollback()?;
            return Ok(outcomes);
        }
        if !group.log.as_bytes().is_empty() {
            self.sql.log(group.revision, group.log.as_bytes())?;
        }
        let attestation = self.attest(&group)?;
        self.sql.head(group.revision, attestation.as_deref())?;
        if group.revision.0 / FORGET_AFTER > self.state.revision.0 / FORGET_AFTER {
            self.sql.forget(group.revision)?;
        }
        self.sql.commit()?;
        self.state.revision = group.revision;
        self.state.attestation = attestation;
        Ok(outcomes)
    }

    /// What a batch expects, as it is; or the first of it that is not so.
    fn judge(
        &mut self,
        expected: Vec<Expectation>,
        standing: &mut VecDeque<(Place, Option<Trace>)>,
    ) -> rusqlite::Result<Result<Known, CommitError>> {
        let mut traces = Vec::with_capacity(expected.len());
        let last = expected.len().saturating_sub(1);
        for (number, Expectation { place, expect }) in expected.iter().enumerate() {
            let known = standing.iter().find(|(known, _)| known == place).map(|(_, row)| *row);
            let row = match known {
                Some(row) => row,
                None => self.sql.trace(place)?,
            };
            if known.is_none() && (number == 0 || number == last) {
                standing.truncate(MAX_STANDING - 1);
                standing.push_front((place.clone(), row));
            }
            if !expect.holds(row.as_ref().map(|(version, tail)| (*version, tail.as_bytes()))) {
                let (place, found) = (place.clone(), row.map(|(version, _)| version));
                return Ok(Err(CommitError::Conflict { place, found }));
            }
            traces.push(row);
        }
        Ok(Ok(Known { expected, traces, next: 0 }))
    }

    fn apply(&mut self, batch: Batch, mut known: Known, group: &mut Group) -> rusqlite::Result<()> {
        group.log.begin(group.revision, batch.put.len() + batch.delete.len());
        let puts = batch.put.into_iter().map(|put| (put.place, Some((put.version, put.value))));
        let deletes = batch.delete.into_iter().map(|place| (place, None));
        for (place, new) in puts.chain(deletes) {
            let is_attested = self.state.attestor.is_some();
            let old = match known.of(&place) {
                Some(old) => old,
                None if is_attested => self.sql.trace(&place)?,
                None => None,
            };
            match &new {
                Some((version, value)) => self.sql.put(&place, *version, value)?,
                None => self.sql.delete(&place)?,
            }
            group.standing.retain(|(known, _)| *known != place);
            group.log.add(&place);
            if is_attested {
                let new = new.map(|(version, value)| (version, Tail::of(&value)));
                group.changes.push(Traced { place, old, new });
            }
        }
        if group.log.as_bytes().len() > changelog::ROW_BYTES {
            self.sql.log(group.revision, group.log.as_bytes())?;
            group.log.clear();
        }
        Ok(())
    }

    /// The attestation to store with a group: one for the whole of it.
    fn attest(&self, group: &Group) -> Result<Option<Vec<u8>>, GroupError> {
        let State { attestor, attestation, revision, .. } = &self.state;
        let Some(attestor) = attestor else { return Ok(attestation.clone()) };
        fn borrow(trace: Option<&Trace>) -> Option<(Version, &[u8])> {
            trace.map(|(version, tail)| (*version, tail.as_bytes()))
        }
        let changes: Vec<RowChange<'_>> = group
            .changes
            .iter()
            .map(|change| RowChange {
                space: change.place.space,
                key: change.place.key.as_bytes(),
                old: borrow(change.old.as_ref()),
                new: borrow(change.new.as_ref()),
            })
            .collect();
        let previous = (*revision, attestation.as_deref());
        attestor.attest(previous, group.revision, &changes).map(Some).map_err(GroupError::Attest)
    }
}
