//! CreateCustomKeyStore, DescribeCustomKeyStores, DeleteCustomKeyStore.

use bulla_crypto::hex;
use bulla_plane::gate::permit_account;
use bulla_plane::{Call, SecretText, Stop};
use bulla_shapes::kms::{
    CreateCustomKeyStoreRequest, CreateCustomKeyStoreResponse, CustomKeyStoresListEntry,
    DeleteCustomKeyStoreRequest, DeleteCustomKeyStoreResponse, DescribeCustomKeyStoresRequest,
    DescribeCustomKeyStoresResponse, XksProxyConfigurationType,
};
use bulla_shapes::{Fault, View};

use super::Answer;
use crate::conditions::RequestKeys;
use crate::hsm::TokenError;
use crate::linked;
use crate::quotas::CUSTOM_KEY_STORES;
use crate::stores::{Behind, Cluster, Connection, Proxy, StoreRecord};
use crate::{Kms, fault, marker};

/// Default and largest page of DescribeCustomKeyStores; larger than the quota, so that one page has
/// all.
const STORES_A_PAGE: (usize, usize) = (100, 1_000);
/// The one connectivity that this server has.
const PUBLIC: &str = "PUBLIC_ENDPOINT";
const CLUSTER: &str = "AWS_CLOUDHSM";

pub(crate) async fn create_custom_key_store(
    kms: &Kms,
    call: &mut Call,
    input: &CreateCustomKeyStoreRequest<'_>,
) -> Answer {
    permit_account(call, "kms:CreateCustomKeyStore", "*", &RequestKeys::none())?;
    let behind = match input.custom_key_store_type().unwrap_or(CLUSTER) {
        CLUSTER => Behind::Cluster(cluster(input)?),
        _ => Behind::Proxy(proxy(input)?),
    };
    let mut stores = kms.stores(call.account(), &call.region).await?;
    let name = input.custom_key_store_name();
    if stores.is_name_taken(name, "") {
        return Err(name_in_use(name).into());
    }
    let most = CUSTOM_KEY_STORES.limit(call);
    if stores.list.stores.len() >= most {
        return Err(fault::limit_exceeded(format!(
            "The account has {most} custom key stores in this Region, and may have no more."
        ))
        .into());
    }
    match &behind {
        Behind::Proxy(proxy) => {
            if stores.other_proxies("").any(|other| other.is_at(&proxy.endpoint, &proxy.path)) {
                return Err(uri_in_use().into());
            }
            let health = kms.proxy_health(call, proxy, "CreateCustomKeyStore").await;
            health.map_err(|trouble| trouble.managing())?;
        }
        Behind::Cluster(cluster) => {
            must_be_free(&stores.list.stores, &cluster.id, "")?;
            kms.check_cluster(cluster).await?;
            kms.must_have_role(call, &linked::CUSTOM_STORES).await?;
        }
    }
    let id = kms.new_store_id()?;
    stores.list.stores.push(StoreRecord {
        id: id.clone(),
        name: name.to_owned(),
        created_ms: call.now_ms,
        connection: Connection::Disconnected,
        behind,
    });
    kms.change_stores(&stores).await?;
    Ok(Some(CreateCustomKeyStoreResponse::new().with_custom_key_store_id(id).into_record()))
}

/// What a request says of a proxy. AWS's texts are not recorded; these are ours.
fn proxy(input: &CreateCustomKeyStoreRequest<'_>) -> Result<Proxy, Fault> {
    let needed = |name: &str| {
        fault::validation(format!("{name} is required for a key store of type EXTERNAL_KEY_STORE."))
    };
    let foreign = input.cloud_hsm_cluster_id().is_some()
        || input.trust_anchor_certificate().is_some()
        || input.key_store_password().is_some();
    if foreign {
        return Err(fault::validation(
            "CloudHsmClusterId, TrustAnchorCertificate and KeyStorePassword are not for a key \
             store of type EXTERNAL_KEY_STORE.",
        ));
    }
    let connectivity =
        input.xks_proxy_connectivity().ok_or_else(|| needed("XksProxyConnectivity"))?;
    let endpoint = input.xks_proxy_uri_endpoint().ok_or_else(|| needed("XksProxyUriEndpoint"))?;
    let path = input.xks_proxy_uri_path().ok_or_else(|| needed("XksProxyUriPath"))?;
    let credential = input.xks_proxy_authentication_credential();
    let credential = credential.ok_or_else(|| needed("XksProxyAuthenticationCredential"))?;
    only_public(Some(connectivity), input.xks_proxy_vpc_endpoint_service_name())?;
    Ok(Proxy {
        endpoint: endpoint.to_owned(),
        path: path.to_owned(),
        access_key_id: credential.access_key_id().to_owned(),
        secret: SecretText::from(credential.raw_secret_access_key()),
    })
}

