//! CloudHSM key stores on tokens in memory: what a crash or a token that is away leaves behind.

use std::collections::HashMap;
use std::sync::Arc;

use bulla_kms::hsm::TokenError;
use bulla_plane::outgoing::Nowhere;
use serde_json::{Value, json};

use crate::house::{Answer, House, code, text};
use crate::people::A;
use crate::proxy::{ID, Proxy, SECRET};
use crate::token::{Clusters, MemoryToken, PASSWORD};

const CLUSTER: &str = "cluster-2345672abcd";
const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

struct World {
    house: House,
    token: Arc<MemoryToken>,
    store: String,
}

impl World {
    async fn new() -> Self {
        let token = Arc::new(MemoryToken::new(None));
        let clusters = Clusters(HashMap::from([(CLUSTER, Arc::clone(&token))]));
        let house = House::with_key_stores(Arc::new(Nowhere), Arc::new(clusters)).await;
        let mut world = Self { house, token, store: String::new() };
        let input = json!({ "CustomKeyStoreName": "s", "CloudHsmClusterId": CLUSTER,
                            "KeyStorePassword": PASSWORD, "TrustAnchorCertificate": "any" });
        world.store = text(&world.call("CreateCustomKeyStore", input).await, "CustomKeyStoreId");
        let store = json!({ "CustomKeyStoreId": world.store });
        world.call("ConnectCustomKeyStore", store).await.unwrap();
        world
    }

    async fn call(&self, operation: &str, input: Value) -> Answer {
        self.house.call(A, operation, input).await
    }

    async fn make(&self) -> Answer {
        let input = json!({ "Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": self.store });
        self.call("CreateKey", input).await
    }

    async fn pass(&self, ms: u64) {
        self.house.plane.clock.advance(ms);
        self.house.plane.run_due().await.unwrap();
    }

    async fn jobs(&self) -> usize {
        self.house.rows("plane.due").await
    }
}

#[tokio::test]
async fn a_key_that_is_made_leaves_no_job_and_stays_in_its_token() {
    let world = World::new().await;
    let key = world.make().await.unwrap()["KeyMetadata"]["Arn"].clone();
    assert_eq!((world.token.keys().len(), world.jobs().await), (1, 0));
    world.pass(2 * HOUR_MS).await;
    let sealing = json!({ "KeyId": key, "Plaintext": "AAAA" });
    let blob = text(&world.call("Encrypt", sealing).await, "CiphertextBlob");
    let opened = world.call("Decrypt", json!({ "CiphertextBlob": blob })).await;
    assert_eq!(text(&opened, "Plaintext"), "AAAA");
}

#[tokio::test]
async fn what_a_token_made_before_a_crash_is_destroyed_after_it() {
    let world = World::new().await;
    world.token.goes_mute();
    // The call ends between the token's work and the commit.
    {
        let mut call = std::pin::pin!(world.make());
        while world.token.keys().is_empty() {
            let once = std::future::poll_fn(|cx| std::task::Poll::Ready(call.as_mut().poll(cx)));
            assert!(once.await.is_pending(), "the token answered");
            tokio::task::yield_now().await;
        }
    }
    assert_eq!((world.token.keys().len(), world.house.rows("kms.key").await), (1, 0));
    world.pass(HOUR_MS - 60_000).await;
    assert_eq!(world.token.keys().len(), 1, "a call may still be under way");
    // For as long as the token is away the job comes again.
    world.token.fails(Some(TokenError::Gone("away".into())));
    world.pass(2 * 60_000).await;
    world.pass(2 * HOUR_MS).await;
    assert_eq!((world.token.keys().len(), world.jobs().await), (1, 1));
    world.token.fails(None);
    world.pass(2 * HOUR_MS).await;
    assert_eq!((world.token.keys().len(), world.jobs().await), (0, 0));
}

