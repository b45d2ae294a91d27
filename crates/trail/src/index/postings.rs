//! Which records of a segment have which term: what a draft is sealed from.
//!
//! A busy server seals an index every few seconds. Memory that is asked for and given back so
//! often, by whichever thread comes to it, is memory that the system's allocator keeps, once for
//! each of the threads. So the room is taken once, and stays: its bound is what a segment's records
//! need.

use std::iter;

/// The records' numbers by their terms, ascending by term.
#[derive(Debug, Default)]
pub(super) struct Postings {
    /// The terms that kinds have.
    shared: Vec<Shared>,
    /// The place in `shared` of each of the kinds' terms, one kind behind the other.
    slots: Vec<usize>,
    /// The numbers of the records that have them, one term behind the other.
    numbers: Vec<u32>,
    /// The other terms, which records have by themselves, and a record of each.
    own: Vec<(u64, u32)>,
}

/// A term that kinds have.
#[derive(Debug)]
struct Shared {
    term: u64,
    /// Where its numbers begin; while they are put there, where the next one goes.
    start: usize,
    count: usize,
}

/// What a term of a record's own is the same as.
#[derive(Clone, Copy, Debug)]
enum Met {
    Nothing,
    /// A term that its own kind has, and so the record already.
    OwnKind,
    /// One of other kinds, in that place.
    Another(usize),
}

/// A record, as its terms are gathered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Termed<'d> {
    pub(super) number: u32,
    /// The places of its kind's terms among the terms of all kinds.
    pub(super) kind: &'d std::ops::Range<usize>,
    /// The terms that are its own, of its id and of its session's key; no two are the same.
    pub(super) own: [Option<u64>; 2],
}

impl Postings {
    /// Gathers the terms of records, ascending by number; `terms` are those of all kinds.
    pub(super) fn gather<'d>(
        &mut self,
        terms: &[u64],
        records: impl Iterator<Item = Termed<'d>> + Clone,
    ) {
        self.begin(terms);
        records.clone().for_each(|record| self.count(record));
        let mut start = 0_usize;
        for shared in &mut self.shared {
            shared.start = start;
            start = start.saturating_add(shared.count);
        }
        self.numbers.resize(start, 0);
        records.for_each(|record| self.put(record));
        for shared in &mut self.shared {
            shared.start = shared.start.saturating_sub(shared.count);
        }
        self.own.sort_unstable();
    }

    fn begin(&mut self, terms: &[u64]) {
        self.shared.clear();
        self.slots.clear();
        self.numbers.clear();
        self.own.clear();
        self.shared.extend(terms.iter().map(|term| Shared { term: *term, start: 0, count: 0 }));
        self.shared.sort_unstable_by_key(|shared| shared.term);
        self.shared.dedup_by_key(|shared| shared.term);
        let shared = &self.shared;
        let slot = |term| shared.binary_search_by_key(term, |shared| shared.term);
        self.slots.extend(terms.iter().filter_map(|term| slot(term).ok()));
    }

    fn count(&mut self, record: Termed<'_>) {
        for slot in self.slots.get(record.kind.clone()).unwrap_or_default() {
            if let Some(shared) = self.shared.get_mut(*slot) {
                shared.count = shared.count.saturating_add(1);
            }
        }
        for own in record.own.into_iter().flatten() {
            match self.met(record, own) {
                Met::Nothing => self.own.push((own, record.number)),
                Met::OwnKind => {}
                Met::Another(slot) => {
                    if let Some(shared) = self.shared.get_mut(slot) {
                        shared.count = shared.count.saturating_add(1);
                    }
                }
            }
        }
    }

    fn put(&mut self, record: Termed<'_>) {
        let met = record.own.map(|own| own.map(|own| self.met(record, own)));
        let met = met.into_iter().flatten().filter_map(|met| match met {
            Met::Another(slot) => Some(slot),
            Met::Nothing | Met::OwnKind => None,
        });
        let slots = self.slots.get(record.kind.clone()).unwrap_or_default();
        for slot in slots.iter().copied().chain(met) {
            let Some(shared) = self.shared.get_mut(slot) else { continue };
            if let Some(place) = self.numbers.get_mut(shared.start) {
                *place = record.number;
            }
            shared.start = shared.start.saturating_add(1);
        }
    }

    /// Whether a term of a record's own is one that kinds have too, as whoever chooses a name may
    /// have it be.
    fn met(&self, record: Termed<'_>, own: u64) -> Met {
        let Ok(slot) = self.shared.binary_search_by_key(&own, |shared| shared.term) else {
            return Met::Nothing;
        };
        let kind = self.slots.get(record.kind.clone()).unwrap_or_default();
        if kind.contains(&slot) { Met::OwnKind } else { Met::Another(slot) }
    }

    /// Each term with its numbers, ascending by term.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, Numbers<'_>)> {
        let mut shared = self.shared.iter().peekable();
        let mut owns = self.own.chunk_by(|one, other| one.0 == other.0).peekable();
        // No term is among both.
        iter::from_fn(move || {
            let own = owns.peek().and_then(|own| own.first()).map(|(term, _)| *term);
            match shared.next_if(|shared| own.is_none_or(|own| shared.term < own)) {
                Some(Shared { term, start, count }) => {
                    let numbers = self.numbers.get(*start..start.saturating_add(*count));
                    Some((*term, Numbers::Shared(numbers.unwrap_or_default())))
                }
                None => Some((own?, Numbers::Own(owns.next()?))),
            }
        })
    }
}

/// The numbers of the records that have a term, ascending.
#[derive(Clone, Copy, Debug)]
pub(super) enum Numbers<'p> {
    /// Of one that kinds have.
    Shared(&'p [u32]),
    /// Of one that no kind has.
    Own(&'p [(u64, u32)]),
}

impl Numbers<'_> {
    pub(super) fn count(&self) -> usize {
        match self {
            Self::Shared(numbers) => numbers.len(),
            Self::Own(own) => own.len(),
        }
    }

    /// Does something with each, until it fails.
    pub(super) fn each<E>(&self, mut act: impl FnMut(u32) -> Result<(), E>) -> Result<(), E> {
        match self {
            Self::Shared(numbers) => numbers.iter().try_for_each(|number| act(*number)),
            Self::Own(own) => own.iter().try_for_each(|(_, number)| act(*number)),
        }
    }
}