/// Refuses connectivity by VPC endpoint services: there is none here, as AWS says it of one that is
/// not found.
pub(super) fn only_public(connectivity: Option<&str>, service: Option<&str>) -> Result<(), Fault> {
    if connectivity.is_some_and(|connectivity| connectivity != PUBLIC) {
        return Err(fault::named(
            "XksProxyVpcEndpointServiceNotFoundException",
            "This server reaches no VPC endpoint services. Use the connectivity PUBLIC_ENDPOINT.",
        ));
    }
    if service.is_some_and(|service| !service.is_empty()) {
        return Err(fault::validation(
            "XksProxyVpcEndpointServiceName is only for the connectivity VPC_ENDPOINT_SERVICE.",
        ));
    }
    Ok(())
}

/// What a request says of a cluster. AWS's texts are not recorded; these are ours.
fn cluster(input: &CreateCustomKeyStoreRequest<'_>) -> Result<Cluster, Fault> {
    let needed = |name: &str| {
        fault::validation(format!("{name} is required for a key store of type AWS_CLOUDHSM."))
    };
    let foreign = input.xks_proxy_connectivity().is_some()
        || input.xks_proxy_uri_endpoint().is_some()
        || input.xks_proxy_uri_path().is_some()
        || input.xks_proxy_authentication_credential().is_some()
        || input.xks_proxy_vpc_endpoint_service_name().is_some();
    if foreign {
        return Err(fault::validation(
            "The parameters of an external key store proxy are not for a key store of type \
             AWS_CLOUDHSM.",
        ));
    }
    let id = input.cloud_hsm_cluster_id().ok_or_else(|| needed("CloudHsmClusterId"))?;
    let anchor =
        input.trust_anchor_certificate().ok_or_else(|| needed("TrustAnchorCertificate"))?;
    let password = input.key_store_password().ok_or_else(|| needed("KeyStorePassword"))?;
    Ok(Cluster {
        id: id.to_owned(),
        trust_anchor: anchor.to_owned(),
        password: SecretText::from(password),
    })
}

/// Refuses a cluster that another store of the account has.
pub(super) fn must_be_free(stores: &[StoreRecord], cluster: &str, id: &str) -> Result<(), Fault> {
    let taken = stores
        .iter()
        .filter(|store| store.id != id)
        .any(|store| matches!(&store.behind, Behind::Cluster(other) if other.id == cluster));
    if !taken {
        return Ok(());
    }
    Err(fault::named(
        "CloudHsmClusterInUseException",
        format!("{cluster} is already associated with a custom key store in the account."),
    ))
}

pub(super) fn name_in_use(name: &str) -> Fault {
    fault::named(
        "CustomKeyStoreNameInUseException",
        format!("Another custom key store in the account has the name {name}."),
    )
}

pub(super) fn uri_in_use() -> Fault {
    fault::named(
        "XksProxyUriInUseException",
        "Another external key store in this Region has this XksProxyUriEndpoint and \
         XksProxyUriPath.",
    )
}

pub(crate) fn not_found(what: &str) -> Fault {
    fault::named(
        "CustomKeyStoreNotFoundException",
        format!("There is no custom key store {what} in this account and Region."),
    )
}

impl Kms {
    /// `cks-` and 17 hexadecimal digits.
    fn new_store_id(&self) -> Result<String, Stop> {
        let digits = hex::encode(&self.crypto.random::<9>()?);
        Ok(format!("cks-{}", digits.chars().take(17).collect::<String>()))
    }

    /// Whether a cluster is there and is the one that is meant.
    pub(super) async fn check_cluster(&self, cluster: &Cluster) -> Result<(), Fault> {
        let token = self.tokens.find(&cluster.id).ok_or_else(|| {
            fault::named(
                "CloudHsmClusterNotFoundException",
                format!("There is no cluster {} here.", cluster.id),
            )
        })?;
        if token.trust_anchor().is_some_and(|anchor| anchor.trim() != cluster.trust_anchor.trim()) {
            return Err(fault::named(
                "IncorrectTrustAnchorException",
                format!("The certificate is not the trust anchor of {}.", cluster.id),
            ));
        }
        match token.ping().await {
            // A password that is wrong shows when the store is connected, as with AWS.
            Ok(()) | Err(TokenError::Password) => Ok(()),
            Err(error) => {
                tracing::error!(cluster = cluster.id, ?error, "a token is not usable");
                Err(not_active(&cluster.id))
            }
        }
    }
}

