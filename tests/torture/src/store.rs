//! A sealed store as the tests use it, on any engine.

use std::collections::BTreeMap;
use std::sync::Arc;

use bulla_crypto::{Crypto, SecretKey};
use bulla_store::{
    Barrier, BarrierError, Expected, MAX_PAGE_ROWS, Range, SealedBatch, Space, Store,
};

use crate::random::{Random, Seeded};
use crate::run::{demand, say};

pub(crate) const KEYS: Space = Space::new("keys");

/// Versions and values by key.
pub(crate) type Rows = BTreeMap<String, (u64, Vec<u8>)>;

/// Of how many keys a script writes.
const KEYS_OF_A_SCRIPT: usize = 10;
const MOST_WRITES_OF_A_STEP: usize = 4;
/// Some values span several sectors of a disk.
const MOST_BYTES_OF_A_VALUE: usize = 3000;

pub(crate) fn root() -> Result<SecretKey, String> {
    SecretKey::from_slice(&[1; 32]).map_err(say)
}

pub(crate) fn crypto(seed: u64) -> Crypto {
    Crypto::on(Arc::new(Seeded::new(seed)))
}

pub(crate) async fn create(engine: Arc<dyn Store>, seed: u64) -> Result<Barrier, BarrierError> {
    let root = SecretKey::from_slice(&[1; 32])?;
    Barrier::create(engine, crypto(seed), root).await
}

pub(crate) async fn open(engine: Arc<dyn Store>, seed: u64) -> Result<Barrier, BarrierError> {
    let root = SecretKey::from_slice(&[1; 32])?;
    Barrier::open(engine, crypto(seed), root).await
}

/// A script's step: several rows written or deleted in one commit, and the rows after it.
pub(crate) fn step(random: &mut Random, rows: &Rows) -> (SealedBatch, Rows) {
    let (mut batch, mut after) = (SealedBatch::new(), rows.clone());
    let first = random.below(KEYS_OF_A_SCRIPT);
    for write in 0..1 + random.below(MOST_WRITES_OF_A_STEP) {
        let key = format!("key{}", (first + write) % KEYS_OF_A_SCRIPT);
        let version = after.get(&key).map(|(version, _)| *version);
        let expected = Expected::from(version);
        if version.is_some() && random.below(4) == 0 {
            batch = batch.delete(KEYS, key.clone(), expected);
            after.remove(&key);
        } else {
            let size = random.below(MOST_BYTES_OF_A_VALUE);
            let value = random.bytes(size);
            batch = batch.put(KEYS, key.clone(), expected, value.clone());
            after.insert(key, (version.unwrap_or(0) + 1, value));
        }
    }
    (batch, after)
}

pub(crate) async fn rows_of(barrier: &Barrier) -> Result<Rows, String> {
    let view = barrier.view().await.map_err(say)?;
    let page = view.range(KEYS, &Range::all(), MAX_PAGE_ROWS).await.map_err(say)?;
    demand(page.next.is_none() && page.altered.is_empty(), || "rows do not open".into())?;
    let row = |(key, row): (bulla_store::Key, bulla_store::Opened)| {
        (key.to_string(), (row.version, row.value.expose().to_vec()))
    };
    Ok(page.rows.into_iter().map(row).collect())
}
