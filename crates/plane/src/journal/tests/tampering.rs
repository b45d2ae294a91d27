//! Whatever is done to the segments behind the journal's back is named.

use std::sync::Arc;

use std::collections::BTreeMap;
use std::ops::Range;

use super::super::chain::{FRAME_OVERHEAD, HEADER_FRAME_BYTES, PREFIX_BYTES, SEQUENCE_BYTES};
use super::super::fixtures::{append, check, contents, key, open, small};
use super::super::pack::MAX_REFERENCES;
use super::super::{
    Anchor, Fault, FaultKind, Journal, Medium, OpenError, Options, ReadError, Reader, Report,
    Simulated, verify,
};

const RECORDS: u64 = 12;

/// A journal of twelve records over several segments.
struct Written {
    disk: Arc<Simulated>,
    medium: Arc<dyn Medium>,
    anchor: Anchor,
    /// The bytes of each frame, by segment.
    frames: BTreeMap<u64, Vec<Range<usize>>>,
}

fn journal() -> Written {
    let disk = Arc::new(Simulated::new(1));
    let medium: Arc<dyn Medium> = disk.clone();
    let journal = open(&medium);
    for time in 1..=RECORDS {
        assert_eq!(append(&journal, time as i64), Ok(time));
    }
    let anchor = journal.anchor();
    journal.close();
    let segments = disk.tamper(|all| all.clone());
    let frames = segments.iter().map(|(segment, bytes)| (*segment, frames(bytes))).collect();
    Written { disk, medium, anchor, frames }
}

fn frames(segment: &[u8]) -> Vec<Range<usize>> {
    let mut frames = Vec::new();
    let mut start = HEADER_FRAME_BYTES;
    while let Some(length) = segment.get(start..).and_then(|rest| rest.first_chunk::<4>()) {
        let length = u32::from_le_bytes(*length) as usize;
        if length == 0 {
            break;
        }
        frames.push(start..start + length + FRAME_OVERHEAD);
        start += length + FRAME_OVERHEAD;
    }
    frames
}

impl Written {
    fn frame(&self, segment: u64, index: usize) -> Range<usize> {
        self.frames[&segment][index].clone()
    }

    /// How many records stand in the segments before this one.
    fn before(&self, segment: u64) -> u64 {
        self.frames.range(..segment).map(|(_, frames)| frames.len() as u64).sum()
    }

    /// The number of the record that a byte of a segment belongs to.
    fn record_at(&self, segment: u64, at: usize) -> Option<u64> {
        let index = self.frames[&segment].iter().position(|frame| frame.contains(&at))?;
        Some(self.before(segment) + 1 + index as u64)
    }
}

/// What was found beside records that only refer to damaged ones.
fn told(report: &Report) -> Vec<Fault> {
    let faults = report.faults.iter().copied();
    faults.filter(|fault| fault.kind != FaultKind::Texts).collect()
}

#[test]
fn an_untouched_journal_is_clean_and_told_in_full() {
    let Written { medium, anchor, .. } = journal();
    let report = verify(&*medium, &key(), Some(anchor)).unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!((report.records, report.last), (RECORDS, Some(anchor)));
    assert!(report.segments >= 3, "the tests need several segments: {}", report.segments);
    assert_eq!((report.first_time_ms, report.last_time_ms), (Some(1), Some(RECORDS as i64)));
    assert_eq!(contents(&medium), (1..=RECORDS).map(|n| (n, n as i64)).collect::<Vec<_>>());
}

#[test]
fn every_byte_that_is_altered_is_named() {
    let written = journal();
    let Written { disk, medium, .. } = &written;
    for segment in medium.list().unwrap() {
        let size = medium.size(segment).unwrap() as usize;
        for at in 0..size {
            for bit in [0, 7] {
                disk.tamper(|all| all.get_mut(&segment).unwrap()[at] ^= 1 << bit);
                let faults = check(medium).faults;
                let first = faults.first().unwrap_or_else(|| panic!("{segment}:{at} unseen"));
                assert_eq!(first.segment, segment, "{at}: {faults:?}");
                assert!(first.offset <= at as u64, "{at}: {faults:?}");
                if let (Some(record), Some((from, to))) =
                    (written.record_at(segment, at), first.records)
                {
                    assert!((record..=record + 1).contains(&to), "{segment}:{at} {faults:?}");
                    assert_eq!(from, record, "{segment}:{at} {faults:?}");
                }
                // Beside it, only what refers to the damaged record is named, in its segment.
                for fault in &faults[1..] {
                    let of_first = at < HEADER_FRAME_BYTES && fault.kind == FaultKind::Chain;
                    assert!(of_first || fault.kind == FaultKind::Texts, "{at}: {faults:?}");
                    assert_eq!(fault.segment, segment, "{at}: {faults:?}");
                }
                disk.tamper(|all| all.get_mut(&segment).unwrap()[at] ^= 1 << bit);
            }
        }
    }
    assert!(check(medium).is_clean());
}

