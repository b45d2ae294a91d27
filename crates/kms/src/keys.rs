//! Loading keys, and changing their rows.

use std::sync::Arc;

use bulla_crypto::{SecretKey, hex};
use bulla_plane::Stop;
use bulla_plane::gate::denied;
use bulla_plane::{Call, Guarded};
use bulla_policy::{Policy, PolicyKind};
use bulla_shapes::Fault;
use bulla_store::{Expected, SealedBatch};

use crate::fault;
use crate::identifier::{self, Identifier};
use crate::key::{self, KeyRecord};
use crate::live::{Held, LiveKey, LiveMaterial};
use crate::{ALIASES, KEYS, Kms, MATERIALS, managed};

/// Which identifiers an operation takes (facts 1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    /// Key ids, key ARNs, aliases and alias ARNs, of any account.
    Everything,
    /// Key ids and key ARNs, of the caller's account.
    OwnKeys,
    /// Key ids and key ARNs, of any account.
    AnyKeys,
}

/// A key that was found, still behind the Gate.
pub(crate) struct Found {
    pub(crate) guarded: Guarded<Held>,
    /// The alias that the request named it by.
    pub(crate) alias: Option<String>,
}

impl Kms {
    /// Finds the key that a request names.
    pub(crate) async fn find(
        &self,
        call: &Call,
        text: &str,
        action: &str,
        takes: Takes,
    ) -> Result<Found, Stop> {
        match identifier::parse(call, text)? {
            Identifier::Key { account, id } => {
                if takes == Takes::OwnKeys && account != call.account() {
                    return Err(hidden(call, action).into());
                }
                let Some(live) = self.live(&key::path(account, &call.region, id)).await? else {
                    return Err(missing_key(call, action, account, id).into());
                };
                Ok(Found { guarded: Guarded::new(Held(live)), alias: None })
            }
            Identifier::Alias { .. } if takes != Takes::Everything => {
                let text = "Key Aliases are not supported for this operation.";
                Err(fault::invalid_arn(text).into())
            }
            Identifier::Alias { account, name } => {
                self.find_by_alias(call, account, name, action).await
            }
        }
    }

    async fn find_by_alias(
        &self,
        call: &Call,
        account: &str,
        name: &str,
        action: &str,
    ) -> Result<Found, Stop> {
        let row = key::path(account, &call.region, name);
        let target = match self.barrier.get(ALIASES, row.as_bytes()).await? {
            Some(opened) => managed::alias_target(opened.value.expose())?,
            None if account != call.account() => return Err(hidden(call, action).into()),
            None => self.managed_key(call, name).await?,
        };
        let Some(live) = self.live(&key::path(account, &call.region, &target)).await? else {
            return Err(missing_alias(call, account, name).into());
        };
        Ok(Found { guarded: Guarded::new(Held(live)), alias: Some(name.to_owned()) })
    }

    /// The key that a ciphertext's material belongs to.
    pub(crate) async fn owner(
        &self,
        call: &Call,
        material: &[u8; 32],
    ) -> Result<Option<Arc<LiveKey>>, Stop> {
        let cached = (call.region.clone(), *material);
        if let Some(path) = self.cache.owner(&cached) {
            return self.live(&path).await;
        }
        let row = key::material_path(&call.region, &hex::encode(material));
        let Some(opened) = self.barrier.get(MATERIALS, row.as_bytes()).await? else {
            return Ok(None);
        };
        let (path, _) = open_material(opened.value.expose()).ok_or_else(fault::internal)?;
        self.cache.keep_owner(cached, path);
        self.live(path).await
    }

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
        for material in &record.materials {
            let row = key::material_path(&record.region, &material.id);
            let stored = self.barrier.get(MATERIALS, row.as_bytes()).await?;
            // A rotation between the two reads cannot remove a material, only a deletion can.
            let Some(stored) = stored else { return Ok(None) };
            let (_, bytes) = open_material(stored.value.expose()).ok_or_else(fault::internal)?;
            let mut id = [0; 32];
            hex::decode_into(material.id.as_bytes(), &mut id).map_err(|_| fault::internal())?;
            let key = SecretKey::from_slice(bytes)?;
            materials.push(LiveMaterial { id, hex: material.id.clone(), key });
        }
        let policy = Policy::parse(&record.policy, PolicyKind::Key).map_err(|error| {
            tracing::error!(%error, "a stored key policy does not parse");
            fault::internal()
        })?;
        let arn = record.arn();
        let version = opened.version;
        let live =
            Arc::new(LiveKey { record, version, arn, path: path.to_owned(), policy, materials });
        self.cache.keep(path, &live, read_at);
        Ok(Some(live))
    }

    /// Commits a change of a key: its record as changed, together with what else goes with it.
    pub(crate) async fn change(
        &self,
        before: &LiveKey,
        record: &KeyRecord,
        batch: SealedBatch,
    ) -> Result<(), Stop> {
        let path = record.path();
        let bytes = record.to_bytes().map_err(|error| unreadable(&error))?;
        let expected = Expected::At(before.version);
        self.commit(&[&path], batch.put(KEYS, path.as_str(), expected, bytes)).await
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

/// A material's row: the key's row, a zero byte, 32 bytes of key material.
pub(crate) fn material_row(path: &str, key: &SecretKey) -> Vec<u8> {
    let mut row = Vec::with_capacity(path.len().saturating_add(33));
    row.extend_from_slice(path.as_bytes());
    row.push(0);
    row.extend_from_slice(key.expose());
    row
}

fn open_material(row: &[u8]) -> Option<(&str, &[u8])> {
    let (head, bytes) = row.split_at_checked(row.len().checked_sub(32)?)?;
    let path = std::str::from_utf8(head.strip_suffix(&[0])?).ok()?;
    Some((path, bytes))
}

fn unreadable(error: &serde_json::Error) -> Fault {
    tracing::error!(%error, "a stored key record does not read");
    fault::internal()
}

fn missing_key(call: &Call, action: &str, account: &str, id: &str) -> Fault {
    if account != call.account() {
        return hidden(call, action);
    }
    let arn = key::arn(call.partition, &call.region, account, id);
    fault::not_found(format!("Key '{arn}' does not exist"))
}

pub(crate) fn missing_alias(call: &Call, account: &str, name: &str) -> Fault {
    let (partition, region) = (call.partition, &call.region);
    fault::not_found(format!("Alias arn:{partition}:kms:{region}:{account}:{name} is not found."))
}

/// What a caller hears of a resource in another account, whether it exists or not.
fn hidden(call: &Call, action: &str) -> Fault {
    denied(
        call,
        format!(
            "User: {} is not authorized to perform: {action} on this resource because the resource \
         does not exist in this Region, no resource-based policies allow access, or a \
         resource-based policy explicitly denies access",
            call.principal().arn
        ),
    )
}
