//! The upkeep on real and simulated stores.

use std::path::Path;
use std::sync::Arc;

use bulla_crypto::{Crypto, SecretKey};
use bulla_store::{Barrier, DATABASE_FILE, Disk, Faults, Memory, Range, Simulated, Sqlite, Store};
use rusqlite::{Connection, params};

use super::*;

const ROWS: Space = Space::new("test.rows");
const DOMAIN: Space = Space::new("domain");

fn root() -> SecretKey {
    SecretKey::from_slice(&[1; 32]).unwrap()
}

/// As much of a plane as its upkeep needs.
struct Kept {
    barrier: Barrier,
    clock: Clock,
    upkeep: Upkeep,
}

impl Kept {
    fn over(barrier: Barrier) -> Self {
        Self { barrier, clock: Clock::default(), upkeep: Upkeep::default() }
    }

    async fn run_upkeep(&self) -> Result<usize, BarrierError> {
        let Self { barrier, clock, upkeep } = self;
        Keeper { barrier, clock, upkeep }.run().await
    }

    /// What a reset of these spaces does to the store.
    async fn swept(&self, spaces: &[Space]) {
        for &space in spaces.iter().chain(&[DUE]) {
            self.barrier.clear(space).await.unwrap();
        }
    }
}

async fn create(engine: Arc<dyn Store>) -> Kept {
    Kept::over(Barrier::create(engine, Crypto::standard(), root()).await.unwrap())
}

async fn open(engine: Arc<dyn Store>) -> Result<Kept, BarrierError> {
    Barrier::open(engine, Crypto::standard(), root()).await.map(Kept::over)
}

async fn write(kept: &Kept, key: &str, before: Expected, text: &str) -> Result<(), BarrierError> {
    let batch = SealedBatch::new().put(ROWS, key, before, text.as_bytes().to_vec());
    kept.barrier.commit(batch).await.map(drop)
}

async fn read(kept: &Kept, key: &str) -> Option<(u64, Vec<u8>)> {
    let opened = kept.barrier.get(ROWS, key.as_bytes()).await.unwrap()?;
    Some((opened.version, opened.value.expose().to_vec()))
}

fn pass(kept: &Kept, ms: i64) {
    kept.clock.advance(u64::try_from(ms).unwrap());
}

/// The keys that seal values.
async fn sealing_keys(kept: &Kept) -> Result<Vec<String>, BarrierError> {
    let snapshot = kept.barrier.engine().snapshot().await?;
    let page = snapshot.range(DOMAIN, &Range::prefix("seal/"), 10).await?;
    Ok(page.rows.iter().map(|(key, _)| key.to_string()).collect())
}

fn intruder(directory: &Path) -> Connection {
    Connection::open(directory.join(DATABASE_FILE)).unwrap()
}