#[test]
fn a_reader_names_every_header_that_is_altered_and_reads_what_holds() {
    let written = journal();
    let Written { disk, medium, .. } = &written;
    for segment in medium.list().unwrap() {
        for at in 0..HEADER_FRAME_BYTES {
            disk.tamper(|all| all.get_mut(&segment).unwrap()[at] ^= 1);
            let (mut read, mut faults) = (Vec::new(), Vec::new());
            for record in Reader::from_sequence(Arc::clone(medium), key(), 1).unwrap() {
                match record {
                    Ok(record) => read.push(record.sequence()),
                    Err(ReadError::Fault(fault)) => faults.push(fault),
                    Err(ReadError::Io(error)) => panic!("{error}"),
                }
            }
            let kinds: Vec<_> = faults.iter().map(|fault| fault.kind).collect();
            assert!(kinds.contains(&FaultKind::Header), "{segment}:{at} {faults:?}");
            // The header's chain value takes with it the record that it authenticates, and that
            // those which refer to it: of its segment alone, and each is named.
            let first = written.before(segment) + 1;
            let last = first + written.frames[&segment].len() as u64;
            for lost in (1..=RECORDS).filter(|record| !read.contains(record)) {
                assert!((first..last).contains(&lost), "{segment}:{at} {lost}");
                let names = |fault: &Fault| {
                    fault.records.is_some_and(|(from, to)| (from..=to).contains(&lost))
                };
                assert!(lost == first || faults.iter().any(names), "{segment}:{at} {lost}");
            }
            assert!(read.is_sorted(), "{segment}:{at} {read:?}");
            disk.tamper(|all| all.get_mut(&segment).unwrap()[at] ^= 1);
        }
    }
}

#[test]
fn a_dropped_record_is_named_and_the_others_are_still_read() {
    let written = journal();
    let Written { disk, medium, .. } = &written;
    let frame = written.frame(1, 1);
    disk.tamper(|all| {
        all.get_mut(&1).unwrap().drain(frame.clone());
    });
    let report = check(medium);
    let [fault] = report.faults[..] else { panic!("{report:?}") };
    assert_eq!((fault.kind, fault.segment), (FaultKind::Chain, 1));
    assert_eq!(fault.offset, frame.start as u64);
    let (first, last) = fault.records.unwrap();
    assert!(first == 2 && last <= 3, "{fault}");
    let mut read = Vec::new();
    let mut skipped = 0;
    for item in Reader::from_sequence(Arc::clone(medium), key(), 1).unwrap() {
        match item {
            Ok(record) => read.push(record.sequence()),
            Err(ReadError::Fault(_)) => skipped += 1,
            Err(ReadError::Io(error)) => panic!("{error}"),
        }
    }
    assert_eq!(skipped, 1);
    assert_eq!(read, std::iter::once(1).chain(last + 1..=RECORDS).collect::<Vec<_>>());
}

#[test]
fn records_that_change_places_are_named() {
    let written = journal();
    let Written { disk, medium, .. } = &written;
    let (first, second) = (written.frame(2, 0), written.frame(2, 1));
    disk.tamper(|all| {
        let bytes = all.get_mut(&2).unwrap();
        let turned = [&bytes[second.clone()], &bytes[first.clone()]].concat();
        bytes[first.start..second.end].copy_from_slice(&turned);
    });
    let report = check(medium);
    let [fault] = told(&report)[..] else { panic!("{report:?}") };
    let before = written.before(2);
    assert_eq!((fault.kind, fault.segment), (FaultKind::Chain, 2));
    assert!(fault.records.unwrap().0 == before + 1, "{fault}");
}

