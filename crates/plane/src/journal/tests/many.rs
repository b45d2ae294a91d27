//! Many callers at once, a disk that hangs, memory that stays flat, real files.

use std::collections::BTreeSet;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::super::fixtures::{append, block_on, check, contents, decrypt, key, open, small};
use super::super::{
    Directory, Journal, JournalError, Medium, Memory, Options, Reader, Simulated, verify,
};

pub(super) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap()
}

/// Appends from `tasks` tasks at once; the numbers they were answered.
pub(super) fn append_from(journal: &Arc<Journal>, tasks: i64, each: i64) -> Vec<(u64, i64)> {
    let all = (0..tasks).map(|task| {
        let journal = Arc::clone(journal);
        async move {
            let mut answered = Vec::new();
            for index in 0..each {
                let time = task * each + index;
                answered.push((journal.append(&decrypt(time)).await.unwrap(), time));
            }
            answered
        }
    });
    let runtime = runtime();
    let handles: Vec<_> = all.map(|task| runtime.spawn(task)).collect();
    let mut answered: Vec<_> =
        handles.into_iter().flat_map(|handle| runtime.block_on(handle).unwrap()).collect();
    answered.sort_unstable();
    answered
}

#[test]
fn many_callers_get_numbers_of_their_own_and_find_their_records_under_them() {
    let medium: Arc<dyn Medium> = Arc::new(Simulated::new(5));
    let journal = Arc::new(open(&medium));
    let answered = append_from(&journal, 64, 20);
    assert_eq!(answered.len(), 64 * 20);
    assert!(journal.metrics().groups() < journal.metrics().records());
    drop(journal);
    assert_eq!(contents(&medium), answered);
    assert!(check(&medium).is_clean());
}

/// A disk whose syncs wait while the gate is closed.
pub(super) struct Gated {
    pub(super) disk: Simulated,
    pub(super) gate: Mutex<()>,
    /// How many syncs came to the gate.
    pub(super) came: AtomicUsize,
}

impl Gated {
    pub(super) fn new(seed: u64) -> Arc<Self> {
        let (gate, came) = (Mutex::new(()), AtomicUsize::new(0));
        Arc::new(Self { disk: Simulated::new(seed), gate, came })
    }
}

impl Medium for Gated {
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
        self.disk.append(segment, offset, bytes)
    }
    fn sync(&self, segment: u64) -> io::Result<()> {
        self.came.fetch_add(1, Ordering::SeqCst);
        let _open = self.gate.lock().unwrap();
        self.disk.sync(segment)
    }
    fn remove(&self, segment: u64) -> io::Result<()> {
        self.disk.remove(segment)
    }
}

#[test]
fn a_disk_that_hangs_makes_calls_fail_and_not_hang() {
    let gated = Gated::new(6);
    let medium: Arc<dyn Medium> = gated.clone();
    let options = Options { stall: Duration::from_millis(20), ..small() };
    let (journal, _) = Journal::open(Arc::clone(&medium), key(), options).unwrap();
    let closed = gated.gate.lock().unwrap();
    assert_eq!(append(&journal, 1), Err(JournalError::Unavailable));
    assert!(!journal.healthy());
    assert_eq!(append(&journal, 2), Err(JournalError::Unavailable));
    drop(closed);
    block_on(journal.recovered());
    // The first was written late, though its caller was told that it failed; its number is taken.
    assert_eq!(append(&journal, 3), Ok(2));
    drop(journal);
    assert_eq!(contents(&medium), [(1, 1), (2, 3)]);
}

#[test]
fn callers_wait_for_room_and_what_waits_is_bounded() {
    let gated = Gated::new(7);
    let medium: Arc<dyn Medium> = gated.clone();
    let journal = Arc::new(Journal::open(Arc::clone(&medium), key(), small()).unwrap().0);
    let closed = gated.gate.lock().unwrap();
    let runtime = runtime();
    let count = 200;
    let tasks: Vec<_> = (0..count)
        .map(|time| {
            let journal = Arc::clone(&journal);
            runtime.spawn(async move { journal.append(&decrypt(time)).await })
        })
        .collect();
    // Room for 4096 bytes, and one record that still fitted in.
    while journal.waiting_bytes() < small().pending_bytes {
        std::thread::yield_now();
    }
    assert!(journal.waiting_bytes() < small().pending_bytes + 1024);
    drop(closed);
    let numbers: BTreeSet<u64> =
        tasks.into_iter().map(|task| runtime.block_on(task).unwrap().unwrap()).collect();
    assert!(numbers.into_iter().eq(1..=count as u64));
}

#[test]
fn memory_stays_flat_and_keeps_the_newest() {
    let memory = Arc::new(Memory::new(64 << 10));
    let options = Options { segment_bytes: memory.segment_bytes(), ..small() };
    let medium: Arc<dyn Medium> = memory.clone();
    let (journal, _) = Journal::open(Arc::clone(&medium), key(), options).unwrap();
    for time in 1..=2000 {
        append(&journal, time).unwrap();
        assert!(memory.bytes() <= 80 << 10, "{}", memory.bytes());
    }
    let report = check(&medium);
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(report.last_time_ms, Some(2000));
    assert!(report.records > 200 && report.records < 600, "{}", report.records);
}

