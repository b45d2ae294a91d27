//! The store's figures on this machine: `cargo run --release -p bulla-store --example figures`.
#![expect(clippy::unwrap_used, reason = "a measurement that fails should stop")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bulla_crypto::{Crypto, SecretKey};
use bulla_store::{Barrier, Expected, SealedBatch, Space, Sqlite};

const KEYS: Space = Space::new("keys");
const ROWS: usize = 100_000;
const ROWS_A_BATCH: usize = 500;
const COMMITTERS: usize = 16;
const VALUE_BYTES: usize = 1024;
const SPAN: Duration = Duration::from_secs(5);
const GETS: usize = 50_000;

fn root() -> SecretKey {
    SecretKey::from_slice(&[1; 32]).unwrap()
}

async fn commits(barrier: &Arc<Barrier>, prefix: &'static str) -> f64 {
    let start = Instant::now();
    let tasks: Vec<_> = (0..COMMITTERS)
        .map(|committer| {
            let barrier = Arc::clone(barrier);
            tokio::spawn(async move {
                let mut count = 0;
                while start.elapsed() < SPAN {
                    let key = format!("{prefix}/{committer}/{count}");
                    let value = vec![0; VALUE_BYTES];
                    let batch = SealedBatch::new().put(KEYS, key, Expected::Absent, value);
                    barrier.commit(batch).await.unwrap();
                    count += 1;
                }
                count
            })
        })
        .collect();
    let mut count = 0;
    for task in tasks {
        count += task.await.unwrap();
    }
    f64::from(count) / start.elapsed().as_secs_f64()
}

async fn gets(barrier: &Barrier, sealed: bool) -> f64 {
    let start = Instant::now();
    for number in 0..GETS {
        let key = format!("row/{:06}", number * 7919 % ROWS);
        if sealed {
            barrier.get(KEYS, key.as_bytes()).await.unwrap().unwrap();
        } else {
            barrier.engine().get(KEYS, key.as_bytes()).await.unwrap().unwrap();
        }
    }
    start.elapsed().as_secs_f64() * 1e6 / f64::from(u32::try_from(GETS).unwrap())
}

#[tokio::main]
async fn main() {
    let directory = std::env::args().nth(1).unwrap_or_else(|| "figures.tmp".into());
    let barrier =
        Barrier::create(Arc::new(Sqlite::open(&directory).unwrap()), Crypto::standard(), root());
    let barrier = Arc::new(barrier.await.unwrap());
    let rate = commits(&barrier, "empty").await;
    println!("{COMMITTERS} committers, 1 KiB, empty: {rate:.0} commits/s");

    for first in (0..ROWS).step_by(ROWS_A_BATCH) {
        let batch = (first..first + ROWS_A_BATCH).fold(SealedBatch::new(), |batch, number| {
            let value = vec![0; VALUE_BYTES];
            batch.put(KEYS, format!("row/{number:06}"), Expected::Absent, value)
        });
        barrier.commit(batch).await.unwrap();
    }
    let rate = commits(&barrier, "full").await;
    println!("{COMMITTERS} committers, 1 KiB, {ROWS} rows: {rate:.0} commits/s");
    println!("point get, engine: {:.1} µs", gets(&barrier, false).await);
    println!("point get, barrier: {:.1} µs", gets(&barrier, true).await);
    let start = Instant::now();
    let verified = barrier.verify_all().await.unwrap();
    println!("verify all: {:.2} s: {verified}", start.elapsed().as_secs_f64());
    drop(barrier);
    let start = Instant::now();
    let engine = Arc::new(Sqlite::open(&directory).unwrap());
    let barrier = Barrier::open(engine, Crypto::standard(), root()).await.unwrap();
    barrier.get(KEYS, b"row/000001").await.unwrap().unwrap();
    println!("open and first get: {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    drop(barrier);
    std::fs::remove_dir_all(directory).unwrap();
}
