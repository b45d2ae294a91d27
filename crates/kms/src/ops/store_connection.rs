//! ConnectCustomKeyStore, DisconnectCustomKeyStore, UpdateCustomKeyStore.

use bulla_plane::gate::permit_account;
use bulla_plane::{Call, SecretText};
use bulla_shapes::kms::{
    ConnectCustomKeyStoreRequest, ConnectCustomKeyStoreResponse, DisconnectCustomKeyStoreRequest,
    DisconnectCustomKeyStoreResponse, UpdateCustomKeyStoreRequest, UpdateCustomKeyStoreResponse,
};
use bulla_shapes::{Fault, View};

use super::Answer;
use super::store::{
    must_be_free, name_in_use, not_active, not_found, only_public, uri_in_use, wrong_state,
};
use crate::conditions::RequestKeys;
use crate::hsm::TokenError;
use crate::stores::{Behind, Cluster, Connection, Proxy, StoreRecord};
use crate::{Kms, fault};

/// Connects a store. AWS answers before it has tried; here the attempt takes less than a second,
/// and its end is known when the answer comes. Whether it came about, the store's state tells.
pub(crate) async fn connect_custom_key_store(
    kms: &Kms,
    call: &mut Call,
    input: &ConnectCustomKeyStoreRequest<'_>,
) -> Answer {
    permit_account(call, "kms:ConnectCustomKeyStore", "*", &RequestKeys::none())?;
    let id = input.custom_key_store_id();
    let mut stores = kms.stores(call.account(), &call.region).await?;
    let store = stores.find_mut(id).ok_or_else(|| not_found(id))?;
    match store.connection {
        Connection::Failed(_) => return Err(wrong_state(store).into()),
        Connection::Connected => return Ok(Some(connected())),
        Connection::Disconnected | Connection::Connecting => {}
    }
    if let Behind::Cluster(cluster) = &store.behind {
        kms.check_cluster(cluster).await?;
    }
    store.connection = Connection::Connecting;
    let behind = store.behind.clone();
    kms.change_stores(&stores).await?;
    let reached = kms.reach(call, &behind).await;
    let mut stores = kms.stores(call.account(), &call.region).await?;
    // Whoever disconnected, changed or deleted it meanwhile has the last word.
    let meanwhile = stores.find_mut(id).filter(|store| store.connection == Connection::Connecting);
    if let Some(store) = meanwhile {
        store.connection = match reached {
            Ok(()) => Connection::Connected,
            Err(code) => Connection::Failed(code.to_owned()),
        };
        kms.change_stores(&stores).await?;
    }
    Ok(Some(connected()))
}

fn connected() -> bulla_shapes::Record<'static> {
    ConnectCustomKeyStoreResponse::new().into_record()
}

impl Kms {
    /// Tries what stands behind a store; the error is one of AWS's connection error codes.
    async fn reach(&self, call: &Call, behind: &Behind) -> Result<(), &'static str> {
        match behind {
            Behind::Proxy(proxy) => {
                let health = self.proxy_health(call, proxy, "ConnectCustomKeyStore").await;
                health.map_err(|trouble| trouble.connection())
            }
            Behind::Cluster(cluster) => {
                let token = self.tokens.find(&cluster.id).ok_or("CLUSTER_NOT_FOUND")?;
                if !token.opens_with(cluster.password.expose().as_bytes()) {
                    return Err("INVALID_CREDENTIALS");
                }
                token.ping().await.map_err(|error| match error {
                    TokenError::Password => "INVALID_CREDENTIALS",
                    TokenError::Gone(_) => "INSUFFICIENT_CLOUDHSM_HSMS",
                    _ => "INTERNAL_ERROR",
                })
            }
        }
    }
}

pub(crate) async fn disconnect_custom_key_store(
    kms: &Kms,
    call: &mut Call,
    input: &DisconnectCustomKeyStoreRequest<'_>,
) -> Answer {
    permit_account(call, "kms:DisconnectCustomKeyStore", "*", &RequestKeys::none())?;
    let id = input.custom_key_store_id();
    let mut stores = kms.stores(call.account(), &call.region).await?;
    let store = stores.find_mut(id).ok_or_else(|| not_found(id))?;
    if store.connection == Connection::Disconnected {
        return Err(wrong_state(store).into());
    }
    store.connection = Connection::Disconnected;
    kms.change_stores(&stores).await?;
    Ok(Some(DisconnectCustomKeyStoreResponse::new().into_record()))
}

