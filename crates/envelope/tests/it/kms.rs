//! The keyrings of AWS KMS, against a KMS that lives in the test.

use std::sync::Arc;

use bulla_envelope::keyring::{
    AwsKmsDiscoveryKeyring, AwsKmsKeyring, AwsKmsRsaKeyring, DiscoveryFilter, Keyring,
    KeyringError, KmsRsaPadding, MultiKeyring,
};
use bulla_envelope::kms::KmsError;
use bulla_envelope::{DefaultSource, EncryptionContext, Envelope, Error, Suite};

use crate::stub::{Kms, RSA_PUBLIC};
use crate::support::{aes, context, decrypt, encrypt};

const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234";
const OTHER: &str = "arn:aws:kms:eu-central-1:444455556666:key/5678";
const MRK: &str = "arn:aws:kms:eu-central-1:111122223333:key/mrk-1";
const REPLICA: &str = "arn:aws:kms:us-east-1:111122223333:key/mrk-1";

fn strict(kms: &Arc<Kms>, key: &str) -> AwsKmsKeyring {
    AwsKmsKeyring::strict(kms.clone(), key).unwrap()
}

fn discovery(kms: &Arc<Kms>, filter: Option<(&str, &str)>) -> AwsKmsDiscoveryKeyring {
    let filter = filter.map(|(partition, account)| DiscoveryFilter {
        partition: partition.to_owned(),
        accounts: vec!["999999999999".to_owned(), account.to_owned()],
    });
    AwsKmsDiscoveryKeyring::new(kms.clone(), filter).unwrap()
}

async fn open(keyring: impl Keyring + 'static, message: &[u8]) -> Result<Vec<u8>, KeyringError> {
    let opened = Envelope::new(keyring).decrypt(message, &EncryptionContext::new()).await;
    opened.map(|opened| opened.plaintext).map_err(|error| match error {
        Error::Keyring(error) => error,
        other => KeyringError::Answer(other.to_string()),
    })
}

async fn seal(keyring: impl Keyring + 'static) -> Vec<u8> {
    Envelope::new(keyring).encrypt(b"text", &context(&[("a", "b")])).await.unwrap()
}

#[tokio::test]
async fn one_key_draws_wraps_and_unwraps() {
    let kms = Kms::new();
    for suite in Suite::ALL {
        let (source, context) = (DefaultSource::new(strict(&kms, KEY)), context(&[("a", "b")]));
        let message = encrypt(source, suite, 16, b"text", &context).await.unwrap();
        let source = DefaultSource::new(strict(&kms, KEY));
        let opened = decrypt(source, &message, &context).await.unwrap();
        assert_eq!(opened.plaintext, b"text");
        let key = &opened.header.encrypted_data_keys()[0];
        assert_eq!((key.provider_id(), key.provider_info()), ("aws-kms", KEY.as_bytes()));
    }
    assert_eq!(kms.calls(), ["GenerateDataKey", "Decrypt"].repeat(11));
}

#[tokio::test]
async fn aliases_only_encrypt() {
    let kms = Kms::new();
    let message = seal(strict(&kms, "alias/mine")).await;
    assert_eq!(open(strict(&kms, KEY), &message).await.unwrap(), b"text");
    let refused = open(strict(&kms, "alias/mine"), &message).await;
    assert!(matches!(refused, Err(KeyringError::NothingFits)));
    assert!(AwsKmsKeyring::strict(kms, "key/1234").is_err());
}

#[tokio::test]
async fn several_keys_wrap_one_data_key() {
    let kms = Kms::new();
    let both = || MultiKeyring::new(strict(&kms, KEY)).with(strict(&kms, OTHER)).with(aes(1));
    let message = seal(both()).await;
    assert_eq!(kms.calls(), ["GenerateDataKey", "Encrypt"]);
    assert_eq!(open(strict(&kms, OTHER), &message).await.unwrap(), b"text");
    assert_eq!(open(aes(1), &message).await.unwrap(), b"text");
    // Nobody is asked for keys that are not named.
    let before = kms.calls().len();
    let stranger = open(strict(&kms, MRK), &message).await;
    assert!(matches!(stranger, Err(KeyringError::NothingFits)));
    assert_eq!(kms.calls().len(), before);
}

