//! The barrier in use: sealing, updates, rotations.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bulla_crypto::{Crypto, CryptoError, Rng};
use bulla_store::{
    Barrier, BarrierError, Batch, Disk, Expect, Expected, MAX_UPDATE_ATTEMPTS, Memory, Range,
    Revision, SealedBatch, Simulated, Space, Sqlite, Store,
};

use crate::{KEYS, create, open, read, root, run, write};

fn text(value: &str) -> Vec<u8> {
    value.as_bytes().to_vec()
}

#[test]
fn what_was_sealed_opens_again_on_every_engine() {
    let directory = tempfile::tempdir().unwrap();
    let engines: [Arc<dyn Store>; 3] = [
        Arc::new(Memory::new()),
        Arc::new(Simulated::open(Disk::new(7)).unwrap()),
        Arc::new(Sqlite::open(directory.path()).unwrap()),
    ];
    for engine in engines {
        run(async {
            assert!(!Barrier::is_initialized(&*engine).await.unwrap());
            let barrier = create(Arc::clone(&engine)).await;
            write(&barrier, "k", Expected::Absent, "one").await;
            write(&barrier, "k", Expected::At(1), "two").await;
            write(&barrier, "l", Expected::Absent, "").await;
            let gone = SealedBatch::new().delete(KEYS, "l", Expected::At(1));
            barrier.commit(gone).await.unwrap();
            drop(barrier);
            let barrier = open(engine).await.unwrap();
            assert_eq!(read(&barrier, "k").await, Some((2, "two".into())));
            assert_eq!(read(&barrier, "l").await, None);
            let verified = barrier.verify_all().await.unwrap();
            assert!(verified.is_intact(), "{verified}");
            assert_eq!(verified.rows, 3 + 1);
            assert_eq!(barrier.attested().await.unwrap().rows, 4);
        });
    }
}

#[test]
fn nothing_is_in_clear_in_the_files() {
    let directory = tempfile::tempdir().unwrap();
    let secret = "a-secret-that-no-file-may-hold";
    run(async {
        let barrier = create(Arc::new(Sqlite::open(directory.path()).unwrap())).await;
        write(&barrier, "k", Expected::Absent, secret).await;
        write(&barrier, "k", Expected::At(1), "replaced").await;
        barrier.engine().close().await.unwrap();
    });
    let mut files = 0;
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for needle in [secret.as_bytes(), &[1; 32]] {
            assert!(!bytes.windows(needle.len()).any(|window| window == needle));
        }
        files += 1;
    }
    assert!(files >= 2);
}

#[test]
fn a_store_is_created_once_and_opened_after() {
    run(async {
        let engine: Arc<dyn Store> = Arc::new(Memory::new());
        let early = open(Arc::clone(&engine)).await;
        assert_eq!(early.err(), Some(BarrierError::NotInitialized));
        create(Arc::clone(&engine)).await;
        assert!(Barrier::is_initialized(&*engine).await.unwrap());
        let again = Barrier::create(Arc::clone(&engine), Crypto::standard(), root(1)).await;
        assert_eq!(again.err(), Some(BarrierError::AlreadyInitialized));
        let used: Arc<dyn Store> = Arc::new(Memory::new());
        used.commit(Batch::new().put(KEYS, "k", 1, "x")).await.unwrap();
        let over = Barrier::create(used, Crypto::standard(), root(1)).await;
        assert_eq!(over.err(), Some(BarrierError::AlreadyInitialized));
    });
}

#[test]
fn a_wrong_root_key_is_named_and_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    run(async {
        let barrier = create(Arc::new(Sqlite::open(directory.path()).unwrap())).await;
        write(&barrier, "k", Expected::Absent, "one").await;
        barrier.engine().close().await.unwrap();
    });
    let database = directory.path().join(bulla_store::DATABASE_FILE);
    let before = std::fs::read(&database).unwrap();
    run(async {
        let engine = Arc::new(Sqlite::open(directory.path()).unwrap());
        let opened = Barrier::open(Arc::clone(&engine) as _, Crypto::standard(), root(2)).await;
        assert_eq!(opened.err(), Some(BarrierError::WrongRootKey));
        engine.close().await.unwrap();
    });
    assert_eq!(std::fs::read(&database).unwrap(), before);
    run(async {
        let barrier = open(Arc::new(Sqlite::open(directory.path()).unwrap())).await.unwrap();
        assert_eq!(read(&barrier, "k").await, Some((1, "one".into())));
    });
}

