//! The thread that makes durable what was written ahead, before the oldest of it is too old.
//!
//! It also begins the next segment when one is full, and after a failure a fresh one, into which
//! it first writes again all that was answered and is not known to be durable.

use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Instant;

use super::ahead::{Turn, Written};
use super::medium::Medium;
use super::tail::{Mark, Tail};
use super::writer::{JournalError, Shared, State};

/// The thread.
pub(super) struct Keeper {
    pub(super) shared: Arc<Shared>,
    pub(super) medium: Arc<dyn Medium>,
}

/// What there is to do.
enum Job {
    /// To make durable what was written up to here.
    Sync(Mark),
    /// To write what nobody else does.
    Write(Turn),
    /// To go on in a fresh segment.
    Repair(Tail),
}

impl Drop for Keeper {
    /// A thread that panics must not leave callers waiting.
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!("the thread that syncs the journal died");
            let mut state = self.shared.lock();
            if let Some(ahead) = &mut state.ahead {
                ahead.lost = true;
            }
            self.shared.fail(&mut state);
        }
    }
}

impl Keeper {
    pub(super) fn run(self) {
        while let Some(job) = self.next() {
            match job {
                Job::Sync(mark) => self.sync(&mark),
                Job::Write(turn) => self.write(turn),
                Job::Repair(tail) => self.repair(tail),
            }
        }
    }

    /// Waits for the next job; none once the journal is closed.
    fn next(&self) -> Option<Job> {
        let mut state = self.shared.lock();
        loop {
            let now = Instant::now();
            let (closing, count) = (state.closing, state.count);
            let ahead = state.ahead.as_mut()?;
            if closing && (ahead.lost || ahead.is_broken()) {
                return None;
            }
            let due_in = ahead.due_in(now);
            let is_due = due_in.is_some_and(|rest| closing || rest.is_zero());
            if ahead.is_broken() || count > 0 || is_due || closing {
                if let Some(job) = take_job(&mut state, now) {
                    return Some(job);
                }
                let ahead = state.ahead.as_mut()?;
                if closing && ahead.is_idle() {
                    return None;
                }
                ahead.wanted = true;
                state = self.rest(state, None);
            } else {
                ahead.dozes = due_in.is_some();
                state = self.rest(state, due_in.map(|rest| now + rest));
            }
        }
    }

