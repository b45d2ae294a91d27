//! Whatever is done to the segments behind the journal's back is named.

use std::sync::Arc;

use super::super::chain::{FRAME_OVERHEAD, HEADER_FRAME_BYTES};
use super::super::fixtures::{append, check, contents, decrypt, key, open, small};
use super::super::{
    Anchor, FaultKind, Journal, Medium, OpenError, ReadError, Reader, Simulated, encoding, verify,
};

const RECORDS: u64 = 12;

/// A journal of twelve records over several segments.
fn journal() -> (Arc<Simulated>, Arc<dyn Medium>, Anchor) {
    let disk = Arc::new(Simulated::new(1));
    let medium: Arc<dyn Medium> = disk.clone();
    let journal = open(&medium);
    for time in 1..=RECORDS {
        assert_eq!(append(&journal, time as i64), Ok(time));
    }
    let anchor = journal.anchor();
    journal.close();
    (disk, medium, anchor)
}

fn frame_bytes() -> usize {
    let mut record = Vec::new();
    encoding::encode(&decrypt(1), &mut record);
    record.len() + 8 + FRAME_OVERHEAD
}

/// The bytes of the frame number `index` of a segment.
fn frame(index: usize) -> std::ops::Range<usize> {
    let start = HEADER_FRAME_BYTES + index * frame_bytes();
    start..start + frame_bytes()
}

#[test]
fn an_untouched_journal_is_clean_and_told_in_full() {
    let (_, medium, anchor) = journal();
    let report = verify(&*medium, &key(), Some(anchor)).unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!((report.records, report.last), (RECORDS, Some(anchor)));
    assert!(report.segments >= 3, "the tests need several segments: {}", report.segments);
    assert_eq!((report.first_time_ms, report.last_time_ms), (Some(1), Some(RECORDS as i64)));
    assert_eq!(contents(&medium), (1..=RECORDS).map(|n| (n, n as i64)).collect::<Vec<_>>());
}

#[test]
fn every_byte_that_is_altered_is_named() {
    let (disk, medium, _) = journal();
    for segment in medium.list().unwrap() {
        let size = medium.size(segment).unwrap() as usize;
        for at in 0..size {
            for bit in [0, 7] {
                disk.tamper(|all| all.get_mut(&segment).unwrap()[at] ^= 1 << bit);
                let faults = check(&medium).faults;
                let first = faults.first().unwrap_or_else(|| panic!("{segment}:{at} unseen"));
                assert_eq!(first.segment, segment, "{at}: {faults:?}");
                assert!(first.offset <= at as u64, "{at}: {faults:?}");
                let frame = at.checked_sub(HEADER_FRAME_BYTES).map(|at| at / frame_bytes());
                if let (Some(frame), Some((from, to))) = (frame, first.records) {
                    let before = contents_before(segment);
                    let record = before + 1 + frame as u64;
                    let last = before + records_in(segment);
                    assert!(from <= record && to <= record + 1, "{segment}:{at} {faults:?}");
                    assert!(from >= record.min(last + 1), "{segment}:{at} {faults:?}");
                }
                disk.tamper(|all| all.get_mut(&segment).unwrap()[at] ^= 1 << bit);
            }
        }
    }
    assert!(check(&medium).is_clean());
}

#[test]
fn a_reader_names_every_header_that_is_altered_and_reads_what_holds() {
    let (disk, medium, _) = journal();
    for segment in medium.list().unwrap() {
        for at in 0..HEADER_FRAME_BYTES {
            disk.tamper(|all| all.get_mut(&segment).unwrap()[at] ^= 1);
            let (mut read, mut faults) = (Vec::new(), Vec::new());
            for record in Reader::from_sequence(Arc::clone(&medium), key(), 1).unwrap() {
                match record {
                    Ok(record) => read.push(record.sequence()),
                    Err(ReadError::Fault(fault)) => faults.push(fault),
                    Err(ReadError::Io(error)) => panic!("{error}"),
                }
            }
            let kinds: Vec<_> = faults.iter().map(|fault| fault.kind).collect();
            assert!(kinds.contains(&FaultKind::Header), "{segment}:{at} {faults:?}");
            // The header's chain value takes with it the record that it authenticates.
            let lost: Vec<_> = (1..=RECORDS).filter(|record| !read.contains(record)).collect();
            let first = contents_before(segment) + 1;
            assert!(lost.is_empty() || lost == [first], "{segment}:{at} {lost:?}");
            assert!(read.is_sorted(), "{segment}:{at} {read:?}");
            disk.tamper(|all| all.get_mut(&segment).unwrap()[at] ^= 1);
        }
    }
}

fn records_in(segment: u64) -> u64 {
    let fit = ((small().segment_bytes as usize - HEADER_FRAME_BYTES) / frame_bytes()) as u64;
    fit.min(RECORDS - contents_before(segment))
}

fn contents_before(segment: u64) -> u64 {
    let fit = ((small().segment_bytes as usize - HEADER_FRAME_BYTES) / frame_bytes()) as u64;
    fit * (segment - 1)
}