#[test]
fn a_record_that_is_repeated_is_named() {
    let written = journal();
    let Written { disk, medium, .. } = &written;
    let (first, second) = (written.frame(3, 0), written.frame(3, 1));
    disk.tamper(|all| {
        let bytes = all.get_mut(&3).unwrap();
        let copy = bytes[first.start..second.end].to_vec();
        bytes.splice(second.end..second.end, copy);
    });
    let faults = told(&check(medium));
    assert!(!faults.is_empty() && faults.iter().all(|fault| fault.segment == 3), "{faults:?}");
}

/// What refers to a frame that was put where another stood reads nothing from it.
#[test]
fn a_text_of_an_altered_record_is_in_no_other() {
    let written = journal();
    let Written { disk, medium, .. } = &written;
    let first = written.frame(2, 0);
    disk.tamper(|all| {
        let bytes = &mut all.get_mut(&2).unwrap()[first];
        let at = bytes.windows(3).position(|window| window == b"ana").unwrap();
        bytes[at..at + 3].copy_from_slice(b"bob");
    });
    let reader = Reader::from_sequence(Arc::clone(medium), key(), 1).unwrap();
    let (mut read, mut lost) = (0, 0);
    for item in reader {
        match item {
            Ok(record) => {
                assert_eq!(record.fields().unwrap().identity.user_name, Some("ana"));
                read += 1;
            }
            Err(ReadError::Fault(fault)) => {
                let (from, to) = fault.records.unwrap();
                lost += to - from + 1;
            }
            Err(ReadError::Io(error)) => panic!("{error}"),
        }
    }
    assert_eq!(read + lost, RECORDS);
    assert_eq!(lost, written.frames[&2].len() as u64);
    let report = check(medium);
    let [altered, Fault { kind: FaultKind::Texts, records, .. }] = report.faults[..] else {
        panic!("{report:?}")
    };
    let before = written.before(2);
    assert_eq!((altered.kind, altered.records), (FaultKind::Chain, Some((before + 1, before + 1))));
    assert_eq!(records, Some((before + 2, before + lost)));
}

#[test]
fn few_records_are_lost_with_one_that_all_refer_to() {
    let (disk, records) = (Arc::new(Simulated::new(1)), 2_000);
    let medium: Arc<dyn Medium> = disk.clone();
    let options = Options { segment_bytes: 4 << 20, ..small() };
    let (journal, _) = Journal::open(Arc::clone(&medium), key(), options).unwrap();
    for time_ms in 0..records {
        append(&journal, time_ms).unwrap();
    }
    journal.close();
    // The first record, which has all texts.
    let first = HEADER_FRAME_BYTES + PREFIX_BYTES + SEQUENCE_BYTES;
    disk.tamper(|all| all.get_mut(&1).unwrap()[first] ^= 1);
    let reader = Reader::from_sequence(Arc::clone(&medium), key(), 1).unwrap();
    let read = reader.filter(Result::is_ok).count() as u64;
    let lost = records.cast_unsigned() - read;
    assert!((200..=1 + u64::from(MAX_REFERENCES)).contains(&lost), "{lost}");
    let report = check(&medium);
    let [altered, Fault { kind: FaultKind::Texts, records: texts, .. }] = report.faults[..] else {
        panic!("{report:?}")
    };
    assert_eq!((altered.kind, altered.records), (FaultKind::Chain, Some((1, 1))));
    assert_eq!(texts, Some((2, lost)));
}

#[test]
fn a_segment_cut_off_before_the_last_is_named() {
    let written = journal();
    let Written { disk, medium, .. } = &written;
    let in_first = written.before(2);
    disk.tamper(|all| all.get_mut(&1).unwrap().truncate(written.frame(1, 1).start));
    let report = check(medium);
    let [fault] = report.faults[..] else { panic!("{report:?}") };
    assert_eq!((fault.kind, fault.records), (FaultKind::MissingRecords, Some((2, in_first))));
}