    /// Sleeps until it is woken, or until a time.
    fn rest<'s>(
        &self,
        mut state: MutexGuard<'s, State>,
        until: Option<Instant>,
    ) -> MutexGuard<'s, State> {
        state.writer_waits = true;
        let work = &self.shared.work;
        let mut state = match until.map(|until| until.saturating_duration_since(Instant::now())) {
            Some(time) => work.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0,
            None => work.wait(state).unwrap_or_else(PoisonError::into_inner),
        };
        state.writer_waits = false;
        if let Some(ahead) = &mut state.ahead {
            (ahead.wanted, ahead.dozes) = (false, false);
        }
        state
    }

    fn sync(&self, mark: &Mark) {
        let started = Instant::now();
        let synced = self.medium.sync(mark.segment);
        let mut state = self.shared.lock();
        match synced {
            Ok(()) => {
                let Some(ahead) = &mut state.ahead else { return };
                self.count(&ahead.syncing, started);
                ahead.learn(started.elapsed());
                ahead.syncing.clear();
                if let Some(tail) = &mut ahead.tail {
                    tail.synced(mark);
                }
                let is_broken = ahead.is_broken();
                state.anchor = mark.anchor;
                if state.failed && !is_broken {
                    self.shared.recover(&mut state);
                }
            }
            Err(error) => {
                tracing::error!(%error, segment = mark.segment, "the journal can't be synced");
                if let Some(ahead) = &mut state.ahead {
                    ahead.failed = true;
                }
                self.shared.fail(&mut state);
            }
        }
        drop(state);
        self.shared.room.notify_waiters();
    }

    /// Writes what is pending, into the next segment if this one is full.
    fn write(&self, mut turn: Turn) {
        if !turn.tail.has_room(turn.frames.len()) {
            let started = Instant::now();
            // A failure is told by the write that follows it.
            if turn.tail.roll().is_ok() {
                let mut state = self.shared.lock();
                state.anchor = turn.tail.anchor();
                if let Some(ahead) = &mut state.ahead {
                    self.count(&ahead.unsynced, started);
                    ahead.unsynced.clear();
                    ahead.unsynced.since = Some(Instant::now());
                }
            }
            self.shared.room.notify_waiters();
        }
        // Whoever waits for it is told by the group.
        let _told = turn.write(&self.shared);
    }

    /// Tries to begin a fresh segment until it works, or the journal is closed.
    fn repair(&self, mut tail: Tail) {
        let written = {
            let mut state = self.shared.lock();
            let Some(ahead) = &mut state.ahead else { return };
            let mut written = std::mem::take(&mut ahead.syncing);
            written.since = written.since.or(ahead.unsynced.since);
            written.frames.append(&mut ahead.unsynced.frames);
            written.count += ahead.unsynced.count;
            written.bytes += ahead.unsynced.bytes;
            ahead.unsynced.clear();
            written
        };
        loop {
            let state = self.shared.lock();
            let retry = self.shared.options.retry;
            let waited = self.shared.work.wait_timeout_while(state, retry, |state| !state.closing);
            let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            let from = state.anchor;
            if state.closing {
                if let Some(ahead) = &mut state.ahead {
                    (ahead.tail, ahead.syncing) = (Some(tail), written);
                }
                return;
            }
            drop(state);
            let started = Instant::now();
            match tail.repair_from(&from, &written.frames) {
                Ok(()) => {
                    tracing::info!(segment = tail.segment, "the journal can be written again");
                    self.count(&written, started);
                    let mut state = self.shared.lock();
                    state.anchor = tail.anchor();
                    if let Some(ahead) = &mut state.ahead {
                        (ahead.tail, ahead.failed) = (Some(tail), false);
                    }
                    self.shared.recover(&mut state);
                    return;
                }
                Err(error) => tracing::debug!(%error, "the journal still can't be written"),
            }
        }
    }

    fn count(&self, written: &Written, started: Instant) {
        let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.shared.metrics.count_group(written.count, written.bytes, micros);
    }
}

/// What there is to do now; none while somebody writes, or if there is nothing.
fn take_job(state: &mut State, now: Instant) -> Option<Job> {
    let count = state.count;
    let ahead = state.ahead.as_mut()?;
    if ahead.is_broken() {
        return ahead.tail.take().map(Job::Repair);
    }
    if count > 0 {
        let tail = ahead.tail.take()?;
        return Some(Job::Write(Turn::on(tail, state, now)));
    }
    ahead.unsynced.since?;
    ahead.begin_sync().map(Job::Sync)
}

impl Shared {
    /// Has what is written made durable soon: the number of the last record of it. None if all up
    /// to the record `until` is durable, or all there is if that is 0.
    pub(super) fn hurry(&self, until: u64) -> Result<Option<u64>, JournalError> {
        let mut state = self.lock();
        let (durable, failed) = (state.anchor.sequence, state.failed);
        let Some(ahead) = &mut state.ahead else { return Ok(None) };
        if until > 0 && durable >= until {
            return Ok(None);
        }
        if failed {
            return Err(JournalError::Unavailable);
        }
        let waiting = ahead.syncing.count + ahead.unsynced.count;
        if until == 0 && waiting == 0 {
            return Ok(None);
        }
        // What the sync under way makes durable needs no other.
        let is_under_way = (1..=durable + ahead.syncing.count).contains(&until);
        ahead.hurried |= ahead.unsynced.count > 0 && !is_under_way;
        self.wake_writer(state);
        Ok(Some(durable + waiting))
    }
}
