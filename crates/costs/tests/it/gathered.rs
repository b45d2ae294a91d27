//! What gathers in memory and is written part by part is counted as what is counted in one go,
//! wherever a crash or a failure falls.

use std::sync::Arc;

use bulla_costs::{By, CostExplorer, Hour, Meter, SPACES, Sum};
use bulla_crypto::{Crypto, SecretKey};
use bulla_ground::Ground;
use bulla_plane::Rows as _;
use bulla_plane::journal::{Feed, Pace};
use bulla_store::{Barrier, Disk, DiskFault, Expected, Faults, SealedBatch, Simulated, Space};

use crate::script::{DAY_MS, SEPTEMBER_MS, Said, Script};

const KMS: &str = "kms.amazonaws.com";
const SECRETS: &str = "secretsmanager.amazonaws.com";
const KEYS: usize = 100;
/// Room for fewer uses than there are resources.
const LITTLE_ROOM: usize = 16 << 10;

fn key(number: usize) -> String {
    format!("arn:aws:kms:us-east-1:111122223333:key/{number}")
}

/// Uses all keys in some hours, makes some, and rotates some: what no order may count twice.
async fn used(script: &mut Script, time: i64) {
    for number in 0..KEYS {
        let at = SEPTEMBER_MS + time * DAY_MS / 8;
        let arn = key(number);
        if number % 20 == 0 {
            script.call(Said::new(at, KMS, "CreateKey", &arn)).await;
            script.happens(at + 1, "RotateKey", &arn).await;
        }
        script.call(Said::new(at + 2, KMS, "Encrypt", &arn)).await;
        script.call_twice(Said::new(at + 3, SECRETS, "GetSecretValue", &arn), "other").await;
    }
}

type Told = Vec<(Vec<String>, Sum)>;

async fn told(meter: &Meter) -> Told {
    let month = Hour::of(SEPTEMBER_MS).month();
    meter.costs(month, By::Key, SEPTEMBER_MS + 60 * DAY_MS).await.unwrap()
}

/// What a meter tells that reads the whole journal at once.
async fn fresh(script: &Script) -> Told {
    let ground = Ground::in_memory().await.unwrap();
    let feed = Arc::new(Feed::new(Arc::clone(&script.ground.journal)));
    let meter = Meter::new(Arc::clone(&ground.barrier), feed);
    meter.settle().await.unwrap();
    told(&meter).await
}

async fn assert_exact(script: &Script, case: &str) {
    script.meter.settle().await.unwrap();
    let (told, fresh) = (told(&script.meter).await, fresh(script).await);
    assert!(told.len() >= KEYS, "{case}: {}", told.len());
    assert!(told == fresh, "{case}: {told:?} is not {fresh:?}");
}

fn root() -> SecretKey {
    SecretKey::from_slice(&[1; 32]).unwrap()
}

