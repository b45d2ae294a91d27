//! The store's rooms together: every engine against the suite, faults, and what the barrier finds.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy knows test functions, not the functions that tests share"
)]

mod along;
mod barrier;
mod engines;
mod power;
mod sieve;
mod sqlite;
mod tampering;

use std::sync::Arc;

use bulla_crypto::{Crypto, SecretKey};
use bulla_store::{Barrier, BarrierError, Expected, SealedBatch, Space, Store};

pub(crate) const KEYS: Space = Space::new("keys");

pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap().block_on(future)
}

pub(crate) fn root(byte: u8) -> SecretKey {
    SecretKey::from_slice(&[byte; 32]).unwrap()
}

pub(crate) async fn create(engine: Arc<dyn Store>) -> Barrier {
    Barrier::create(engine, Crypto::standard(), root(1)).await.unwrap()
}

pub(crate) async fn open(engine: Arc<dyn Store>) -> Result<Barrier, BarrierError> {
    Barrier::open(engine, Crypto::standard(), root(1)).await
}

pub(crate) async fn write(barrier: &Barrier, key: &str, expected: Expected, value: &str) {
    let batch = SealedBatch::new().put(KEYS, key, expected, value.as_bytes().to_vec());
    barrier.commit(batch).await.unwrap();
}

pub(crate) async fn read(barrier: &Barrier, key: &str) -> Option<(u64, String)> {
    let opened = barrier.get(KEYS, key.as_bytes()).await.unwrap()?;
    let text = String::from_utf8(opened.value.expose().to_vec()).unwrap();
    Some((opened.version, text))
}
