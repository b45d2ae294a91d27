//! Answers that don't wait for the disk: whoever appends writes, and one thread syncs soon after.
//!
//! The end of the journal lies in the shared state. Whoever appends lays its record down, lets all
//! others have their turn who are ready to run, and then takes the end from there, writes what was
//! laid down meanwhile into the page cache, and puts it back. The others find theirs written when
//! they come to it; whoever comes while somebody writes leaves its record to the one who does. So a
//! record costs no switch to another thread, and a part of a system call. What is written and not
//! durable is kept in memory until it is, so that a failed sync loses no record. What the thread
//! does is in `keeper.rs`.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::group::{Group, Outcome};
use super::tail::{Mark, Tail};
use super::writer::{JournalError, Shared, State};

/// Which part of a record's limit is kept for the sync at most, and at least; between them, as many
/// times as long as the longest sync took of late, which is forgotten by and by.
const MOST_RESERVE_PART: u32 = 2;
const LEAST_RESERVE_PART: u32 = 5;
const RESERVE_SYNCS: u32 = 2;
const FORGOTTEN_PART: u32 = 16;
/// How many groups somebody writes for others, after its own, before the thread takes over.
const GROUPS_FOR_OTHERS: u32 = 4;

/// What is written and not known to be durable.
pub(super) struct Ahead {
    /// The end of the journal; none while somebody writes there.
    pub(super) tail: Option<Tail>,
    /// What no sync has taken up yet.
    pub(super) unsynced: Written,
    /// What the sync makes durable that is under way.
    pub(super) syncing: Written,
    /// The number of the last record that was written.
    last: u64,
    limit: Duration,
    /// How much of the limit is the sync's.
    reserve: Duration,
    /// Somebody waits for the next sync.
    pub(super) hurried: bool,
    /// A sync failed: only a fresh segment leads on.
    pub(super) failed: bool,
    /// Somebody who wrote died, and the tail with it: nothing leads on.
    pub(super) lost: bool,
    /// The thread waits for the tail.
    pub(super) wanted: bool,
    /// The thread waits for the next sync to be due, and needs not be woken for it.
    pub(super) dozes: bool,
    /// Room for the next group.
    spare: Vec<u8>,
}

/// Frames that were written, in their order.
#[derive(Default)]
pub(super) struct Written {
    pub(super) frames: Vec<u8>,
    pub(super) count: u64,
    /// How many bytes they take on the medium.
    pub(super) bytes: u64,
    /// When the first of them was begun to be written.
    pub(super) since: Option<Instant>,
}

impl Written {
    pub(super) fn clear(&mut self) {
        self.frames.clear();
        self.count = 0;
        self.bytes = 0;
        self.since = None;
    }
}

impl Ahead {
    pub(super) fn new(tail: Tail, limit: Duration) -> Self {
        Self {
            last: tail.anchor().sequence,
            tail: Some(tail),
            unsynced: Written::default(),
            syncing: Written::default(),
            limit,
            reserve: limit / MOST_RESERVE_PART,
            hurried: false,
            failed: false,
            lost: false,
            wanted: false,
            dozes: false,
            spare: Vec::new(),
        }
    }

    /// The number of the last record that was written.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// Whether nobody writes at present.
    pub(super) fn is_idle(&self) -> bool {
        self.tail.is_some()
    }

    /// Whether only a fresh segment leads on.
    pub(super) fn is_broken(&self) -> bool {
        self.failed || self.tail.as_ref().is_some_and(Tail::is_broken)
    }

    /// Bytes that are written and not known to be durable.
    pub(super) fn bytes(&self) -> usize {
        self.syncing.frames.len() + self.unsynced.frames.len()
    }