#[test]
fn an_end_cut_off_cleanly_is_named_by_the_anchor() {
    let written = journal();
    let Written { disk, medium, anchor, .. } = &written;
    let anchor = *anchor;
    let last = *medium.list().unwrap().last().unwrap();
    disk.tamper(|all| all.remove(&last));
    assert!(check(medium).is_clean());
    let report = verify(&**medium, &key(), Some(anchor)).unwrap();
    let [fault] = report.faults[..] else { panic!("{report:?}") };
    assert_eq!(fault.kind, FaultKind::MissingRecords);
    assert_eq!(fault.records, Some((written.before(last) + 1, RECORDS)));

    // Records that were written since take the numbers of those that are gone.
    let journal = open(medium);
    for time in 0..RECORDS {
        append(&journal, 1000 + time as i64).unwrap();
    }
    journal.close();
    let report = verify(&**medium, &key(), Some(anchor)).unwrap();
    assert_eq!(report.faults.first().map(|fault| fault.kind), Some(FaultKind::Anchor));
}

#[test]
fn missing_and_moved_segments_are_named() {
    let written = journal();
    let Written { disk, medium, .. } = &written;
    let saved = disk.tamper(|all| all.clone());
    for segment in [1, 2] {
        disk.tamper(|all| all.remove(&segment));
        let report = check(medium);
        let [fault] = report.faults[..] else { panic!("{report:?}") };
        let (first, last) = fault.records.unwrap();
        assert_eq!((fault.kind, fault.segment), (FaultKind::MissingSegment, segment));
        assert_eq!(first, written.before(segment) + 1);
        assert_eq!(last, written.before(segment + 1));
        let recovery = Journal::open(Arc::clone(medium), key(), small()).unwrap().1;
        assert_eq!(
            recovery.faults.first().map(|fault| fault.kind),
            Some(FaultKind::MissingSegment)
        );
        disk.tamper(|all| *all = saved.clone());
    }
    disk.tamper(|all| {
        let (one, two) = (all[&1].clone(), all[&2].clone());
        all.insert(1, two);
        all.insert(2, one);
    });
    assert_eq!(check(medium).faults[0].kind, FaultKind::Header);
}

#[test]
fn opening_never_cuts_what_was_acknowledged() {
    let written = journal();
    let Written { disk, medium, .. } = &written;
    let last = *medium.list().unwrap().last().unwrap();
    let damaged = written.before(last) + 1;
    disk.tamper(|all| all.get_mut(&last).unwrap()[written.frame(last, 0).start + 20] ^= 1);
    let (journal, recovery) = Journal::open(Arc::clone(medium), key(), small()).unwrap();
    let [fault] = recovery.faults[..] else { panic!("{recovery:?}") };
    assert_eq!((fault.kind, fault.records), (FaultKind::Chain, Some((damaged, damaged))));
    assert_eq!(recovery.next_sequence, RECORDS + 1);
    assert_eq!(append(&journal, 99), Ok(RECORDS + 1));
    journal.close();
    let report = check(medium);
    assert_eq!((report.records, told(&report).len()), (RECORDS, 1), "{report:?}");
}

#[test]
fn another_key_opens_nothing_and_removes_nothing() {
    let Written { medium, .. } = journal();
    let other = Arc::new(super::super::ChainKey::new(bulla_crypto::HmacKey::new(b"another")));
    let opened = Journal::open(Arc::clone(&medium), Arc::clone(&other), small());
    assert!(matches!(opened, Err(OpenError::Foreign { .. })));
    assert!(check(&medium).is_clean());
    assert!(!verify(&*medium, &other, None).unwrap().is_clean());
}

#[test]
fn another_version_is_refused_by_its_name() {
    let medium: Arc<dyn Medium> = Arc::new(Simulated::new(1));
    medium.create(1, small().segment_bytes).unwrap();
    // The header of the form before this one.
    let mut frame = 52_u32.to_le_bytes().to_vec();
    frame.extend(b"BJh\x01");
    frame.extend(1_u16.to_le_bytes());
    frame.extend([0; 2]);
    frame.extend(1_u64.to_le_bytes());
    frame.extend(1_u64.to_le_bytes());
    frame.extend([0; 32]);
    let value = key().link(&[0; 32], &frame);
    frame.extend(value);
    medium.append(1, 0, &frame).unwrap();
    let refused = Journal::open(Arc::clone(&medium), key(), small()).err().unwrap();
    assert!(matches!(refused, OpenError::Version { segment: 1, version: 1 }), "{refused:?}");
    assert!(refused.to_string().starts_with("segment 1 of the journal has format version 1"));
    let report = check(&medium);
    let [fault] = report.faults[..] else { panic!("{report:?}") };
    assert_eq!(fault.kind, FaultKind::Version);
}