#[test]
fn a_dropped_record_is_named_and_the_others_are_still_read() {
    let (disk, medium, _) = journal();
    disk.tamper(|all| {
        all.get_mut(&1).unwrap().drain(frame(1));
    });
    let report = check(&medium);
    let [fault] = report.faults[..] else { panic!("{report:?}") };
    assert_eq!((fault.kind, fault.segment), (FaultKind::Chain, 1));
    assert_eq!(fault.offset, frame(1).start as u64);
    let (first, last) = fault.records.unwrap();
    assert!(first == 2 && last <= 3, "{fault}");
    let mut read = Vec::new();
    let mut skipped = 0;
    for item in Reader::from_sequence(medium, key(), 1).unwrap() {
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
    let (disk, medium, _) = journal();
    disk.tamper(|all| {
        let bytes = all.get_mut(&2).unwrap();
        let first = bytes[frame(0)].to_vec();
        bytes.copy_within(frame(1), frame(0).start);
        bytes[frame(1)].copy_from_slice(&first);
    });
    let report = check(&medium);
    let [fault] = report.faults[..] else { panic!("{report:?}") };
    let before = contents_before(2);
    assert_eq!((fault.kind, fault.segment), (FaultKind::Chain, 2));
    assert!(fault.records.unwrap().0 == before + 1, "{fault}");
}

#[test]
fn a_record_that_is_repeated_is_named() {
    let (disk, medium, _) = journal();
    disk.tamper(|all| {
        let bytes = all.get_mut(&3).unwrap();
        let copy = bytes[frame(0).start..frame(1).end].to_vec();
        bytes.splice(frame(2).start..frame(2).start, copy);
    });
    assert!(check(&medium).faults.iter().any(|fault| fault.segment == 3));
}

#[test]
fn a_segment_cut_off_before_the_last_is_named() {
    let (disk, medium, _) = journal();
    let in_first = records_in(1);
    disk.tamper(|all| all.get_mut(&1).unwrap().truncate(frame(2).start));
    let report = check(&medium);
    let [fault] = report.faults[..] else { panic!("{report:?}") };
    assert_eq!((fault.kind, fault.records), (FaultKind::MissingRecords, Some((3, in_first))));
}

#[test]
fn an_end_cut_off_cleanly_is_named_by_the_anchor() {
    let (disk, medium, anchor) = journal();
    let last = *medium.list().unwrap().last().unwrap();
    disk.tamper(|all| all.remove(&last));
    assert!(check(&medium).is_clean());
    let report = verify(&*medium, &key(), Some(anchor)).unwrap();
    let [fault] = report.faults[..] else { panic!("{report:?}") };
    assert_eq!(fault.kind, FaultKind::MissingRecords);
    assert_eq!(fault.records, Some((contents_before(last) + 1, RECORDS)));

    // Records that were written since take the numbers of those that are gone.
    let journal = open(&medium);
    for time in 0..RECORDS {
        append(&journal, 1000 + time as i64).unwrap();
    }
    journal.close();
    let report = verify(&*medium, &key(), Some(anchor)).unwrap();
    assert_eq!(report.faults.first().map(|fault| fault.kind), Some(FaultKind::Anchor));
}

#[test]
fn missing_and_moved_segments_are_named() {
    let (disk, medium, _) = journal();
    let saved = disk.tamper(|all| all.clone());
    for segment in [1, 2] {
        disk.tamper(|all| all.remove(&segment));
        let report = check(&medium);
        let [fault] = report.faults[..] else { panic!("{report:?}") };
        let (first, last) = fault.records.unwrap();
        assert_eq!((fault.kind, fault.segment), (FaultKind::MissingSegment, segment));
        assert_eq!(first, contents_before(segment) + 1);
        assert_eq!(last, contents_before(segment + 1));
        let recovery = Journal::open(Arc::clone(&medium), key(), small()).unwrap().1;
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
    assert_eq!(check(&medium).faults[0].kind, FaultKind::Header);
}

#[test]
fn opening_never_cuts_what_was_acknowledged() {
    let (disk, medium, _) = journal();
    let last = *medium.list().unwrap().last().unwrap();
    let damaged = contents_before(last) + 1;
    disk.tamper(|all| all.get_mut(&last).unwrap()[frame(0).start + 20] ^= 1);
    let (journal, recovery) = Journal::open(Arc::clone(&medium), key(), small()).unwrap();
    let [fault] = recovery.faults[..] else { panic!("{recovery:?}") };
    assert_eq!((fault.kind, fault.records), (FaultKind::Chain, Some((damaged, damaged))));
    assert_eq!(recovery.next_sequence, RECORDS + 1);
    assert_eq!(append(&journal, 99), Ok(RECORDS + 1));
    journal.close();
    let report = check(&medium);
    assert_eq!((report.records, report.faults.len()), (RECORDS, 1), "{report:?}");
}

#[test]
fn another_key_opens_nothing_and_removes_nothing() {
    let (_, medium, _) = journal();
    let other = Arc::new(super::super::ChainKey::new(bulla_crypto::HmacKey::new(b"another")));
    let opened = Journal::open(Arc::clone(&medium), Arc::clone(&other), small());
    assert!(matches!(opened, Err(OpenError::Foreign { .. })));
    assert!(check(&medium).is_clean());
    assert!(!verify(&*medium, &other, None).unwrap().is_clean());
}
