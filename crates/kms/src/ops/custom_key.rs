//! CreateKey in a custom key store: what must hold, and what the new key has there.

use std::sync::Arc;

use bulla_plane::{Call, Stop};
use bulla_shapes::kms::{CreateKeyRequest, KeyMetadata, XksKeyConfigurationType};
use bulla_shapes::{Fault, View};
use bulla_store::{Expected, SealedBatch};

use super::store::{not_found, wrong_state};
use crate::hsm::Token;
use crate::key::{Custom, KeyRecord, Origin, State};
use crate::kind::Kind;
use crate::stores::{Behind, CUSTOM_KEYS, Connection, Proxy, StoreRecord, Stores, key_row};
use crate::{Kms, fault};

/// A place for a new key in a store.
pub(crate) struct Placed {
    stores: Stores,
    custom: Custom,
    /// The token that is to have the outer key, and the name of its cluster.
    token: Option<(Arc<dyn Token>, String)>,
}

/// Where the material of a key in a custom key store comes from; nothing for other keys. AWS's
/// texts for what does not go together are not recorded; these are ours.
pub(crate) fn origin(input: &CreateKeyRequest<'_>, kind: &Kind) -> Result<Option<Origin>, Fault> {
    let origin = match input.origin() {
        Some("EXTERNAL_KEY_STORE") => Origin::ExternalKeyStore,
        Some("AWS_CLOUDHSM") => Origin::CloudHsm,
        _ if input.custom_key_store_id().is_some() || input.xks_key_id().is_some() => {
            return Err(fault::validation(
                "CustomKeyStoreId and XksKeyId are only for keys of the origins \
                 EXTERNAL_KEY_STORE and AWS_CLOUDHSM.",
            ));
        }
        _ => return Ok(None),
    };
    if input.custom_key_store_id().is_none() {
        let text = format!("CustomKeyStoreId is required for the origin {}.", origin.name());
        return Err(fault::validation(text));
    }
    match (origin, input.xks_key_id()) {
        (Origin::ExternalKeyStore, None) => {
            Err(fault::validation("XksKeyId is required for the origin EXTERNAL_KEY_STORE."))
        }
        (Origin::CloudHsm, Some(_)) => {
            Err(fault::validation("XksKeyId is only for keys of the origin EXTERNAL_KEY_STORE."))
        }
        _ if !kind.is_symmetric_encryption() || input.multi_region() == Some(true) => {
            Err(fault::unsupported(
                "Custom key stores have only symmetric encryption keys of a single Region.",
            ))
        }
        (origin, _) => Ok(Some(origin)),
    }
}

impl Kms {
    /// Looks for a place for a new key: the store must be connected, and an external key be there,
    /// be fit, and be nobody's yet.
    pub(crate) async fn place(
        &self,
        call: &Call,
        input: &CreateKeyRequest<'_>,
        origin: Origin,
    ) -> Result<Option<Placed>, Stop> {
        if !matches!(origin, Origin::ExternalKeyStore | Origin::CloudHsm) {
            return Ok(None);
        }
        let id = input.custom_key_store_id().ok_or_else(fault::internal)?;
        let stores = self.stores(call.account(), &call.region).await?;
        let store = stores.find(id).ok_or_else(|| not_found(id))?;
        must_fit(store, origin)?;
        if store.connection != Connection::Connected {
            return Err(not_connected(store).into());
        }
        let external = input.xks_key_id().map(str::to_owned);
        let token = match (&store.behind, &external) {
            (Behind::Proxy(proxy), Some(external)) => {
                let row = key_row(call.account(), &call.region, id, external);
                if self.barrier.get(CUSTOM_KEYS, row.as_bytes()).await?.is_some() {
                    return Err(in_use(external).into());
                }
                self.check_external(call, proxy, external).await?;
                None
            }
            (Behind::Cluster(cluster), None) => Some((self.token_of(cluster)?, cluster.id.clone())),
            _ => return Err(fault::internal().into()),
        };
        let custom = Custom { store: id.to_owned(), external };
        Ok(Some(Placed { stores, custom, token }))
    }

    /// Whether an external key is what a KMS key needs (texts of the KMS guide).
    async fn check_external(
        &self,
        call: &Call,
        proxy: &Proxy,
        external: &str,
    ) -> Result<(), Fault> {
        let found = self.external_key(call, proxy, external).await;
        let found = found.map_err(|trouble| trouble.creating_key())?;
        let wrong = |text| Err(fault::named("XksKeyInvalidConfigurationException", text));
        if found.key_spec != "AES_256" {
            return wrong(format!(
                "The key spec of the external key must be AES_256. The key spec of specified \
                 external key is {}.",
                found.key_spec
            ));
        }
        if found.key_status != "ENABLED" {
            return wrong(format!(
                "The status of the external key must be ENABLED. The status of specified external \
                 key is {}.",
                found.key_status
            ));
        }
        let can = |usage: &str| found.key_usage.iter().any(|known| known == usage);
        if !(can("ENCRYPT") && can("DECRYPT")) {
            return wrong(format!(
                "The key usage of the external key must include ENCRYPT and DECRYPT. The key use \
                 of specified external key is {}.",
                found.key_usage.join(", ")
            ));
        }
        Ok(())
    }

