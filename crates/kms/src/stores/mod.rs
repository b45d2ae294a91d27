//! Custom key stores: their records, and what joins a key to its store.
//!
//! `kms.custom-store` has a row for each account and region, `kms.custom-key` one for each key in a
//! store: `<account>/<region>/<store id>/<outer key>`, so that no outer key is used twice.

mod record;

use bulla_plane::{Call, Stop};
use bulla_shapes::Fault;
use bulla_store::{Expected, Key, Range, SealedBatch, Space};

use crate::key::{KeyRecord, State};
use crate::live::LiveKey;
use crate::{Kms, fault};

pub(crate) use record::{Behind, Cluster, Connection, Proxy, StoreList, StoreRecord};

/// One row an account and region.
pub(crate) const CUSTOM_STORES: Space = Space::new("kms.custom-store");
/// One row a key in a custom key store; its value is the key's id.
pub(crate) const CUSTOM_KEYS: Space = Space::new("kms.custom-key");

/// An account's stores as they were read.
pub(crate) struct Stores {
    row: String,
    version: Option<u64>,
    pub(crate) list: StoreList,
}

impl Stores {
    pub(crate) fn find(&self, id: &str) -> Option<&StoreRecord> {
        self.list.stores.iter().find(|store| store.id == id)
    }

    pub(crate) fn find_mut(&mut self, id: &str) -> Option<&mut StoreRecord> {
        self.list.stores.iter_mut().find(|store| store.id == id)
    }

    /// The proxies of all stores but this one.
    pub(crate) fn other_proxies(&self, id: &str) -> impl Iterator<Item = &Proxy> {
        self.list.stores.iter().filter(move |store| store.id != id).filter_map(|store| match &store
            .behind
        {
            Behind::Proxy(proxy) => Some(proxy),
            Behind::Cluster(_) => None,
        })
    }

    /// Whether another store than this one has the name.
    pub(crate) fn is_name_taken(&self, name: &str, id: &str) -> bool {
        self.list.stores.iter().any(|store| store.name == name && store.id != id)
    }

    /// Adds the list, as it is now, to a batch. Every batch that rests on a store's state has it,
    /// changed or not: of two that meet, one begins again.
    pub(crate) fn put(&self, batch: SealedBatch) -> Result<SealedBatch, Fault> {
        let bytes = serde_json::to_vec(&self.list).map_err(|error| unreadable(&error))?;
        Ok(batch.put(CUSTOM_STORES, self.row.as_str(), Expected::from(self.version), bytes))
    }
}

/// The row of a key in its store.
pub(crate) fn key_row(account: &str, region: &str, store: &str, outer: &str) -> String {
    format!("{account}/{region}/{store}/{outer}")
}

fn unreadable(error: &serde_json::Error) -> Fault {
    tracing::error!(%error, "a stored list of custom key stores does not read");
    fault::internal()
}

impl Kms {
    /// The custom key stores of an account in a region.
    pub(crate) async fn stores(&self, account: &str, region: &str) -> Result<Stores, Stop> {
        let row = format!("{account}/{region}");
        let opened = self.barrier.get(CUSTOM_STORES, row.as_bytes()).await?;
        let Some(opened) = opened else {
            return Ok(Stores { row, version: None, list: StoreList::default() });
        };
        let list =
            serde_json::from_slice(opened.value.expose()).map_err(|error| unreadable(&error))?;
        Ok(Stores { row, version: Some(opened.version), list })
    }

    /// Commits a change of an account's stores.
    pub(crate) async fn change_stores(&self, stores: &Stores) -> Result<(), Stop> {
        self.barrier.commit(stores.put(SealedBatch::new())?).await?;
        Ok(())
    }

    /// Whether a store has keys, those whose deletion is pending among them.
    pub(crate) async fn has_keys(
        &self,
        account: &str,
        region: &str,
        store: &str,
    ) -> Result<bool, Stop> {
        let prefix = key_row(account, region, store, "");
        let view = self.barrier.view().await?;
        let page = view.range(CUSTOM_KEYS, &Range::prefix(Key::from(prefix.as_str())), 1).await?;
        Ok(!page.rows.is_empty())
    }

    /// The store that a key is in; nothing for keys of this server's own.
    pub(crate) async fn store_of(&self, record: &KeyRecord) -> Result<Option<StoreRecord>, Stop> {
        let Some(custom) = &record.custom else { return Ok(None) };
        let stores = self.stores(&record.account, &record.region).await?;
        let store = stores.find(&custom.store).cloned();
        // INVARIANT: a store with keys is never deleted.
        Ok(Some(store.ok_or_else(fault::internal)?))
    }

    /// Whether the state lets the key be used: its own, and that of its store, which comes first as
    /// it hides the key's own (KMS guide, "Key states").
    pub(crate) async fn must_be_usable(&self, call: &mut Call, key: &LiveKey) -> Result<(), Stop> {
        if let Some(store) = self.store_of(&key.record).await? {
            note(call, key, &store);
            if key.record.state != State::PendingDeletion {
                must_be_connected(key, &store)?;
            }
        }
        Ok(key.must_be_enabled()?)
    }
}

/// Has the call's record name the store and the outer key (CloudTrail's members, KMS guide).
fn note(call: &mut Call, key: &LiveKey, store: &StoreRecord) {
    let external = key.record.custom.as_ref().and_then(|custom| custom.external.as_deref());
    let data = match &store.behind {
        Behind::Cluster(cluster) => {
            serde_json::json!({ "customKeyStoreId": store.id, "clusterId": cluster.id })
        }
        Behind::Proxy(_) => {
            serde_json::json!({ "customKeyStoreId": store.id, "xksKeyId": external })
        }
    };
    call.trail.additional = Some(data.to_string());
}

/// Refuses the use of a key whose store is not connected.
pub(crate) fn must_be_connected(key: &LiveKey, store: &StoreRecord) -> Result<(), Fault> {
    match (&store.connection, &store.behind) {
        (Connection::Connected, _) => Ok(()),
        // The text of the XKS proxy specification.
        (_, Behind::Proxy(_)) => Err(fault::invalid_state_text(
            "This KMS key is in a custom key store that is not connected to its external key store \
             proxy. Connect the external key store and try the request again.",
        )),
        (_, Behind::Cluster(_)) => Err(fault::invalid_state(&key.arn, "unavailable")),
    }
}
