//! A message of each suite, with every byte changed and cut off at every length.

use std::sync::Arc;

use bulla_envelope::{DefaultSource, EncryptionContext, Error, FormatError, Suite};

use crate::support::{aes, context, decrypt, encrypt};

const PLAIN: &[u8] = b"the tokens lie inside, the seal outside";

/// Three frames, the last one not full, and a context.
async fn message(suite: Suite) -> (Arc<DefaultSource>, Vec<u8>, EncryptionContext) {
    let source = Arc::new(DefaultSource::new(aes(1)));
    let context = context(&[("a", "1")]);
    let message = encrypt(Arc::clone(&source), suite, 16, PLAIN, &context).await.unwrap();
    (source, message, context)
}

#[tokio::test]
async fn every_single_byte_counts() {
    for suite in Suite::ALL {
        let (source, message, context) = message(suite).await;
        let opened = decrypt(Arc::clone(&source), &message, &context).await.unwrap();
        assert_eq!(opened.plaintext, PLAIN);
        for at in 0..message.len() {
            for change in [1, 0x80, 0xff] {
                let mut altered = message.clone();
                altered[at] ^= change;
                let none = EncryptionContext::new();
                let outcome = decrypt(Arc::clone(&source), &altered, &none).await;
                assert!(outcome.is_err(), "{suite:?}, byte {at} of {}", message.len());
            }
        }
    }
}

#[tokio::test]
async fn every_truncation_is_refused() {
    for suite in Suite::ALL {
        let (source, message, context) = message(suite).await;
        for len in 0..message.len() {
            let outcome = decrypt(Arc::clone(&source), &message[..len], &context).await;
            let truncated = matches!(outcome, Err(Error::Format(FormatError::Truncated)));
            assert!(truncated, "{suite:?}, {len} of {}: {outcome:?}", message.len());
        }
        let longer = [&message[..], &[0]].concat();
        let outcome = decrypt(source, &longer, &context).await;
        assert!(matches!(outcome, Err(Error::Format(FormatError::Trailing))));
    }
}

#[tokio::test]
async fn frames_can_not_change_places() {
    let (source, message, context) = message(Suite::Aes256HkdfSha512Commit).await;
    let frame = 16 + 32;
    let first = message.len() - (7 + 40) - 2 * frame;
    let mut swapped = message.clone();
    swapped[first..first + 2 * frame].rotate_left(frame);
    let outcome = decrypt(Arc::clone(&source), &swapped, &context).await;
    assert!(matches!(outcome, Err(Error::Format(FormatError::Sequence(2)))), "{outcome:?}");
    let mut missing = message;
    missing.drain(first..first + frame);
    let outcome = decrypt(source, &missing, &context).await;
    assert!(matches!(outcome, Err(Error::Format(FormatError::Sequence(2)))), "{outcome:?}");
}