    /// When the oldest record was written that is not durable.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.syncing.since.or(self.unsynced.since)
    }

    /// Whether appends must wait for a sync: the oldest record that is not durable is as old as
    /// records may become, or there are too many of them. Hurries the sync then.
    pub(super) fn is_full(&mut self, now: Instant, most_bytes: usize) -> bool {
        let is_late = |since| now.saturating_duration_since(since) >= self.limit;
        let is_full =
            self.oldest().is_some_and(is_late) || self.unsynced.frames.len() >= most_bytes;
        self.hurried |= is_full;
        is_full
    }

    /// How much time there is until the next sync must begin; none if nothing waits for one.
    pub(super) fn due_in(&self, now: Instant) -> Option<Duration> {
        let since = self.unsynced.since?;
        if self.hurried {
            return Some(Duration::ZERO);
        }
        let waits = self.limit.saturating_sub(self.reserve);
        Some(waits.saturating_sub(now.saturating_duration_since(since)))
    }

    /// Notes how long a sync took, so that the next ones begin in time and not much earlier.
    pub(super) fn learn(&mut self, took: Duration) {
        let before = self.reserve.saturating_sub(self.reserve / FORGOTTEN_PART);
        let least = self.limit / LEAST_RESERVE_PART;
        let reserve = before.max(took.saturating_mul(RESERVE_SYNCS)).max(least);
        self.reserve = reserve.min(self.limit / MOST_RESERVE_PART);
    }

    /// Begins a sync of all that is written; none while somebody writes.
    pub(super) fn begin_sync(&mut self) -> Option<Mark> {
        let mark = self.tail.as_mut()?.mark();
        std::mem::swap(&mut self.unsynced, &mut self.syncing);
        self.hurried = false;
        Some(mark)
    }
}

/// The right and the duty to write a group.
pub(super) struct Turn {
    pub(super) tail: Tail,
    pub(super) frames: Vec<u8>,
    count: u64,
    /// Who waits for it, beside the one who writes.
    group: Option<Arc<Group>>,
}

impl Turn {
    /// Takes what is pending, if nobody writes and the segment has room.
    pub(super) fn take(state: &mut State, now: Instant) -> Option<Self> {
        let bytes = state.pending.len();
        let ahead = state.ahead.as_mut().filter(|ahead| !ahead.failed)?;
        let tail = ahead.tail.take_if(|tail| !tail.is_broken() && tail.has_room(bytes))?;
        Some(Self::on(tail, state, now))
    }

    /// Takes what is pending, to be written to this tail.
    pub(super) fn on(tail: Tail, state: &mut State, now: Instant) -> Self {
        let mut turn = Self { tail, frames: Vec::new(), count: 0, group: None };
        if let Some(ahead) = &mut state.ahead {
            turn.frames = std::mem::take(&mut ahead.spare);
        }
        turn.take_pending(state, now);
        turn
    }

    fn take_pending(&mut self, state: &mut State, now: Instant) {
        self.frames.clear();
        std::mem::swap(&mut self.frames, &mut state.pending);
        self.count = std::mem::take(&mut state.count);
        self.group = state.group.take();
        (state.awaited, state.laid) = (false, None);
        state.in_flight = self.group.clone().map(|group| (now, group));
        if let Some(ahead) = &mut state.ahead {
            ahead.unsynced.since.get_or_insert(now);
        }
    }

    /// Writes the group, and those that come meanwhile; answers the number of its first record.
    pub(super) fn write(mut self, shared: &Shared) -> Result<u64, JournalError> {
        let deadly = Deadly(shared);
        let mut own = None;
        let mut rounds = 0;
        loop {
            let written = self.tail.write_ahead(&self.frames);
            let mut state = shared.lock();
            let outcome = self.note(&mut state, shared, written);
            own = own.or(Some(outcome));
            let told = self.group.take();
            let is_over = outcome.is_err()
                || rounds == GROUPS_FOR_OTHERS
                || !state.awaited
                || !self.tail.has_room(state.pending.len());
            if !is_over {
                self.take_pending(&mut state, Instant::now());
                rounds += 1;
            }
            if is_over {
                std::mem::forget(deadly);
                let wake = self.put_back(&mut state);
                drop(state);
                if wake {
                    shared.work.notify_one();
                }
                tell(told, outcome);
                return own.unwrap_or(outcome);
            }
            drop(state);
            tell(told, outcome);
        }
    }

