//! The journal as the pipeline sees it: append, and it is durable; one thread groups the syncs.
//!
//! Appends encode straight into the buffer of the group that waits, under a short lock, while the
//! group before is on its way to the disk. When that is done the thread takes the whole buffer.
//! Where answers don't wait for the disk, whoever appends writes the buffer itself (`ahead.rs`).

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::ahead::Ahead;
use super::chain::ChainKey;
use super::group::Group;
use super::keeper::Keeper;
use super::medium::Medium;
use super::metrics::Metrics;
use super::reader::Reader;
use super::record::RecordRef;
use super::recovery::{OpenError, Recovery, recover};
use super::retention;
use super::tail::Tail;
use super::texts::Fetch;
use super::together::{Frames, Together};
use super::verify::Anchor;
use super::{MAX_RECORD_BYTES, MAX_TOGETHER, PENDING_BYTES, RETRY, SEGMENT_BYTES, STALL};

/// How often the watch looks, as a part of the time that a group may take.
const WATCH_PART: u32 = 8;
/// After how many looks at a journal without work the watch rests.
const QUIET_LOOKS: u32 = 8;

/// Why a record was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JournalError {
    /// The journal can't be written at present: the call must fail. It recovers by itself.
    Unavailable,
    /// The record is larger than [`MAX_RECORD_BYTES`], which can't happen to an encoded
    /// [`RecordRef`], or there is none, or more than [`MAX_TOGETHER`] of them.
    TooLarge,
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable => f.write_str(
                "the journal can't be written: make sure that its disk has room and works; \
                 it is tried again by itself",
            ),
            Self::TooLarge => {
                write!(
                    f,
                    "the record is larger than {MAX_RECORD_BYTES} bytes, or not one of 1 to \
                     {MAX_TOGETHER}"
                )
            }
        }
    }
}

impl std::error::Error for JournalError {}

/// When a record is durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Before its call is answered.
    #[default]
    BeforeAnswer,
    /// At the latest so long after it was written. It is written before its call is answered, so
    /// that the end of the process takes nothing with it; a power cut may take what was answered
    /// in a span of this length. While anything older is not durable, appends wait.
    Within(Duration),
}

/// Sizes and times of a journal; the defaults are right outside tests.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// When a record is durable.
    pub durability: Durability,
    /// Bytes of a segment.
    pub segment_bytes: u64,
    /// Bytes that may wait for the next sync before appends have to wait for room.
    pub pending_bytes: usize,
    /// How long a group may take before its records are answered as unavailable.
    pub stall: Duration,
    /// How often a journal that failed is tried again.
    pub retry: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            durability: Durability::BeforeAnswer,
            segment_bytes: SEGMENT_BYTES,
            pending_bytes: PENDING_BYTES,
            stall: STALL,
            retry: RETRY,
        }
    }
}

/// The append-only, hash-chained, group-committed record of every call.
pub struct Journal {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    medium: Arc<dyn Medium>,
    key: Arc<ChainKey>,
}

pub(super) struct Shared {
    pub(super) options: Options,
    /// Whoever appends writes.
    writes_ahead: bool,
    state: Mutex<State>,
    /// Wakes the writer.
    pub(super) work: Condvar,
    /// Wakes the watch.
    watch: Condvar,
    /// Wakes the appends that wait for room, and who waits for the journal to recover or for
    /// records to become durable.
    pub(super) room: Notify,
    failed: AtomicBool,
    pub(super) metrics: Metrics,
}

pub(super) struct State {
    pub(super) pending: Vec<u8>,
    pub(super) count: u64,
    /// Who waits for what is pending.
    pub(super) group: Option<Arc<Group>>,
    /// Somebody waits for what is pending who will not write it.
    pub(super) awaited: bool,
    /// When the first of what is pending was laid down, where those who lay it down write it.
    pub(super) laid: Option<Instant>,
    /// What is being written, and since when.
    pub(super) in_flight: Option<(Instant, Arc<Group>)>,
    pub(super) writer_waits: bool,
    watch_rests: bool,
    pub(super) failed: bool,
    pub(super) closing: bool,
    /// The last record that is durable.
    pub(super) anchor: Anchor,
    /// What is written and not durable, where answers don't wait for that.
    pub(super) ahead: Option<Ahead>,
}

