//! The index of a segment while it is made.
//!
//! An event shares most of its terms with all events of its kind. So they are kept once a kind, and
//! of an event there are only its place, its time, its kind and the terms that are its own: of its
//! id, and of the access key of a session that was made for it.
//!
//! How much it takes is bounded by the size of a segment, as each event takes some of that. The
//! room stays for the next segment: see `postings.rs`.

use std::io::{self, Write};
use std::ops::Range as Stretch;

use bulla_plane::journal::{Extent, Heard, Place, RecordRef};

use super::postings::{Postings, Termed};
use super::resources;
use super::sealed::{MAGIC, Range};
use super::terms::{self, Own};

/// The index of a segment, while it is made.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) segment: u64,
    kinds: Vec<Kind>,
    /// The kinds by the numbers that the journal gives them.
    numbered: Vec<usize>,
    /// The terms of the kinds, one kind behind the other.
    terms: Vec<u64>,
    records: Vec<Entry>,
    /// The terms of the access keys of sessions that were made for one event, and its number.
    session_keys: Vec<(u32, u64)>,
}

/// What the events of a kind share.
#[derive(Debug)]
struct Kind {
    /// Their terms, ascending.
    terms: Stretch<usize>,
    /// With what the terms of each begin; none of events that are never shown.
    own: Option<Own>,
}

#[derive(Debug)]
struct Entry {
    offset: u32,
    kind: u32,
    time_ms: i64,
    /// The term of its id, if it has terms.
    id: u64,
}

impl Draft {
    pub(super) fn new(segment: u64) -> Self {
        Self { segment, ..Self::default() }
    }

    /// Begins with another segment, in the same room.
    pub(super) fn begin(&mut self, segment: u64) {
        self.segment = segment;
        self.kinds.clear();
        self.numbered.clear();
        self.terms.clear();
        self.records.clear();
        self.session_keys.clear();
    }

    /// Adds a record that stands behind those that were added before, and if there is a number the
    /// kind of that number.
    pub(super) fn add(
        &mut self,
        heard: &Heard,
        fields: &RecordRef<'_>,
        number: Option<usize>,
    ) -> Extent {
        let start = self.terms.len();
        let own = terms::terms(fields).map(|(terms, own)| {
            self.terms.extend(terms);
            own
        });
        let kind = self.kinds.len();
        self.kinds.push(Kind { terms: start..self.terms.len(), own });
        if let Some(number) = number {
            self.numbered.resize(number.saturating_add(1), kind);
        }
        self.push(heard, kind);
        if resources::are_in_json(fields) { Extent::Record } else { Extent::Kind }
    }

    /// Adds another record of a kind.
    pub(super) fn add_again(&mut self, heard: &Heard, number: usize) {
        if let Some(kind) = self.numbered.get(number) {
            self.push(heard, *kind);
        }
    }

    fn push(&mut self, heard: &Heard, kind: usize) {
        let (Ok(offset), Ok(number)) = (u32::try_from(heard.place.offset), u32::try_from(kind))
        else {
            return;
        };
        let own = self.kinds.get(kind).and_then(|kind| kind.own);
        let (id, key) = own.map(|own| own.terms(heard.event_id)).unwrap_or_default();
        let entry = u32::try_from(self.records.len()).ok();
        self.session_keys.extend(entry.zip(key.filter(|key| *key != id)));
        self.records.push(Entry { offset, kind: number, time_ms: heard.time_ms, id });
    }

    /// The term of a record's access key, if that is of a session of its own.
    fn session_key(&self, own: Own, number: u32) -> Option<u64> {
        let keys = own.has_session_key().then_some(&self.session_keys)?;
        let at = keys.binary_search_by_key(&number, |(number, _)| *number).ok()?;
        keys.get(at).map(|(_, key)| *key)
    }

    fn kind(&self, entry: &Entry) -> Option<&Kind> {
        self.kinds.get(usize::try_from(entry.kind).ok()?)
    }

    fn terms_of(&self, kind: &Kind) -> &[u64] {
        self.terms.get(kind.terms.clone()).unwrap_or_default()
    }

    /// Where the records with this term stand whose time may be in the range, newest first, those
    /// behind `from` left out; at most so many.
    pub(super) fn places(&self, term: u64, range: Range, from: u64, most: usize) -> Vec<Place> {
        let has = |kind: &Kind| self.terms_of(kind).binary_search(&term).is_ok();
        let kinds: Vec<bool> = self.kinds.iter().map(has).collect();
        let keys = self.session_keys.iter().filter(|(_, key)| *key == term);
        let keys: Vec<u32> = keys.map(|(number, _)| *number).collect();
        let fits = |(number, entry): &(u32, &Entry)| {
            let kind = usize::try_from(entry.kind).ok().and_then(|kind| kinds.get(kind));
            (kind == Some(&true) || entry.id == term || keys.binary_search(number).is_ok())
                && u64::from(entry.offset) <= from
                && range.contains(entry.time_ms)
        };
        let place = |entry: &Entry| Place { segment: self.segment, offset: entry.offset.into() };
        let count = fitted(self.records.len());
        let newest_first = (0..count).rev().zip(self.records.iter().rev());
        newest_first.filter(fits).map(|(_, entry)| place(entry)).take(most).collect()
    }

    /// Writes the whole index, in a room that is kept for it.
    pub(super) fn seal(&self, postings: &mut Postings, out: &mut dyn Write) -> io::Result<()> {
        let records = self.records.iter().zip(0_u32..).filter_map(|(entry, number)| {
            let kind = self.kind(entry)?;
            let key = kind.own.and_then(|own| self.session_key(own, number));
            Some(Termed { number, kind: &kind.terms, own: [kind.own.map(|_| entry.id), key] })
        });
        postings.gather(&self.terms, records);
        self.write(postings, out)
    }

