//! What may be done to the records of a segment, and what must be named afterwards.

use super::layout::Segment;
use crate::random::Random;
use crate::run::demand;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crime {
    /// A record goes, and those behind it move up.
    Drop,
    /// A bit of a record changes.
    Edit,
    /// A record and the next one change places.
    Exchange,
    /// The segment ends before a record.
    CutOff,
}

pub(super) const ALL: [Crime; 4] = [Crime::Drop, Crime::Edit, Crime::Exchange, Crime::CutOff];
/// Those that leave everything else in its place.
pub(super) const IN_PLACE: [Crime; 2] = [Crime::Edit, Crime::Exchange];

/// How many records lie between two crimes, so that each is named on its own.
const APART: usize = 8;
/// How many crimes a segment sees at once.
const MOST_IN_A_SEGMENT: usize = 24;
/// A chain value authenticates its own record and the next one: so many are named for one, and one
/// more where two changed places.
const MOST_NAMED: u64 = 3;

/// Records that must be named: from the first to the last, and what was done to them.
pub(super) type Done = (Crime, u64, u64);

/// Records that are named, from the first to the last.
pub(super) type Named = (u64, u64);

/// Commits a crime on the record number `index` of a segment with these bytes. Nothing if there is
/// no other record to exchange it with.
pub(super) fn commit(
    crime: Crime,
    segment: &Segment,
    index: usize,
    bytes: &mut Vec<u8>,
    random: &mut Random,
) -> Option<Done> {
    let at = |index: usize| segment.first + index as u64;
    let record = segment.records.get(index)?.clone();
    match crime {
        Crime::Drop => {
            let length = bytes.len();
            bytes.drain(record);
            // What moves up leaves room behind it.
            bytes.resize(length, 0);
            Some((crime, at(index), at(index)))
        }
        Crime::Edit => {
            let place = record.start + random.below(record.len());
            bytes.get_mut(place).map(|byte| *byte ^= 1 << random.below(8))?;
            Some((crime, at(index), at(index)))
        }
        Crime::Exchange => {
            let next = segment.records.get(index + 1)?.clone();
            let mut both = bytes.get(next.clone())?.to_vec();
            both.extend_from_slice(bytes.get(record.clone())?);
            bytes.get_mut(record.start..next.end)?.copy_from_slice(&both);
            Some((crime, at(index), at(index + 1)))
        }
        Crime::CutOff => {
            bytes.truncate(record.start);
            Some((crime, at(index), at(segment.records.len() - 1)))
        }
    }
}

/// Commits crimes all over a segment, and tells what must be named. One in eight segments is cut
/// off, if that is among the crimes; then nothing else is done to it.
pub(super) fn spree(
    segment: &Segment,
    crimes: &[Crime],
    random: &mut Random,
) -> Result<Vec<Done>, String> {
    let mut bytes = segment.read()?;
    let mut done = Vec::new();
    if crimes.contains(&Crime::CutOff) && random.below(8) == 0 {
        let index = random.below(segment.records.len());
        done.extend(commit(Crime::CutOff, segment, index, &mut bytes, random));
    } else {
        let others: Vec<_> =
            crimes.iter().copied().filter(|crime| *crime != Crime::CutOff).collect();
        let apart = APART.max(segment.records.len() / MOST_IN_A_SEGMENT);
        // From the end on: what moves then was dealt with before.
        let mut index = segment.records.len();
        while let Some(next) = index.checked_sub(APART + random.below(2 * (apart - APART) + 1)) {
            index = next;
            let crime = random.pick(&others).copied().ok_or("no crimes")?;
            done.extend(commit(crime, segment, index, &mut bytes, random));
        }
    }
    segment.write(&bytes)?;
    Ok(done)
}

/// What a check found.
pub(super) struct Findings {
    /// The records that are named.
    pub(super) named: Vec<Named>,
    /// Whether there was room in the list for all that was found.
    pub(super) all_listed: bool,
}

/// Fails unless all that was done is named, and no more than needs be, as far as the list goes:
/// one that is full ends before the end of the journal. How many crimes were named.
pub(super) fn must_be_named(done: &[Done], findings: &Findings) -> Result<u64, String> {
    let Findings { named, all_listed } = findings;
    let listed_to = named.iter().map(|(_, to)| *to).max().unwrap_or(0);
    let done = done.iter().filter(|(_, _, last)| *all_listed || last + MOST_NAMED < listed_to);
    let mut count = 0;
    for (crime, first, last) in done {
        let most = (last - first).max(MOST_NAMED);
        let found = named.iter().any(|(from, to)| {
            let whole = from <= first && last <= to;
            // Of two that changed places the first is named, with the other behind it.
            let one = *crime == Crime::Exchange && from == first;
            (whole || one) && *to - *from <= most
        });
        demand(found, || format!("{crime:?} of records {first} to {last}: named are {named:?}"))?;
        count += 1;
    }
    Ok(count)
}
