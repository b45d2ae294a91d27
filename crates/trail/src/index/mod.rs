//! The index beside the journal: events by attribute, at a cost that follows the answer.
//!
//! A segment of the journal that is complete has an index of its own, made once in the background
//! ([`sealed`]). The segment that is being written has one in memory, brought up to date by whoever
//! looks. All of it can be made again from the journal, and is when it is missing: an index tells
//! only where to look, and what is answered is read from the journal, its link in the chain
//! checked. A segment costs a lookup some microseconds, a record that is found some more.
//!
//! Events come newest first, in the order in which they were recorded. Where the clock was set
//! back, that is not the order of their times; none is lost or told twice by it.

pub(crate) mod resources;
mod sealed;
mod shelf;
pub(crate) mod terms;
#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_plane::journal::{Fetch, Journal, Place, ReadError, Reader, Record};

use self::sealed::{Draft, Sealed};
use self::shelf::Shelf;

pub use self::sealed::Range;
pub use self::terms::{Attribute, user_name};

/// What is looked for.
#[derive(Clone, Debug)]
pub struct Query<'q> {
    /// In whose trail.
    pub account: &'q str,
    /// In which region.
    pub region: &'q str,
    /// By which attribute.
    pub attribute: Attribute,
    /// Its value; empty for [`Attribute::All`].
    pub value: &'q str,
    /// At which times.
    pub range: Range,
}

/// The index of a journal.
pub struct Index {
    journal: Arc<Journal>,
    shelf: Shelf,
    tail: Mutex<Tail>,
}

/// The index of the segment that is being written.
#[derive(Default)]
struct Tail {
    draft: Draft,
    reader: Option<Reader>,
}

/// Some events, newest first.
#[derive(Debug)]
pub struct Found {
    /// The events.
    pub records: Vec<Record>,
    /// Where the next one stands.
    pub next: Option<Place>,
}

impl Index {
    /// The index of a journal, kept in a folder; in memory where there is none.
    #[must_use]
    pub fn new(journal: Arc<Journal>, folder: Option<PathBuf>) -> Self {
        Self { journal, shelf: Shelf::new(folder), tail: Mutex::default() }
    }