pub(crate) async fn update_custom_key_store(
    kms: &Kms,
    call: &mut Call,
    input: &UpdateCustomKeyStoreRequest<'_>,
) -> Answer {
    permit_account(call, "kms:UpdateCustomKeyStore", "*", &RequestKeys::none())?;
    let id = input.custom_key_store_id();
    let mut stores = kms.stores(call.account(), &call.region).await?;
    let store = stores.find(id).ok_or_else(|| not_found(id))?;
    must_take_changes(store, input)?;
    let behind = match &store.behind {
        Behind::Proxy(proxy) => Behind::Proxy(changed_proxy(proxy, input)?),
        Behind::Cluster(cluster) => Behind::Cluster(changed_cluster(cluster, input)?),
    };
    let name = input.new_custom_key_store_name().unwrap_or(&store.name).to_owned();
    if stores.is_name_taken(&name, id) {
        return Err(name_in_use(&name).into());
    }
    match &behind {
        Behind::Proxy(proxy) if changes_proxy(input) => {
            if stores.other_proxies(id).any(|other| other.is_at(&proxy.endpoint, &proxy.path)) {
                return Err(uri_in_use().into());
            }
            let health = kms.proxy_health(call, proxy, "UpdateCustomKeyStore").await;
            health.map_err(|trouble| trouble.managing())?;
        }
        Behind::Cluster(cluster) if input.cloud_hsm_cluster_id().is_some() => {
            must_be_free(&stores.list.stores, &cluster.id, id)?;
            must_be_related(kms, cluster).await?;
        }
        Behind::Proxy(_) | Behind::Cluster(_) => {}
    }
    let store = stores.find_mut(id).ok_or_else(fault::internal)?;
    (store.name, store.behind) = (name, behind);
    kms.change_stores(&stores).await?;
    Ok(Some(UpdateCustomKeyStoreResponse::new().into_record()))
}

/// Whether the state lets this be changed: the name, and of a proxy path and credential, while the
/// store is connected too; all else only while it is disconnected (KMS API Reference).
fn must_take_changes(
    store: &StoreRecord,
    input: &UpdateCustomKeyStoreRequest<'_>,
) -> Result<(), Fault> {
    let deep = input.xks_proxy_uri_endpoint().is_some()
        || input.xks_proxy_connectivity().is_some()
        || input.xks_proxy_vpc_endpoint_service_name().is_some()
        || input.cloud_hsm_cluster_id().is_some()
        || input.key_store_password().is_some();
    match store.connection {
        Connection::Disconnected => Ok(()),
        Connection::Connected if !deep => Ok(()),
        _ => Err(wrong_state(store)),
    }
}

fn changes_proxy(input: &UpdateCustomKeyStoreRequest<'_>) -> bool {
    input.xks_proxy_uri_endpoint().is_some()
        || input.xks_proxy_uri_path().is_some()
        || input.xks_proxy_authentication_credential().is_some()
        || input.xks_proxy_connectivity().is_some()
}

fn changed_proxy(proxy: &Proxy, input: &UpdateCustomKeyStoreRequest<'_>) -> Result<Proxy, Fault> {
    if input.cloud_hsm_cluster_id().is_some() || input.key_store_password().is_some() {
        return Err(fault::validation(
            "CloudHsmClusterId and KeyStorePassword are not for a key store of type \
             EXTERNAL_KEY_STORE.",
        ));
    }
    only_public(input.xks_proxy_connectivity(), input.xks_proxy_vpc_endpoint_service_name())?;
    let mut changed = proxy.clone();
    if let Some(endpoint) = input.xks_proxy_uri_endpoint() {
        endpoint.clone_into(&mut changed.endpoint);
    }
    if let Some(path) = input.xks_proxy_uri_path() {
        path.clone_into(&mut changed.path);
    }
    if let Some(credential) = input.xks_proxy_authentication_credential() {
        credential.access_key_id().clone_into(&mut changed.access_key_id);
        changed.secret = SecretText::from(credential.raw_secret_access_key());
    }
    Ok(changed)
}

fn changed_cluster(
    cluster: &Cluster,
    input: &UpdateCustomKeyStoreRequest<'_>,
) -> Result<Cluster, Fault> {
    if changes_proxy(input) || input.xks_proxy_vpc_endpoint_service_name().is_some() {
        return Err(fault::validation(
            "The parameters of an external key store proxy are not for a key store of type \
             AWS_CLOUDHSM.",
        ));
    }
    let mut changed = cluster.clone();
    if let Some(id) = input.cloud_hsm_cluster_id() {
        id.clone_into(&mut changed.id);
    }
    if let Some(password) = input.key_store_password() {
        changed.password = SecretText::from(password);
    }
    Ok(changed)
}

/// Whether a cluster may take another's place: it has the same trust anchor.
async fn must_be_related(kms: &Kms, cluster: &Cluster) -> Result<(), Fault> {
    match kms.check_cluster(cluster).await {
        Err(fault) if fault.code == "IncorrectTrustAnchorException" => Err(fault::named(
            "CloudHsmClusterNotRelatedException",
            format!("{} has another trust anchor than the cluster before.", cluster.id),
        )),
        Err(fault) if fault.code == "CloudHsmClusterNotActiveException" => {
            Err(not_active(&cluster.id))
        }
        outcome => outcome,
    }
}