    /// Notes what came of a write.
    fn note(
        &self,
        state: &mut State,
        shared: &Shared,
        written: io::Result<u64>,
    ) -> Result<u64, JournalError> {
        let failed = state.failed;
        let Some(ahead) = &mut state.ahead else { return Err(JournalError::Unavailable) };
        match written {
            Ok(first) => {
                ahead.unsynced.frames.extend_from_slice(&self.frames);
                ahead.unsynced.count += self.count;
                ahead.unsynced.bytes += self.tail.group_bytes();
                ahead.last = first.saturating_add(self.count).saturating_sub(1);
                // What was given up meanwhile may be written all the same; nobody relies on it.
                if failed { Err(JournalError::Unavailable) } else { Ok(first) }
            }
            Err(error) => {
                tracing::error!(%error, segment = self.tail.segment, "the journal can't be written");
                if ahead.unsynced.count == 0 {
                    ahead.unsynced.since = None;
                }
                shared.metrics.count_refused(self.count);
                shared.fail(state);
                Err(JournalError::Unavailable)
            }
        }
    }

    /// Gives the tail back; whether the thread has to be woken.
    fn put_back(self, state: &mut State) -> bool {
        state.in_flight = None;
        let is_urgent = state.awaited || self.tail.is_broken();
        let Some(ahead) = &mut state.ahead else { return false };
        let is_urgent = is_urgent || ahead.wanted || ahead.hurried || ahead.failed;
        ahead.tail = Some(self.tail);
        ahead.spare = self.frames;
        let wake = state.writer_waits && (is_urgent || !ahead.dozes);
        state.writer_waits &= !wake;
        wake
    }
}

impl Shared {
    /// Has a group written that a record was laid down in, after all others had their turn who are
    /// ready to run; answers the number of the group's first record.
    pub(super) async fn write_ahead(&self, group: &Arc<Group>, place: usize) -> Outcome {
        let duty = Duty { shared: self, group };
        tokio::task::yield_now().await;
        std::mem::forget(duty);
        if let Some(outcome) = group.settled() {
            return outcome;
        }
        match self.turn(group) {
            Some(turn) => turn.write(self),
            None => group.outcome(place).await,
        }
    }

    /// The turn to write this group; none if somebody else has it, or is to have it.
    fn turn(&self, group: &Arc<Group>) -> Option<Turn> {
        let mut state = self.lock();
        let is_pending = state.group.as_ref().is_some_and(|pending| Arc::ptr_eq(pending, group));
        if !is_pending {
            return None;
        }
        let turn = Turn::take(&mut state, Instant::now());
        if turn.is_some() {
            return turn;
        }
        state.awaited = true;
        // Whoever writes at present takes what came meanwhile; what nobody can write, the thread.
        if state.ahead.as_ref().is_none_or(Ahead::is_idle) {
            self.wake_writer(state);
        }
        None
    }
}

/// Dropped when somebody who laid down a record ends before it came to write it: the thread does.
struct Duty<'s> {
    shared: &'s Shared,
    group: &'s Group,
}

impl Drop for Duty<'_> {
    fn drop(&mut self) {
        if self.group.settled().is_none() {
            let mut state = self.shared.lock();
            state.awaited |= state.count > 0;
            self.shared.wake_writer(state);
        }
    }
}

fn tell(group: Option<Arc<Group>>, outcome: Result<u64, JournalError>) {
    if let Some(group) = group {
        group.resolve(outcome);
    }
}

/// Dropped when somebody dies while it writes, and the tail with it: nothing is written any more,
/// and calls fail until the program is started anew.
struct Deadly<'s>(&'s Shared);

impl Drop for Deadly<'_> {
    fn drop(&mut self) {
        tracing::error!("whoever wrote the journal died");
        let mut state = self.0.lock();
        if let Some(ahead) = &mut state.ahead {
            ahead.lost = true;
        }
        self.0.fail(&mut state);
        self.0.work.notify_one();
    }
}