    fn write(&self, postings: &Postings, out: &mut dyn Write) -> io::Result<()> {
        let times = self.records.iter().map(|entry| entry.time_ms);
        let (first_ms, last_ms) = (times.clone().min(), times.max());
        out.write_all(&MAGIC)?;
        out.write_all(&self.segment.to_le_bytes())?;
        out.write_all(&first_ms.unwrap_or(i64::MAX).to_le_bytes())?;
        out.write_all(&last_ms.unwrap_or(i64::MIN).to_le_bytes())?;
        let (terms, all) =
            postings.iter().fold((0_usize, 0_usize), |(terms, all), (_, numbers)| {
                (terms.saturating_add(1), all.saturating_add(numbers.count()))
            });
        for count in [terms, all, self.records.len()] {
            out.write_all(&fitted(count).to_le_bytes())?;
        }
        let mut at = 0_u32;
        for (term, numbers) in postings.iter() {
            let count = fitted(numbers.count());
            out.write_all(&term.to_le_bytes())?;
            out.write_all(&at.to_le_bytes())?;
            out.write_all(&count.to_le_bytes())?;
            at = at.saturating_add(count);
        }
        for (_, numbers) in postings.iter() {
            numbers.each(|number| out.write_all(&number.to_le_bytes()))?;
        }
        for entry in &self.records {
            let seconds = entry.time_ms.saturating_sub(first_ms.unwrap_or(0)).div_euclid(1000);
            out.write_all(&entry.offset.to_le_bytes())?;
            out.write_all(&u32::try_from(seconds).unwrap_or(u32::MAX).to_le_bytes())?;
        }
        Ok(())
    }
}

fn fitted(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use bulla_plane::journal::{Identity, session_key_text};

    use super::super::sealed::{Sealed, Source};
    use super::super::terms::Attribute;
    use super::*;

    const EVER: Range = Range { from_ms: i64::MIN, to_ms: i64::MAX };

    fn entry(offset: u32, kind: u32, id: u64) -> Entry {
        Entry { offset, kind, time_ms: 1_700_000_000_000, id }
    }

    #[test]
    fn an_id_that_meets_another_term_or_id_is_found_with_it() {
        let own = terms::terms(&RecordRef {
            recipient_account_id: "111122223333",
            ..RecordRef::default()
        });
        let own = own.map(|(_, own)| own);
        let draft = Draft {
            segment: 1,
            kinds: vec![Kind { terms: 0..2, own }, Kind { terms: 2..3, own }],
            terms: vec![10, 20, 10],
            records: vec![
                entry(100, 0, 7),
                entry(200, 1, 20),
                entry(300, 1, 7),
                entry(400, 0, 30),
                // One that says the same thrice.
                entry(500, 1, 10),
            ],
            ..Draft::default()
        };
        let mut sealed = Vec::new();
        // What another index left behind in the room does not show in this one.
        let mut room = Postings::default();
        let other = Draft { records: vec![entry(9, 0, 3)], ..Draft::new(2) };
        other.seal(&mut room, &mut Vec::new()).unwrap();
        draft.seal(&mut room, &mut sealed).unwrap();
        let sealed = Sealed::open(Source::Memory(sealed.into()), 1).unwrap().unwrap();
        for (term, offsets) in [
            (7, &[300, 100][..]),
            (10, &[500, 400, 300, 200, 100]),
            (20, &[400, 200, 100]),
            (30, &[400]),
            (40, &[]),
        ] {
            let places: Vec<_> =
                offsets.iter().map(|offset| Place { segment: 1, offset: *offset }).collect();
            assert_eq!(draft.places(term, EVER, u64::MAX, 9), places, "{term}");
            assert_eq!(sealed.places(term, EVER, u64::MAX, 9).unwrap(), places, "{term}");
        }
    }

    #[test]
    fn an_event_is_found_by_the_access_key_of_a_session_of_its_own() {
        let heard = |number: u8| Heard {
            sequence: number.into(),
            place: Place { segment: 1, offset: u64::from(number) * 100 },
            time_ms: 7,
            event_id: [number; 16],
            request_id: None,
            metered: None,
        };
        let keys: Vec<_> = (1..=4).map(|number| session_key_text([number; 16])).collect();
        let mut draft = Draft::new(1);
        for (number, key) in [(1, keys[0].as_str()), (3, "AKIA"), (4, &keys[2])] {
            let identity = Identity { access_key_id: Some(key), ..Identity::default() };
            let (event_id, recipient_account_id) = ([number; 16], "111122223333");
            let fields =
                RecordRef { event_id, recipient_account_id, identity, ..RecordRef::default() };
            let kind = draft.numbered.len();
            assert_eq!(draft.add(&heard(number), &fields, Some(kind)), Extent::Kind);
        }
        // Another of the first kind, which has a key of its own.
        draft.add_again(&heard(2), 0);
        let mut sealed = Vec::new();
        draft.seal(&mut Postings::default(), &mut sealed).unwrap();
        let sealed = Sealed::open(Source::Memory(sealed.into()), 1).unwrap().unwrap();
        for (key, offsets) in [
            (keys[0].as_str(), &[100][..]),
            (&keys[1], &[200]),
            (&keys[2], &[400]),
            (&keys[3], &[]),
            ("AKIA", &[300]),
        ] {
            let term = terms::term("111122223333", "", Attribute::AccessKeyId, key);
            let places: Vec<_> =
                offsets.iter().map(|offset| Place { segment: 1, offset: *offset }).collect();
            assert_eq!(draft.places(term, EVER, u64::MAX, 9), places, "{key}");
            assert_eq!(sealed.places(term, EVER, u64::MAX, 9).unwrap(), places, "{key}");
        }
    }
}
