//! Power cuts at every write and sync, disks that fail once or for ever, full disks.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::super::fixtures::{append, block_on, check, contents, key, open, small};
use super::super::{Journal, JournalError, Medium, OpenError, Simulated, verify};

const RECORDS: i64 = 10;
/// Operations that opening a new journal takes; if one of them fails, so does opening.
const OPENING: u64 = 4;

/// Appends until the records are used up; answers the acknowledged ones.
fn run(medium: &Arc<dyn Medium>) -> Vec<(u64, i64)> {
    let Ok((journal, _)) = Journal::open(Arc::clone(medium), key(), small()) else {
        return Vec::new();
    };
    (1..=RECORDS).filter_map(|time| append(&journal, time).ok().map(|n| (n, time))).collect()
}

fn operations_of_a_run() -> u64 {
    let disk = Arc::new(Simulated::new(0));
    let medium: Arc<dyn Medium> = disk.clone();
    assert_eq!(run(&medium).len(), RECORDS as usize);
    disk.operations()
}

/// Opens what is left, and checks it against what was acknowledged.
pub(super) fn reopen(medium: &Arc<dyn Medium>, acknowledged: &[(u64, i64)], what: &str) {
    let (journal, recovery) = Journal::open(Arc::clone(medium), key(), small())
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(recovery.faults.is_empty(), "{what}: {recovery:?}");
    let next = append(&journal, 1000).unwrap();
    journal.close();
    let report = check(medium);
    assert!(report.is_clean(), "{what}: {report:?}");
    let contents = contents(medium);
    for record in acknowledged {
        assert!(contents.contains(record), "{what}: {record:?} is lost of {contents:?}");
    }
    assert_eq!(contents.last(), Some(&(next, 1000)), "{what}");
    assert_eq!(report.records, next, "{what}: records have gaps");
}

#[test]
fn a_power_cut_at_any_operation_loses_nothing_that_was_acknowledged() {
    for at in 1..=operations_of_a_run() {
        for seed in 0..8 {
            let disk = Arc::new(Simulated::new(seed * 1000 + at));
            disk.cut_power_at(at);
            let medium: Arc<dyn Medium> = disk.clone();
            let acknowledged = run(&medium);
            let what = format!("power cut at {at}, seed {seed}");
            let first: Arc<dyn Medium> = Arc::new(disk.after_power_cut());
            reopen(&first, &acknowledged, &what);
        }
    }
}

#[test]
fn a_power_cut_while_it_is_opened_after_a_power_cut_loses_nothing() {
    for at in 1..=operations_of_a_run() {
        for again in 1..=8 {
            let disk = Arc::new(Simulated::new(again * 1000 + at));
            disk.cut_power_at(at);
            let medium: Arc<dyn Medium> = disk.clone();
            let acknowledged = run(&medium);
            let second = Arc::new(disk.after_power_cut());
            second.cut_power_at(again);
            let medium: Arc<dyn Medium> = second.clone();
            if let Ok((journal, _)) = Journal::open(medium, key(), small()) {
                let _ = append(&journal, 500);
            }
            let third: Arc<dyn Medium> = Arc::new(second.after_power_cut());
            reopen(&third, &acknowledged, &format!("power cuts at {at} and {again}"));
        }
    }
}

#[test]
fn a_failure_once_at_any_operation_is_recovered_from_and_survives_a_power_cut() {
    for kind in [ErrorKind::StorageFull, ErrorKind::Other] {
        for at in OPENING + 1..=operations_of_a_run() {
            let disk = Arc::new(Simulated::new(at));
            disk.fail_at(at, false, kind);
            let medium: Arc<dyn Medium> = disk.clone();
            let (journal, _) = Journal::open(Arc::clone(&medium), key(), small()).unwrap();
            let mut acknowledged = Vec::new();
            for time in 1..=RECORDS {
                match append(&journal, time) {
                    Ok(sequence) => acknowledged.push((sequence, time)),
                    Err(error) => {
                        assert_eq!(error, JournalError::Unavailable);
                        block_on(journal.recovered());
                    }
                }
            }
            // The numbers have no gaps: a record that failed was never counted.
            let numbers = acknowledged.iter().map(|(number, _)| *number);
            assert!(numbers.eq(1..=acknowledged.len() as u64), "{at}: {acknowledged:?}");
            assert!(acknowledged.len() >= RECORDS as usize - 1, "{at}");
            let anchor = journal.anchor();
            drop(journal);
            let report = verify(&*medium, &key(), Some(anchor)).unwrap();
            assert!(report.is_clean(), "{at}: {report:?}");
            assert_eq!(contents(&medium), acknowledged, "{at}");
            let after: Arc<dyn Medium> = Arc::new(disk.after_power_cut());
            reopen(&after, &acknowledged, &format!("{kind:?} at {at}"));
        }
    }
}

#[test]
fn a_failure_while_it_is_opened_is_told_and_the_next_try_works() {
    for at in 1..=OPENING {
        let disk = Arc::new(Simulated::new(at));
        disk.fail_at(at, false, ErrorKind::StorageFull);
        let medium: Arc<dyn Medium> = disk.clone();
        let opened = Journal::open(Arc::clone(&medium), key(), small());
        assert!(matches!(opened, Err(OpenError::Io { segment: 1, .. })), "{at}");
        assert_eq!(append(&open(&medium), 1), Ok(1));
        assert!(check(&medium).is_clean());
    }
}

