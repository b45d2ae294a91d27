//! One pass over the records for all that want to know of them, as they are written.
//!
//! Most records say nothing new: they are like an earlier one of their segment but for their ids,
//! their time and what was asked. Of each kind of records one is unpacked and decoded, and what
//! each listener made of it holds for all others of the kind; these are only told by number.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::outline::{Likeness, outline};
use super::reader::{Passed, Place, ReadError, Reader};
use super::record::RecordRef;
use super::writer::Journal;

/// How many kinds of records a segment has at most. Those of further kinds are decoded one by one.
const MAX_KINDS: usize = 8192;

/// What is known of each record, of whichever kind it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The record's number.
    pub sequence: u64,
    /// Where it stands.
    pub place: Place,
    /// When the call was completed, in milliseconds since 1970.
    pub time_ms: i64,
    /// The id of the record.
    pub event_id: [u8; 16],
    /// The id that the caller was given.
    pub request_id: Option<[u8; 16]>,
    /// How many units were metered, where that is not one.
    pub metered: Option<u64>,
}

/// What a listener makes of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// The same as of any other of the kind: nothing of what was asked or answered counts. The
    /// access key is the same, too, or each has that of [its own session](super::session_key).
    Kind,
    /// Something of its own.
    Record,
}

/// Somebody who wants to know of all records, in their order. Methods are called one at a time.
pub trait Listener: Send + Sync {
    /// A segment is read from its start, perhaps once more. Kinds are numbered anew, from zero.
    fn begin(&self, segment: u64);

    /// The segment that was begun last is complete, and all that there is of it was told.
    ///
    /// # Errors
    /// If what was made of it can't be kept.
    fn end(&self) -> io::Result<()> {
        Ok(())
    }

    /// A record, and the number of its kind if it may be the first of one: the number of the one
    /// before, and one.
    fn hear(&self, heard: &Heard, fields: &RecordRef<'_>, kind: Option<usize>) -> Extent;

    /// A record of a kind of which every listener has said [`Extent::Kind`].
    fn hear_again(&self, heard: &Heard, kind: usize);

    /// Whether more is unwelcome just now. Who is told all the same may pass it over.
    fn is_full(&self) -> bool {
        false
    }
}

/// How far records are read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// To the end.
    ToTheEnd,
    /// Until a listener is full.
    UntilFull,
}

/// Reads on for some listeners.
pub struct Follower {
    reader: Reader,
    segment: u64,
    /// The kinds of this segment; none of those of which each record says something of its own.
    kinds: HashMap<Likeness, Option<usize>>,
    /// How many kinds were numbered.
    numbered: usize,
}

impl Follower {
    /// Reads on with a reader.
    #[must_use]
    pub fn new(reader: Reader) -> Self {
        Self { reader, segment: 0, kinds: HashMap::new(), numbered: 0 }
    }

    /// The number of the next record, where nothing is damaged.
    #[must_use]
    pub fn expected(&self) -> u64 {
        self.reader.expected()
    }