#[tokio::test]
async fn what_a_token_refuses_leaves_nothing() {
    let world = World::new().await;
    world.token.fails(Some(TokenError::Busy));
    assert_eq!(code(&world.make().await), "KMSInternalException");
    world.token.fails(None);
    world.pass(2 * HOUR_MS).await;
    assert_eq!((world.token.keys().len(), world.jobs().await), (0, 0));
}

#[tokio::test]
async fn the_key_of_a_deleted_key_goes_when_its_token_is_back() {
    let world = World::new().await;
    let key = world.make().await.unwrap()["KeyMetadata"]["Arn"].clone();
    let window = json!({ "KeyId": key, "PendingWindowInDays": 7 });
    world.call("ScheduleKeyDeletion", window).await.unwrap();
    world.token.fails(Some(TokenError::Gone("away".into())));
    world.pass(8 * DAY_MS).await;
    assert_eq!((world.token.keys().len(), world.house.rows("kms.key").await), (1, 0));
    world.token.fails(None);
    world.pass(2 * HOUR_MS).await;
    assert_eq!((world.token.keys().len(), world.jobs().await), (0, 0));
}

/// A policy that lets its holder do everything with keys of one origin.
fn on_origin(origin: &str) -> String {
    json!({ "Statement": { "Effect": "Allow", "Action": "kms:*", "Resource": "*",
                           "Condition": { "StringEquals": { "kms:KeyOrigin": origin } } } })
    .to_string()
}

#[tokio::test]
async fn policies_tell_keys_by_where_their_material_comes_from() {
    let token = Arc::new(MemoryToken::new(None));
    let clusters = Clusters(HashMap::from([(CLUSTER, token)]));
    let house = House::with_key_stores(Arc::new(Proxy::new()), Arc::new(clusters)).await;
    let stores = [
        json!({ "CustomKeyStoreName": "hsm", "CloudHsmClusterId": CLUSTER,
                "KeyStorePassword": PASSWORD, "TrustAnchorCertificate": "any" }),
        json!({ "CustomKeyStoreName": "xks", "CustomKeyStoreType": "EXTERNAL_KEY_STORE",
                "XksProxyConnectivity": "PUBLIC_ENDPOINT",
                "XksProxyUriEndpoint": "https://proxy.example", "XksProxyUriPath": "/kms/xks/v1",
                "XksProxyAuthenticationCredential":
                    { "AccessKeyId": ID, "RawSecretAccessKey": SECRET } }),
    ];
    let mut ids = Vec::new();
    for store in stores {
        let id = text(&house.call(A, "CreateCustomKeyStore", store).await, "CustomKeyStoreId");
        let connect = json!({ "CustomKeyStoreId": id });
        house.call(A, "ConnectCustomKeyStore", connect).await.unwrap();
        ids.push(id);
    }
    let wanted = |origin: &str, external: &str| match origin {
        "AWS_CLOUDHSM" => json!({ "Origin": origin, "CustomKeyStoreId": ids[0] }),
        "EXTERNAL_KEY_STORE" => {
            json!({ "Origin": origin, "CustomKeyStoreId": ids[1], "XksKeyId": external })
        }
        _ => json!({ "Origin": origin }),
    };
    let origins = ["AWS_KMS", "EXTERNAL", "AWS_CLOUDHSM", "EXTERNAL_KEY_STORE"];
    let mut keys = Vec::new();
    for (number, origin) in origins.iter().enumerate() {
        let id = format!("AIDA{number}");
        house.people.user(A, origin, &id, &[&on_origin(origin)]);
        let made = house.call(A, "CreateKey", wanted(origin, "one")).await.unwrap();
        keys.push(made["KeyMetadata"]["Arn"].clone());
    }
    for user in origins {
        for (origin, key) in origins.iter().zip(&keys) {
            let expected = if *origin == user { "" } else { "AccessDeniedException" };
            let seen = house.call(user, "DescribeKey", json!({ "KeyId": key })).await;
            assert_eq!(code(&seen), expected, "{user} {origin}");
            let made = house.call(user, "CreateKey", wanted(origin, "two")).await;
            assert_eq!(code(&made), expected, "{user} makes {origin}");
        }
    }
}