/// Starts anew on what is durable of a disk.
async fn reopen(script: &mut Script, disk: &Disk) {
    disk.power_cycle();
    let engine = Arc::new(Simulated::open(disk.clone()).unwrap());
    let barrier = Barrier::open(engine, Crypto::standard(), root()).await.unwrap();
    script.ground.barrier = Arc::new(barrier);
    script.restart();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_at_any_commit_of_a_round_counts_nothing_twice() {
    for cut in 1..=Meter::TICKS_A_ROUND as u64 + 4 {
        let disk = Disk::new(cut);
        let engine = Arc::new(Simulated::open(disk.clone()).unwrap());
        let mut script = Script::on(Ground::on(engine).await.unwrap());
        used(&mut script, 0).await;
        // So that parts differ in how far they are when it begins.
        for _ in 0..cut % 7 {
            script.meter.tick().await.unwrap();
        }
        used(&mut script, 1).await;
        disk.set_faults(Faults { cut_at_sync: Some(cut), ..Faults::default() });
        let mut failed = 0;
        for time in 0..Meter::TICKS_A_ROUND {
            if time == 9 {
                used(&mut script, 2).await;
            }
            failed += usize::from(script.meter.tick().await.is_err());
        }
        assert!(failed > 0 || cut > 30, "{cut}");
        reopen(&mut script, &disk).await;
        if cut % 2 == 0 {
            script.meter.tick().await.unwrap();
            reopen(&mut script, &disk).await;
        }
        used(&mut script, 3).await;
        assert_exact(&script, &format!("cut at {cut}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_fails_is_made_up_for() {
    for fails in 1..=12 {
        let disk = Disk::new(fails);
        let engine = Arc::new(Simulated::open(disk.clone()).unwrap());
        let mut script = Script::on(Ground::on(engine).await.unwrap());
        used(&mut script, 0).await;
        script.meter.tick().await.unwrap();
        let fail_at = Some((fails * 2 - 1, DiskFault::Full));
        disk.set_faults(Faults { fail_at, ..Faults::default() });
        let mut failed = 0;
        for _ in 0..Meter::TICKS_A_ROUND {
            failed += usize::from(script.meter.tick().await.is_err());
        }
        assert_eq!(failed, 1, "{fails}");
        used(&mut script, 1).await;
        assert_exact(&script, &format!("failed at {fails}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_writes_all_that_there_was_when_it_began() {
    let mut script = Script::new().await;
    used(&mut script, 0).await;
    for _ in 0..Meter::TICKS_A_ROUND {
        script.meter.tick().await.unwrap();
    }
    let last = script.ground.journal.anchor().sequence;
    script.meter.tick().await.unwrap();
    let needed = script.meter.needed();
    assert_eq!(needed.load(std::sync::atomic::Ordering::Acquire), last + 1);
    let before = told(&script.meter).await;
    script.restart();
    assert!(told(&script.meter).await == before && before == fresh(&script).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_resources_than_there_is_room_for_are_counted() {
    let mut script = Script::new().await;
    script.room = Some(LITTLE_ROOM);
    script.restart();
    for time in 0..4 {
        used(&mut script, time).await;
        if time % 2 == 1 {
            // As a lookup of events does, which waits for nobody.
            script.feed.read_on(Pace::ToTheEnd).unwrap();
        }
        script.meter.tick().await.unwrap();
        if time == 2 {
            script.restart();
        }
    }
    assert_exact(&script, "with little room").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_one_position_of_an_earlier_version_is_gone_on_from() {
    let mut script = Script::new().await;
    used(&mut script, 0).await;
    let sequence = script.ground.journal.anchor().sequence;
    let row = format!(r#"{{"sequence":{sequence},"request":null}}"#).into_bytes();
    let space = Space::new("costs.position");
    let batch = SealedBatch::new().put(space, "journal", Expected::Absent, row);
    script.ground.barrier.commit(batch).await.unwrap();
    used(&mut script, 1).await;
    for _ in 0..5 {
        script.meter.tick().await.unwrap();
    }
    script.restart();
    script.meter.settle().await.unwrap();
    let (told, all) = (told(&script.meter).await, fresh(&script).await);
    let requests = |told: &Told, arn: &str| {
        let of = told.iter().find(|(keys, _)| keys[0] == arn).unwrap();
        of.1.quantity.to_string()
    };
    // Encrypt and GetSecretValue, once and twice.
    assert_eq!((requests(&told, &key(1)), requests(&all, &key(1))), ("2".into(), "4".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_reset_took_away_is_not_counted_again() {
    let mut script = Script::new().await;
    used(&mut script, 0).await;
    script.meter.tick().await.unwrap();
    for space in SPACES {
        script.ground.barrier.clear(*space).await.unwrap();
    }
    CostExplorer::new(Arc::clone(&script.meter)).forget();
    script.meter.tick().await.unwrap();
    script.restart();
    script.meter.settle().await.unwrap();
    assert!(told(&script.meter).await.is_empty());
    used(&mut script, 1).await;
    script.meter.settle().await.unwrap();
    assert!(told(&script.meter).await.len() >= KEYS);
}