#[test]
fn a_process_that_ends_on_a_failed_sync_is_followed_by_one_that_loses_nothing() {
    for at in OPENING + 1..=operations_of_a_run() {
        let disk = Arc::new(Simulated::new(at));
        disk.fail_at(at, true, ErrorKind::Other);
        let medium: Arc<dyn Medium> = disk.clone();
        let mut acknowledged = run(&medium);
        disk.heal();
        // The next process sees what the system shows, of which part never reached the disk.
        let (journal, recovery) = Journal::open(Arc::clone(&medium), key(), small()).unwrap();
        assert!(recovery.faults.is_empty(), "{at}: {recovery:?}");
        for time in 100..104 {
            acknowledged.push((append(&journal, time).unwrap(), time));
        }
        drop(journal);
        let after: Arc<dyn Medium> = Arc::new(disk.after_power_cut());
        reopen(&after, &acknowledged, &format!("failed for ever at {at}"));
    }
}

#[test]
fn a_full_disk_fails_closed_and_recovers_by_itself() {
    let disk = Arc::new(Simulated::new(3));
    let medium: Arc<dyn Medium> = disk.clone();
    let journal = open(&medium);
    assert_eq!(append(&journal, 1), Ok(1));
    disk.fail_at(disk.operations() + 1, true, ErrorKind::StorageFull);
    assert_eq!(append(&journal, 2), Err(JournalError::Unavailable));
    assert!(!journal.healthy());
    for _ in 0..1000 {
        assert_eq!(append(&journal, 3), Err(JournalError::Unavailable));
    }
    disk.heal();
    block_on(journal.recovered());
    assert!(journal.healthy());
    assert_eq!(append(&journal, 4), Ok(2));
    let metrics = journal.metrics();
    assert_eq!((metrics.records(), metrics.refused()), (2, 1001));
    assert!(metrics.failures() >= 1);
    journal.close();
    assert_eq!(append(&journal, 5), Err(JournalError::Unavailable));
    assert!(check(&medium).is_clean());
    assert_eq!(contents(&medium), [(1, 1), (2, 4)]);
}

/// A disk whose writes panic from some moment on, as only a bug of ours would have it.
pub(super) struct Panicking {
    pub(super) disk: Simulated,
    pub(super) panics: AtomicBool,
}

impl Medium for Panicking {
    fn list(&self) -> io::Result<Vec<u64>> {
        self.disk.list()
    }

    fn create(&self, segment: u64, capacity: u64) -> io::Result<()> {
        self.disk.create(segment, capacity)
    }

    fn size(&self, segment: u64) -> io::Result<u64> {
        self.disk.size(segment)
    }

    fn read(&self, segment: u64, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        self.disk.read(segment, offset, out)
    }

    fn append(&self, segment: u64, offset: u64, bytes: &[u8]) -> io::Result<()> {
        assert!(!self.panics.load(Ordering::Relaxed), "a bug in the writer");
        self.disk.append(segment, offset, bytes)
    }

    fn sync(&self, segment: u64) -> io::Result<()> {
        self.disk.sync(segment)
    }

    fn remove(&self, segment: u64) -> io::Result<()> {
        self.disk.remove(segment)
    }
}

#[test]
fn a_writer_that_panics_fails_whoever_waits_and_all_that_come() {
    let disk = Arc::new(Panicking { disk: Simulated::new(5), panics: AtomicBool::new(false) });
    let medium: Arc<dyn Medium> = disk.clone();
    let journal = open(&medium);
    assert_eq!(append(&journal, 1), Ok(1));
    disk.panics.store(true, Ordering::Relaxed);
    // The first waits for the writer that dies; the others find it dead.
    for time in 2..5 {
        assert_eq!(append(&journal, time), Err(JournalError::Unavailable));
    }
    assert!(!journal.healthy());
    assert!(journal.metrics().failures() >= 1);
    journal.close();
    drop(journal);
    disk.panics.store(false, Ordering::Relaxed);
    assert_eq!(append(&open(&medium), 5), Ok(2));
    assert_eq!(contents(&medium), [(1, 1), (2, 5)]);
}

#[test]
fn opening_reads_only_the_last_segment() {
    let disk = Arc::new(Simulated::new(4));
    let medium: Arc<dyn Medium> = disk.clone();
    let journal = open(&medium);
    let segments = 100;
    let mut time = 0;
    while medium.list().unwrap().len() < segments {
        time += 1;
        append(&journal, time).unwrap();
    }
    drop(journal);
    let before = disk.bytes_read();
    let (journal, recovery) = Journal::open(Arc::clone(&medium), key(), small()).unwrap();
    assert_eq!((recovery.next_sequence, recovery.segment), (time as u64 + 1, segments as u64));
    assert!(disk.bytes_read() - before < 2 * small().segment_bytes);
    drop(journal);
    let tail = super::super::Reader::tail(medium, key(), 3).unwrap();
    let times = tail.map(|record| record.unwrap().fields().unwrap().time_ms);
    assert!(times.eq(time - 2..=time));
}
