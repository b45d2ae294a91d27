//! Messages piece by piece: the same bytes as whole ones, whatever the pieces.

use std::io::Read;

use bulla_envelope::{
    Committing, EncryptionContext, Envelope, Error, FormatError, Header, HeaderReader, Signed,
};
use proptest::prelude::*;

use crate::support::{aes, context};

fn envelope(suite: Committing) -> Envelope {
    Envelope::new(aes(1)).suite(suite).frame_len(100.try_into().unwrap())
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

/// A reader that gives a few bytes at a time.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, space: &mut [u8]) -> std::io::Result<usize> {
        let len = space.len().min(self.1).min(self.0.len());
        let (head, rest) = self.0.split_at(len);
        space[..len].copy_from_slice(head);
        self.0 = rest;
        Ok(len)
    }
}

impl tokio::io::AsyncRead for Pieces<'_> {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        space: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        let len = space.remaining().min(self.1).min(self.0.len());
        let (head, rest) = self.0.split_at(len);
        space.put_slice(head);
        self.0 = rest;
        std::task::Poll::Ready(Ok(()))
    }
}

proptest! {
    #[test]
    fn pieces_make_the_same_message(
        len in 0..1000_usize,
        cut in 1..300_usize,
        signed: bool,
    ) {
        let plain: Vec<u8> = (0..=255).cycle().take(len).collect();
        let envelope = envelope(if signed { Committing::Signed } else { Committing::Unsigned });
        let none = EncryptionContext::new();
        block_on(async {
            let mut message = Vec::new();
            envelope.encrypt_io(Pieces(&plain, cut), &mut message, &none).await.unwrap();
            let whole = envelope.encrypt(&plain, &none).await.unwrap();
            // Signatures in DER differ in length, the context's public keys don't.
            assert!(message.len().abs_diff(whole.len()) <= 4);
            assert_eq!(envelope.decrypt(&message, &none).await.unwrap().plaintext, plain);
            let mut out = Vec::new();
            let early = Signed::ReleaseEarly;
            envelope.decrypt_io(Pieces(&message, cut), &mut out, &none, early).await.unwrap();
            assert_eq!(out, plain);
            let mut message = Vec::new();
            envelope.encrypt_async(Pieces(&plain, cut), &mut message, &none).await.unwrap();
            assert!(message.len().abs_diff(whole.len()) <= 4);
            let mut out = Vec::new();
            envelope.decrypt_async(Pieces(&message, cut), &mut out, &none, early).await.unwrap();
            assert_eq!(out, plain);
        });
    }
}

#[tokio::test]
async fn full_frames_end_in_a_full_one() {
    let envelope = envelope(Committing::Unsigned);
    let none = EncryptionContext::new();
    let header = |message: &[u8]| Header::parse(message).unwrap().as_bytes().len();
    for (len, body) in [(0, 40), (99, 139), (100, 140), (101, 173), (200, 272), (300, 404)] {
        let message = envelope.encrypt(&vec![1; len], &none).await.unwrap();
        assert_eq!(message.len() - header(&message), body, "{len}");
        let mut message = Vec::new();
        envelope.encrypt_io(&*vec![1; len], &mut message, &none).await.unwrap();
        assert_eq!(message.len() - header(&message), body, "{len}");
    }
}

#[tokio::test]
async fn more_than_was_announced_is_refused() {
    let envelope = envelope(Committing::Unsigned);
    let mut sealer = envelope.sealer(&EncryptionContext::new(), Some(10)).await.unwrap();
    let mut out = vec![0; 10_000];
    sealer.write(&[0; 10], &mut out).unwrap();
    assert!(matches!(sealer.write(&[0], &mut out), Err(Error::Announced(10))));
}

#[tokio::test]
async fn a_stream_that_ends_early_is_told() {
    let envelope = envelope(Committing::Unsigned);
    let context = context(&[("a", "b")]);
    let message = envelope.encrypt(&[3; 250], &context).await.unwrap();
    for len in 0..message.len() {
        let mut out = Vec::new();
        let outcome =
            envelope.decrypt_io(&message[..len], &mut out, &context, Signed::Refuse).await;
        assert!(matches!(outcome, Err(Error::Format(FormatError::Truncated))), "{len}");
        // What came out is authentic: a part of the plaintext, frame by frame.
        assert!([0, 100, 200].contains(&out.len()) && out.iter().all(|byte| *byte == 3));
    }
    let longer = [&message[..], b"x"].concat();
    let outcome = envelope.decrypt_io(&*longer, std::io::sink(), &context, Signed::Refuse).await;
    assert!(matches!(outcome, Err(Error::Format(FormatError::Trailing))));
}