/// The group that a record waits in, and its place there.
type Waiting = (Arc<Group>, usize);

impl Journal {
    /// Opens the journal on a medium, or begins one. The key is the chain's; see [`ChainKey`].
    ///
    /// # Errors
    /// If the medium can't be read or written, or holds the journal of another key.
    pub fn open(
        medium: Arc<dyn Medium>,
        key: Arc<ChainKey>,
        options: Options,
    ) -> Result<(Self, Recovery), OpenError> {
        let (tail, recovery) = recover(&medium, &key, options.segment_bytes)?;
        let anchor = tail.anchor();
        let (tail, ahead) = match options.durability {
            Durability::BeforeAnswer => (Some(tail), None),
            Durability::Within(limit) => (None, Some(Ahead::new(tail, limit))),
        };
        let shared = Arc::new(Shared {
            options,
            writes_ahead: ahead.is_some(),
            state: Mutex::new(State {
                pending: Vec::new(),
                count: 0,
                group: None,
                awaited: false,
                laid: None,
                in_flight: None,
                writer_waits: false,
                watch_rests: false,
                failed: false,
                closing: false,
                anchor,
                ahead,
            }),
            work: Condvar::new(),
            watch: Condvar::new(),
            room: Notify::new(),
            failed: AtomicBool::new(false),
            metrics: Metrics::default(),
        });
        let threads = Mutex::default();
        let journal = Self { shared: Arc::clone(&shared), threads, medium, key };
        let medium = Arc::clone(&journal.medium);
        journal.start("journal", move || match tail {
            Some(tail) => Writer { shared, tail }.run(),
            None => Keeper { shared, medium }.run(),
        })?;
        let shared = Arc::clone(&journal.shared);
        journal.start("journal-watch", move || shared.watch_over())?;
        Ok((journal, recovery))
    }

