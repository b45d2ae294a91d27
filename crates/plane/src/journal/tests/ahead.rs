//! Answers that don't wait for the disk: what a power cut takes, and what nothing takes.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use super::super::ahead::Ahead;
use super::super::fixtures::{append, block_on, check, contents, decrypt, key, small};
use super::super::tail::Tail;
use super::super::{Durability, Journal, JournalError, Medium, Options, Simulated};
use super::faults::{Panicking, reopen};
use super::many::{Gated, append_from, runtime};

const RECORDS: i64 = 12;
/// How many records are appended before all are made durable.
const FLUSHED: i64 = 3;
/// Operations that opening a new journal takes.
const OPENING: u64 = 4;

/// Syncs are never due: only those happen that a test asks for.
fn never() -> Options {
    within(Duration::from_secs(6000))
}

fn within(limit: Duration) -> Options {
    // Several records fit into a segment, as long as they are before they are packed.
    Options { durability: Durability::Within(limit), segment_bytes: 2048, ..small() }
}

fn open(medium: &Arc<dyn Medium>, options: Options) -> Journal {
    Journal::open(Arc::clone(medium), key(), options).unwrap().0
}

/// Appends until the records are used up; answers the acknowledged ones, and how many of them are
/// known to be durable.
fn run(journal: &Journal) -> (Vec<(u64, i64)>, usize) {
    let (mut acknowledged, mut durable) = (Vec::new(), 0);
    for time in 1..=RECORDS {
        acknowledged.extend(append(journal, time).ok().map(|number| (number, time)));
        if time % FLUSHED == 0 && block_on(journal.flush()).is_ok() {
            durable = acknowledged.len();
        }
    }
    (acknowledged, durable)
}

fn operations_of_a_run() -> u64 {
    let disk = Arc::new(Simulated::new(0));
    let medium: Arc<dyn Medium> = disk.clone();
    let journal = open(&medium, never());
    assert_eq!(run(&journal).1, RECORDS as usize);
    disk.operations()
}

#[test]
fn a_power_cut_at_any_operation_takes_only_what_was_not_made_durable() {
    let mut taken = 0;
    for at in OPENING + 1..=operations_of_a_run() {
        for seed in 0..16 {
            let disk = Arc::new(Simulated::new(seed * 1000 + at));
            let medium: Arc<dyn Medium> = disk.clone();
            let journal = open(&medium, never());
            disk.cut_power_at(at);
            let (acknowledged, durable) = run(&journal);
            let anchor = journal.anchor();
            assert!(anchor.sequence >= durable as u64);
            drop(journal);
            let what = format!("power cut at {at}, seed {seed}");
            let after: Arc<dyn Medium> = Arc::new(disk.after_power_cut());
            let found = contents(&after);
            // What is left is the beginning of what was answered, or one more that was being
            // written, and all of it that was durable.
            let most = acknowledged.len().min(found.len());
            assert!(most >= durable, "{what}: {found:?} of {acknowledged:?}");
            assert_eq!(found[..most], acknowledged[..most], "{what}");
            taken += acknowledged.len() - most;
            reopen(&after, &acknowledged[..durable], &what);
        }
    }
    assert!(taken > 0, "no cut took anything: what is to be shown was not met");
}

#[test]
fn the_end_of_the_process_takes_nothing() {
    for at in OPENING + 1..=operations_of_a_run() {
        let disk = Arc::new(Simulated::new(at));
        let medium: Arc<dyn Medium> = disk.clone();
        let journal = open(&medium, never());
        // From here on the process can change nothing any more.
        disk.fail_at(at, true, ErrorKind::Other);
        let (acknowledged, _) = run(&journal);
        drop(journal);
        disk.heal();
        reopen(&medium, &acknowledged, &format!("the process ended at {at}"));
        let after: Arc<dyn Medium> = Arc::new(disk.after_power_cut());
        reopen(&after, &acknowledged, &format!("the process ended at {at}, and the power"));
    }
}