    fn tail(&self) -> MutexGuard<'_, Tail> {
        // Whoever panicked half-way left a draft that lacks records: it is begun anew.
        self.tail.lock().unwrap_or_else(|poisoned| {
            let mut tail = PoisonError::into_inner(poisoned);
            *tail = Tail::default();
            self.tail.clear_poison();
            tail
        })
    }

    /// Makes the indexes that are missing, and brings that of the last segment up to date. Blocks.
    ///
    /// # Errors
    /// If the journal can't be read, or the index not be written.
    pub fn keep_up(&self) -> io::Result<()> {
        let segments = self.journal.segments()?;
        let last = self.catch_up()?;
        self.shelf.retain(&segments)?;
        for segment in segments.into_iter().filter(|segment| *segment < last) {
            self.sealed(segment)?;
        }
        Ok(())
    }

    /// Up to `limit` events from a place backwards, that place included. Blocks.
    ///
    /// # Errors
    /// If the journal can't be read.
    pub fn find(&self, query: &Query<'_>, from: Option<Place>, limit: usize) -> io::Result<Found> {
        let term = terms::term(query.account, query.region, query.attribute, query.value);
        let segments = self.journal.segments()?;
        let last = self.catch_up()?;
        let mut found = Found { records: Vec::new(), next: None };
        let mut fetch = self.journal.fetch();
        let here = segments.into_iter().rev().filter(|segment| *segment <= last);
        for segment in here.filter(|segment| from.is_none_or(|from| *segment <= from.segment)) {
            let mut upto = match from {
                Some(from) if from.segment == segment => from.offset,
                _ => u64::MAX,
            };
            loop {
                // One more than is shown: it begins the next page. More only where terms coincide.
                let most = limit.saturating_sub(found.records.len()).saturating_add(1);
                let places = self.places(segment, term, query.range, upto, most)?;
                let next = places.last().filter(|_| places.len() == most);
                let next = next.and_then(|place| place.offset.checked_sub(1));
                if read(&mut fetch, query, places, limit, &mut found)? {
                    return Ok(found);
                }
                let Some(next) = next else { break };
                upto = next;
            }
        }
        Ok(found)
    }

    fn places(
        &self,
        segment: u64,
        term: u64,
        range: Range,
        upto: u64,
        most: usize,
    ) -> io::Result<Vec<Place>> {
        {
            let tail = self.tail();
            // Once another segment was begun, this one is sealed.
            if tail.draft.segment == segment {
                return Ok(tail.draft.places(term, range, upto, most));
            }
        }
        match self.sealed(segment)? {
            Some(sealed) => sealed.places(term, range, upto, most),
            None => Ok(Vec::new()),
        }
    }

    /// The index of a complete segment, made if it is missing; `None` if the segment has gone.
    fn sealed(&self, segment: u64) -> io::Result<Option<Sealed>> {
        if let Some(sealed) = self.shelf.get(segment)? {
            return Ok(Some(sealed));
        }
        let mut reader = match self.journal.read_segment(segment) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            reader => reader?,
        };
        let mut draft = Draft::new(segment);
        while let Some(record) = reader.next() {
            match record {
                Ok(record) => {
                    let place = reader.place();
                    if place.segment > segment {
                        break;
                    }
                    add(&mut draft, place, &record);
                }
                Err(ReadError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                    return Ok(None);
                }
                Err(ReadError::Io(error)) => return Err(error),
                // Told by `bulla audit verify`, and when the journal is opened.
                Err(ReadError::Fault(_)) => {}
            }
        }
        self.shelf.put(segment, draft.seal())?;
        self.shelf.get(segment)
    }

    /// Reads what is new, and answers which segment is the last.
    fn catch_up(&self) -> io::Result<u64> {
        let until = self.journal.anchor().sequence;
        let mut tail = self.tail();
        let Tail { draft, reader } = &mut *tail;
        let reading = match reader {
            Some(reading) => reading,
            None => {
                let last = self.journal.segments()?.last().copied().unwrap_or(1);
                *draft = Draft::new(last);
                reader.insert(self.journal.read_segment(last)?)
            }
        };
        // What is not known to be durable may still be taken back.
        while reading.expected() <= until {
            match reading.next() {
                Some(Ok(record)) => {
                    let place = reading.place();
                    if place.segment != draft.segment {
                        let full = std::mem::replace(draft, Draft::new(place.segment));
                        self.shelf.put(full.segment, full.seal())?;
                    }
                    add(draft, place, &record);
                }
                Some(Err(ReadError::Io(error))) => {
                    // Read anew from the segment's start, so that nothing is passed over.
                    *reader = None;
                    return Err(error);
                }
                Some(Err(ReadError::Fault(_))) => {}
                None => break,
            }
        }
        Ok(draft.segment)
    }
}

/// Reads what stands at these places; `true` once there is more than was asked for.
fn read(
    fetch: &mut Fetch,
    query: &Query<'_>,
    places: Vec<Place>,
    limit: usize,
    found: &mut Found,
) -> io::Result<bool> {
    for place in places {
        let Some(record) = fetch.record_at(place)? else { continue };
        let Ok(fields) = record.fields() else { continue };
        let wanted = fields.recipient_account_id == query.account
            && fields.region == query.region
            && query.range.contains(fields.time_ms)
            && terms::has(&fields, query.attribute, query.value);
        if !wanted {
            continue;
        }
        if found.records.len() >= limit {
            found.next = Some(place);
            return Ok(true);
        }
        found.records.push(record);
    }
    Ok(false)
}

fn add(draft: &mut Draft, place: Place, record: &Record) {
    match record.fields() {
        Ok(fields) => draft.add(place.offset, &fields),
        Err(error) => tracing::warn!(sequence = record.sequence(), %error, "not indexed"),
    }
}