pub(super) fn not_active(cluster: &str) -> Fault {
    fault::named("CloudHsmClusterNotActiveException", format!("{cluster} is not active."))
}

pub(crate) async fn describe_custom_key_stores(
    kms: &Kms,
    call: &mut Call,
    input: &DescribeCustomKeyStoresRequest<'_>,
) -> Answer {
    permit_account(call, "kms:DescribeCustomKeyStores", "*", &RequestKeys::none())?;
    let stores = kms.stores(call.account(), &call.region).await?.list.stores;
    let (id, name) = (input.custom_key_store_id(), input.custom_key_store_name());
    let wanted = match (id, name) {
        (Some(_), Some(_)) => {
            return Err(fault::validation(
                "Give either CustomKeyStoreId or CustomKeyStoreName, not both.",
            )
            .into());
        }
        (None, None) => None,
        (Some(what), None) | (None, Some(what)) => Some(what),
    };
    let is_wanted = |store: &StoreRecord| {
        id.is_none_or(|id| store.id == id) && name.is_none_or(|name| store.name == name)
    };
    let found: Vec<&StoreRecord> = stores.iter().filter(|store| is_wanted(store)).collect();
    if let (Some(what), true) = (wanted, found.is_empty()) {
        return Err(not_found(what).into());
    }
    let (usual, most) = STORES_A_PAGE;
    let limit = marker::page_size(input.limit(), usual, most);
    let from: usize = match input.marker() {
        None => 0,
        Some(text) => marker::decode(text)?.parse().map_err(|_| fault::invalid_marker())?,
    };
    let page: Vec<_> = found.iter().skip(from).take(limit).map(|store| entry(store)).collect();
    let to = from.saturating_add(page.len());
    let next = (to < found.len()).then(|| marker::encode(&to.to_string()));
    let answer = DescribeCustomKeyStoresResponse::new()
        .with_custom_key_stores(page)
        .with_truncated(next.is_some())
        .with_some(next, DescribeCustomKeyStoresResponse::with_next_marker);
    Ok(Some(answer.into_record()))
}

/// A store as its owner sees it: secrets are never shown again.
fn entry(store: &StoreRecord) -> CustomKeyStoresListEntry<'static> {
    let error = store.connection.error().map(str::to_owned);
    let entry = CustomKeyStoresListEntry::new()
        .with_custom_key_store_id(store.id.clone())
        .with_custom_key_store_name(store.name.clone())
        .with_connection_state(store.connection.name())
        .with_some(error, CustomKeyStoresListEntry::with_connection_error_code)
        .with_creation_date(store.created_ms)
        .with_custom_key_store_type(store.behind.kind());
    match &store.behind {
        Behind::Proxy(proxy) => entry.with_xks_proxy_configuration(
            XksProxyConfigurationType::new()
                .with_connectivity(PUBLIC)
                .with_access_key_id(proxy.access_key_id.clone())
                .with_uri_endpoint(proxy.endpoint.clone())
                .with_uri_path(proxy.path.clone()),
        ),
        Behind::Cluster(cluster) => entry
            .with_cloud_hsm_cluster_id(cluster.id.clone())
            .with_trust_anchor_certificate(cluster.trust_anchor.clone()),
    }
}

pub(crate) async fn delete_custom_key_store(
    kms: &Kms,
    call: &mut Call,
    input: &DeleteCustomKeyStoreRequest<'_>,
) -> Answer {
    permit_account(call, "kms:DeleteCustomKeyStore", "*", &RequestKeys::none())?;
    let id = input.custom_key_store_id();
    let mut stores = kms.stores(call.account(), &call.region).await?;
    let store = stores.find(id).ok_or_else(|| not_found(id))?;
    // A key that is created meanwhile writes the list too, so that one of the two begins again.
    if kms.has_keys(call.account(), &call.region, id).await? {
        return Err(fault::named(
            "CustomKeyStoreHasCMKsException",
            format!("The custom key store {id} has KMS keys."),
        )
        .into());
    }
    if store.connection != Connection::Disconnected {
        return Err(wrong_state(store).into());
    }
    stores.list.stores.retain(|store| store.id != id);
    kms.change_stores(&stores).await?;
    Ok(Some(DeleteCustomKeyStoreResponse::new().into_record()))
}

/// The refusal of what is not done to a store in its state. AWS's text is not recorded; this one is
/// ours.
pub(crate) fn wrong_state(store: &StoreRecord) -> Fault {
    let (id, state) = (&store.id, store.connection.name());
    fault::named(
        "CustomKeyStoreInvalidStateException",
        format!("The custom key store {id} is in the state {state}."),
    )
}