#[test]
fn the_domain_keys_are_out_of_reach_for_services() {
    run(async {
        let barrier = create(Arc::new(Memory::new())).await;
        let domain = Space::new("domain");
        let batch = SealedBatch::new().put(domain, "seal/0000000002", Expected::Absent, text("x"));
        let refused = barrier.commit(batch).await.err();
        assert!(matches!(refused, Some(BarrierError::Reserved { .. })));
        write(&barrier, "k", Expected::Absent, "x").await;
        let changes = barrier.changes(Revision(0)).await.unwrap();
        assert_eq!(changes.changes.len(), 1);
        let view = barrier.view().await.unwrap();
        let row = view.get(domain, b"seal/0000000001").await.err();
        assert!(matches!(row, Some(BarrierError::Reserved { .. })));
    });
}

#[test]
fn conflicts_are_answered_and_updates_repeated() {
    run(async {
        let barrier = Arc::new(create(Arc::new(Memory::new())).await);
        write(&barrier, "k", Expected::Absent, "0").await;
        let stale = SealedBatch::new().put(KEYS, "k", Expected::Absent, text("x"));
        let conflict = barrier.commit(stale).await.err();
        assert!(matches!(conflict, Some(BarrierError::Conflict { found: Some(1), .. })));

        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let barrier = Arc::clone(&barrier);
                tokio::spawn(async move {
                    for _ in 0..10 {
                        increment(&barrier).await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(read(&barrier, "k").await, Some((81, "80".into())));
    });
}

async fn increment(barrier: &Barrier) -> Result<(), BarrierError> {
    barrier
        .update(|view| async move {
            let row = view.get(KEYS, b"k").await?.unwrap();
            let count: u64 = str::from_utf8(row.value.expose()).unwrap().parse().unwrap();
            let next = (count + 1).to_string().into_bytes();
            let batch = SealedBatch::new().put(KEYS, "k", Expected::At(row.version), next);
            Ok((batch, ()))
        })
        .await
}

#[test]
fn an_update_that_always_loses_gives_up() {
    run(async {
        let barrier = create(Arc::new(Memory::new())).await;
        write(&barrier, "k", Expected::Absent, "0").await;
        let attempts = AtomicU64::new(0);
        let updated: Result<(), BarrierError> = barrier
            .update(|view| {
                let (barrier, attempts) = (&barrier, &attempts);
                async move {
                    attempts.fetch_add(1, Ordering::SeqCst);
                    let row = view.get(KEYS, b"k").await?.unwrap();
                    drop(view);
                    write(barrier, "k", Expected::At(row.version), "first").await;
                    let late = text("late");
                    Ok((SealedBatch::new().put(KEYS, "k", Expected::At(row.version), late), ()))
                }
            })
            .await;
        assert_eq!(updated, Err(BarrierError::Contended { attempts: MAX_UPDATE_ATTEMPTS }));
        assert_eq!(attempts.load(Ordering::SeqCst), u64::from(MAX_UPDATE_ATTEMPTS));
    });
}

#[test]
fn domain_keys_rotate_while_writers_go_on_and_old_ones_are_dropped() {
    const ROWS: u64 = 200;
    run(async {
        let engine: Arc<dyn Store> = Arc::new(Memory::new());
        let barrier = Arc::new(create(Arc::clone(&engine)).await);
        for number in 0..ROWS {
            write(&barrier, &number.to_string(), Expected::Absent, "old").await;
        }
        let writing = {
            let barrier = Arc::clone(&barrier);
            tokio::spawn(async move {
                for number in 0..ROWS {
                    let key = (ROWS + number).to_string();
                    write(&barrier, &key, Expected::Absent, "old").await;
                    tokio::task::yield_now().await;
                }
            })
        };
        assert_eq!(barrier.rotate().await, Ok(2));
        assert_eq!(barrier.rotate().await, Ok(3));
        let (mut resealed, mut calls) = (0, 0);
        let dropped = loop {
            let step = barrier.rewrap(16).await.unwrap();
            assert!(step.resealed <= 16);
            (resealed, calls) = (resealed + step.resealed, calls + 1);
            if step.finished {
                break step.dropped;
            }
        };
        writing.await.unwrap();
        assert_eq!(dropped, [1, 2]);
        assert!(resealed as u64 >= ROWS && calls > 10, "{resealed} in {calls}");

        assert!(barrier.verify_all().await.unwrap().is_intact());
        let barrier = open(engine).await.unwrap();
        assert!(barrier.verify_all().await.unwrap().is_intact());
        for number in 0..2 * ROWS {
            let row = read(&barrier, &number.to_string()).await;
            assert_eq!(row, Some((1, "old".into())), "sealed anew at its version");
        }
        let nothing_left = barrier.rewrap(1000).await.unwrap();
        assert_eq!((nothing_left.resealed, nothing_left.finished), (0, true));
    });
}

#[test]
fn a_space_is_cleared_in_whole_and_attested() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let sqlite: Arc<dyn Store> = Arc::new(Sqlite::open(directory.path()).unwrap());
        for engine in [sqlite, Arc::new(Memory::new())] {
            let barrier = create(engine).await;
            for hundred in 0..12 {
                let batch = (0..100).fold(SealedBatch::new(), |batch, row| {
                    let key = format!("{hundred}/{row}");
                    batch.put(KEYS, key, Expected::Absent, b"value".to_vec())
                });
                barrier.commit(batch).await.unwrap();
            }
            let other = Space::new("others");
            let batch = SealedBatch::new().put(other, "k", Expected::Absent, b"kept".to_vec());
            barrier.commit(batch).await.unwrap();
            assert_eq!(barrier.clear(KEYS).await, Ok(1200));
            assert_eq!(barrier.clear(KEYS).await, Ok(0));
            assert!(barrier.get(other, b"k").await.unwrap().is_some());
            let verified = barrier.verify_all().await.unwrap();
            assert!(verified.is_intact(), "{verified}");
            let domain = barrier.clear(Space::new("domain")).await;
            assert!(matches!(domain, Err(BarrierError::Reserved { .. })), "{domain:?}");
        }
    });
}

