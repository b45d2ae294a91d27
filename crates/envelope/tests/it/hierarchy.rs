//! The hierarchical keyring, with branch keys in memory and under KMS.

use std::sync::Arc;
use std::time::Duration;

use bulla_envelope::keyring::{
    BranchKeyStore, FolderRecords, HierarchicalKeyring, KeyringError, KmsBranchKeys,
    LocalBranchKeys,
};
use bulla_envelope::{DefaultSource, EncryptionContext, Envelope, Error, Suite};

use crate::stub::Kms;
use crate::support::{context, decrypt, encrypt};

const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234";
const OTHER: &str = "arn:aws:kms:eu-central-1:111122223333:key/5678";
const AGE: Duration = Duration::from_secs(600);

fn keyring(store: &Arc<impl BranchKeyStore + 'static>, id: &str) -> HierarchicalKeyring {
    HierarchicalKeyring::new(store.clone(), id, AGE).unwrap()
}

#[tokio::test]
async fn branch_keys_wrap_and_old_versions_still_unwrap() {
    let store = Arc::new(LocalBranchKeys::new());
    let context = context(&[("a", "b")]);
    let first = store.create_or_rotate("tenant").unwrap();
    let mut messages = Vec::new();
    for suite in Suite::ALL {
        let source = DefaultSource::new(keyring(&store, "tenant"));
        messages.push(encrypt(source, suite, 16, b"text", &context).await.unwrap());
    }
    let second = store.create_or_rotate("tenant").unwrap();
    assert_ne!(first, second);
    let source = Arc::new(DefaultSource::new(keyring(&store, "tenant")));
    messages.push(encrypt(source.clone(), Suite::ALL[9], 16, b"text", &context).await.unwrap());
    for (index, message) in messages.iter().enumerate() {
        let opened = decrypt(source.clone(), message, &context).await.unwrap();
        assert_eq!(opened.plaintext, b"text");
        let key = &opened.header.encrypted_data_keys()[0];
        assert_eq!((key.provider_id(), key.provider_info()), ("aws-kms-hierarchy", &b"tenant"[..]));
        let version = if index < Suite::ALL.len() { first } else { second };
        assert_eq!(key.ciphertext()[28..44], version);
    }
    store.create_or_rotate("other").unwrap();
    let other = DefaultSource::new(keyring(&store, "other"));
    let refused = decrypt(other, &messages[0], &context).await;
    assert!(matches!(refused, Err(Error::Keyring(KeyringError::NothingFits))));
    let missing = Envelope::new(keyring(&store, "missing")).encrypt(b"", &context).await;
    assert!(matches!(missing, Err(Error::Keyring(KeyringError::Refused(_)))));
}

#[tokio::test]
async fn kms_is_asked_once_a_branch_key() {
    let (kms, folder) = (Kms::new(), tempfile::tempdir().unwrap());
    let store = || {
        let records = FolderRecords::new(folder.path());
        Arc::new(KmsBranchKeys::new(kms.clone(), KEY, "store", records).unwrap())
    };
    store().create("tenant").await.unwrap();
    assert_eq!(kms.calls(), ["GenerateDataKeyWithoutPlaintext", "ReEncrypt"]);
    assert!(matches!(store().create("tenant").await, Err(KeyringError::Refused(_))));
    let before = kms.calls().len();
    let envelope = Envelope::new(keyring(&store(), "tenant"));
    let none = EncryptionContext::new();
    let mut message = Vec::new();
    for _ in 0..20 {
        message = envelope.encrypt(b"text", &none).await.unwrap();
        assert_eq!(envelope.decrypt(&message, &none).await.unwrap().plaintext, b"text");
    }
    // Once the active one, once the version that messages name.
    assert_eq!(kms.calls()[before..], ["Decrypt", "Decrypt"]);
    store().rotate("tenant").await.unwrap();
    let later = Envelope::new(keyring(&store(), "tenant"));
    assert_eq!(later.decrypt(&message, &none).await.unwrap().plaintext, b"text");
    let newer = later.encrypt(b"text", &none).await.unwrap();
    assert_eq!(later.decrypt(&newer, &none).await.unwrap().plaintext, b"text");
    let version = |message: &[u8]| {
        let header = bulla_envelope::Header::parse(message).unwrap();
        header.encrypted_data_keys()[0].ciphertext()[28..44].to_vec()
    };
    assert_ne!(version(&message), version(&newer));
    assert!(store().rotate("missing").await.is_err());
}

#[tokio::test]
async fn records_are_bound_to_key_store_and_attributes() {
    let (kms, folder) = (Kms::new(), tempfile::tempdir().unwrap());
    let store = |key: &str, name: &str| {
        let records = FolderRecords::new(folder.path());
        Arc::new(KmsBranchKeys::new(kms.clone(), key, name, records).unwrap())
    };
    store(KEY, "store").create("a").await.unwrap();
    assert!(store(KEY, "store").active("a").await.is_ok());
    for (key, name) in [(OTHER, "store"), (KEY, "another")] {
        assert!(store(key, name).active("a").await.is_err(), "{name}");
    }
    // A record under another's name.
    store(KEY, "store").create("b").await.unwrap();
    let name = |id: &str| {
        let hex = |text: &str| bulla_crypto::hex::encode(text.as_bytes());
        folder.path().join(format!("{}.{}", hex(id), hex("branch:ACTIVE")))
    };
    let text = std::fs::read_to_string(name("a")).unwrap();
    let hex = |text: &str| bulla_crypto::hex::encode(text.as_bytes());
    let (from, to) = (
        format!("{} {}", hex("branch-key-id"), hex("a")),
        format!("{} {}", hex("branch-key-id"), hex("b")),
    );
    std::fs::write(name("b"), text.replace(&from, &to)).unwrap();
    assert!(matches!(store(KEY, "store").active("b").await, Err(KeyringError::Kms(_))));
    std::fs::write(name("b"), "no record").unwrap();
    assert!(matches!(store(KEY, "store").active("b").await, Err(KeyringError::Refused(_))));
}

#[test]
fn a_keyring_needs_an_id_and_an_age() {
    let store = Arc::new(LocalBranchKeys::new());
    assert!(HierarchicalKeyring::new(store.clone(), "", AGE).is_err());
    assert!(HierarchicalKeyring::new(store, "a", Duration::ZERO).is_err());
}
