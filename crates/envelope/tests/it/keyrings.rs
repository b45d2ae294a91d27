//! Every suite under every raw keyring, alone and together.

use std::sync::Arc;

use bulla_envelope::keyring::{
    Direction, Keyring, KeyringError, MultiKeyring, RawAesKeyring, RawRsaKeyring, Wrap, WrapKeyring,
};
use bulla_envelope::{
    BoxFuture, ContextError, DefaultSource, EncryptionContext, Envelope, Error,
    RequireEncryptAllowDecrypt, RequiredContext, RsaPadding, SecretBytes, Suite,
};

use crate::stub::{RSA_PRIVATE, RSA_PUBLIC};
use crate::support::{aes, context, decrypt, encrypt};

const PADDINGS: [RsaPadding; 5] = [
    RsaPadding::Pkcs1,
    RsaPadding::OaepSha1,
    RsaPadding::OaepSha256,
    RsaPadding::OaepSha384,
    RsaPadding::OaepSha512,
];

async fn there_and_back(sealing: impl Keyring + 'static, opening: Arc<dyn Keyring>) {
    let (sealing, opening) =
        (Arc::new(DefaultSource::new(sealing)), Arc::new(DefaultSource::new(opening)));
    let context = context(&[("purpose", "test"), ("a", "b")]);
    for suite in Suite::ALL {
        for len in [0, 1, 15, 16, 17, 32, 100] {
            let plain = vec![len; usize::from(len)];
            let message = encrypt(Arc::clone(&sealing), suite, 16, &plain, &context).await;
            let opened = decrypt(Arc::clone(&opening), &message.unwrap(), &context).await.unwrap();
            assert_eq!(opened.plaintext, plain);
            assert_eq!(opened.header.suite(), suite);
            assert_eq!(opened.context().get("purpose"), Some("test"));
        }
    }
}

#[tokio::test]
async fn aes_keys_wrap() {
    for len in [16, 24, 32] {
        let keyring = || RawAesKeyring::new("n", "k", &SecretBytes::from_slice(&vec![9; len]));
        there_and_back(keyring().unwrap(), Arc::new(keyring().unwrap())).await;
    }
}

#[tokio::test]
async fn rsa_keys_wrap() {
    for padding in PADDINGS {
        let public = RawRsaKeyring::public("n", "k", padding, RSA_PUBLIC).unwrap();
        let private = RawRsaKeyring::private("n", "k", padding, RSA_PRIVATE).unwrap();
        there_and_back(public, Arc::new(private)).await;
    }
}

#[tokio::test]
async fn any_of_several_keys_unwraps() {
    let rsa = || RawRsaKeyring::private("n", "r", RsaPadding::OaepSha256, RSA_PRIVATE).unwrap();
    let all = || MultiKeyring::new(aes(1)).with(aes(2)).with(rsa());
    for one in [Arc::new(aes(1)) as Arc<dyn Keyring>, Arc::new(aes(2)), Arc::new(rsa())] {
        there_and_back(all(), one).await;
    }
    there_and_back(aes(2), Arc::new(all())).await;
    let none = EncryptionContext::new();
    let message = Envelope::new(all()).encrypt(b"", &none).await.unwrap();
    let none = Envelope::new(aes(3)).decrypt(&message, &none).await;
    assert!(matches!(none, Err(Error::Keyring(KeyringError::NothingFits))));
}

#[tokio::test]
async fn a_child_that_fails_fails_the_message() {
    struct Broken;
    impl Wrap for Broken {
        fn turn<'a>(
            &'a self,
            _: Direction,
            _: &'a [u8],
            _: &'a [u8],
        ) -> BoxFuture<'a, Result<SecretBytes, KeyringError>> {
            Box::pin(async { Err(KeyringError::Refused("it is broken".to_owned())) })
        }
    }
    let broken = WrapKeyring::new("n", "k", Broken).unwrap();
    let envelope = Envelope::new(MultiKeyring::new(aes(1)).with(broken));
    let outcome = envelope.encrypt(b"", &EncryptionContext::new()).await;
    assert!(matches!(outcome, Err(Error::Keyring(KeyringError::Refused(_)))));
    let childless = Envelope::new(MultiKeyring::without_generator().with(aes(1)));
    let outcome = childless.encrypt(b"", &EncryptionContext::new()).await;
    assert!(matches!(outcome, Err(Error::Keyring(KeyringError::NoGenerator))));
}

/// Wraps by adding one to each byte, and a sum of the context behind them.
struct Own;