fn sealed(intruder: &Connection, key: &str) -> (u64, Vec<u8>) {
    let sql = "SELECT version, value FROM kv WHERE space = ?1 AND key = ?2";
    let place = params![ROWS.as_str(), key.as_bytes()];
    intruder.query_row(sql, place, |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
}

fn replace(intruder: &Connection, key: &str, (version, value): &(u64, Vec<u8>)) {
    let sql = "UPDATE kv SET version = ?3, value = ?4 WHERE space = ?1 AND key = ?2";
    let row = params![ROWS.as_str(), key.as_bytes(), version, value];
    assert_eq!(intruder.execute(sql, row), Ok(1));
}

#[tokio::test]
async fn a_row_that_is_put_back_is_found_a_day_later_at_most_and_stays_found() {
    let directory = tempfile::tempdir().unwrap();
    let kept = create(Arc::new(Sqlite::open(directory.path()).unwrap())).await;
    write(&kept, "key", Expected::Absent, "enabled").await.unwrap();
    assert_eq!(kept.run_upkeep().await.unwrap(), 1);
    assert!(kept.upkeep.finding().unwrap().is_intact());
    let intruder = intruder(directory.path());
    let old = sealed(&intruder, "key");
    write(&kept, "key", Expected::At(1), "disabled").await.unwrap();
    replace(&intruder, "key", &old);
    // By itself the old row is authentic.
    assert_eq!(read(&kept, "key").await, Some((1, b"enabled".to_vec())));
    pass(&kept, VERIFY_EVERY_MS);
    assert_eq!(kept.run_upkeep().await.unwrap(), 1);
    let finding = kept.upkeep.finding().unwrap();
    assert_eq!((finding.altered, finding.attested), (0, false));
    // A restart doesn't forget it.
    drop(kept);
    let kept = open(Arc::new(Sqlite::open(directory.path()).unwrap())).await.unwrap();
    assert_eq!(kept.upkeep.finding(), None);
    assert_eq!(kept.run_upkeep().await.unwrap(), 0);
    assert_eq!(kept.upkeep.finding().map(|f| (f.altered, f.attested)), Some((0, false)));
}

#[tokio::test]
async fn a_row_that_is_altered_is_counted_and_the_others_are_served() {
    let directory = tempfile::tempdir().unwrap();
    let kept = create(Arc::new(Sqlite::open(directory.path()).unwrap())).await;
    write(&kept, "good", Expected::Absent, "value").await.unwrap();
    write(&kept, "bad", Expected::Absent, "value").await.unwrap();
    let intruder = intruder(directory.path());
    let (version, mut value) = sealed(&intruder, "bad");
    value[30] ^= 1;
    replace(&intruder, "bad", &(version, value));
    kept.run_upkeep().await.unwrap();
    let finding = kept.upkeep.finding().unwrap();
    assert_eq!((finding.altered, finding.is_intact()), (1, false));
    assert_eq!(read(&kept, "good").await, Some((1, b"value".to_vec())));
}

#[tokio::test]
async fn a_job_that_was_removed_is_put_back() {
    let kept = create(Arc::new(Memory::new())).await;
    kept.run_upkeep().await.unwrap();
    let planned = scheduler::next_due(&kept.barrier).await.unwrap();
    assert!(planned.is_some());
    kept.swept(&[]).await;
    assert_eq!(scheduler::next_due(&kept.barrier).await.unwrap(), None);
    assert_eq!(kept.run_upkeep().await.unwrap(), 0);
    assert_eq!(scheduler::next_due(&kept.barrier).await.unwrap(), planned);
    kept.swept(&[UPKEEP]).await;
    assert_eq!(kept.run_upkeep().await.unwrap(), 1, "whoever removed the plan too is not trusted");
}

/// Rows as they were acknowledged, and the one whose commit stopped the engine.
#[derive(Default)]
struct Written {
    rows: Vec<(String, u64)>,
    unknown: Option<(String, u64)>,
}

/// Rotates and seals everything anew, with calls that write in between.
async fn script(kept: &Kept, written: &mut Written) -> Result<(), BarrierError> {
    for number in 0..300 {
        let key = number.to_string();
        written.unknown = Some((key.clone(), 1));
        write(kept, &key, Expected::Absent, &key).await?;
        written.rows.push((key, 1));
    }
    written.unknown = None;
    kept.run_upkeep().await?;
    pass(kept, ROTATE_EVERY_MS);
    while sealing_keys(kept).await? != ["seal/0000000002"] {
        if let Some((key, version)) = written.rows.get_mut(17) {
            written.unknown = Some((key.clone(), *version + 1));
            let again = key.clone();
            write(kept, key, Expected::At(*version), &again).await?;
            *version += 1;
            written.unknown = None;
        }
        pass(kept, REWRAP_PAUSE_MS);
        kept.run_upkeep().await?;
    }
    Ok(())
}

async fn check(disk: &Disk, written: Written, context: &str) {
    disk.power_cycle();
    let kept = open(Arc::new(Simulated::open(disk.clone()).unwrap())).await.unwrap();
    for (key, version) in &written.rows {
        let found = read(&kept, key).await;
        let newer = written.unknown.as_ref().filter(|(unknown, _)| unknown == key);
        let text = key.as_bytes().to_vec();
        let whole = newer.is_some_and(|(_, newer)| found == Some((*newer, text.clone())));
        assert!(found == Some((*version, text)) || whole, "{context}: row {key} is {found:?}");
    }
    assert!(kept.barrier.verify_all().await.unwrap().is_intact(), "{context}");
    // It goes on where it was, and comes to its end.
    pass(&kept, ROTATE_EVERY_MS);
    for _ in 0..10 {
        kept.run_upkeep().await.unwrap();
        pass(&kept, REWRAP_PAUSE_MS);
    }
    assert_eq!(sealing_keys(&kept).await.unwrap().len(), 1, "{context}");
    assert!(kept.barrier.verify_all().await.unwrap().is_intact(), "{context}");
}

#[tokio::test]
async fn a_power_cut_at_any_sync_of_a_rotation_loses_nothing() {
    let disk = Disk::new(0);
    let kept = create(Arc::new(Simulated::open(disk.clone()).unwrap())).await;
    let before = disk.syncs() + 300;
    script(&kept, &mut Written::default()).await.unwrap();
    let syncs = disk.syncs();
    assert!(syncs - before > 10, "{syncs}");
    for cut in before..=syncs {
        for seed in 0..2 {
            let disk = Disk::new(seed);
            disk.set_faults(Faults { cut_at_sync: Some(cut), ..Faults::default() });
            let kept = create(Arc::new(Simulated::open(disk.clone()).unwrap())).await;
            let mut written = Written::default();
            let ended = script(&kept, &mut written).await;
            let context = format!("cut at sync {cut}, seed {seed}");
            assert!(ended.is_err(), "{context}");
            check(&disk, written, &context).await;
        }
    }
}
