//! The upkeep on real and simulated stores.

use std::path::Path;

use bulla_crypto::{Crypto, HmacKey, SecretKey};
use bulla_sigv4::AuthError;
use bulla_store::{Barrier, DATABASE_FILE, Disk, Faults, Memory, Range, Simulated, Sqlite, Store};
use rusqlite::{Connection, params};

use super::*;
use crate::identity::Scope;
use crate::journal::{self, ChainKey, Journal, Options};
use crate::outbox::Outbox;
use crate::{Authenticator, BoxFuture, Clock, Credential, CredentialError, IdStock};

const ROWS: Space = Space::new("test.rows");
const DOMAIN: Space = Space::new("domain");

struct Nobody;

impl Authenticator for Nobody {
    fn credential<'a>(
        &'a self,
        _access_key_id: &'a str,
        _session_token: Option<&'a str>,
        _scope: Scope<'a>,
    ) -> BoxFuture<'a, Result<Credential, CredentialError>> {
        Box::pin(async { Err(AuthError::UnknownKey.into()) })
    }
}

fn root() -> SecretKey {
    SecretKey::from_slice(&[1; 32]).unwrap()
}

fn plane(barrier: Barrier) -> Plane {
    let medium = Arc::new(journal::Memory::new(1 << 20));
    let chain = Arc::new(ChainKey::new(HmacKey::new(b"a key for tests")));
    Plane {
        crypto: Crypto::standard(),
        barrier: Arc::new(barrier),
        clock: Arc::new(Clock::default()),
        journal: Arc::new(Journal::open(medium, chain, Options::default()).unwrap().0),
        authenticator: Arc::new(Nobody),
        services: Vec::new(),
        outbox: Outbox::default(),
        upkeep: Upkeep::default(),
        ids: IdStock::default(),
        quotas: Arc::default(),
    }
}

async fn create(engine: Arc<dyn Store>) -> Plane {
    plane(Barrier::create(engine, Crypto::standard(), root()).await.unwrap())
}

async fn open(engine: Arc<dyn Store>) -> Result<Plane, BarrierError> {
    Barrier::open(engine, Crypto::standard(), root()).await.map(plane)
}

async fn write(plane: &Plane, key: &str, before: Expected, text: &str) -> Result<(), BarrierError> {
    let batch = SealedBatch::new().put(ROWS, key, before, text.as_bytes().to_vec());
    plane.barrier.commit(batch).await.map(drop)
}

async fn read(plane: &Plane, key: &str) -> Option<(u64, Vec<u8>)> {
    let opened = plane.barrier.get(ROWS, key.as_bytes()).await.unwrap()?;
    Some((opened.version, opened.value.expose().to_vec()))
}

fn pass(plane: &Plane, ms: i64) {
    plane.clock.advance(u64::try_from(ms).unwrap());
}

/// The keys that seal values.
async fn sealing_keys(plane: &Plane) -> Result<Vec<String>, BarrierError> {
    let snapshot = plane.barrier.engine().snapshot().await?;
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
    let plane = create(Arc::new(Sqlite::open(directory.path()).unwrap())).await;
    write(&plane, "key", Expected::Absent, "enabled").await.unwrap();
    assert_eq!(plane.run_upkeep().await.unwrap(), 1);
    assert!(plane.upkeep.finding().unwrap().is_intact());
    let intruder = intruder(directory.path());
    let old = sealed(&intruder, "key");
    write(&plane, "key", Expected::At(1), "disabled").await.unwrap();
    replace(&intruder, "key", &old);
    // By itself the old row is authentic.
    assert_eq!(read(&plane, "key").await, Some((1, b"enabled".to_vec())));
    pass(&plane, VERIFY_EVERY_MS);
    assert_eq!(plane.run_upkeep().await.unwrap(), 1);
    let finding = plane.upkeep.finding().unwrap();
    assert_eq!((finding.altered, finding.attested), (0, false));
    // A restart doesn't forget it.
    drop(plane);
    let plane = open(Arc::new(Sqlite::open(directory.path()).unwrap())).await.unwrap();
    assert_eq!(plane.upkeep.finding(), None);
    assert_eq!(plane.run_upkeep().await.unwrap(), 0);
    assert_eq!(plane.upkeep.finding().map(|f| (f.altered, f.attested)), Some((0, false)));
}