#[test]
fn a_failure_once_at_any_operation_fails_what_comes_and_loses_nothing_that_was_answered() {
    for kind in [ErrorKind::StorageFull, ErrorKind::Other] {
        for at in OPENING + 1..=operations_of_a_run() {
            let disk = Arc::new(Simulated::new(at));
            let medium: Arc<dyn Medium> = disk.clone();
            let journal = open(&medium, never());
            disk.fail_at(at, false, kind);
            let (mut acknowledged, mut failures) = (Vec::new(), 0);
            for time in 1..=RECORDS {
                match append(&journal, time) {
                    Ok(number) => acknowledged.push((number, time)),
                    Err(error) => {
                        assert_eq!(error, JournalError::Unavailable);
                        failures += 1;
                        block_on(journal.recovered());
                    }
                }
                if time % FLUSHED == 0 && block_on(journal.flush()).is_err() {
                    failures += 1;
                    block_on(journal.recovered());
                }
            }
            assert!(failures <= 1, "{at}: {failures}");
            assert!(acknowledged.len() >= RECORDS as usize - 1, "{at}");
            let numbers = acknowledged.iter().map(|(number, _)| *number);
            assert!(numbers.eq(1..=acknowledged.len() as u64), "{at}: {acknowledged:?}");
            block_on(journal.flush()).unwrap();
            let after: Arc<dyn Medium> = Arc::new(disk.after_power_cut());
            reopen(&after, &acknowledged, &format!("{kind:?} at {at}"));
            drop(journal);
            assert!(check(&medium).is_clean(), "{at}: {:?}", check(&medium));
            assert_eq!(contents(&medium), acknowledged, "{at}");
        }
    }
}

#[test]
fn a_sync_that_fails_stops_everything_until_what_was_answered_is_durable() {
    let disk = Arc::new(Simulated::new(2));
    let medium: Arc<dyn Medium> = disk.clone();
    let journal = open(&medium, never());
    assert_eq!(append(&journal, 1), Ok(1));
    assert_eq!(append(&journal, 2), Ok(2));
    disk.fail_at(disk.operations() + 1, true, ErrorKind::StorageFull);
    assert_eq!(block_on(journal.flush()), Err(JournalError::Unavailable));
    assert!(!journal.healthy());
    for _ in 0..100 {
        assert_eq!(append(&journal, 3), Err(JournalError::Unavailable));
    }
    assert_eq!(journal.anchor().sequence, 0);
    disk.heal();
    block_on(journal.recovered());
    assert_eq!(journal.anchor().sequence, 2);
    let after: Arc<dyn Medium> = Arc::new(disk.after_power_cut());
    assert_eq!(contents(&after), [(1, 1), (2, 2)]);
    assert_eq!(append(&journal, 4), Ok(3));
    drop(journal);
    assert_eq!(contents(&medium), [(1, 1), (2, 2), (3, 4)]);
    assert!(check(&medium).is_clean());
}

#[test]
fn a_record_becomes_durable_without_anybody_asking() {
    let disk = Arc::new(Simulated::new(3));
    let medium: Arc<dyn Medium> = disk.clone();
    let journal = open(&medium, within(Duration::from_millis(2)));
    for number in 1..=3 {
        assert_eq!(append(&journal, 1), Ok(number));
        while journal.anchor().sequence < number {
            std::thread::yield_now();
        }
        assert_eq!(contents(&(Arc::new(disk.after_power_cut()) as _)).len() as u64, number);
    }
}

#[test]
fn nothing_is_answered_while_a_record_is_older_than_it_may_be_and_not_durable() {
    let gated = Gated::new(4);
    let medium: Arc<dyn Medium> = gated.clone();
    let stall = Duration::from_millis(40);
    let journal = open(&medium, Options { stall, ..within(Duration::ZERO) });
    let closed = gated.gate.lock().unwrap();
    // Younger than the limit when it is answered; the next would be answered beside an older one.
    assert_eq!(append(&journal, 1), Ok(1));
    assert_eq!(append(&journal, 2), Err(JournalError::Unavailable));
    assert!(!journal.healthy());
    drop(closed);
    block_on(journal.recovered());
    assert_eq!(append(&journal, 3), Ok(2));
    drop(journal);
    assert_eq!(contents(&medium), [(1, 1), (2, 3)]);
}

