//! The way of what was committed from the log into the database.
//!
//! A thread of its own goes it, while the writer goes on: commits wait for no page of the database
//! to be written, nor for its sync. The log begins anew only when nothing is left in it, so the
//! writer itself moves the last pages, which are few by then.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::{self, Receiver, SyncSender},
    },
    thread::JoinHandle,
};

use rusqlite::{Connection, ErrorCode};

use super::{
    Shared,
    files::Files,
    schema::{self, Role, explain},
};
use crate::StoreError;

/// After so many pages more in the log a round begins: 8 MiB.
const PAGES_A_ROUND: usize = 2048;
/// So many pages are few enough for the writer.
const FEW_PAGES: usize = 64;
/// How often the thread goes before it leaves the rest to the writer, be it what it may.
const MAX_PASSES: usize = 4;

/// The log, as the writer and the thread see it.
#[derive(Default)]
struct Log {
    /// How many pages were in it after the last commit.
    pages: AtomicUsize,
    /// Whether the thread has gone as far as it goes in this round.
    is_through: AtomicBool,
}

/// The thread that checkpoints, as the writer sees it.
pub(super) struct Checkpoints {
    log: Arc<Log>,
    /// Nothing only while this is dropped.
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    is_running: bool,
    /// How many pages were in the log when the last round ended.
    before: usize,
}

impl Checkpoints {
    /// Has a thread checkpoint what `writer` commits.
    pub(super) fn start(
        writer: &mut Connection,
        files: &Arc<Files>,
        shared: &Arc<Shared>,
    ) -> Result<Self, StoreError> {
        let connection = schema::connect(files, Role::Checkpointer)?;
        let log = Arc::new(Log::default());
        let counter = Arc::clone(&log);
        // In place of SQLite's own hook, by which the writer would checkpoint.
        let hook = writer.wal_hook(Some(move |_: &mut _, pages| {
            counter.pages.store(usize::try_from(pages).unwrap_or(0), Ordering::Release);
            Ok(())
        }));
        hook.map_err(|error| explain(&error, files))?;
        let (wake, woken) = mpsc::sync_channel(1);
        let (theirs, files, shared) = (Arc::clone(&log), Arc::clone(files), Arc::clone(shared));
        let thread = std::thread::Builder::new()
            .name("store-checkpoint".into())
            .spawn(move || run(&connection, &woken, &theirs, &files, &shared))
            .map_err(|error| StoreError::Io {
                attempt: "start the store's thread for checkpoints".into(),
                cause: error.to_string(),
            })?;
        Ok(Self { log, wake: Some(wake), thread: Some(thread), is_running: false, before: 0 })
    }

    /// To be called after a commit. Whether the writer is to move what is left in the log itself.
    pub(super) fn go_on(&mut self) -> bool {
        let pages = self.log.pages.load(Ordering::Acquire);
        if pages < self.before {
            // It began anew.
            self.before = 0;
        }
        if self.is_running {
            let is_through = self.log.is_through.swap(false, Ordering::AcqRel);
            if is_through {
                (self.is_running, self.before) = (false, pages);
            }
            return is_through;
        }
        if pages >= self.before.saturating_add(PAGES_A_ROUND)
            && let Some(wake) = &self.wake
        {
            // There is room: the thread has taken what it was sent before. One that has ended has
            // said why.
            self.is_running = wake.try_send(()).is_ok();
        }
        false
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            // A panic there leaves the log as it is, from where the next start goes on.
            let _ = thread.join();
        }
    }
}

fn run(connection: &Connection, woken: &Receiver<()>, log: &Log, files: &Files, shared: &Shared) {
    while woken.recv().is_ok() {
        for _ in 0..MAX_PASSES {
            match pass(connection) {
                Ok(moved) => {
                    let left = log.pages.load(Ordering::Acquire).saturating_sub(moved);
                    if left <= FEW_PAGES {
                        break;
                    }
                }
                Err(error) => match why_to_stop(&error, files) {
                    Some(why) => return shared.end(why),
                    None => break,
                },
            }
        }
        log.is_through.store(true, Ordering::Release);
    }
}

/// Moves what can be moved without having anybody wait. Answers how many of the log's pages are
/// in the database by now.
pub(super) fn pass(connection: &Connection) -> rusqlite::Result<usize> {
    let moved: i64 = connection
        .prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?
        .query_row([], |row| row.get(2))?;
    Ok(usize::try_from(moved).unwrap_or(0))
}

/// What an error in a checkpoint means to the engine. Without room for the database, or while
/// another program holds its lock, what was committed stays in the log.
pub(super) fn why_to_stop(error: &rusqlite::Error, files: &Files) -> Option<StoreError> {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => None,
        _ => Some(StoreError::FailStopped { cause: explain(error, files).to_string() }),
    }
}