impl Wrap for Own {
    fn turn<'a>(
        &'a self,
        direction: Direction,
        key: &'a [u8],
        context: &'a [u8],
    ) -> BoxFuture<'a, Result<SecretBytes, KeyringError>> {
        let sum = context.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        Box::pin(async move {
            let turned = match direction {
                Direction::Wrap => {
                    key.iter().map(|byte| byte.wrapping_add(1)).chain([sum]).collect()
                }
                Direction::Unwrap => match key.split_last() {
                    Some((last, key)) if *last == sum => {
                        key.iter().map(|byte| byte.wrapping_sub(1)).collect()
                    }
                    _ => return Err(KeyringError::Refused("another context".to_owned())),
                },
            };
            Ok(SecretBytes::new(turned))
        })
    }
}

#[tokio::test]
async fn a_wrapping_key_of_ones_own_takes_one_method() {
    let keyring = || WrapKeyring::new("own", "key", Own).unwrap();
    there_and_back(keyring(), Arc::new(keyring())).await;
    assert!(WrapKeyring::new("aws-kms", "key", Own).is_err());
}

#[tokio::test]
async fn required_pairs_are_not_stored_and_must_be_known() {
    let source = || Arc::new(RequiredContext::new(["tenant"], DefaultSource::new(aes(1))).unwrap());
    let all = context(&[("tenant", "a"), ("purpose", "test")]);
    for suite in Suite::ALL {
        let message = encrypt(source(), suite, 16, b"text", &all).await.unwrap();
        assert!(!message.windows(6).any(|window| window == b"tenant"));
        assert_eq!(decrypt(source(), &message, &all).await.unwrap().plaintext, b"text");
        // A reader that requires nothing, and knows the pair.
        let known = context(&[("tenant", "a")]);
        let plain = decrypt(DefaultSource::new(aes(1)), &message, &known).await.unwrap();
        assert_eq!(
            (plain.context().get("tenant"), plain.context().get("purpose")),
            (Some("a"), Some("test"))
        );
        for wrong in [context(&[("tenant", "b")]), EncryptionContext::new()] {
            let outcome = decrypt(DefaultSource::new(aes(1)), &message, &wrong).await;
            assert!(matches!(outcome, Err(Error::Keyring(KeyringError::Crypto(_)))), "{outcome:?}");
        }
        let outcome = decrypt(source(), &message, &context(&[("purpose", "test")])).await;
        assert!(matches!(outcome, Err(Error::ContextMissing(key)) if key == "tenant"));
    }
    let outcome = encrypt(source(), Suite::ALL[9], 16, b"", &context(&[("purpose", "x")])).await;
    assert!(matches!(outcome, Err(Error::ContextMissing(key)) if key == "tenant"));
}

#[tokio::test]
async fn contexts_must_agree() {
    let envelope = Envelope::new(aes(1));
    let message = envelope.encrypt(b"", &context(&[("a", "1")])).await.unwrap();
    let outcome = envelope.decrypt(&message, &context(&[("a", "2")])).await;
    assert!(matches!(outcome, Err(Error::ContextMismatch(key)) if key == "a"));
    let opened = envelope.decrypt(&message, &EncryptionContext::new()).await.unwrap();
    // With the public key in it, a context is not the caller's any more.
    let outcome = envelope.encrypt(b"", opened.header.context()).await;
    assert!(matches!(outcome, Err(Error::Context(ContextError::Reserved))));
    let outcome = envelope.decrypt(&message, opened.header.context()).await;
    assert!(outcome.is_ok());
}

#[tokio::test]
async fn policies_decide_what_is_decrypted() {
    let strict = Envelope::new(aes(1));
    let open = Envelope::new(aes(1)).with_policy::<RequireEncryptAllowDecrypt>();
    let none = EncryptionContext::new();
    for suite in Suite::ALL {
        let source = DefaultSource::new(aes(1));
        let message = encrypt(source, suite, 16, b"text", &none).await.unwrap();
        assert_eq!(open.decrypt(&message, &none).await.unwrap().plaintext, b"text");
        let outcome = strict.decrypt(&message, &none).await;
        match outcome {
            Ok(_) => assert!(suite.commits()),
            Err(Error::Policy { suite: refused, .. }) => {
                assert!(refused == suite && !suite.commits());
            }
            Err(other) => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn limits_on_keys_hold_in_both_directions() {
    let none = EncryptionContext::new();
    let keyring = || MultiKeyring::new(aes(1)).with(aes(2)).with(aes(3));
    let message = Envelope::new(keyring()).encrypt(b"", &none).await.unwrap();
    let limited = Envelope::new(keyring()).max_encrypted_data_keys(2.try_into().unwrap());
    for outcome in
        [limited.encrypt(b"", &none).await.err(), limited.decrypt(&message, &none).await.err()]
    {
        assert!(matches!(outcome, Some(Error::TooManyKeys { got: 3, limit: 2 })), "{outcome:?}");
    }
    let enough = Envelope::new(keyring()).max_encrypted_data_keys(3.try_into().unwrap());
    assert!(enough.decrypt(&message, &none).await.is_ok());
}
