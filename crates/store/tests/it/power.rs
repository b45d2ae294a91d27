//! Power cuts and I/O errors at every operation of a scripted run.

use std::{collections::BTreeMap, sync::Arc};

use bulla_store::{
    Barrier, BarrierError, Disk, DiskFault, Expected, Faults, MAX_PAGE_ROWS, Range, SealedBatch,
    Simulated, StoreError,
};

use crate::{KEYS, create, open, run};

type Rows = BTreeMap<String, (u64, String)>;

/// A script's step: several rows written or deleted in one commit.
fn step(number: u64, rows: &Rows) -> (SealedBatch, Rows) {
    let (mut batch, mut after) = (SealedBatch::new(), rows.clone());
    for write in 0..1 + number % 3 {
        let key = format!("key{}", (number * 7 + write * 3) % 10);
        let version = after.get(&key).map(|(version, _)| *version);
        let expected = Expected::from(version);
        if version.is_some() && (number + write).is_multiple_of(4) {
            batch = batch.delete(KEYS, key.clone(), expected);
            after.remove(&key);
        } else {
            let value =
                format!("{number}/{write}/").repeat(1 + usize::try_from(number).unwrap() * 13);
            batch = batch.put(KEYS, key.clone(), expected, value.clone().into_bytes());
            after.insert(key, (version.unwrap_or(0) + 1, value));
        }
    }
    (batch, after)
}

const STEPS: u64 = 24;

/// What a run left behind.
struct Run {
    /// Whether the creation was acknowledged.
    created: bool,
    /// The rows that were acknowledged.
    acknowledged: Rows,
    /// The rows as they would be with the commit that stopped the engine.
    unknown: Option<Rows>,
    /// Steps that were refused for want of room.
    refused: u64,
}

/// Runs the script until the engine stops, and checks that it stays stopped.
async fn script(disk: &Disk) -> Run {
    let mut run = Run { created: false, acknowledged: Rows::new(), unknown: None, refused: 0 };
    let engine = Arc::new(Simulated::open(disk.clone()).unwrap());
    let crypto = bulla_crypto::Crypto::standard();
    let Ok(barrier) = Barrier::create(engine, crypto, crate::root(1)).await else { return run };
    run.created = true;
    for number in 0..STEPS {
        let (batch, after) = step(number, &run.acknowledged);
        match barrier.commit(batch).await {
            Ok(_) if run.unknown.is_some() => panic!("answered after the engine stopped"),
            Ok(_) => run.acknowledged = after,
            Err(BarrierError::Store(StoreError::Full)) => run.refused += 1,
            Err(BarrierError::Store(StoreError::FailStopped { .. })) => {
                run.unknown.get_or_insert(after);
                let read = barrier.get(KEYS, b"key0").await.err();
                assert!(matches!(read, Some(BarrierError::Store(StoreError::FailStopped { .. }))));
            }
            Err(error) => panic!("{error}"),
        }
    }
    run
}

async fn rows_of(barrier: &Barrier) -> Rows {
    let view = barrier.view().await.unwrap();
    let page = view.range(KEYS, &Range::all(), MAX_PAGE_ROWS).await.unwrap();
    assert!(page.next.is_none() && page.altered.is_empty());
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    page.rows
        .into_iter()
        .map(|(key, row)| (key.to_string(), (row.version, text(row.value.expose()))))
        .collect()
}

/// After the power came back: what was acknowledged is there, the rest in whole or not at all.
async fn check(disk: &Disk, run: Run, context: &str) {
    disk.power_cycle();
    let engine = Arc::new(Simulated::open(disk.clone()).unwrap());
    let barrier = match open(Arc::clone(&engine) as _).await {
        Ok(barrier) => barrier,
        Err(BarrierError::NotInitialized) if !run.created => create(engine).await,
        Err(error) => panic!("{context}: {error}"),
    };
    let found = rows_of(&barrier).await;
    let whole = run.unknown.as_ref().is_some_and(|rows| *rows == found);
    assert!(found == run.acknowledged || whole, "{context}: {found:?}");
    let verified = barrier.verify_all().await.unwrap();
    assert!(verified.is_intact(), "{context}: {verified}");
    let (batch, after) = step(STEPS, &found);
    barrier.commit(batch).await.unwrap();
    assert_eq!(rows_of(&barrier).await, after, "{context}");
}

#[test]
fn a_power_cut_at_any_sync_loses_nothing_acknowledged() {
    run(async {
        let disk = Disk::new(0);
        script(&disk).await;
        let syncs = disk.syncs();
        assert_eq!(syncs, 1 + STEPS);
        for cut in 1..=syncs {
            for seed in 0..16 {
                let disk = Disk::new(seed);
                disk.set_faults(Faults { cut_at_sync: Some(cut), ..Faults::default() });
                let left = script(&disk).await;
                assert_eq!(left.created, cut > 1);
                check(&disk, left, &format!("cut at sync {cut}, seed {seed}")).await;
            }
        }
    });
}

#[test]
fn an_error_at_any_operation_stops_the_engine_or_refuses_the_commit() {
    run(async {
        let disk = Disk::new(0);
        script(&disk).await;
        let operations = disk.operations();
        assert_eq!(operations, 2 * (1 + STEPS));
        for at in 1..=operations {
            for fault in [DiskFault::Io, DiskFault::Full] {
                for fail_forever in [false, true] {
                    let disk = Disk::new(at);
                    disk.set_faults(Faults {
                        fail_at: Some((at, fault)),
                        fail_forever,
                        ..Faults::default()
                    });
                    let left = script(&disk).await;
                    let context = format!("{fault:?} at operation {at}, forever: {fail_forever}");
                    // Writes are odd, syncs even: only a write may be refused without a stop.
                    let refusal = fault == DiskFault::Full && !at.is_multiple_of(2);
                    if left.created {
                        assert_eq!(left.refused > 0, refusal, "{context}");
                        assert_eq!(left.unknown.is_none(), refusal, "{context}");
                        assert!(fail_forever || left.refused <= 1, "{context}");
                    }
                    check(&disk, left, &context).await;
                }
            }
        }
    });
}

#[test]
fn a_seed_tells_the_whole_story() {
    let image = |seed| {
        let disk = Disk::new(seed);
        disk.set_faults(Faults { cut_at_sync: Some(5), ..Faults::default() });
        let engine = Simulated::open(disk.clone()).unwrap();
        run(async {
            use bulla_store::{Batch, Store};
            for number in 0..6u64 {
                let batch = Batch::new().put(KEYS, number.to_string(), 1, vec![7; 3000]);
                let _ = engine.commit(batch).await;
            }
        });
        disk.durable()
    };
    assert_eq!(image(3), image(3));
    assert!((0..8).any(|seed| image(seed) != image(3)), "seeds differ");
}