#[test]
fn many_callers_get_numbers_of_their_own_whenever_syncs_come() {
    for limit in [Duration::ZERO, Duration::from_micros(100), Duration::from_secs(6000)] {
        let medium: Arc<dyn Medium> = Arc::new(Simulated::new(5));
        let journal = Arc::new(open(&medium, within(limit)));
        let answered = append_from(&journal, 64, 20);
        assert_eq!(answered.len(), 64 * 20);
        drop(journal);
        assert_eq!(contents(&medium), answered);
        assert!(check(&medium).is_clean());
    }
}

/// Four records, of which a sync of the first was under way when the second was written, and one of
/// the third when the fourth was.
fn two_syncs_under_way() -> Arc<Gated> {
    let gated = Gated::new(6);
    let medium: Arc<dyn Medium> = gated.clone();
    // None has to wait for the next segment, which the thread begins that syncs.
    let journal = Arc::new(open(&medium, Options { segment_bytes: 8192, ..never() }));
    let runtime = runtime();
    for time in [1, 3] {
        append(&journal, time).unwrap();
        let came = gated.came.load(Ordering::SeqCst);
        let closed = gated.gate.lock().unwrap();
        let flushing = Arc::clone(&journal);
        let flushed = runtime.spawn(async move { flushing.flush().await });
        while gated.came.load(Ordering::SeqCst) == came {
            std::thread::yield_now();
        }
        append(&journal, time + 1).unwrap();
        drop(closed);
        runtime.block_on(flushed).unwrap().unwrap();
    }
    gated
}

/// Where the record with this number lies in the only segment.
fn place(bytes: &[u8], number: u64) -> usize {
    let needle = number.to_le_bytes();
    (0..bytes.len() - 16)
        .find(|at| bytes[*at..].starts_with(b"BJ") && bytes[at + 4..].starts_with(&needle))
        .unwrap()
}

#[test]
fn damage_is_told_from_what_a_power_cut_tore_by_the_syncs_behind_it() {
    for number in 1..=4 {
        let disk = two_syncs_under_way();
        let medium: Arc<dyn Medium> = disk.clone();
        assert_eq!(contents(&medium), [(1, 1), (2, 2), (3, 3), (4, 4)]);
        disk.disk.tamper(|segments| {
            let bytes = segments.get_mut(&1).unwrap();
            let at = place(bytes, number) + 40;
            bytes[at] ^= 1;
        });
        let (_, recovery) = Journal::open(Arc::clone(&medium), key(), never()).unwrap();
        if number == 1 {
            // The fourth proves that all before the second had been synced.
            assert_eq!(recovery.faults.len(), 1, "{recovery:?}");
            assert_eq!(recovery.faults[0].records, Some((1, 3)));
            assert_eq!(recovery.next_sequence, 5);
        } else {
            assert!(recovery.faults.is_empty(), "{number}: {recovery:?}");
            assert_eq!(recovery.next_sequence, number);
            assert!(recovery.cut_bytes > 0);
        }
    }
}

#[test]
fn who_dies_while_it_writes_fails_all_that_come() {
    let disk = Arc::new(Panicking { disk: Simulated::new(7), panics: AtomicBool::new(false) });
    let medium: Arc<dyn Medium> = disk.clone();
    let journal = Arc::new(open(&medium, never()));
    assert_eq!(append(&journal, 1), Ok(1));
    disk.panics.store(true, Ordering::Relaxed);
    let dying = Arc::clone(&journal);
    let died = runtime()
        .block_on(async { tokio::spawn(async move { dying.append(&decrypt(2)).await }).await });
    assert!(died.is_err_and(|error| error.is_panic()));
    assert_eq!(append(&journal, 3), Err(JournalError::Unavailable));
    assert!(!journal.healthy());
    drop(journal);
    disk.panics.store(false, Ordering::Relaxed);
    reopen(&medium, &[(1, 1)], "after a death");
}