    fn start(&self, name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), OpenError> {
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run);
        let thread = thread.map_err(OpenError::Thread)?;
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(())
    }

    /// Appends a record; resolves, with its sequence number, once it is as durable as an answer
    /// needs it ([`Durability`]). The record is encoded at once, so that the future holds nothing
    /// of it; one that is dropped before its end may leave its record in the journal.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`] if the record is not known to be written.
    pub fn append<'j>(
        &'j self,
        record: &RecordRef<'_>,
    ) -> impl Future<Output = Result<u64, JournalError>> + Send + use<'j> {
        self.append_together(std::iter::once(record).collect())
    }

    /// Appends records that follow each other and become durable together; resolves with the
    /// sequence number of the first. Else as [`Journal::append`].
    ///
    /// # Errors
    /// [`JournalError::Unavailable`] if not all of them are known to be written, and
    /// [`JournalError::TooLarge`] if there are none, or more than [`MAX_TOGETHER`].
    pub fn append_all<'j>(
        &'j self,
        records: &[RecordRef<'_>],
    ) -> impl Future<Output = Result<u64, JournalError>> + Send + use<'j> {
        self.append_together(records.iter().collect())
    }

    /// Appends bytes that are not looked at; else as [`Journal::append`].
    ///
    /// # Errors
    /// As [`Journal::append`], and [`JournalError::TooLarge`] above [`MAX_RECORD_BYTES`].
    pub fn append_bytes<'j>(
        &'j self,
        bytes: &[u8],
    ) -> impl Future<Output = Result<u64, JournalError>> + Send + use<'j> {
        let mut together = Together::default();
        together.add_bytes(bytes);
        self.append_together(together)
    }

    /// Appends records that were put together; else as [`Journal::append_all`].
    ///
    /// # Errors
    /// As [`Journal::append_all`].
    pub(crate) async fn append_together(&self, together: Together) -> Result<u64, JournalError> {
        let frames = together.frames()?;
        let (group, index) = loop {
            if let Some(placed) = self.shared.place(&frames)? {
                break placed;
            }
            let mut room = std::pin::pin!(self.shared.room.notified());
            room.as_mut().enable();
            if let Some(placed) = self.shared.place(&frames)? {
                break placed;
            }
            room.await;
        };
        drop(frames);
        let first = if self.shared.writes_ahead {
            self.shared.write_ahead(&group, index).await
        } else {
            group.outcome(index).await
        };
        first.map(|first| first + index as u64)
    }

    /// The number of the last record that was written, where answers don't wait until it is
    /// durable; none where they do.
    #[must_use]
    pub fn written_ahead(&self) -> Option<u64> {
        self.shared.lock().ahead.as_ref().map(Ahead::last)
    }

    /// Resolves once all that was appended before is durable: at once, where answers wait for that.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`] if it is not known to be.
    pub async fn flush(&self) -> Result<(), JournalError> {
        let Some(until) = self.shared.hurry(0)? else { return Ok(()) };
        loop {
            let mut room = std::pin::pin!(self.shared.room.notified());
            room.as_mut().enable();
            if self.shared.hurry(until)?.is_none() {
                return Ok(());
            }
            room.await;
        }
    }

    /// Whether records can be written, as far as is known: to fail closed before work is done.
    #[must_use]
    pub fn healthy(&self) -> bool {
        !self.shared.failed.load(Ordering::Acquire)
    }

    /// Resolves once the journal can be written, at once if it can.
    pub async fn recovered(&self) {
        loop {
            let mut room = std::pin::pin!(self.shared.room.notified());
            room.as_mut().enable();
            if self.healthy() {
                return;
            }
            room.await;
        }
    }

    /// The last record that is durable. Kept elsewhere and given to [`verify`](super::verify), it
    /// shows when the end of the journal was cut off, or an old copy was put in its place.
    #[must_use]
    pub fn anchor(&self) -> Anchor {
        self.shared.lock().anchor
    }

    /// Bytes that wait for the next sync.
    #[must_use]
    pub fn waiting_bytes(&self) -> usize {
        let state = self.shared.lock();
        state.pending.len() + state.ahead.as_ref().map_or(0, Ahead::bytes)
    }

    /// Reads what is written, from the record with this number on. Blocks.
    ///
    /// # Errors
    /// If the medium can't be read.
    pub fn read_from(&self, sequence: u64) -> io::Result<Reader> {
        Reader::from_sequence(Arc::clone(&self.medium), Arc::clone(&self.key), sequence)
    }

    /// Reads what is written, from the start of a segment on. Blocks.
    ///
    /// # Errors
    /// If the medium can't be read.
    pub fn read_segment(&self, segment: u64) -> io::Result<Reader> {
        Reader::from_segment(Arc::clone(&self.medium), Arc::clone(&self.key), segment)
    }

    /// Reads single records, wherever they stand.
    #[must_use]
    pub fn fetch(&self) -> Fetch {
        Fetch::new(Arc::clone(&self.medium), Arc::clone(&self.key))
    }

    /// The numbers of the segments that are there, ascending. Blocks.
    ///
    /// # Errors
    /// If the medium can't be read.
    pub fn segments(&self) -> io::Result<Vec<u64>> {
        self.medium.list()
    }

    /// Drops the oldest segments, as far as all of their records are older than `before_ms`
    /// (milliseconds since 1970) and before the record with the number `before`. Answers the oldest
    /// segment that is left, if any went. Blocks.
    ///
    /// # Errors
    /// If the medium can't be read or written, or drops nothing on demand.
    pub fn retain(&self, before_ms: i64, before: u64) -> io::Result<Option<u64>> {
        retention::retain(&*self.medium, &self.key, before_ms, before)
    }

    /// The counters.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    /// Whether the watch waits to be told of work.
    #[cfg(test)]
    pub(super) fn watch_rests(&self) -> bool {
        self.shared.lock().watch_rests
    }

    /// Writes what waits, and ends the threads; later appends are unavailable. Blocks meanwhile.
    pub fn close(&self) {
        {
            let mut state = self.shared.lock();
            state.closing = true;
            self.shared.work.notify_all();
            self.shared.watch.notify_all();
        }
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for thread in threads.drain(..) {
            // A thread that panicked has nothing more to tell than that no more is written.
            let _ = thread.join();
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // No code that can panic half-way through a change runs under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lays records into the group that waits; `None` if there is no room at present.
    fn place(&self, frames: &Frames) -> Result<Option<Waiting>, JournalError> {
        let mut state = self.lock();
        if state.failed || state.closing {
            self.metrics.count_refused(1);
            return Err(JournalError::Unavailable);
        }
        if state.pending.len() >= self.options.pending_bytes {
            return Ok(None);
        }
        if let Some(ahead) = &mut state.ahead {
            let now = Instant::now();
            if ahead.is_full(now, self.options.pending_bytes) {
                self.wake_writer(state);
                return Ok(None);
            }
            state.laid.get_or_insert(now);
            self.wake_watch(&mut state);
        }
        state.pending.extend_from_slice(&frames.bytes);
        let index = usize::try_from(state.count).unwrap_or(usize::MAX);
        state.count += frames.count;
        let group = Arc::clone(state.group.get_or_insert_default());
        if state.ahead.is_none() {
            self.wake_writer(state);
        }
        Ok(Some((group, index)))
    }

    /// Wakes the thread that writes, if it sleeps.
    pub(super) fn wake_writer(&self, mut state: MutexGuard<'_, State>) {
        let wake = std::mem::take(&mut state.writer_waits);
        drop(state);
        if wake {
            self.work.notify_one();
        }
    }

    /// Has the watch look again, now that there is something to watch over.
    pub(super) fn wake_watch(&self, state: &mut State) {
        if std::mem::take(&mut state.watch_rests) {
            self.watch.notify_one();
        }
    }

    /// Takes the group that waits, once there is one; `None` once the journal is closed.
    fn next_group(&self, spare: Vec<u8>) -> Option<(Vec<u8>, u64, Arc<Group>)> {
        let mut state = self.lock();
        while state.count == 0 {
            if state.closing {
                return None;
            }
            state.writer_waits = true;
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.writer_waits = false;
        let buffer = std::mem::replace(&mut state.pending, spare);
        let count = std::mem::take(&mut state.count);
        let group = state.group.take().unwrap_or_default();
        state.in_flight = Some((Instant::now(), Arc::clone(&group)));
        self.wake_watch(&mut state);
        drop(state);
        self.room.notify_waiters();
        Some((buffer, count, group))
    }

    /// Refuses everything that waits, and all that comes, until [`Shared::recover`].
    pub(super) fn fail(&self, state: &mut State) {
        self.metrics.count_failure();
        state.failed = true;
        self.failed.store(true, Ordering::Release);
        let waiting = state.group.take();
        let in_flight = state.in_flight.as_ref().map(|(_, group)| Arc::clone(group));
        for group in [in_flight, waiting].into_iter().flatten() {
            group.resolve(Err(JournalError::Unavailable));
        }
        self.metrics.count_refused(std::mem::take(&mut state.count));
        state.pending.clear();
        (state.awaited, state.laid) = (false, None);
        self.room.notify_waiters();
    }

    pub(super) fn recover(&self, state: &mut State) {
        state.failed = false;
        self.failed.store(false, Ordering::Release);
        self.room.notify_waiters();
    }

    /// Gives up a group that takes too long: a disk that hangs must not make callers hang. Has the
    /// thread write what is still laid down a look later: a caller that does not get its turn must
    /// not keep those who laid theirs beside it.
    fn watch_over(&self) {
        let look = self.options.stall / WATCH_PART;
        let mut quiet = 0;
        let mut state = self.lock();
        while !state.closing {
            let is_late = |since: Instant, most| since.elapsed() >= most;
            let busy = state.busy_since();
            let is_quiet = busy.is_none() && state.laid.is_none();
            quiet = if is_quiet { quiet + 1 } else { 0 };
            if busy.is_some_and(|since| is_late(since, self.options.stall)) && !state.failed {
                self.fail(&mut state);
            }
            if state.laid.is_some_and(|since| is_late(since, look)) {
                state.awaited = true;
                if std::mem::take(&mut state.writer_waits) {
                    self.work.notify_one();
                }
            }
            state = if quiet > QUIET_LOOKS {
                quiet = 0;
                state.watch_rests = true;
                self.watch.wait(state).unwrap_or_else(PoisonError::into_inner)
            } else {
                let waited = self.watch.wait_timeout(state, look);
                waited.unwrap_or_else(PoisonError::into_inner).0
            };
        }
    }
}

impl State {
    /// Since when something is on its way to the disk.
    fn busy_since(&self) -> Option<Instant> {
        let written = self.ahead.as_ref().and_then(Ahead::oldest);
        self.in_flight.as_ref().map(|(since, _)| *since).into_iter().chain(written).min()
    }
}

/// The thread that writes, where answers wait for the disk.
struct Writer {
    shared: Arc<Shared>,
    tail: Tail,
}

impl Drop for Writer {
    /// A thread that panics must not leave callers waiting: nothing is written any more, and calls
    /// fail until the program is started anew.
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(segment = self.tail.segment, "the thread that writes the journal died");
            self.shared.fail(&mut self.shared.lock());
        }
    }
}

