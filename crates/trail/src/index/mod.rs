//! The index beside the journal: events by attribute, at a cost that follows the answer.
//!
//! A segment of the journal that is complete has an index of its own, made once in the background
//! ([`sealed`]). The segment that is being written has one in memory ([`draft`]), brought up to
//! date by whoever looks. All of it can be made again from the journal, and is when it is missing:
//! an index tells only where to look, and what is answered is read from the journal, its link in
//! the chain checked. A segment costs a lookup some microseconds, a record that is found some more.
//!
//! Events come newest first, in the order in which they were recorded. Where the clock was set
//! back, that is not the order of their times; none is lost or told twice by it.

mod draft;
mod postings;
pub(crate) mod resources;
mod sealed;
mod shelf;
pub(crate) mod terms;
#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_plane::journal::{
    Extent, Feed, Fetch, Follower, Heard, Journal, Listener, Pace, Place, Record, RecordRef,
};

use self::draft::Draft;
use self::sealed::Sealed;
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
    feed: Arc<Feed>,
    tail: Arc<Tail>,
}

/// The index of the segment that is being written, and those of the others.
struct Tail {
    shelf: Shelf,
    draft: Mutex<Draft>,
}

impl Tail {
    fn new(shelf: Shelf) -> Self {
        Self { shelf, draft: Mutex::default() }
    }

    fn draft(&self) -> MutexGuard<'_, Draft> {
        // Whoever panicked half-way has the segment told once more.
        self.draft.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener for Tail {
    fn begin(&self, segment: u64) {
        self.draft().begin(segment);
    }

    fn end(&self) -> io::Result<()> {
        self.shelf.put(&self.draft())
    }

    fn hear(&self, heard: &Heard, fields: &RecordRef<'_>, kind: Option<usize>) -> Extent {
        self.draft().add(heard, fields, kind)
    }

    fn hear_again(&self, heard: &Heard, kind: usize) {
        self.draft().add_again(heard, kind);
    }
}

/// The index of a complete segment that had none.
struct Rebuilt {
    segment: u64,
    draft: Mutex<Draft>,
    is_past: AtomicBool,
}

impl Rebuilt {
    fn of(segment: u64) -> Self {
        Self { segment, draft: Mutex::new(Draft::new(segment)), is_past: AtomicBool::new(false) }
    }

    fn draft(&self) -> MutexGuard<'_, Draft> {
        self.draft.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener for Rebuilt {
    fn begin(&self, segment: u64) {
        self.is_past.store(segment > self.segment, Ordering::Relaxed);
    }

    fn hear(&self, heard: &Heard, fields: &RecordRef<'_>, kind: Option<usize>) -> Extent {
        if heard.place.segment != self.segment {
            return Extent::Record;
        }
        self.draft().add(heard, fields, kind)
    }

    fn hear_again(&self, heard: &Heard, kind: usize) {
        self.draft().add_again(heard, kind);
    }

    fn is_full(&self) -> bool {
        self.is_past.load(Ordering::Relaxed)
    }
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
    pub fn new(feed: Arc<Feed>, folder: Option<PathBuf>) -> Self {
        let tail = Arc::new(Tail::new(Shelf::new(folder)));
        feed.join(Arc::clone(&tail) as _);
        Self { feed, tail }
    }

    fn journal(&self) -> &Journal {
        self.feed.journal()
    }

    /// Makes the indexes that are missing, and brings that of the last segment up to date. Blocks.
    ///
    /// # Errors
    /// If the journal can't be read, or the index not be written.
    pub fn keep_up(&self) -> io::Result<()> {
        let segments = self.journal().segments()?;
        let last = self.catch_up(Pace::UntilFull)?;
        self.tail.shelf.retain(&segments)?;
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
        let segments = self.journal().segments()?;
        let last = self.catch_up(Pace::ToTheEnd)?;
        let mut found = Found { records: Vec::new(), next: None };
        let mut fetch = self.journal().fetch();
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
            let draft = self.tail.draft();
            // Once another segment was begun, this one is sealed.
            if draft.segment == segment {
                return Ok(draft.places(term, range, upto, most));
            }
        }
        match self.sealed(segment)? {
            Some(sealed) => sealed.places(term, range, upto, most),
            None => Ok(Vec::new()),
        }
    }

    /// The index of a complete segment, made if it is missing; `None` if the segment has gone.
    fn sealed(&self, segment: u64) -> io::Result<Option<Sealed>> {
        if let Some(sealed) = self.tail.shelf.get(segment)? {
            return Ok(Some(sealed));
        }
        let rebuilt = Arc::new(Rebuilt::of(segment));
        let until = self.journal().anchor().sequence;
        let read = self.journal().read_segment(segment).and_then(|reader| {
            let listeners = [Arc::clone(&rebuilt) as Arc<dyn Listener>];
            Follower::new(reader).read_on(until, &listeners, Pace::UntilFull)
        });
        match read {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read?,
        }
        self.tail.shelf.put(&rebuilt.draft())?;
        self.tail.shelf.get(segment)
    }

    /// Reads what is new, and answers which segment is the last.
    fn catch_up(&self, pace: Pace) -> io::Result<u64> {
        self.feed.read_on(pace)?;
        Ok(self.tail.draft().segment)
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