#[test]
fn files_are_closed_to_others_locked_and_continued() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("journal");
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let medium: Arc<dyn Medium> = Arc::new(Directory::open(&folder).unwrap());
    let journal = Arc::new(open(&medium));
    let answered = append_from(&journal, 16, 10);
    assert!(Directory::open(&folder).is_err_and(|e| e.kind() == io::ErrorKind::WouldBlock));
    assert_eq!(mode(&folder), 0o700);
    for entry in std::fs::read_dir(&folder).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
    let reading: Arc<dyn Medium> = Arc::new(Directory::open_to_read(&folder).unwrap());
    let mut follow = Reader::tail(Arc::clone(&reading), key(), 1).unwrap();
    assert_eq!(follow.next().unwrap().unwrap().sequence(), 160);
    assert!(follow.next().is_none());
    for time in 1..=20 {
        append(&journal, time).unwrap();
        assert_eq!(follow.next().unwrap().unwrap().sequence(), 160 + time as u64);
        assert!(follow.next().is_none());
    }
    let anchor = journal.anchor();
    drop((journal, medium));
    let medium: Arc<dyn Medium> = Arc::new(Directory::open(&folder).unwrap());
    let journal = open(&medium);
    assert_eq!(append(&journal, 7), Ok(181));
    assert!(verify(&*reading, &key(), Some(anchor)).unwrap().is_clean());
    assert_eq!(contents(&reading)[..160], answered);
}

#[test]
fn a_segment_removed_or_moved_away_under_the_journal_is_noticed_at_the_next_append() {
    for remove_folder in [false, true] {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("journal");
        let medium: Arc<dyn Medium> = Arc::new(Directory::open(&folder).unwrap());
        let journal = open(&medium);
        assert_eq!(append(&journal, 1), Ok(1));
        if remove_folder {
            // The next segment may be made beside it, and then the folder is not empty at the end.
            while folder.exists() {
                let _again = std::fs::remove_dir_all(&folder);
            }
        } else {
            let segment = folder.join(format!("{:020}.segment", 1));
            std::fs::rename(segment, home.path().join("elsewhere")).unwrap();
        }
        assert_eq!(append(&journal, 2), Err(JournalError::Unavailable));
        block_on(journal.recovered());
        assert_eq!(append(&journal, 3), Ok(2));
        let anchor = journal.anchor();
        drop(journal);
        let report = verify(&*medium, &key(), Some(anchor)).unwrap();
        let [fault] = report.faults[..] else { panic!("{report:?}") };
        assert_eq!((fault.segment, fault.records), (1, Some((1, 1))), "{fault}");
    }
}

#[test]
fn a_folder_open_to_others_is_refused() {
    let home = tempfile::tempdir().unwrap();
    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let refused = Directory::open(home.path());
    assert!(refused.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied));
}

#[test]
fn records_that_belong_together_follow_each_other_in_one_group() {
    let medium: Arc<dyn Medium> = Arc::new(Simulated::new(6));
    let journal = Arc::new(open(&medium));
    let runtime = runtime();
    let tasks: Vec<_> = (0..32)
        .map(|task| {
            let journal = Arc::clone(&journal);
            runtime.spawn(async move {
                let mut answered = Vec::new();
                for index in 0..10 {
                    let time = (task * 10 + index) * 3;
                    let all = [time, time + 1, time + 2].map(decrypt);
                    let first = journal.append_all(&all).await.unwrap();
                    answered.extend((0..3).zip(time..).map(|(at, time)| (first + at, time)));
                }
                answered
            })
        })
        .collect();
    let mut answered: Vec<_> =
        tasks.into_iter().flat_map(|task| runtime.block_on(task).unwrap()).collect();
    answered.sort_unstable();
    assert_eq!(journal.metrics().records(), 960);
    drop(journal);
    assert_eq!(contents(&medium), answered);
    assert!(check(&medium).is_clean());
}

#[test]
fn records_that_belong_together_are_acknowledged_together_or_not_at_all() {
    for operation in 0..12 {
        let disk = Arc::new(Simulated::new(operation));
        let medium: Arc<dyn Medium> = Arc::clone(&disk) as Arc<dyn Medium>;
        let journal = open(&medium);
        let mut acknowledged = Vec::new();
        disk.fail_at(disk.operations() + operation, false, io::ErrorKind::Other);
        for time in 0..4 {
            let answer = block_on(journal.append_all(&[time * 2, time * 2 + 1].map(decrypt)));
            match answer {
                Ok(first) => acknowledged.extend([(first, time * 2), (first + 1, time * 2 + 1)]),
                Err(error) => {
                    assert_eq!(error, JournalError::Unavailable);
                    block_on(journal.recovered());
                }
            }
        }
        assert!(acknowledged.len() >= 6, "{acknowledged:?}");
        drop(journal);
        let found = contents(&medium);
        assert!(acknowledged.iter().all(|one| found.contains(one)), "{operation}: {found:?}");
        assert!(check(&medium).is_clean());
    }
}
