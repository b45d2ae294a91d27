//! What every engine must do. Each check takes a fresh, empty engine and panics where the engine
//! breaks its word; [`all`] names them, so that an engine's tests cannot leave one out.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed check panics, as a test does"
)]

use std::{
    future::Future,
    pin::pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

use crate::{
    AttestError, Attestor, Batch, BatchError, CommitError, Expect, Key, MAX_BATCH_ROWS,
    MAX_CHANGES, MAX_KEY_BYTES, MAX_PAGE_BYTES, MAX_PAGE_ROWS, MAX_VALUE_BYTES, Place, Range,
    Revision, Row, RowChange, Space, Store, StoreError,
};

const A: Space = Space::new("a");
const B: Space = Space::new("b");

/// An engine, shared as the checks need it.
pub type Engine = Arc<dyn Store>;
/// A check, ready to run.
pub type Check = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// Every check by name, each on an engine that `fresh` makes.
pub fn all(mut fresh: impl FnMut() -> Engine) -> Vec<(&'static str, Check)> {
    macro_rules! checks {
        ($($check:ident)*) => {
            vec![$((stringify!($check), Box::pin($check(fresh())) as Check)),*]
        };
    }
    checks! {
        an_empty_store_has_nothing
        what_was_put_is_read
        a_conflict_names_the_first_unmet_expectation_and_writes_nothing
        an_exact_expectation_knows_a_row_written_anew
        deleting_is_final_and_may_be_repeated
        a_snapshot_stays_at_its_revision
        ranges_are_ordered_and_bounded
        pages_end_by_bytes_too
        scans_go_through_all_spaces
        any_bytes_are_a_key
        limits_are_kept
        changes_are_complete_and_in_order
        pages_of_changes_hold_whole_revisions
        watching_waits_for_the_next_commit
        one_of_many_racing_writers_wins
        what_many_expect_is_judged_as_it_has_become
        every_commit_is_attested
        a_refused_attestation_stops_only_that_commit
        closing_refuses_everything_after
    }
}

fn row(version: u64, value: impl Into<Vec<u8>>) -> Row {
    Row { version, value: value.into() }
}

async fn put(engine: &Engine, space: Space, key: &str, version: u64, value: &[u8]) -> Revision {
    engine.commit(Batch::new().put(space, key, version, value)).await.unwrap()
}

async fn an_empty_store_has_nothing(engine: Engine) {
    let snapshot = engine.snapshot().await.unwrap();
    assert_eq!(snapshot.revision(), Revision(0));
    assert_eq!(snapshot.get(A, b"k").await.unwrap(), None);
    assert_eq!(snapshot.range(A, &Range::all(), 10).await.unwrap().rows, []);
    assert_eq!(snapshot.scan(None, 10).await.unwrap().rows, []);
    assert_eq!(snapshot.attestation().await.unwrap(), None);
    let changes = engine.changes(Revision(0)).await.unwrap();
    assert_eq!((changes.changes.len(), changes.upto, changes.more), (0, Revision(0), false));
    assert_eq!(engine.commit(Batch::new()).await, Ok(Revision(0)));
}

async fn what_was_put_is_read(engine: Engine) {
    let batch = Batch::new().put(A, "k", 1, "one").put(B, "k", 7, "seven").put(A, "", 1, "");
    assert_eq!(engine.commit(batch).await, Ok(Revision(1)));
    assert_eq!(put(&engine, A, "k", 2, b"two").await, Revision(2));
    assert_eq!(engine.get(A, b"k").await.unwrap(), Some(row(2, "two")));
    assert_eq!(engine.get(B, b"k").await.unwrap(), Some(row(7, "seven")));
    assert_eq!(engine.get(A, b"").await.unwrap(), Some(row(1, "")));
    assert_eq!(engine.get(A, b"kk").await.unwrap(), None);
    let most = i64::MAX.unsigned_abs();
    put(&engine, A, "most", most, b"").await;
    assert_eq!(engine.get(A, b"most").await.unwrap(), Some(row(most, "")));
}

async fn a_conflict_names_the_first_unmet_expectation_and_writes_nothing(engine: Engine) {
    put(&engine, A, "k", 3, b"three").await;
    let conflict = |space, key: &str, found| {
        Err(CommitError::Conflict { place: Place::new(space, key), found })
    };
    let writing = || Batch::new().put(B, "new", 1, "x").delete(A, "k");
    for (batch, expected) in [
        (writing().expect(A, "k", Expect::Version(2)), conflict(A, "k", Some(3))),
        (writing().expect(A, "k", Expect::Absent), conflict(A, "k", Some(3))),
        (writing().expect(A, "gone", Expect::Version(1)), conflict(A, "gone", None)),
        (
            writing()
                .expect(A, "k", Expect::Version(3))
                .expect(B, "other", Expect::Version(9))
                .expect(A, "k", Expect::Absent),
            conflict(B, "other", None),
        ),
        (Batch::new().expect(A, "k", Expect::Version(4)), conflict(A, "k", Some(3))),
    ] {
        assert_eq!(engine.commit(batch).await, expected);
    }
    assert_eq!(engine.get(A, b"k").await.unwrap(), Some(row(3, "three")));
    assert_eq!(engine.get(B, b"new").await.unwrap(), None);
    let held = Batch::new().expect(A, "k", Expect::Version(3)).expect(B, "new", Expect::Absent);
    assert_eq!(engine.commit(held.clone()).await, Ok(Revision(1)), "only expects");
    assert_eq!(engine.commit(held.put(B, "new", 1, "x")).await, Ok(Revision(2)));
}

async fn an_exact_expectation_knows_a_row_written_anew(engine: Engine) {
    let (first, second) = (b"first value of 16+ bytes", b"other value of 16+ bytes..");
    put(&engine, A, "k", 1, first).await;
    let exact = |value: &[u8]| Expect::Exactly(1, *value.last_chunk().unwrap());
    engine.commit(Batch::new().delete(A, "k")).await.unwrap();
    put(&engine, A, "k", 1, second).await;
    let stale = Batch::new().expect(A, "k", exact(first)).put(A, "k", 1, "lost");
    let place = Place::new(A, "k");
    assert_eq!(engine.commit(stale).await, Err(CommitError::Conflict { place, found: Some(1) }));
    let fresh = Batch::new().expect(A, "k", exact(second)).put(A, "k", 1, "kept");
    assert_eq!(engine.commit(fresh).await, Ok(Revision(4)));
}

async fn deleting_is_final_and_may_be_repeated(engine: Engine) {
    put(&engine, A, "k", 1, b"x").await;
    for revision in [2, 3] {
        let deleted = engine.commit(Batch::new().delete(A, "k")).await;
        assert_eq!(deleted, Ok(Revision(revision)));
        assert_eq!(engine.get(A, b"k").await.unwrap(), None);
    }
    put(&engine, A, "k", 1, b"again").await;
    assert_eq!(engine.get(A, b"k").await.unwrap(), Some(row(1, "again")));
}

async fn a_snapshot_stays_at_its_revision(engine: Engine) {
    put(&engine, A, "changed", 1, b"old").await;
    put(&engine, A, "deleted", 1, b"old").await;
    let old = engine.snapshot().await.unwrap();
    for version in 2..5 {
        put(&engine, A, "changed", version, b"new").await;
    }
    engine.commit(Batch::new().delete(A, "deleted").put(A, "added", 1, "new")).await.unwrap();
    let newer = engine.snapshot().await.unwrap();
    engine.commit(Batch::new().put(A, "deleted", 1, "again")).await.unwrap();

    assert_eq!(old.revision(), Revision(2));
    assert_eq!(old.get(A, b"changed").await.unwrap(), Some(row(1, "old")));
    assert_eq!(old.get(A, b"added").await.unwrap(), None);
    let expected = [(Key::from("changed"), row(1, "old")), (Key::from("deleted"), row(1, "old"))];
    assert_eq!(old.range(A, &Range::all(), 10).await.unwrap().rows, expected);
    assert_eq!(old.scan(None, 10).await.unwrap().rows.len(), 2);
    drop(old);
    assert_eq!(newer.get(A, b"changed").await.unwrap(), Some(row(4, "new")));
    assert_eq!(newer.get(A, b"deleted").await.unwrap(), None);
    assert_eq!(newer.scan(None, 10).await.unwrap().rows.len(), 2);
    drop(newer);
    assert_eq!(engine.get(A, b"deleted").await.unwrap(), Some(row(1, "again")));
}

async fn keys_in(engine: &Engine, range: &Range, limit: usize) -> Vec<String> {
    let (mut range, mut keys) = (range.clone(), Vec::new());
    loop {
        let snapshot = engine.snapshot().await.unwrap();
        let page = snapshot.range(A, &range, limit).await.unwrap();
        assert!(page.rows.len() <= limit);
        keys.extend(page.rows.iter().map(|(key, _)| key.to_string()));
        match page.next {
            Some(next) => range = range.resume(next),
            None => return keys,
        }
    }
}

async fn ranges_are_ordered_and_bounded(engine: Engine) {
    let batch = ["b", "aa", "a", "ab", "ba", "c"]
        .iter()
        .fold(Batch::new(), |batch, key| batch.put(A, *key, 1, *key))
        .put(B, "ax", 1, "not in this space");
    engine.commit(batch).await.unwrap();
    for limit in 1..8 {
        let all = keys_in(&engine, &Range::all(), limit).await;
        assert_eq!(all, ["a", "aa", "ab", "b", "ba", "c"]);
        assert_eq!(keys_in(&engine, &Range::prefix("a"), limit).await, ["a", "aa", "ab"]);
        assert_eq!(keys_in(&engine, &Range::from("b"), limit).await, ["b", "ba", "c"]);
        let some = Range { from: "aa".into(), to: Some("b".into()) };
        assert_eq!(keys_in(&engine, &some, limit).await, ["aa", "ab"]);
        let none = Range { from: "b".into(), to: Some("b".into()) };
        assert!(keys_in(&engine, &none, limit).await.is_empty());
        let backwards = Range { from: "c".into(), to: Some("a".into()) };
        assert!(keys_in(&engine, &backwards, limit).await.is_empty());
    }
    let snapshot = engine.snapshot().await.unwrap();
    let page = snapshot.range(A, &Range::prefix("a"), 3).await.unwrap();
    assert_eq!((page.rows.len(), page.next), (3, None), "a full last page is the last");
    let page = snapshot.range(A, &Range::all(), 0).await.unwrap();
    assert_eq!((page.rows.len(), page.next), (0, Some("a".into())));
}

async fn pages_end_by_bytes_too(engine: Engine) {
    let large = vec![1; MAX_VALUE_BYTES];
    let count = MAX_PAGE_BYTES / MAX_VALUE_BYTES + 1;
    for number in 0..count {
        put(&engine, A, &number.to_string(), 1, &large).await;
    }
    let snapshot = engine.snapshot().await.unwrap();
    let page = snapshot.range(A, &Range::all(), usize::MAX).await.unwrap();
    assert!(!page.rows.is_empty() && page.rows.len() < count);
    let next = page.next.unwrap();
    let rest = snapshot.range(A, &Range::from(next), usize::MAX).await.unwrap();
    assert_eq!((page.rows.len() + rest.rows.len(), rest.next), (count, None));
}

async fn scans_go_through_all_spaces(engine: Engine) {
    let mut batch = Batch::new();
    for space in ["a", "aa", "b", "z-9"] {
        let space = Space::parse(space.as_bytes()).unwrap();
        for key in ["", "k", "l"] {
            batch = batch.put(space, key, 1, "v");
        }
    }
    engine.commit(batch).await.unwrap();
    let snapshot = engine.snapshot().await.unwrap();
    for limit in 1..14 {
        let (mut places, mut after): (Vec<Place>, _) = (Vec::new(), None);
        loop {
            let scan = snapshot.scan(after.as_ref(), limit).await.unwrap();
            assert!(scan.rows.len() <= limit);
            places.extend(scan.rows.into_iter().map(|(place, _)| place));
            if !scan.more {
                break;
            }
            after = places.last().cloned();
        }
        assert_eq!(places.len(), 12);
        assert!(places.is_sorted());
    }
}

async fn any_bytes_are_a_key(engine: Engine) {
    let keys: [&[u8]; 6] = [b"", b"\0", b"\0\0", b"'; --", b"\x7f", b"\xff\xfe"];
    let batch = keys.iter().fold(Batch::new(), |batch, key| batch.put(A, *key, 1, *key));
    engine.commit(batch).await.unwrap();
    let snapshot = engine.snapshot().await.unwrap();
    let page = snapshot.range(A, &Range::all(), 10).await.unwrap();
    let found: Vec<&[u8]> = page.rows.iter().map(|(key, _)| key.as_bytes()).collect();
    assert_eq!(found, keys);
    for key in keys {
        assert_eq!(snapshot.get(A, key).await.unwrap(), Some(row(1, key)));
    }
}

async fn limits_are_kept(engine: Engine) {
    let (key, value) = (vec![b'k'; MAX_KEY_BYTES], vec![0; MAX_VALUE_BYTES]);
    let largest = Batch::new().put(A, key.clone(), 1, value.clone());
    engine.commit(largest).await.unwrap();
    assert_eq!(engine.get(A, &key).await.unwrap(), Some(row(1, value)));
    let many = |count: usize| {
        let put = |batch: Batch, n: usize| batch.put(B, n.to_string(), 1, "");
        (0..count).fold(Batch::new(), put)
    };
    engine.commit(many(MAX_BATCH_ROWS)).await.unwrap();
    let page = engine.snapshot().await.unwrap();
    let page = page.range(B, &Range::all(), usize::MAX).await.unwrap();
    assert_eq!(page.rows.len(), MAX_PAGE_ROWS);

    let place = || Place::new(A, "k");
    for (batch, error) in [
        (many(MAX_BATCH_ROWS + 1), BatchError::TooManyRows { rows: MAX_BATCH_ROWS + 1 }),
        (Batch::new().delete(A, vec![0; MAX_KEY_BYTES + 1]), BatchError::KeyTooLong { space: A }),
        (
            Batch::new().put(A, "k", 1, vec![0; MAX_VALUE_BYTES + 1]),
            BatchError::ValueTooLong { place: place() },
        ),
        (Batch::new().put(A, "k", 0, ""), BatchError::BadVersion { place: place() }),
        (Batch::new().put(A, "k", 1 << 63, ""), BatchError::BadVersion { place: place() }),
        (
            Batch::new().put(A, "k", 1, "").delete(A, "k"),
            BatchError::WrittenTwice { place: place() },
        ),
    ] {
        assert_eq!(engine.commit(batch).await, Err(CommitError::Invalid(error)));
    }
    assert_eq!(engine.get(A, b"k").await.unwrap(), None);
}

async fn changes_are_complete_and_in_order(engine: Engine) {
    put(&engine, A, "one", 1, b"").await;
    engine.commit(Batch::new().put(A, "two", 1, "").put(B, "three", 1, "")).await.unwrap();
    let stale = Batch::new().expect(A, "one", Expect::Absent).put(A, "never", 1, "");
    assert!(engine.commit(stale).await.is_err());
    engine.commit(Batch::new().delete(A, "one")).await.unwrap();
    let changes = engine.changes(Revision(0)).await.unwrap();
    let found: Vec<(u64, String)> =
        changes.changes.iter().map(|c| (c.revision.0, c.place.to_string())).collect();
    let expected = [(1, "a/one"), (2, "a/two"), (2, "b/three"), (3, "a/one")];
    assert_eq!(found, expected.map(|(revision, place)| (revision, place.to_string())));
    assert_eq!((changes.upto, changes.more), (Revision(3), false));
    let changes = engine.changes(Revision(2)).await.unwrap();
    assert_eq!(changes.changes.len(), 1);
    let changes = engine.changes(Revision(3)).await.unwrap();
    assert_eq!((changes.changes.len(), changes.upto), (0, Revision(3)));
}

async fn pages_of_changes_hold_whole_revisions(engine: Engine) {
    let revisions = MAX_CHANGES / MAX_BATCH_ROWS + 2;
    // Not a divisor of the page, so that a revision straddles its end.
    let rows = MAX_BATCH_ROWS - 7;
    for _ in 0..revisions {
        let put = |batch: Batch, n: usize| batch.put(A, n.to_string(), 1, "");
        engine.commit((0..rows).fold(Batch::new(), put)).await.unwrap();
    }
    let (mut after, mut seen, mut pages) = (Revision(0), 0, 0);
    loop {
        let page = engine.changes(after).await.unwrap();
        assert!(page.changes.len() <= MAX_CHANGES && page.changes.len().is_multiple_of(rows));
        assert!(page.changes.iter().all(|c| c.revision > after && c.revision <= page.upto));
        (after, seen, pages) = (page.upto, seen + page.changes.len(), pages + 1);
        if !page.more {
            break;
        }
    }
    assert_eq!((seen, after.0), (revisions * rows, revisions as u64));
    assert!(pages > 1);
}

async fn watching_waits_for_the_next_commit(engine: Engine) {
    put(&engine, A, "k", 1, b"").await;
    assert_eq!(engine.watch(Revision(0)).await, Ok(Revision(1)));
    let mut waiting = pin!(engine.watch(Revision(1)));
    let poll = waiting.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(poll.is_pending());
    put(&engine, A, "k", 2, b"").await;
    assert_eq!(waiting.await, Ok(Revision(2)));
    let mut forever = pin!(engine.watch(Revision(2)));
    assert!(matches!(
        forever.as_mut().poll(&mut Context::from_waker(Waker::noop())),
        Poll::Pending
    ));
    engine.close().await.unwrap();
    assert_eq!(forever.await, Err(StoreError::Closed));
}

async fn what_many_expect_is_judged_as_it_has_become(engine: Engine) {
    put(&engine, A, "common", 1, b"").await;
    let expecting = |key: &str, version| {
        let batch = Batch::new().expect(A, "common", Expect::Version(version));
        engine.commit(batch.put(B, key, 1, ""))
    };
    let commits = [
        expecting("first", 1),
        expecting("before", 1),
        engine.commit(Batch::new().put(A, "common", 2, "")),
        expecting("late", 1),
        expecting("after", 2),
    ];
    // They come while the first is being written, and are one group where commits are grouped.
    let begun = commits.map(|mut commit| {
        let polled = commit.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        (commit, polled)
    });
    let mut answers = Vec::new();
    for (commit, polled) in begun {
        answers.push(match polled {
            Poll::Ready(answer) => answer,
            Poll::Pending => commit.await,
        });
    }
    let place = Place::new(A, "common");
    assert_eq!(answers[3], Err(CommitError::Conflict { place, found: Some(2) }));
    let made: Vec<_> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(made, [true, true, true, false, true]);
}

async fn one_of_many_racing_writers_wins(engine: Engine) {
    const WRITERS: u64 = 16;
    const ROUNDS: u64 = 20;
    let mut tasks = Vec::new();
    for writer in 0..WRITERS {
        let engine = Arc::clone(&engine);
        tasks.push(tokio::spawn(async move {
            let mut won = 0;
            for version in 0..ROUNDS {
                let expect = if version == 0 { Expect::Absent } else { Expect::Version(version) };
                let own = format!("{writer}/{version}");
                let batch = Batch::new()
                    .expect(A, "counter", expect)
                    .put(A, "counter", version + 1, "")
                    .put(B, own, 1, "");
                match engine.commit(batch).await {
                    Ok(_) => won += 1,
                    Err(CommitError::Conflict { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            won
        }));
    }
    let mut won = 0;
    for task in tasks {
        won += task.await.unwrap();
    }
    let snapshot = engine.snapshot().await.unwrap();
    let counter = snapshot.get(A, b"counter").await.unwrap().unwrap().version;
    assert_eq!((counter, snapshot.revision().0), (won, won));
    let own = snapshot.range(B, &Range::all(), MAX_PAGE_ROWS).await.unwrap();
    assert_eq!(own.rows.len() as u64, won, "a batch that lost wrote nothing");
}

/// Attests the set of rows in clear, and checks that engines call it as they must.
#[derive(Default)]
struct Rows {
    seen: Mutex<Vec<(u64, u64)>>,
    refuse: std::sync::atomic::AtomicBool,
}

fn line(change: &RowChange<'_>, (version, tail): (u64, &[u8])) -> String {
    format!("{}/{}@{version}={}", change.space, change.key.escape_ascii(), tail.escape_ascii())
}

impl Attestor for Rows {
    fn attest(
        &self,
        (before, previous): (Revision, Option<&[u8]>),
        revision: Revision,
        changes: &[RowChange<'_>],
    ) -> Result<Vec<u8>, AttestError> {
        if self.refuse.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(AttestError::NotAuthentic);
        }
        self.seen.lock().unwrap().push((before.0, revision.0));
        let mut rows: Vec<String> = str::from_utf8(previous.unwrap_or_default())
            .unwrap()
            .lines()
            .map(String::from)
            .collect();
        for change in changes {
            if let Some(old) = change.old {
                let old = line(change, old);
                let index = rows.iter().position(|row| *row == old);
                rows.remove(index.unwrap_or_else(|| panic!("{old} was not there")));
            }
            rows.extend(change.new.map(|new| line(change, new)));
        }
        rows.sort();
        Ok(rows.join("\n").into_bytes())
    }
}

async fn every_commit_is_attested(engine: Engine) {
    let attestor = Arc::new(Rows::default());
    engine.attest_with(Arc::clone(&attestor) as _).await.unwrap();
    let tasks: Vec<_> = (0..8)
        .map(|writer| {
            let engine = Arc::clone(&engine);
            tokio::spawn(async move {
                put(&engine, A, &format!("own{writer}"), 1, b"0123456789abcdefTAIL-of-16-byte")
                    .await;
                put(&engine, A, "shared", writer + 1, b"short").await;
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    engine.commit(Batch::new().delete(A, "own3").delete(A, "nothing")).await.unwrap();
    let snapshot = engine.snapshot().await.unwrap();
    let attested = String::from_utf8(snapshot.attestation().await.unwrap().unwrap()).unwrap();
    let scan = snapshot.scan(None, 100).await.unwrap();
    let mut expected: Vec<String> = scan
        .rows
        .iter()
        .map(|(place, row)| {
            let tail = &row.value[row.value.len().saturating_sub(16)..];
            format!("{place}@{}={}", row.version, tail.escape_ascii())
        })
        .collect();
    expected.sort();
    assert_eq!(attested, expected.join("\n"));
    let seen = attestor.seen.lock().unwrap();
    assert_eq!(seen.first().map(|(before, _)| *before), Some(0));
    assert_eq!(seen.last().map(|(_, revision)| *revision), Some(17));
    assert!(seen.windows(2).all(|pair| pair[0].1 == pair[1].0 && pair[1].0 < pair[1].1));
}

async fn a_refused_attestation_stops_only_that_commit(engine: Engine) {
    put(&engine, A, "before", 1, b"").await;
    let attestor = Arc::new(Rows::default());
    attestor.refuse.store(true, std::sync::atomic::Ordering::SeqCst);
    engine.attest_with(Arc::clone(&attestor) as _).await.unwrap();
    let refused = engine.commit(Batch::new().put(A, "k", 1, "")).await;
    assert_eq!(refused, Err(CommitError::Attest(AttestError::NotAuthentic)));
    assert_eq!(engine.get(A, b"k").await.unwrap(), None);
    attestor.refuse.store(false, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(put(&engine, A, "k", 1, b"").await, Revision(2));
}

async fn closing_refuses_everything_after(engine: Engine) {
    put(&engine, A, "k", 1, b"").await;
    let closed = || Some(StoreError::Closed);
    engine.close().await.unwrap();
    assert_eq!(engine.snapshot().await.err(), closed());
    assert_eq!(engine.get(A, b"k").await.err(), closed());
    assert_eq!(engine.changes(Revision(0)).await.err(), closed());
    assert_eq!(engine.watch(Revision(0)).await.err(), closed());
    let refused = engine.commit(Batch::new().put(A, "k", 2, "")).await;
    assert_eq!(refused, Err(CommitError::Unavailable(StoreError::Closed)));
}
