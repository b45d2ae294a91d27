//! AWS's own client as the keyrings' client, against a running server. Compiled with the feature
//! `aws-sdk-kms` only, for which `cargo xtask test` has a step; `BULLA_BIN` names the server.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_kms::Client;
use aws_sdk_kms::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_kms::types::{KeySpec, KeyUsageType};
use bulla_envelope::keyring::{
    AwsKmsEcdhKeyring, AwsKmsKeyring, AwsKmsRsaKeyring, FolderRecords, HierarchicalKeyring,
    Keyring, KeyringError, KmsBranchKeys, KmsRsaPadding, MultiKeyring, RawEcdhKeyring,
};
use bulla_envelope::kms::KmsError;
use bulla_envelope::{Committing, Curve, Envelope, Error};

use crate::stub::{EC_PRIVATE, EC_PUBLIC};
use crate::support::context;

/// A child that does not outlive its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended before.
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// A server that ends with the test.
struct Server {
    _child: Running,
    endpoint: String,
    // Held open: a server that can't write its log must not be what a test finds.
    _log: BufReader<ChildStderr>,
    _data: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut command = Command::new(std::env::var_os("BULLA_BIN").unwrap());
        command.args(["dev", "--listen", "127.0.0.1:0", "--data"]).arg(data.path().join("data"));
        let mut child = Running(command.stderr(Stdio::piped()).spawn().unwrap());
        let mut log = BufReader::new(child.0.stderr.take().unwrap());
        let mut line = String::new();
        loop {
            line.clear();
            assert_ne!(log.read_line(&mut line).unwrap(), 0, "the server ended");
            if let Some((_, endpoint)) = line.trim_end().split_once("ready on ") {
                let endpoint = endpoint.to_owned();
                return Self { _child: child, endpoint, _log: log, _data: data };
            }
        }
    }

    fn client(&self) -> Arc<Client> {
        let config = aws_sdk_kms::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(&self.endpoint)
            .region(Region::new("eu-central-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "tests"))
            .build();
        Arc::new(Client::from_conf(config))
    }
}

/// The ARN of a new key, and its public half as PEM if it has one.
async fn key(client: &Client, spec: KeySpec, usage: KeyUsageType) -> (String, String) {
    let symmetric = spec == KeySpec::SymmetricDefault;
    let made = client.create_key().key_spec(spec).key_usage(usage).send().await.unwrap();
    let arn = made.key_metadata.and_then(|key| key.arn).unwrap();
    if symmetric {
        return (arn, String::new());
    }
    let public = client.get_public_key().key_id(&arn).send().await.unwrap();
    let der = base64_simd::STANDARD.encode_to_string(public.public_key.unwrap());
    (arn, format!("-----BEGIN PUBLIC KEY-----\n{der}\n-----END PUBLIC KEY-----\n"))
}

async fn there_and_back(sealing: impl Keyring + 'static, opening: impl Keyring + 'static) {
    let context = context(&[("tenant", "a")]);
    let envelope = Envelope::new(sealing).suite(Committing::Unsigned);
    let message = envelope.encrypt(b"tokens", &context).await.unwrap();
    let opened = Envelope::new(opening).decrypt(&message, &context).await.unwrap();
    assert_eq!(opened.plaintext, b"tokens");
}

#[tokio::test]
async fn a_symmetric_key_draws_wraps_and_unwraps() {
    let server = Server::start();
    let client = server.client();
    let usage = KeyUsageType::EncryptDecrypt;
    let (one, _) = key(&client, KeySpec::SymmetricDefault, usage.clone()).await;
    let (two, _) = key(&client, KeySpec::SymmetricDefault, usage).await;
    let strict = |arn: &String| AwsKmsKeyring::strict(client.clone(), arn.as_str()).unwrap();
    let both = || MultiKeyring::new(strict(&one)).with(strict(&two));
    there_and_back(both(), strict(&one)).await;
    there_and_back(both(), strict(&two)).await;

    let none = context(&[]);
    let message = Envelope::new(strict(&one)).encrypt(b"tokens", &none).await.unwrap();
    client.disable_key().key_id(&one).send().await.unwrap();
    match Envelope::new(strict(&one)).decrypt(&message, &none).await {
        Err(Error::Keyring(KeyringError::Kms(KmsError::Service { operation, code, message }))) => {
            assert_eq!((operation, code.as_str()), ("Decrypt", "DisabledException"));
            assert!(message.contains(&one), "{message}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn nobody_there_is_no_refusal() {
    let server = Server::start();
    let (client, none) = (server.client(), context(&[]));
    let (arn, _) = key(&client, KeySpec::SymmetricDefault, KeyUsageType::EncryptDecrypt).await;
    drop(server);
    let keyring = AwsKmsKeyring::strict(client, arn).unwrap();
    let refused = Envelope::new(keyring).encrypt(b"", &none).await;
    let unreached = matches!(
        refused,
        Err(Error::Keyring(KeyringError::Kms(KmsError::Transport(ref text))))
            if text.starts_with("GenerateDataKey: ")
    );
    assert!(unreached, "{refused:?}");
}

#[tokio::test]
async fn key_pairs_wrap_and_agree() {
    let server = Server::start();
    let client = server.client();
    let (arn, public) = key(&client, KeySpec::Rsa2048, KeyUsageType::EncryptDecrypt).await;
    let padding = KmsRsaPadding::OaepSha256;
    let sealing = AwsKmsRsaKeyring::new(&*arn, padding, Some(&public), None).unwrap();
    let opening = AwsKmsRsaKeyring::new(&*arn, padding, None, Some(client.clone())).unwrap();
    there_and_back(sealing, opening).await;

    let (arn, public) = key(&client, KeySpec::EccNistP384, KeyUsageType::KeyAgreement).await;
    let held = || AwsKmsEcdhKeyring::between(client.clone(), &*arn, Curve::P384, EC_PUBLIC[0]);
    let own = || RawEcdhKeyring::between(Curve::P384, EC_PRIVATE[0], &public).unwrap();
    there_and_back(held().await.unwrap(), own()).await;
    there_and_back(own(), held().await.unwrap()).await;
}

#[tokio::test]
async fn branch_keys_are_made_and_rotated() {
    let server = Server::start();
    let client = server.client();
    let (arn, _) = key(&client, KeySpec::SymmetricDefault, KeyUsageType::EncryptDecrypt).await;
    let folder = tempfile::tempdir().unwrap();
    let records = FolderRecords::new(folder.path());
    let store = Arc::new(KmsBranchKeys::new(client, arn, "store", records).unwrap());
    store.create("tenant").await.unwrap();
    let age = Duration::from_secs(60);
    let keyring = || HierarchicalKeyring::new(store.clone(), "tenant", age).unwrap();
    there_and_back(keyring(), keyring()).await;
    store.rotate("tenant").await.unwrap();
    there_and_back(keyring(), keyring()).await;
}