    /// Gives a key its place: notes it in the record and in the batch, and has a token make the
    /// outer key. What is not committed then is to be taken back by [`Placed::forget`]; what a
    /// crash leaves behind, a job takes back.
    pub(crate) async fn settle(
        &self,
        placed: &Placed,
        mut record: KeyRecord,
        mut batch: SealedBatch,
    ) -> Result<(KeyRecord, SealedBatch), Stop> {
        if let Some((token, cluster)) = &placed.token {
            let intent = self.intend_outer_key(&record, cluster, record.created_ms).await?;
            token.make(&record.id).await.map_err(|error| {
                tracing::error!(?error, "a token made no key");
                fault::internal()
            })?;
            batch = intent.kept(batch);
        }
        record.custom = Some(placed.custom.clone());
        let row = custom_row(&record, &placed.custom);
        let batch = placed.stores.put(batch)?;
        let batch = batch.put(CUSTOM_KEYS, row, Expected::Absent, record.id.as_bytes().to_vec());
        Ok((record, batch))
    }

    /// What the metadata of a key in a custom key store have besides, and in place of its state.
    pub(crate) async fn with_store(
        &self,
        record: &KeyRecord,
        metadata: KeyMetadata<'static>,
    ) -> Result<KeyMetadata<'static>, Stop> {
        let Some(store) = self.store_of(record).await? else { return Ok(metadata) };
        let external = record.custom.as_ref().and_then(|custom| custom.external.clone());
        let external = external.map(|id| XksKeyConfigurationType::new().with_id(id));
        let cluster = match &store.behind {
            Behind::Cluster(cluster) => Some(cluster.id.clone()),
            Behind::Proxy(_) => None,
        };
        let metadata = metadata
            .with_custom_key_store_id(store.id)
            .with_some(cluster, KeyMetadata::with_cloud_hsm_cluster_id)
            .with_some(external, KeyMetadata::with_xks_key_configuration);
        // A deletion that is pending shows even so (KMS guide, "Key states").
        let hidden =
            store.connection != Connection::Connected && record.state != State::PendingDeletion;
        Ok(if hidden {
            metadata.with_key_state("Unavailable").with_enabled(false)
        } else {
            metadata
        })
    }

    /// Takes a key out of its store: the row that keeps its outer key from others.
    pub(crate) async fn leave_store(
        &self,
        record: &KeyRecord,
        batch: SealedBatch,
    ) -> Result<SealedBatch, Stop> {
        let Some(custom) = &record.custom else { return Ok(batch) };
        let row = custom_row(record, custom);
        Ok(match self.barrier.get(CUSTOM_KEYS, row.as_bytes()).await? {
            Some(stored) => batch.delete(CUSTOM_KEYS, row, Expected::At(stored.version)),
            None => batch,
        })
    }
}

impl Placed {
    /// Takes back what was made for a key that did not come about.
    pub(crate) async fn forget(&self, key: &str) {
        if let Some((token, _)) = &self.token
            && let Err(error) = token.destroy(key).await
        {
            tracing::error!(key, ?error, "a key that is nobody's is still in its token");
        }
    }
}

fn custom_row(record: &KeyRecord, custom: &Custom) -> String {
    let outer = custom.external.as_deref().unwrap_or(&record.id);
    key_row(&record.account, &record.region, &custom.store, outer)
}

fn must_fit(store: &StoreRecord, origin: Origin) -> Result<(), Fault> {
    if store.behind.kind() == origin.name() {
        return Ok(());
    }
    Err(fault::validation(format!(
        "The custom key store {} is of type {}, which does not fit the origin {}.",
        store.id,
        store.behind.kind(),
        origin.name()
    )))
}

/// The text of the XKS proxy specification, where there is a proxy.
fn not_connected(store: &StoreRecord) -> Fault {
    match &store.behind {
        Behind::Cluster(_) => wrong_state(store),
        Behind::Proxy(_) => fault::named(
            "CustomKeyStoreInvalidStateException",
            "This KMS key is in a custom key store that is not connected to its external key store \
             proxy. Connect the external key store and try the request again.",
        ),
    }
}

/// AWS's text is not recorded; this one is ours.
fn in_use(external: &str) -> Fault {
    fault::named(
        "XksKeyAlreadyInUseException",
        format!("The external key {external} is already associated with another KMS key."),
    )
}
