//! What was counted and is not in the rows yet.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::calendar::Hour;
use crate::lives::Change;
use crate::marks::{CHANGES, Mark, Marks, PARTS};
use crate::name::Name;

/// How many bytes uses have in memory at most, 48 MiB: those of some 175,000 resources with ARNs of
/// 90 letters.
pub(crate) const MAX_BYTES: usize = 48 << 20;
/// What a use has beside its name: its units, its place in the table, and what allocations cost.
const USE_BYTES: usize = 96;
/// How many uses a part has at most. A commit writes at least one part, and may write no more than
/// [`MAX_BATCH_ROWS`](bulla_store::MAX_BATCH_ROWS) rows: uses, changes, and how far all goes.
const MAX_PART_USES: usize = 1_024;
/// How many changes wait at most.
const MAX_CHANGES: usize = 512;
/// How many uses one commit writes, where one part does not have more.
const USES_A_COMMIT: usize = 512;
/// How many records are read at once.
const MAX_RECORDS: usize = 262_144;

/// What was counted since some marks.
#[derive(Debug)]
pub(crate) struct Draft {
    /// What the store has, once all that was taken is written.
    stored: Marks,
    /// How far it goes.
    reached: Mark,
    /// How many records were added since somebody asked for more.
    records: usize,
    parts: Vec<Part>,
    changes: Vec<Change>,
    /// What the parts have in memory, and may have at most.
    bytes: usize,
    max_bytes: usize,
    /// Whether a part has as much as it may.
    is_crowded: bool,
    /// The name that is looked for.
    name: String,
}

/// The uses of a part.
#[derive(Debug, Default)]
struct Part {
    uses: Vec<Counted>,
    by_name: HashMap<Arc<str>, usize>,
    bytes: usize,
    /// How often it was taken.
    round: u32,
}

/// Uses of one kind in one hour.
#[derive(Debug)]
pub(crate) struct Counted {
    /// As [`Named`](crate::name::Named) reads it.
    pub(crate) name: Arc<str>,
    pub(crate) units: u64,
}

/// Where uses of a kind are counted, as long as nobody takes them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spot {
    hour: Hour,
    round: u32,
    index: usize,
}

/// What is written in one commit.
#[derive(Debug)]
pub(crate) struct Stretch {
    /// How far everything goes with it.
    pub(crate) marks: Marks,
    pub(crate) changes: Vec<Change>,
    pub(crate) uses: Vec<Counted>,
}

impl Draft {
    /// Begins where the least of some marks stands, with room for so many bytes.
    pub(crate) fn after(marks: Marks, max_bytes: usize) -> Self {
        Self {
            reached: marks.least(),
            stored: marks,
            records: 0,
            parts: (0..PARTS).map(|_| Part::default()).collect(),
            changes: Vec::new(),
            bytes: 0,
            max_bytes,
            is_crowded: false,
            name: String::new(),
        }
    }

    /// The last record that was added, or passed over.
    pub(crate) fn sequence(&self) -> u64 {
        self.reached.sequence
    }

    /// Whether it goes on from what the store has.
    pub(crate) fn is_since(&self, stored: &Marks) -> bool {
        self.stored == *stored
    }

    /// Asks for more records.
    pub(crate) fn ask(&mut self) {
        self.records = 0;
    }

    /// Whether as many records came as were asked for, or there is no room.
    pub(crate) fn has_enough(&self) -> bool {
        self.records >= MAX_RECORDS || self.is_full()
    }