#[test]
fn what_is_laid_down_at_a_time_is_written_in_one_piece() {
    const TASKS: u64 = 5;
    let disk = Arc::new(Simulated::new(9));
    let medium: Arc<dyn Medium> = disk.clone();
    let journal = Arc::new(open(&medium, never()));
    let before = disk.operations();
    block_on(async {
        let tasks: Vec<_> = (1..=TASKS)
            .map(|time| {
                let journal = Arc::clone(&journal);
                tokio::spawn(async move { journal.append(&decrypt(time as i64)).await })
            })
            .collect();
        for (number, task) in (1..).zip(tasks) {
            assert_eq!(task.await.unwrap(), Ok(number));
        }
    });
    assert_eq!(disk.operations() - before, 1);
    assert_eq!(contents(&medium).len() as u64, TASKS);
}

#[test]
fn what_was_laid_down_by_one_who_ended_is_written_all_the_same() {
    let medium: Arc<dyn Medium> = Arc::new(Simulated::new(10));
    let journal = open(&medium, never());
    {
        let record = decrypt(1);
        let mut left = Box::pin(journal.append(&record));
        let mut context = Context::from_waker(Waker::noop());
        assert!(left.as_mut().poll(&mut context).is_pending());
    }
    block_on(async {
        while journal.written_ahead() != Some(1) {
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(append(&journal, 2), Ok(2));
    assert_eq!(contents(&medium), [(1, 1), (2, 2)]);
}

#[test]
fn what_was_laid_down_by_one_who_does_not_come_back_is_written_a_look_later() {
    let medium: Arc<dyn Medium> = Arc::new(Simulated::new(12));
    let journal = open(&medium, Options { stall: Duration::from_millis(80), ..never() });
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut context = Context::from_waker(Waker::noop());
    // Whether the watch is awake, or rests as nothing was to be done.
    for (number, time) in [(1, 1), (2, 2)] {
        while number == 2 && !journal.watch_rests() {
            assert!(Instant::now() < deadline, "the watch does not rest");
            std::thread::yield_now();
        }
        let record = decrypt(time);
        let mut laid = Box::pin(journal.append(&record));
        assert!(laid.as_mut().poll(&mut context).is_pending());
        while journal.written_ahead() != Some(number) {
            assert!(Instant::now() < deadline, "nobody writes it");
            std::thread::yield_now();
        }
        assert_eq!(block_on(laid), Ok(number));
        block_on(journal.flush()).unwrap();
    }
    assert!(journal.healthy());
    assert_eq!(contents(&medium), [(1, 1), (2, 2)]);
}

#[test]
fn a_sync_begins_as_late_as_syncs_are_quick() {
    const LIMIT: Duration = Duration::from_millis(100);
    let medium: Arc<dyn Medium> = Arc::new(Simulated::new(11));
    let mut ahead = Ahead::new(Tail::new(medium, key(), 2048), LIMIT);
    let began = Instant::now();
    ahead.unsynced.since = Some(began);
    let due = |ahead: &Ahead| ahead.due_in(began).unwrap();
    // As long as nothing is known, half of the limit is kept for the sync.
    assert_eq!(due(&ahead), LIMIT / 2);
    for _ in 0..100 {
        ahead.learn(Duration::from_millis(1));
    }
    assert_eq!(due(&ahead), Duration::from_millis(80));
    ahead.learn(Duration::from_millis(15));
    assert_eq!(due(&ahead), Duration::from_millis(70));
    ahead.learn(Duration::from_millis(500));
    assert_eq!(due(&ahead), LIMIT / 2);
}

#[test]
fn a_journal_goes_on_in_either_way() {
    let medium: Arc<dyn Medium> = Arc::new(Simulated::new(8));
    let mut expected = Vec::new();
    for (turn, options) in [never(), small(), never(), small()].into_iter().enumerate() {
        let journal = open(&medium, options);
        for time in 0..7 {
            let time = turn as i64 * 10 + time;
            expected.push((append(&journal, time).unwrap(), time));
        }
        journal.close();
        assert_eq!(journal.anchor().sequence, expected.len() as u64);
    }
    assert_eq!(contents(&medium), expected);
    assert!(check(&medium).is_clean());
}
