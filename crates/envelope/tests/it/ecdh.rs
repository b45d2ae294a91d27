//! Keyrings by key agreement: each scheme, with keys here and in KMS.

use std::sync::Arc;

use bulla_envelope::keyring::{AwsKmsEcdhKeyring, Keyring, KeyringError, RawEcdhKeyring};
use bulla_envelope::{Curve, DefaultSource, EncryptionContext, Envelope, Error, Suite};

use crate::stub::{EC_PRIVATE, EC_PUBLIC, Kms};
use crate::support::{context, decrypt, encrypt};

const CURVE: Curve = Curve::P384;
const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/agree";

/// Between the holder of this private key and that of the other public one.
fn between(own: usize, peer: usize) -> Arc<dyn Keyring> {
    Arc::new(RawEcdhKeyring::between(CURVE, EC_PRIVATE[own], EC_PUBLIC[peer]).unwrap())
}

async fn there_and_back(sealing: Arc<dyn Keyring>, opening: Arc<dyn Keyring>) -> Vec<u8> {
    let context = context(&[("a", "b")]);
    let mut last = Vec::new();
    for suite in Suite::ALL {
        let source = DefaultSource::new(Arc::clone(&sealing));
        last = encrypt(source, suite, 16, b"text", &context).await.unwrap();
        let source = DefaultSource::new(Arc::clone(&opening));
        assert_eq!(decrypt(source, &last, &context).await.unwrap().plaintext, b"text");
    }
    last
}

async fn refusal(opening: Arc<dyn Keyring>, message: &[u8]) -> KeyringError {
    match Envelope::new(opening).decrypt(message, &EncryptionContext::new()).await.err() {
        Some(Error::Keyring(error)) => error,
        other => KeyringError::Answer(format!("{other:?}")),
    }
}

#[tokio::test]
async fn two_who_know_each_other() {
    let message = there_and_back(between(0, 1), between(1, 0)).await;
    there_and_back(between(0, 1), between(0, 1)).await;
    let alone = refusal(between(1, 1), &message).await;
    assert!(matches!(alone, KeyringError::NothingFits), "{alone}");
}

#[tokio::test]
async fn a_recipient_who_does_not_know_the_sender() {
    let ephemeral = RawEcdhKeyring::for_recipient(CURVE, EC_PUBLIC[1]).unwrap();
    let ephemeral: Arc<dyn Keyring> = Arc::new(ephemeral);
    let discovery = |own: usize| -> Arc<dyn Keyring> {
        Arc::new(RawEcdhKeyring::discovery(CURVE, EC_PRIVATE[own]).unwrap())
    };
    let message = there_and_back(Arc::clone(&ephemeral), discovery(1)).await;
    there_and_back(between(0, 1), discovery(1)).await;
    assert!(matches!(refusal(discovery(0), &message).await, KeyringError::NothingFits));
    assert!(matches!(refusal(between(1, 0), &message).await, KeyringError::NothingFits));
    assert!(matches!(refusal(ephemeral, &message).await, KeyringError::EncryptOnly));
    let outcome = Envelope::new(discovery(1)).encrypt(b"", &context(&[])).await;
    assert!(matches!(outcome, Err(Error::Keyring(KeyringError::DecryptOnly))));
}

#[tokio::test]
async fn a_private_key_in_kms() {
    let kms = Kms::new();
    let held = AwsKmsEcdhKeyring::between(kms.clone(), KEY, CURVE, EC_PUBLIC[1]).await.unwrap();
    let held: Arc<dyn Keyring> = Arc::new(held);
    let discovery = AwsKmsEcdhKeyring::discovery(kms.clone(), KEY, CURVE).await.unwrap();
    let discovery: Arc<dyn Keyring> = Arc::new(discovery);
    assert_eq!(kms.calls(), ["GetPublicKey", "GetPublicKey"]);
    there_and_back(Arc::clone(&held), Arc::clone(&held)).await;
    // Either side may hold its key where it likes.
    let message = there_and_back(Arc::clone(&held), between(1, 0)).await;
    there_and_back(between(1, 0), Arc::clone(&held)).await;
    there_and_back(between(1, 0), Arc::clone(&discovery)).await;
    assert!(matches!(refusal(discovery, &message).await, KeyringError::NothingFits));
    kms.answer_as("arn:aws:kms:eu-central-1:111122223333:key/other");
    assert!(matches!(refusal(held, &message).await, KeyringError::Answer(_)));
    let alias = AwsKmsEcdhKeyring::discovery(kms, "alias/mine", CURVE).await;
    assert!(matches!(alias, Err(KeyringError::Configuration(_))));
}

#[tokio::test]
async fn another_context_and_another_curve_are_refused() {
    let message = Envelope::new(between(0, 1)).encrypt(b"", &context(&[("a", "b")])).await.unwrap();
    let mut altered = message;
    let at = altered.windows(5).position(|window| window == b"\0\x01a\0\x01").unwrap();
    altered[at + 5] ^= 1;
    assert!(matches!(refusal(between(1, 0), &altered).await, KeyringError::Crypto(_)));
    assert!(RawEcdhKeyring::between(Curve::P256, EC_PRIVATE[0], EC_PUBLIC[1]).is_err());
    assert!(RawEcdhKeyring::for_recipient(CURVE, EC_PRIVATE[0]).is_err());
}

/// Made by the AWS Encryption SDK for Python 4.0.7 with its material providers library: from the
/// first key pair to the second, and from an ephemeral one.
#[tokio::test]
async fn messages_of_python_open() {
    let fixed = include_bytes!("../data/python-raw-ecdh-static.msg");
    let ephemeral = include_bytes!("../data/python-raw-ecdh-ephemeral.msg");
    let none = EncryptionContext::new();
    for own in [(0, 1), (1, 0)] {
        let opened = Envelope::new(between(own.0, own.1)).decrypt(fixed, &none).await.unwrap();
        assert_eq!(opened.plaintext, b"from python");
        assert_eq!(opened.context().get("a"), Some("b"));
    }
    for message in [&fixed[..], ephemeral] {
        let discovery = RawEcdhKeyring::discovery(CURVE, EC_PRIVATE[1]).unwrap();
        let opened = Envelope::new(discovery).decrypt(message, &none).await.unwrap();
        assert_eq!(opened.plaintext, b"from python");
    }
}