#[tokio::test]
async fn what_kms_says_is_told() {
    let kms = Kms::new();
    let message = seal(strict(&kms, KEY)).await;
    kms.disable(KEY);
    match open(strict(&kms, KEY), &message).await {
        Err(KeyringError::Kms(KmsError::Service { code, .. })) => {
            assert_eq!(code, "DisabledException");
        }
        other => panic!("{other:?}"),
    }
    // The first key is of no use, the second is.
    let both = MultiKeyring::new(strict(&kms, OTHER)).with(strict(&kms, MRK));
    let message = seal(both).await;
    kms.disable(OTHER);
    assert_eq!(open(discovery(&kms, None), &message).await.unwrap(), b"text");
    kms.disable(MRK);
    match open(discovery(&kms, None), &message).await {
        Err(KeyringError::Several(errors)) => assert_eq!(errors.len(), 2),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn answers_of_another_key_are_refused() {
    let kms = Kms::new();
    let message = seal(strict(&kms, KEY)).await;
    kms.answer_as(OTHER);
    let outcome = open(strict(&kms, KEY), &message).await;
    assert!(matches!(outcome, Err(KeyringError::Answer(_))), "{outcome:?}");
    kms.answer_as("1234");
    let outcome = Envelope::new(strict(&kms, KEY)).encrypt(b"", &context(&[])).await;
    assert!(matches!(outcome, Err(Error::Keyring(KeyringError::Answer(_)))));
}

#[tokio::test]
async fn discovery_uses_the_messages_keys_within_the_filter() {
    let kms = Kms::new();
    let message = seal(strict(&kms, KEY)).await;
    assert_eq!(open(discovery(&kms, None), &message).await.unwrap(), b"text");
    let filtered = discovery(&kms, Some(("aws", "111122223333")));
    assert_eq!(open(filtered, &message).await.unwrap(), b"text");
    let before = kms.calls().len();
    for filter in [("aws", "444455556666"), ("aws-cn", "111122223333")] {
        let outcome = open(discovery(&kms, Some(filter)), &message).await;
        assert!(matches!(outcome, Err(KeyringError::NothingFits)));
    }
    assert_eq!(kms.calls().len(), before);
    let outcome = Envelope::new(discovery(&kms, None)).encrypt(b"", &context(&[])).await;
    assert!(matches!(outcome, Err(Error::Keyring(KeyringError::DecryptOnly))));
    let empty = DiscoveryFilter { partition: "aws".to_owned(), accounts: vec![] };
    assert!(AwsKmsDiscoveryKeyring::new(kms, Some(empty)).is_err());
}

#[tokio::test]
async fn replicas_stand_for_each_other_only_where_that_is_asked() {
    let kms = Kms::new();
    let message = seal(strict(&kms, MRK)).await;
    let refused = open(strict(&kms, REPLICA), &message).await;
    assert!(matches!(refused, Err(KeyringError::NothingFits)));
    let replica = || AwsKmsKeyring::multi_region(kms.clone(), REPLICA).unwrap();
    assert_eq!(open(replica(), &message).await.unwrap(), b"text");
    assert_eq!(kms.last_key(), REPLICA);
    let single = seal(strict(&kms, KEY)).await;
    let refused = open(replica(), &single).await;
    assert!(matches!(refused, Err(KeyringError::NothingFits)));

    let in_region =
        |region: &str| AwsKmsDiscoveryKeyring::multi_region(kms.clone(), region, None).unwrap();
    assert_eq!(open(in_region("us-east-1"), &message).await.unwrap(), b"text");
    assert_eq!(kms.last_key(), REPLICA);
    assert_eq!(open(in_region("eu-central-1"), &single).await.unwrap(), b"text");
    let refused = open(in_region("us-east-1"), &single).await;
    assert!(matches!(refused, Err(KeyringError::NothingFits)));
    assert!(AwsKmsDiscoveryKeyring::multi_region(kms.clone(), "", None).is_err());
}

#[tokio::test]
async fn rsa_wraps_here_and_unwraps_there() {
    let kms = Kms::new();
    let context = context(&[("a", "b")]);
    for (padding, name) in [
        (KmsRsaPadding::OaepSha1, "RSAES_OAEP_SHA_1"),
        (KmsRsaPadding::OaepSha256, "RSAES_OAEP_SHA_256"),
    ] {
        let wrapping = || AwsKmsRsaKeyring::new(KEY, padding, Some(RSA_PUBLIC), None).unwrap();
        let unwrapping = || AwsKmsRsaKeyring::new(KEY, padding, None, Some(kms.clone())).unwrap();
        for suite in Suite::ALL {
            let sealed =
                encrypt(DefaultSource::new(wrapping()), suite, 16, b"text", &context).await;
            if suite.signature().is_some() {
                let refused = matches!(sealed, Err(Error::Keyring(KeyringError::Suite(_))));
                assert!(refused);
                continue;
            }
            let message = sealed.unwrap();
            let opened = decrypt(DefaultSource::new(unwrapping()), &message, &context).await;
            assert_eq!(opened.unwrap().plaintext, b"text");
            assert_eq!(kms.last_algorithm().as_deref(), Some(name));
            let mut altered = message.clone();
            let at = altered.windows(4).position(|w| w == b"\x01a\0\x01").unwrap();
            altered[at + 4] ^= 1;
            let none = EncryptionContext::new();
            let refused = decrypt(DefaultSource::new(unwrapping()), &altered, &none).await;
            let by_digest = matches!(refused, Err(Error::Keyring(KeyringError::ContextDigest)));
            assert!(by_digest, "{refused:?}");
            let only = decrypt(DefaultSource::new(wrapping()), &message, &context).await;
            assert!(matches!(only, Err(Error::Keyring(KeyringError::EncryptOnly))));
        }
        let only = Envelope::new(unwrapping()).suite(bulla_envelope::Committing::Unsigned);
        let only = only.encrypt(b"", &context).await;
        assert!(matches!(only, Err(Error::Keyring(KeyringError::DecryptOnly))));
    }
    assert!(AwsKmsRsaKeyring::new(KEY, KmsRsaPadding::OaepSha1, None, None).is_err());
    let alias = AwsKmsRsaKeyring::new("alias/a", KmsRsaPadding::OaepSha1, Some(RSA_PUBLIC), None);
    assert!(alias.is_err());
}