#[test]
fn headers_are_read_byte_by_byte() {
    let envelope = envelope(Committing::Signed);
    let message = block_on(envelope.encrypt(b"text", &context(&[("a", "b")]))).unwrap();
    let mut reader = HeaderReader::new();
    let len = Header::parse(&message).unwrap().as_bytes().len();
    for (index, byte) in message[..len].iter().enumerate() {
        match reader.push(&[*byte]).unwrap() {
            None => assert!(index < len - 1),
            Some((header, rest)) => {
                assert_eq!((index, rest.len()), (len - 1, 0));
                assert_eq!(header.as_bytes(), &message[..len]);
            }
        }
    }
}

#[tokio::test]
async fn several_threads_make_the_same_message() {
    const BLOCK: usize = 512 << 10;
    let none = EncryptionContext::new();
    for suite in Committing::ALL {
        let envelope = Envelope::new(aes(1)).suite(suite);
        for len in [
            0,
            1,
            4096,
            BLOCK - 1,
            BLOCK,
            BLOCK + 1,
            2 * BLOCK,
            7 * BLOCK,
            7 * BLOCK + 4096,
            9 * BLOCK + 12_345,
        ] {
            let plain: Vec<u8> = (0..=250).cycle().take(len).collect();
            for threads in [1, 2, 3] {
                let threads = threads.try_into().unwrap();
                let mut message = Vec::new();
                let sealer = envelope.sealer(&none, Some(len as u64)).await.unwrap();
                let sealed = sealer.copy_parallel(Pieces(&plain, 99_999), &mut message, threads);
                assert_eq!(sealed.unwrap(), len as u64);
                let opened = envelope.decrypt(&message, &none).await.unwrap();
                assert!(opened.plaintext == plain, "{len}");
                let whole = envelope.encrypt(&plain, &none).await.unwrap();
                assert!(message.len().abs_diff(whole.len()) <= 4);
                let header = Header::parse(&message).unwrap();
                let body = &message[header.as_bytes().len()..];
                let open = || envelope.opener(&header, &none, Signed::ReleaseEarly);
                let mut out = Vec::new();
                let opener = open().await.unwrap();
                opener.copy_parallel(Pieces(body, 99_999), &mut out, threads).unwrap();
                assert!(out == plain, "{len}");
                // What is altered is found, wherever it is.
                for at in [body.len() / 3, body.len() - 1] {
                    let mut altered = body.to_vec();
                    altered[at] ^= 1;
                    let opener = open().await.unwrap();
                    assert!(opener.copy_parallel(&*altered, std::io::sink(), threads).is_err());
                }
                let opener = open().await.unwrap();
                let cut = &body[..body.len() - 1];
                assert!(opener.copy_parallel(cut, std::io::sink(), threads).is_err());
            }
        }
    }
}

/// Breaks after some bytes, whichever way they go.
struct Breaking(usize);

impl Read for Breaking {
    fn read(&mut self, space: &mut [u8]) -> std::io::Result<usize> {
        let len = space.len().min(self.0);
        self.0 -= len;
        if len == 0 { Err(std::io::ErrorKind::BrokenPipe.into()) } else { Ok(len) }
    }
}

impl std::io::Write for Breaking {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.read(&mut bytes.to_vec())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn several_threads_end_when_a_medium_breaks() {
    const LEN: usize = 5_000_000;
    let envelope = Envelope::new(aes(1)).suite(Committing::Unsigned);
    let none = EncryptionContext::new();
    let broken = |outcome| match outcome {
        Err(Error::Io(error)) => error.kind() == std::io::ErrorKind::BrokenPipe,
        _ => false,
    };
    for len in [0, 100, 200_000, 1_000_000] {
        for threads in [1, 2, 3] {
            let threads = threads.try_into().unwrap();
            let sealer = || envelope.sealer(&none, None);
            let from =
                sealer().await.unwrap().copy_parallel(Breaking(len), std::io::sink(), threads);
            assert!(broken(from));
            let plain = vec![0; LEN];
            let to = sealer().await.unwrap().copy_parallel(&*plain, Breaking(len), threads);
            assert!(broken(to));
        }
    }
}

/// Panics after some bytes.
struct Panicking(usize);

impl Read for Panicking {
    fn read(&mut self, space: &mut [u8]) -> std::io::Result<usize> {
        let len = space.len().min(self.0);
        assert_ne!(len, 0, "the reader's own fault");
        self.0 -= len;
        Ok(len)
    }
}

#[test]
fn a_reader_that_panics_leaves_nobody_waiting() {
    let envelope = envelope(Committing::Unsigned);
    for threads in [1, 2, 3] {
        let sealer = block_on(envelope.sealer(&EncryptionContext::new(), None)).unwrap();
        let copied = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let threads = threads.try_into().unwrap();
            sealer.copy_parallel(Panicking(2_000_000), std::io::sink(), threads)
        }));
        assert!(copied.is_err() || copied.is_ok_and(|outcome| outcome.is_err()));
    }
}
