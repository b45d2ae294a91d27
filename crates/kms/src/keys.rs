//! Loading keys, and changing their rows.

use std::sync::Arc;

use bulla_crypto::hex;
use bulla_plane::{Call, Stop};
use bulla_policy::{Policy, PolicyKind};
use bulla_shapes::Fault;
use bulla_store::SealedBatch;

use crate::family::with_record;
use crate::fault;
use crate::key::{self, KeyRecord};
use crate::live::{LiveKey, LiveMaterial};
use crate::{KEYS, Kms, MATERIALS, policies};

impl Kms {
    /// A key, from memory or from the store.
    pub(crate) async fn live(&self, path: &str) -> Result<Option<Arc<LiveKey>>, Stop> {
        if let Some(live) = self.cache.get(path) {
            return Ok(Some(live));
        }
        let read_at = self.cache.generation();
        let Some(opened) = self.barrier.get(KEYS, path.as_bytes()).await? else {
            return Ok(None);
        };
        let record: KeyRecord =
            serde_json::from_slice(opened.value.expose()).map_err(|error| unreadable(&error))?;
        let mut materials = Vec::with_capacity(record.materials.len());
        for material in record.materials.iter().filter(|material| material.is_held()) {
            let row = key::material_path(&record.region, &material.id);
            let stored = self.barrier.get(MATERIALS, row.as_bytes()).await?;
            // A rotation between the two reads cannot remove a material, only a deletion can.
            let Some(stored) = stored else { return Ok(None) };
            let (_, bytes) = open_material(stored.value.expose()).ok_or_else(fault::internal)?;
            let mut id = [0; 32];
            hex::decode_into(material.id.as_bytes(), &mut id).map_err(|_| fault::internal())?;
            let secret = self.read_secret(record.kind, bytes).await?;
            materials.push(LiveMaterial { id, hex: material.id.clone(), secret });
        }
        let mut policy = Policy::parse(&record.policy, PolicyKind::Key).map_err(|error| {
            tracing::error!(%error, "a stored key policy does not parse");
            fault::internal()
        })?;
        policies::bind(&mut policy, &record.principals);
        let arn = record.arn();
        let version = opened.version;
        let live =
            Arc::new(LiveKey { record, version, arn, path: path.to_owned(), policy, materials });
        self.cache.keep(path, &live, read_at);
        Ok(Some(live))
    }

    /// Commits a change of a key: its record as changed, together with what else goes with it, and
    /// with what its relatives in other regions share of it.
    pub(crate) async fn change(
        &self,
        before: &LiveKey,
        record: &KeyRecord,
        batch: SealedBatch,
        now_ms: i64,
    ) -> Result<(), Stop> {
        let (batch, mut paths) = self.spread(&before.record, record, batch, now_ms).await?;
        let batch = with_record(batch, before, record)?;
        paths.push(before.path.clone());
        let paths: Vec<_> = paths.iter().map(String::as_str).collect();
        self.commit(&paths, batch).await
    }

    /// Commits a batch that touches these keys, and drops them from memory before anybody is told.
    pub(crate) async fn commit(&self, paths: &[&str], batch: SealedBatch) -> Result<(), Stop> {
        let change = self.cache.begin_change(paths);
        let outcome = self.barrier.commit(batch).await;
        // Whatever the outcome: after a conflict the next attempt must read anew.
        change.end();
        outcome?;
        Ok(())
    }
}

/// A material's row: the key's row, a zero byte, the material.
pub(crate) fn material_row(path: &str, material: &[u8]) -> Vec<u8> {
    [path.as_bytes(), &[0], material].concat()
}

pub(crate) fn open_material(row: &[u8]) -> Option<(&str, &[u8])> {
    // INVARIANT: a key's row has no zero byte.
    let at = row.iter().position(|byte| *byte == 0)?;
    let (path, rest) = row.split_at_checked(at)?;
    Some((std::str::from_utf8(path).ok()?, rest.get(1..)?))
}

pub(crate) fn unreadable(error: &serde_json::Error) -> Fault {
    tracing::error!(%error, "a stored key record does not read");
    fault::internal()
}

pub(crate) fn missing_alias(call: &Call, account: &str, name: &str) -> Fault {
    let (partition, region) = (call.partition, &call.region);
    fault::not_found(format!("Alias arn:{partition}:kms:{region}:{account}:{name} is not found."))
}
