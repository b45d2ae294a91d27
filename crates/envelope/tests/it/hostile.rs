//! Messages that somebody made to do harm: typed errors, and memory within bounds.

use bulla_envelope::{
    Committing, ContextError, EncryptionContext, Envelope, Error, FormatError, Header, Signed,
    Suite,
};

use crate::support::{aes, context};

/// A header of version 2 up to the encrypted data keys, with these pairs as they are.
fn start(pairs: &[u8]) -> Vec<u8> {
    let mut message = vec![2, 4, 0x78];
    message.extend_from_slice(&[7; 32]);
    message.extend_from_slice(&u16::try_from(pairs.len()).unwrap().to_be_bytes());
    message.extend_from_slice(pairs);
    message
}

/// The rest of it, for frames of this length.
fn end(frame_len: u32) -> Vec<u8> {
    let mut rest = vec![2];
    rest.extend_from_slice(&frame_len.to_be_bytes());
    rest.extend_from_slice(&[0; 32 + 16]);
    rest
}

async fn refused(message: &[u8]) -> Error {
    let outcome = Envelope::new(aes(1)).decrypt(message, &EncryptionContext::new()).await;
    outcome.err().unwrap()
}

#[tokio::test]
async fn a_header_with_65535_keys() {
    let mut message = start(&[]);
    message.extend_from_slice(&[0xff; 2]);
    message.extend_from_slice(&[0; 6 * 65_535]);
    message.extend_from_slice(&end(16));
    assert_eq!(Header::parse(&message).unwrap().encrypted_data_keys().len(), 65_535);
    assert!(matches!(refused(&message).await, Error::Keyring(_)));
    // With a limit, the number alone is enough.
    let limited = Envelope::new(aes(1)).max_encrypted_data_keys(10.try_into().unwrap());
    let none = EncryptionContext::new();
    let outcome = limited.decrypt(&message[..start(&[]).len() + 2], &none).await;
    assert!(matches!(outcome, Err(Error::TooManyKeys { got: 65_535, limit: 10 })));
}

#[tokio::test]
async fn a_header_longer_than_any() {
    let mut message = start(&[]);
    message.extend_from_slice(&[0xff; 2]);
    for _ in 0..100 {
        for _ in 0..3 {
            message.extend_from_slice(&[0xff; 2]);
            message.resize(message.len() + 65_535, b'a');
        }
    }
    let error = refused(&message).await;
    assert!(matches!(error, Error::Format(FormatError::HeaderTooLong)), "{error}");
}

#[tokio::test]
async fn no_keys() {
    let mut message = start(&[]);
    message.extend_from_slice(&[0; 2]);
    message.extend_from_slice(&end(16));
    assert!(matches!(refused(&message).await, Error::Format(FormatError::NoKeys)));
}

#[tokio::test]
async fn frames_of_no_bytes() {
    let mut message = start(&[]);
    message.extend_from_slice(b"\x00\x01\x00\x01a\x00\x01b\x00\x01c");
    message.extend_from_slice(&end(0));
    assert!(matches!(refused(&message).await, Error::Format(FormatError::FrameLen(0))));
}

#[tokio::test]
async fn a_context_with_a_key_twice() {
    let mut message = start(b"\x00\x02\x00\x01a\x00\x01b\x00\x01a\x00\x01c");
    message.extend_from_slice(b"\x00\x01\x00\x01a\x00\x01b\x00\x01c");
    message.extend_from_slice(&end(16));
    let error = refused(&message).await;
    assert!(matches!(error, Error::Context(ContextError::Duplicate(key)) if key == "a"));
}

#[tokio::test]
async fn a_public_key_where_none_belongs() {
    let mut pairs = b"\x00\x01\x00\x15aws-crypto-public-key\x00\x04AAAA".to_vec();
    let mut message = start(&pairs);
    message.extend_from_slice(b"\x00\x01\x00\x01a\x00\x01b\x00\x01c");
    message.extend_from_slice(&end(16));
    assert!(matches!(refused(&message).await, Error::PublicKey));
    // Nor is this one that a signed message can have, nor none at all.
    message[1] = 5;
    assert!(matches!(refused(&message).await, Error::PublicKey));
    pairs.clear();
    let mut message = start(&pairs);
    message[1] = 5;
    message.extend_from_slice(b"\x00\x01\x00\x01a\x00\x01b\x00\x01c");
    message.extend_from_slice(&end(16));
    assert!(matches!(refused(&message).await, Error::PublicKey));
}

#[tokio::test]
async fn huge_frames() {
    // In memory, what is announced is not what is taken.
    let envelope =
        Envelope::new(aes(1)).suite(Committing::Unsigned).frame_len(u32::MAX.try_into().unwrap());
    let none = EncryptionContext::new();
    let message = envelope.encrypt(b"text", &none).await.unwrap();
    assert_eq!(envelope.decrypt(&message, &none).await.unwrap().plaintext, b"text");
    let header = Header::parse(&message).unwrap();
    let outcome = envelope.opener(&header, &none, Signed::Refuse).await.err().unwrap();
    let too_long = FormatError::FrameTooLong(u32::MAX.into());
    assert!(matches!(outcome, Error::Format(error) if error == too_long));
    let lenient = envelope.clone().max_frame_len(u64::MAX);
    assert!(lenient.opener(&header, &none, Signed::Refuse).await.is_ok());
    // A last frame that is said to be longer than frames are.
    let small = Envelope::new(aes(1)).suite(Committing::Unsigned);
    let mut message = small.encrypt(b"text", &none).await.unwrap();
    let at = message.len() - 16 - 4 - 4;
    message[at..at + 4].copy_from_slice(&[0xff; 4]);
    let error = refused(&message).await;
    assert!(matches!(error, Error::Format(FormatError::FinalFrameLen(u32::MAX))), "{error}");
}

#[tokio::test]
async fn signed_messages_are_not_streamed_unasked() {
    let envelope = Envelope::new(aes(1));
    let none = context(&[]);
    let message = envelope.encrypt(&[5; 10_000], &none).await.unwrap();
    let header = Header::parse(&message).unwrap();
    assert_eq!(header.suite(), Suite::Aes256HkdfSha512CommitEcdsaP384);
    let refused = envelope.opener(&header, &none, Signed::Refuse).await;
    assert!(matches!(refused, Err(Error::SignedStream)));
    let mut opener = envelope.opener(&header, &none, Signed::ReleaseEarly).await.unwrap();
    let body = &message[header.as_bytes().len()..];
    let mut out = vec![0; 20_000];
    let mut got = Vec::new();
    for (index, byte) in body.iter().enumerate() {
        let len = opener.write(&[*byte], &mut out).unwrap();
        got.extend_from_slice(&out[..len]);
        // The last frame waits for the last byte.
        assert!(got.len() <= 8192 || index == body.len() - 1);
    }
    opener.finish().unwrap();
    assert_eq!(got, [5; 10_000]);
    // With another signature, it never comes.
    let mut opener = envelope.opener(&header, &none, Signed::ReleaseEarly).await.unwrap();
    let mut altered = body.to_vec();
    *altered.last_mut().unwrap() ^= 1;
    out.fill(0);
    assert!(matches!(opener.write(&altered, &mut out), Err(Error::Signature)));
    assert!(out[8192..].iter().all(|byte| *byte == 0));
    assert!(opener.finish().is_err());
}