    /// Tells everything up to the record with the number `until`. Blocks.
    ///
    /// # Errors
    /// If the journal can't be read, or a listener not keep what it made. What was told by then was
    /// told, and what comes next may be lost: begin with another reader.
    pub fn read_on(
        &mut self,
        until: u64,
        listeners: &[Arc<dyn Listener>],
        pace: Pace,
    ) -> io::Result<()> {
        let is_full = || listeners.iter().any(|listener| listener.is_full());
        while self.reader.expected() <= until && !(pace == Pace::UntilFull && is_full()) {
            match self.reader.advance() {
                Ok(Some(passed)) => self.tell(&passed, listeners)?,
                Ok(None) => break,
                Err(ReadError::Io(error)) => return Err(error),
                Err(ReadError::Fault(fault)) => {
                    tracing::error!(%fault, "records were lost before they were read");
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self, segment: u64, listeners: &[Arc<dyn Listener>]) {
        self.segment = segment;
        self.kinds.clear();
        self.numbered = 0;
        listeners.iter().for_each(|listener| listener.begin(segment));
    }

    fn tell(&mut self, passed: &Passed, listeners: &[Arc<dyn Listener>]) -> io::Result<()> {
        if passed.place.segment != self.segment {
            if self.segment != 0 {
                listeners.iter().try_for_each(|listener| listener.end())?;
            }
            self.begin(passed.place.segment, listeners);
        }
        if !self.reader.wants(passed) {
            return Ok(());
        }
        let sequence = passed.sequence;
        let outline = match outline(self.reader.packed(passed), sequence) {
            Ok(outline) => outline,
            Err(_) => return told(passed.unreadable()),
        };
        if outline.as_ref().is_some_and(|outline| outline.is_source) {
            self.reader.keep(passed);
        }
        let likeness = outline.as_ref().and_then(|outline| outline.likeness);
        let kind = likeness.and_then(|likeness| self.kinds.get(&likeness));
        if let (Some(outline), Some(Some(kind))) = (&outline, kind) {
            let heard = Heard {
                sequence,
                place: passed.place,
                time_ms: outline.time_ms,
                event_id: outline.event_id,
                request_id: outline.request_id,
                metered: outline.units,
            };
            listeners.iter().for_each(|listener| listener.hear_again(&heard, *kind));
            return Ok(());
        }
        let is_first = kind.is_none() && self.kinds.len() < MAX_KINDS;
        self.tell_whole(passed, likeness.filter(|_| is_first), listeners)
    }

    /// Tells a record with all its fields; the first of its kind if that has a likeness.
    fn tell_whole(
        &mut self,
        passed: &Passed,
        likeness: Option<Likeness>,
        listeners: &[Arc<dyn Listener>],
    ) -> io::Result<()> {
        let record = match self.reader.unpack(passed) {
            Ok(record) => record,
            Err(error) => return told(error),
        };
        let fields = match record.fields() {
            Ok(fields) => fields,
            Err(error) => {
                tracing::warn!(sequence = passed.sequence, %error, "a record can't be read");
                return Ok(());
            }
        };
        let heard = Heard {
            sequence: passed.sequence,
            place: passed.place,
            time_ms: fields.time_ms,
            event_id: fields.event_id,
            request_id: fields.request_id,
            metered: fields.metered,
        };
        let kind = likeness.map(|_| self.numbered);
        let mut is_alike = true;
        for listener in listeners {
            is_alike &= listener.hear(&heard, &fields, kind) == Extent::Kind;
        }
        if let Some(likeness) = likeness {
            self.numbered += 1;
            self.kinds.insert(likeness, kind.filter(|_| is_alike));
        }
        Ok(())
    }
}

/// Says which records can't be told, unless the environment failed.
fn told(error: ReadError) -> io::Result<()> {
    match error {
        ReadError::Io(error) => Err(error),
        ReadError::Fault(fault) => {
            tracing::error!(%fault, "records were lost before they were read");
            Ok(())
        }
    }
}

/// The one pass over a journal that all its listeners share. It begins with the segment that is
/// the last one when it is first asked to read.
pub struct Feed {
    journal: Arc<Journal>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    follower: Option<Follower>,
    listeners: Vec<Arc<dyn Listener>>,
}

impl Feed {
    /// The pass over a journal.
    #[must_use]
    pub fn new(journal: Arc<Journal>) -> Self {
        Self { journal, state: Mutex::default() }
    }

    /// The journal.
    #[must_use]
    pub fn journal(&self) -> &Arc<Journal> {
        &self.journal
    }

    /// Has somebody listen, from the start of the last segment on.
    pub fn join(&self, listener: Arc<dyn Listener>) {
        let mut state = self.state();
        state.listeners.push(listener);
        state.follower = None;
    }

    /// Reads on, up to what is durable: what is not may still be taken back. Blocks.
    ///
    /// # Errors
    /// As [`Follower::read_on`]. The last segment is then begun again the next time.
    pub fn read_on(&self, pace: Pace) -> io::Result<()> {
        let until = self.journal.anchor().sequence;
        let mut state = self.state();
        self.follower(&mut state)?;
        let State { follower, listeners } = &mut *state;
        let Some(reading) = follower else { return Ok(()) };
        let done = reading.read_on(until, listeners, pace);
        if done.is_err() {
            *follower = None;
        }
        done
    }

    /// Does something while nothing is read, if the record with this number was not told yet;
    /// whether it was done. Blocks.
    ///
    /// # Errors
    /// If the journal can't be read.
    pub fn before(&self, sequence: u64, something: impl FnOnce()) -> io::Result<bool> {
        let mut state = self.state();
        let is_before = self.follower(&mut state)?.expected() <= sequence;
        if is_before {
            something();
        }
        Ok(is_before)
    }

    fn follower<'s>(&self, state: &'s mut State) -> io::Result<&'s Follower> {
        let State { follower, listeners } = state;
        match follower {
            Some(follower) => Ok(follower),
            None => {
                let last = self.journal.segments()?.last().copied().unwrap_or(1);
                let reader = self.journal.read_segment(last)?;
                let follower = follower.insert(Follower::new(reader));
                follower.begin(last, listeners);
                Ok(follower)
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Whoever panicked half-way left listeners that lack records: the segment is begun anew.
        self.state.lock().unwrap_or_else(|poisoned| {
            let mut state = PoisonError::into_inner(poisoned);
            state.follower = None;
            self.state.clear_poison();
            state
        })
    }
}