#[tokio::test]
async fn a_row_that_is_altered_is_counted_and_the_others_are_served() {
    let directory = tempfile::tempdir().unwrap();
    let plane = create(Arc::new(Sqlite::open(directory.path()).unwrap())).await;
    write(&plane, "good", Expected::Absent, "value").await.unwrap();
    write(&plane, "bad", Expected::Absent, "value").await.unwrap();
    let intruder = intruder(directory.path());
    let (version, mut value) = sealed(&intruder, "bad");
    value[30] ^= 1;
    replace(&intruder, "bad", &(version, value));
    plane.run_upkeep().await.unwrap();
    let finding = plane.upkeep.finding().unwrap();
    assert_eq!((finding.altered, finding.is_intact()), (1, false));
    assert_eq!(read(&plane, "good").await, Some((1, b"value".to_vec())));
}

#[tokio::test]
async fn a_job_that_was_removed_is_put_back() {
    let plane = create(Arc::new(Memory::new())).await;
    plane.run_upkeep().await.unwrap();
    let planned = scheduler::next_due(&plane.barrier).await.unwrap();
    assert!(planned.is_some());
    plane.reset(&[]).await.unwrap();
    assert_eq!(scheduler::next_due(&plane.barrier).await.unwrap(), None);
    assert_eq!(plane.run_upkeep().await.unwrap(), 0);
    assert_eq!(scheduler::next_due(&plane.barrier).await.unwrap(), planned);
    plane.reset(&[UPKEEP]).await.unwrap();
    assert_eq!(plane.run_upkeep().await.unwrap(), 1, "whoever removed the plan too is not trusted");
}

/// Rows as they were acknowledged, and the one whose commit stopped the engine.
#[derive(Default)]
struct Written {
    rows: Vec<(String, u64)>,
    unknown: Option<(String, u64)>,
}

/// Rotates and seals everything anew, with calls that write in between.
async fn script(plane: &Plane, written: &mut Written) -> Result<(), BarrierError> {
    for number in 0..300 {
        let key = number.to_string();
        written.unknown = Some((key.clone(), 1));
        write(plane, &key, Expected::Absent, &key).await?;
        written.rows.push((key, 1));
    }
    written.unknown = None;
    plane.run_upkeep().await?;
    pass(plane, ROTATE_EVERY_MS);
    while sealing_keys(plane).await? != ["seal/0000000002"] {
        if let Some((key, version)) = written.rows.get_mut(17) {
            written.unknown = Some((key.clone(), *version + 1));
            let again = key.clone();
            write(plane, key, Expected::At(*version), &again).await?;
            *version += 1;
            written.unknown = None;
        }
        pass(plane, REWRAP_PAUSE_MS);
        plane.run_upkeep().await?;
    }
    Ok(())
}

async fn check(disk: &Disk, written: Written, context: &str) {
    disk.power_cycle();
    let plane = open(Arc::new(Simulated::open(disk.clone()).unwrap())).await.unwrap();
    for (key, version) in &written.rows {
        let found = read(&plane, key).await;
        let newer = written.unknown.as_ref().filter(|(unknown, _)| unknown == key);
        let text = key.as_bytes().to_vec();
        let whole = newer.is_some_and(|(_, newer)| found == Some((*newer, text.clone())));
        assert!(found == Some((*version, text)) || whole, "{context}: row {key} is {found:?}");
    }
    assert!(plane.barrier.verify_all().await.unwrap().is_intact(), "{context}");
    // It goes on where it was, and comes to its end.
    pass(&plane, ROTATE_EVERY_MS);
    for _ in 0..10 {
        plane.run_upkeep().await.unwrap();
        pass(&plane, REWRAP_PAUSE_MS);
    }
    assert_eq!(sealing_keys(&plane).await.unwrap().len(), 1, "{context}");
    assert!(plane.barrier.verify_all().await.unwrap().is_intact(), "{context}");
}

#[tokio::test]
async fn a_power_cut_at_any_sync_of_a_rotation_loses_nothing() {
    let disk = Disk::new(0);
    let plane = create(Arc::new(Simulated::open(disk.clone()).unwrap())).await;
    let before = disk.syncs() + 300;
    script(&plane, &mut Written::default()).await.unwrap();
    let syncs = disk.syncs();
    assert!(syncs - before > 10, "{syncs}");
    for cut in before..=syncs {
        for seed in 0..2 {
            let disk = Disk::new(seed);
            disk.set_faults(Faults { cut_at_sync: Some(cut), ..Faults::default() });
            let plane = create(Arc::new(Simulated::open(disk.clone()).unwrap())).await;
            let mut written = Written::default();
            let ended = script(&plane, &mut written).await;
            let context = format!("cut at sync {cut}, seed {seed}");
            assert!(ended.is_err(), "{context}");
            check(&disk, written, &context).await;
        }
    }
}