#[test]
fn another_process_follows_a_rotation() {
    run(async {
        let engine: Arc<dyn Store> = Arc::new(Memory::new());
        let one = create(Arc::clone(&engine)).await;
        write(&one, "k", Expected::Absent, "one").await;
        let other = open(engine).await.unwrap();
        one.rotate().await.unwrap();
        write(&one, "k", Expected::At(1), "two").await;
        while !one.rewrap(100).await.unwrap().finished {}
        assert_eq!(read(&other, "k").await, Some((2, "two".into())), "under an unknown key");
        one.rotate().await.unwrap();
        write(&other, "k", Expected::At(2), "three").await;
        assert_eq!(read(&one, "k").await, Some((3, "three".into())));
        let newest = one.engine().get(KEYS, b"k").await.unwrap().unwrap();
        assert_eq!(newest.value[..5], [1, 0, 0, 0, 3], "a retired key seals nothing");
    });
}

#[test]
fn a_new_root_key_replaces_the_old_one() {
    run(async {
        let engine: Arc<dyn Store> = Arc::new(Memory::new());
        let barrier = create(Arc::clone(&engine)).await;
        write(&barrier, "k", Expected::Absent, "one").await;
        barrier.rotate().await.unwrap();
        let journal = barrier.service_key("journal").unwrap();
        barrier.rotate_root(root(9)).await.unwrap();
        write(&barrier, "k", Expected::At(1), "two").await;
        assert_eq!(barrier.rotate().await, Ok(3));
        assert_eq!(open(Arc::clone(&engine)).await.err(), Some(BarrierError::WrongRootKey));
        let barrier = Barrier::open(engine, Crypto::standard(), root(9)).await.unwrap();
        assert_eq!(read(&barrier, "k").await, Some((2, "two".into())));
        assert!(barrier.service_key("journal").unwrap().ct_eq(&journal));
        assert!(!barrier.service_key("tokens").unwrap().ct_eq(&journal));
        assert!(barrier.verify_all().await.unwrap().is_intact());
    });
}