    /// Whether there is no room for more.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes >= self.max_bytes || self.is_crowded || self.changes.len() >= MAX_CHANGES
    }

    /// Whether something is to be written early, so that there is room for what comes before the
    /// next look.
    pub(crate) fn is_tight(&self) -> bool {
        self.is_full() || self.bytes >= self.max_bytes / 4 * 3
    }

    /// Goes on to a record.
    pub(crate) fn pass(&mut self, sequence: u64) {
        self.reached.sequence = sequence;
        self.records += 1;
    }

    /// Adds what the record says about lives.
    pub(crate) fn change(&mut self, changes: Vec<Change>) {
        if !self.is_counted(CHANGES) {
            self.changes.extend(changes);
        }
    }

    /// Whether a use is not of the same request as the last that counted: a call may have several
    /// records, one after the other, and is one use.
    pub(crate) fn is_new(&mut self, request: Option<[u8; 16]>) -> bool {
        let is_new = request.is_none() || request != self.reached.request;
        self.reached.request = request;
        is_new
    }

    /// Whether a part has the record already.
    fn is_counted(&self, part: usize) -> bool {
        self.reached.sequence <= self.stored.of(part).sequence
    }

    /// Counts a use, at the spot where the last of its kind was counted if that is still there.
    pub(crate) fn count(&mut self, name: &Name, spot: &mut Option<Spot>, hour: Hour, units: u64) {
        if self.is_counted(name.part) {
            return;
        }
        let Some(part) = self.parts.get_mut(name.part) else { return };
        let known = spot.filter(|spot| spot.hour == hour && spot.round == part.round);
        let index = known.map_or_else(
            || {
                name.write(hour, &mut self.name);
                let before = part.bytes;
                let index = part.place(&self.name);
                self.bytes += part.bytes - before;
                self.is_crowded |= part.uses.len() >= MAX_PART_USES;
                index
            },
            |spot| spot.index,
        );
        if let Some(counted) = part.uses.get_mut(index) {
            counted.units = counted.units.saturating_add(units);
        }
        *spot = Some(Spot { hour, round: part.round, index });
    }

    /// The part that has most.
    pub(crate) fn fullest(&self) -> Range<usize> {
        let most = self.parts.iter().enumerate().max_by_key(|(_, part)| part.bytes);
        most.map_or(0..0, |(part, _)| part..part + 1)
    }

    /// Those of some parts, from the first on, that one commit writes.
    pub(crate) fn group(&self, parts: Range<usize>) -> Range<usize> {
        let (mut end, mut uses) = (parts.start, 0);
        for part in self.parts.get(parts.clone()).unwrap_or_default() {
            uses += part.uses.len();
            if end > parts.start && uses > USES_A_COMMIT {
                break;
            }
            end += 1;
        }
        parts.start..end
    }

    /// Whether there is anything to be written of some parts.
    pub(crate) fn has(&self, parts: Range<usize>) -> bool {
        let has_uses = |part: &Part| !part.uses.is_empty();
        !self.changes.is_empty() || self.parts.get(parts).unwrap_or_default().iter().any(has_uses)
    }

    /// Whether it goes further than the store, if only by what counts for nothing.
    pub(crate) fn is_further(&self) -> bool {
        self.stored.least().sequence < self.sequence()
    }

    /// Takes out what some parts have, and all changes.
    pub(crate) fn take(&mut self, parts: Range<usize>) -> Stretch {
        let mut uses = Vec::new();
        for part in self.parts.get_mut(parts).unwrap_or_default() {
            let round = part.round.wrapping_add(1);
            let taken = std::mem::replace(part, Part { round, ..Part::default() });
            self.bytes -= taken.bytes;
            uses.extend(taken.uses);
        }
        self.is_crowded = self.parts.iter().any(|part| part.uses.len() >= MAX_PART_USES);
        let is_empty = |part: usize| self.parts.get(part).is_none_or(|part| part.uses.is_empty());
        self.stored.go_on(self.reached, is_empty);
        let changes = std::mem::take(&mut self.changes);
        Stretch { marks: self.stored.clone(), changes, uses }
    }
}

impl Part {
    /// The place of a name.
    fn place(&mut self, name: &str) -> usize {
        if let Some(index) = self.by_name.get(name) {
            return *index;
        }
        let (name, index) = (Arc::<str>::from(name), self.uses.len());
        self.bytes += name.len() + USE_BYTES;
        self.by_name.insert(Arc::clone(&name), index);
        self.uses.push(Counted { name, units: 0 });
        index
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::tests::used as name;

    const LITTLE: usize = 64 << 10;

    /// Counts uses of as many resources as there is room for.
    fn fill(draft: &mut Draft, mut takes: impl FnMut(&Name) -> bool) -> usize {
        let mut count = 0;
        for number in 0_u64.. {
            if draft.is_full() {
                break;
            }
            let name = name(&format!("key/{number}"));
            if takes(&name) {
                draft.pass(draft.sequence() + 1);
                draft.count(&name, &mut None, Hour(0), 1);
                count += 1;
            }
        }
        count
    }

    #[test]
    fn memory_is_bounded_and_comes_back() {
        let mut draft = Draft::after(Marks::default(), LITTLE);
        let count = fill(&mut draft, |_| true);
        assert!((LITTLE..LITTLE + 256).contains(&draft.bytes), "{}", draft.bytes);
        let (mut uses, mut parts) = (0, 0);
        while draft.is_tight() {
            let fullest = draft.fullest();
            uses += draft.take(fullest).uses.len();
            parts += 1;
        }
        assert!(uses > count / 4 && parts < PARTS / 4, "{uses} of {count} in {parts}");
        uses += draft.take(0..PARTS).uses.len();
        assert_eq!((uses, draft.bytes), (count, 0));
    }

    #[test]
    fn a_part_that_all_fall_into_is_full_by_itself() {
        let mut draft = Draft::after(Marks::default(), MAX_BYTES);
        assert_eq!(fill(&mut draft, |name| name.part == 7), MAX_PART_USES);
        assert_eq!(draft.fullest(), 7..8);
        let stretch = draft.take(7..8);
        assert_eq!((stretch.uses.len(), draft.is_full()), (MAX_PART_USES, false));
        assert!((0..=CHANGES).all(|part| stretch.marks.of(part).sequence == draft.sequence()));
    }

    #[test]
    fn what_a_part_has_is_not_added_to_it_once_more() {
        let (before, after) = (name("key/1"), name("key/2"));
        assert_ne!(before.part, after.part);
        let mut marks = Marks::default();
        marks.go_on(Mark { sequence: 2, request: None }, |part| part == before.part);
        let mut draft = Draft::after(marks, MAX_BYTES);
        let mut spots = [None, None];
        for sequence in 1..=3 {
            draft.pass(sequence);
            draft.count(&before, &mut spots[0], Hour(0), 1);
            draft.count(&after, &mut spots[1], Hour(0), 1);
            // Which lets the spots go.
            let taken = draft.take(0..PARTS).uses;
            assert_eq!(taken.len(), if sequence < 3 { 1 } else { 2 });
            assert!(taken.iter().all(|counted| counted.units == 1));
        }
    }
}