impl Writer {
    fn run(mut self) {
        let mut spare = Vec::new();
        while let Some((mut buffer, count, group)) = self.shared.next_group(spare) {
            let started = Instant::now();
            let written = self.tail.write_group(&buffer);
            self.finish(written, count, self.tail.group_bytes(), started, &group);
            if self.tail.is_broken() && !self.repair() {
                return;
            }
            buffer.clear();
            spare = buffer;
        }
    }

    fn finish(
        &self,
        written: io::Result<u64>,
        count: u64,
        bytes: u64,
        started: Instant,
        group: &Group,
    ) {
        let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        match written {
            Ok(first) => {
                self.shared.metrics.count_group(count, bytes, micros);
                {
                    let mut state = self.shared.lock();
                    state.in_flight = None;
                    state.anchor = self.tail.anchor();
                    if state.failed {
                        self.shared.recover(&mut state);
                    }
                }
                group.resolve(Ok(first));
            }
            Err(error) => {
                tracing::error!(%error, segment = self.tail.segment, "the journal can't be written");
                let mut state = self.shared.lock();
                self.shared.metrics.count_refused(count);
                self.shared.fail(&mut state);
                state.in_flight = None;
            }
        }
    }

    /// Tries to begin a fresh segment until it works; `false` if the journal is closed before.
    fn repair(&mut self) -> bool {
        loop {
            let state = self.shared.lock();
            let waited =
                self.shared
                    .work
                    .wait_timeout_while(state, self.shared.options.retry, |state| !state.closing);
            let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            if state.closing {
                return false;
            }
            drop(state);
            match self.tail.repair() {
                Ok(()) => {
                    tracing::info!(segment = self.tail.segment, "the journal can be written again");
                    self.shared.recover(&mut self.shared.lock());
                    return true;
                }
                Err(error) => tracing::debug!(%error, "the journal still can't be written"),
            }
        }
    }
}
