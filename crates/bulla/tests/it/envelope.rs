//! The envelope's keyrings of AWS KMS against a running server: RSA, key agreement, branch keys.

use std::sync::Arc;
use std::time::Duration;

use bulla_crypto::SecretBytes;
use bulla_envelope::client::{Client, KMS, RetryPolicy, Settings};
use bulla_envelope::keyring::{
    AwsKmsEcdhKeyring, AwsKmsKeyring, AwsKmsRsaKeyring, FolderRecords, HierarchicalKeyring,
    Keyring, KmsBranchKeys, KmsRsaPadding, RawEcdhKeyring,
};
use bulla_envelope::{Committing, Curve, EncryptionContext, Envelope};
use serde_json::{Value, json};

use crate::process::Server;

const PRIVATE: &str = include_str!("../../../envelope/tests/data/ec-private-1.pem");
const PUBLIC: &str = include_str!("../../../envelope/tests/data/ec-public-1.pem");

/// Does something with a client of a server of its own.
fn with_kms<F: Future<Output = ()>>(work: impl FnOnce(Arc<Client>) -> F) {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(&["dev", "--data", data.path().join("data").to_str().unwrap()]);
    let client = Client::new(Settings {
        endpoint: Some(format!("http://{}", server.address).parse().unwrap()),
        region: "eu-central-1".to_owned(),
        access_key_id: "test".to_owned(),
        secret: Arc::new(SecretBytes::from_slice(b"test")),
        session_token: None,
        ca_bundle: None,
        retries: RetryPolicy::default(),
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(work(Arc::new(client.unwrap())));
}

/// The ARN of a new key, and its public half as PEM if it has one.
async fn key(client: &Client, spec: &str, usage: &str) -> (String, String) {
    let made = client.call(KMS, "CreateKey", &json!({ "KeySpec": spec, "KeyUsage": usage })).await;
    let made = made.unwrap();
    let arn = made.pointer("/KeyMetadata/Arn").and_then(Value::as_str).unwrap().to_owned();
    if spec == "SYMMETRIC_DEFAULT" {
        return (arn, String::new());
    }
    let public = client.call(KMS, "GetPublicKey", &json!({ "KeyId": arn })).await.unwrap();
    let der = public.get("PublicKey").and_then(Value::as_str).unwrap();
    (arn, format!("-----BEGIN PUBLIC KEY-----\n{der}\n-----END PUBLIC KEY-----\n"))
}

async fn there_and_back(sealing: impl Keyring + 'static, opening: impl Keyring + 'static) {
    let context = EncryptionContext::from_pairs([("tenant", "a")]).unwrap();
    let envelope = Envelope::new(sealing).suite(Committing::Unsigned);
    let message = envelope.encrypt(b"tokens", &context).await.unwrap();
    let opened = Envelope::new(opening).decrypt(&message, &context).await.unwrap();
    assert_eq!(opened.plaintext, b"tokens");
}

#[test]
fn an_rsa_key_wraps_here_and_unwraps_there() {
    with_kms(async |client| {
        let (arn, public) = key(&client, "RSA_2048", "ENCRYPT_DECRYPT").await;
        for padding in [KmsRsaPadding::OaepSha1, KmsRsaPadding::OaepSha256] {
            let sealing = AwsKmsRsaKeyring::new(&*arn, padding, Some(&public), None).unwrap();
            let kms: Arc<Client> = Arc::clone(&client);
            let opening = AwsKmsRsaKeyring::new(&*arn, padding, None, Some(kms)).unwrap();
            there_and_back(sealing, opening).await;
        }
    });
}

#[test]
fn a_key_pair_agrees_with_one_of_ones_own() {
    with_kms(async |client| {
        let (arn, public) = key(&client, "ECC_NIST_P384", "KEY_AGREEMENT").await;
        let held = || AwsKmsEcdhKeyring::between(client.clone(), &*arn, Curve::P384, PUBLIC);
        let own = || RawEcdhKeyring::between(Curve::P384, PRIVATE, &public).unwrap();
        there_and_back(held().await.unwrap(), own()).await;
        there_and_back(own(), held().await.unwrap()).await;
        let ephemeral = RawEcdhKeyring::for_recipient(Curve::P384, &public).unwrap();
        let discovery = AwsKmsEcdhKeyring::discovery(client.clone(), &*arn, Curve::P384).await;
        there_and_back(ephemeral, discovery.unwrap()).await;
    });
}

#[test]
fn branch_keys_are_wrapped_by_a_key_of_the_server() {
    with_kms(async |client| {
        let (arn, _) = key(&client, "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT").await;
        let folder = tempfile::tempdir().unwrap();
        let records = FolderRecords::new(folder.path());
        let store = KmsBranchKeys::new(client.clone(), &*arn, "store", records).unwrap();
        store.create("tenant").await.unwrap();
        let store = Arc::new(store);
        let age = Duration::from_secs(60);
        let keyring = || HierarchicalKeyring::new(store.clone(), "tenant", age).unwrap();
        there_and_back(keyring(), keyring()).await;
        store.rotate("tenant").await.unwrap();
        there_and_back(keyring(), keyring()).await;
    });
}

#[test]
fn a_key_that_is_disabled_unwraps_nothing() {
    with_kms(async |client| {
        let (arn, _) = key(&client, "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT").await;
        let keyring = || AwsKmsKeyring::strict(client.clone(), &*arn).unwrap();
        there_and_back(keyring(), keyring()).await;
        let none = EncryptionContext::new();
        let message = Envelope::new(keyring()).encrypt(b"tokens", &none).await.unwrap();
        client.call(KMS, "DisableKey", &json!({ "KeyId": arn })).await.unwrap();
        let refused = Envelope::new(keyring()).decrypt(&message, &none).await.unwrap_err();
        assert!(refused.to_string().contains("DisabledException"), "{refused}");
    });
}