#[test]
fn a_stuck_random_source_is_refused() {
    struct Stuck;
    impl Rng for Stuck {
        fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError> {
            out.fill(7);
            Ok(())
        }
    }
    run(async {
        let engine: Arc<dyn Store> = Arc::new(Memory::new());
        let refused = Barrier::create(Arc::clone(&engine), Crypto::with_rng(Stuck), root(1)).await;
        let stuck = Some(BarrierError::Crypto(CryptoError::RandomSourceStuck));
        assert_eq!(refused.err(), stuck);
        create(Arc::clone(&engine)).await;
        let barrier = Barrier::open(engine, Crypto::with_rng(Stuck), root(1)).await.unwrap();
        let put = || SealedBatch::new().put(KEYS, "k", Expected::Absent, text("x"));
        // One draw tells nothing yet; the seal of the attestation draws again.
        let first = barrier.commit(put()).await.err();
        let second = barrier.commit(put()).await.err();
        assert!(first.is_some() && second == stuck, "{first:?}, {second:?}");
        assert_eq!(read(&barrier, "k").await, None);
    });
}

#[test]
fn nonces_differ_even_when_a_random_source_repeats_itself_unseen() {
    /// Three values in turn: no draw begins like the one before it.
    struct Cycle(AtomicU64);
    impl Rng for Cycle {
        fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError> {
            let turn = self.0.fetch_add(1, Ordering::SeqCst) % 3;
            for (index, byte) in out.iter_mut().enumerate() {
                *byte = u8::try_from((index as u64 + 100 * turn) % 251).unwrap();
            }
            Ok(())
        }
    }
    run(async {
        let engine: Arc<dyn Store> = Arc::new(Memory::new());
        create(Arc::clone(&engine)).await;
        let crypto = Crypto::with_rng(Cycle(AtomicU64::new(0)));
        let barrier = Barrier::open(Arc::clone(&engine), crypto, root(1)).await.unwrap();
        let mut nonces = HashSet::new();
        for version in 0..300 {
            let expected = if version == 0 { Expected::Absent } else { Expected::At(version) };
            write(&barrier, "k", expected, "the same").await;
            let row = engine.get(KEYS, b"k").await.unwrap().unwrap();
            assert!(nonces.insert(row.value[5..21].to_vec()), "version {version}");
        }
    });
}

#[test]
fn a_view_reads_one_revision_in_pages() {
    run(async {
        let barrier = create(Arc::new(Memory::new())).await;
        for key in ["b", "a", "c"] {
            write(&barrier, key, Expected::Absent, key).await;
        }
        let view = barrier.view().await.unwrap();
        write(&barrier, "d", Expected::Absent, "later").await;
        let page = view.range(KEYS, &Range::all(), 2).await.unwrap();
        assert_eq!(page.next, Some("c".into()));
        let last = view.range(KEYS, &Range::from("c"), 2).await.unwrap();
        let keys: Vec<String> =
            page.rows.iter().chain(&last.rows).map(|(key, _)| key.to_string()).collect();
        assert_eq!((keys, last.next), (vec!["a".into(), "b".into(), "c".into()], None));
        let expects = SealedBatch::new().expect(KEYS, "a", Expected::At(1));
        let revision = barrier.commit(expects).await.unwrap();
        assert_eq!(revision.0, view.revision().0 + 1, "writes nothing");
        let raw = barrier.engine().commit(Batch::new().expect(KEYS, "a", Expect::Version(1)));
        assert_eq!(raw.await, Ok(revision));
    });
}
