//! Whatever is done to the database from outside is found, and the rest goes on.

use std::{fs, path::Path, sync::Arc};

use bulla_store::{
    Barrier, BarrierError, DATABASE_FILE, Expected, Place, Range, Sqlite, StoreError, Verified,
};
use rusqlite::{Connection, params};
use tempfile::TempDir;

use crate::{KEYS, create, open, read, run, write};

const RECORDS: [&str; 3] = ["first", "second", "third"];

/// A live store of three records and the intruder's connection to it.
async fn store() -> (TempDir, Barrier, Connection) {
    let directory = tempfile::tempdir().unwrap();
    let barrier = create(Arc::new(Sqlite::open(directory.path()).unwrap())).await;
    for key in RECORDS {
        write(&barrier, key, Expected::Absent, "value").await;
    }
    let intruder = Connection::open(directory.path().join(DATABASE_FILE)).unwrap();
    intruder.execute_batch("PRAGMA synchronous = OFF").unwrap();
    (directory, barrier, intruder)
}

fn sealed(intruder: &Connection, key: &str) -> (u64, Vec<u8>) {
    intruder
        .query_row("SELECT version, value FROM kv WHERE key = ?1", [key.as_bytes()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap()
}

fn replace(intruder: &Connection, key: &str, (version, value): &(u64, Vec<u8>)) {
    let changed = intruder.execute(
        "UPDATE kv SET version = ?2, value = ?3 WHERE key = ?1",
        params![key.as_bytes(), version, value],
    );
    assert_eq!(changed, Ok(1));
}

async fn others_are_served(barrier: &Barrier, altered: &[&str]) {
    for key in RECORDS {
        if altered.contains(&key) {
            let error = barrier.get(KEYS, key.as_bytes()).await.err();
            let place = Place::new(KEYS, key);
            assert!(
                matches!(
                    &error,
                    Some(
                        BarrierError::Altered { place: p }
                        | BarrierError::NoDomainKey { place: p, .. }
                    )
                        if *p == place
                ),
                "{error:?}"
            );
        } else {
            assert!(read(barrier, key).await.is_some());
        }
    }
    let page = barrier.view().await.unwrap().range(KEYS, &Range::all(), 10).await.unwrap();
    assert_eq!((page.rows.len(), page.altered.len()), (3 - altered.len(), altered.len()));
}

fn named(verified: &Verified) -> Vec<String> {
    verified.altered.iter().map(Place::to_string).collect()
}

#[test]
fn every_altered_bit_of_a_value_is_found_and_the_record_named() {
    run(async {
        let (_directory, barrier, intruder) = store().await;
        let good = sealed(&intruder, "second");
        for bit in 0..good.1.len() * 8 {
            let mut bad = good.clone();
            bad.1[bit / 8] ^= 1 << (bit % 8);
            replace(&intruder, "second", &bad);
            others_are_served(&barrier, &["second"]).await;
            let verified = barrier.verify_all().await.unwrap();
            assert_eq!(named(&verified), ["keys/second"]);
            assert!(verified.to_string().contains("keys/second"));
        }
        for length in 0..good.1.len() {
            replace(&intruder, "second", &(good.0, good.1[..length].to_vec()));
            others_are_served(&barrier, &["second"]).await;
        }
        replace(&intruder, "second", &good);
        assert!(barrier.verify_all().await.unwrap().is_intact());
    });
}

#[test]
fn swapped_records_are_found() {
    run(async {
        let (_directory, barrier, intruder) = store().await;
        let (first, second) = (sealed(&intruder, "first"), sealed(&intruder, "second"));
        replace(&intruder, "first", &second);
        replace(&intruder, "second", &first);
        others_are_served(&barrier, &["first", "second"]).await;
        assert_eq!(named(&barrier.verify_all().await.unwrap()), ["keys/first", "keys/second"]);
    });
}

#[test]
fn a_record_moved_to_another_space_is_found() {
    run(async {
        let (_directory, barrier, intruder) = store().await;
        let sql = "UPDATE kv SET space = 'other' WHERE key = ?1";
        intruder.execute(sql, ["first".as_bytes()]).unwrap();
        let moved = barrier.get(bulla_store::Space::new("other"), b"first").await.err();
        assert!(matches!(moved, Some(BarrierError::Altered { .. })));
        let verified = barrier.verify_all().await.unwrap();
        assert!(!verified.attested && named(&verified) == ["other/first"]);
    });
}

#[test]
fn a_record_put_back_is_found() {
    run(async {
        let (directory, barrier, intruder) = store().await;
        let old = sealed(&intruder, "first");
        write(&barrier, "first", Expected::At(1), "newer").await;
        // Its content alone does not open at the present version.
        replace(&intruder, "first", &(2, old.1.clone()));
        others_are_served(&barrier, &["first"]).await;
        // With its version it opens, but is not what was attested.
        replace(&intruder, "first", &old);
        assert_eq!(read(&barrier, "first").await, Some((1, "value".into())));
        let rolled_back = |verified: Verified| {
            assert!(!verified.is_intact() && verified.altered.is_empty());
            let text = verified.to_string();
            assert!(text.contains("rolled back, added or removed"), "{text}");
        };
        rolled_back(barrier.verify_all().await.unwrap());
        // A later commit does not cover it up, nor does a restart.
        write(&barrier, "second", Expected::At(1), "newer").await;
        rolled_back(barrier.verify_all().await.unwrap());
        drop(barrier);
        let engine = Arc::new(Sqlite::open(directory.path()).unwrap());
        rolled_back(open(engine).await.unwrap().verify_all().await.unwrap());
    });
}

#[test]
fn a_record_removed_or_brought_back_is_found() {
    run(async {
        let (_directory, barrier, intruder) = store().await;
        let third = sealed(&intruder, "third");
        let delete = "DELETE FROM kv WHERE key = ?1";
        intruder.execute(delete, ["third".as_bytes()]).unwrap();
        let verified = barrier.verify_all().await.unwrap();
        assert!(!verified.attested && verified.rows == 5);
        let insert = "INSERT INTO kv (space, key, version, value) VALUES ('keys', ?1, ?2, ?3)";
        intruder.execute(insert, params!["third".as_bytes(), third.0, third.1]).unwrap();
        assert!(barrier.verify_all().await.unwrap().is_intact());
        let gone = bulla_store::SealedBatch::new().delete(KEYS, "third", Expected::At(1));
        barrier.commit(gone).await.unwrap();
        assert!(barrier.verify_all().await.unwrap().is_intact());
        intruder.execute(insert, params!["third".as_bytes(), third.0, third.1]).unwrap();
        let verified = barrier.verify_all().await.unwrap();
        assert!(!verified.attested && verified.altered.is_empty() && verified.rows == 6);
    });
}

#[test]
fn an_attestation_that_was_touched_stops_the_opening() {
    run(async {
        let (directory, barrier, intruder) = store().await;
        let older: Vec<u8> =
            intruder.query_row("SELECT attestation FROM head", [], |row| row.get(0)).unwrap();
        write(&barrier, "first", Expected::At(1), "newer").await;
        drop(barrier);
        let good: (u64, Vec<u8>) = intruder
            .query_row("SELECT rev, attestation FROM head", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .unwrap();
        let mut flipped = good.1.clone();
        flipped[20] ^= 1;
        for (rev, attestation) in [
            (good.0, Some(older.clone())),
            (good.0, Some(flipped)),
            (good.0, None),
            (good.0 + 1, Some(good.1.clone())),
            (0, None),
        ] {
            let sql = "UPDATE head SET rev = ?1, attestation = ?2";
            intruder.execute(sql, params![rev, attestation]).unwrap();
            let engine = Arc::new(Sqlite::open(directory.path()).unwrap());
            let error = open(engine).await.err();
            assert!(matches!(error, Some(BarrierError::Attest(_))), "{error:?}");
        }
    });
}

#[test]
fn an_altered_domain_key_is_named_and_not_taken_for_a_wrong_root_key() {
    run(async {
        let (directory, barrier, intruder) = store().await;
        barrier.rotate().await.unwrap();
        drop(barrier);
        let key = "seal/0000000001";
        let (version, mut value) = sealed(&intruder, key);
        value[30] ^= 1;
        replace(&intruder, key, &(version, value));
        let engine = Arc::new(Sqlite::open(directory.path()).unwrap());
        let place = Place::new(bulla_store::Space::new("domain"), key);
        assert_eq!(open(engine).await.err(), Some(BarrierError::Altered { place }));
    });
}

/// Opens what is there and says which records are wrong, if it does not say that it is damaged.
async fn wrong_and_unnoticed(directory: &Path) -> Vec<&'static str> {
    let Ok(engine) = Sqlite::open(directory) else { return Vec::new() };
    let Ok(barrier) = open(Arc::new(engine)).await else { return Vec::new() };
    let mut wrong = Vec::new();
    for key in RECORDS {
        match barrier.get(KEYS, key.as_bytes()).await {
            Ok(Some(row)) if row.version == 1 && row.value.ct_eq(b"value") => {}
            Ok(_) => wrong.push(key),
            Err(
                BarrierError::Altered { .. }
                | BarrierError::NoDomainKey { .. }
                | BarrierError::Store(StoreError::Corrupt { .. } | StoreError::Io { .. }),
            ) => {}
            Err(error) => panic!("{error}"),
        }
    }
    // A record that is not where it is looked for is found by the count.
    match barrier.verify_all().await {
        Ok(verified) if verified.is_intact() => wrong,
        _ => Vec::new(),
    }
}

fn flip_every(stride: usize) -> usize {
    let directory = run(async {
        let (directory, barrier, intruder) = store().await;
        drop(intruder);
        barrier.engine().close().await.unwrap();
        directory
    });
    let database = directory.path().join(DATABASE_FILE);
    let good = fs::read(&database).unwrap();
    let positions = (0..good.len()).step_by(stride);
    for at in positions.clone() {
        let mut bad = good.clone();
        bad[at] ^= 0xff;
        fs::write(&database, bad).unwrap();
        for side in ["-wal", "-shm"] {
            let _ = fs::remove_file(directory.path().join(format!("{DATABASE_FILE}{side}")));
        }
        let wrong = run(wrong_and_unnoticed(directory.path()));
        assert!(wrong.is_empty(), "byte {at}: {wrong:?}");
    }
    positions.len()
}

#[test]
fn rot_in_the_file_is_never_served_unnoticed() {
    assert!(flip_every(97) > 100);
}

#[test]
#[ignore = "every byte of the file: minutes"]
fn rot_in_any_byte_of_the_file_is_never_served_unnoticed() {
    flip_every(1);
}
