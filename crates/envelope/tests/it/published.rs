//! Our own vectors, in `tests/vectors/envelope`: a valid message of each suite, and messages with
//! one fault each. `BULLA_WRITE_VECTORS=1` makes them anew.

use std::fmt::Write as _;
use std::path::PathBuf;

use bulla_crypto::hex;
use bulla_envelope::{DefaultSource, EncryptionContext, Header, Suite};

use crate::support::{aes, context, decrypt, encrypt};

const PLAIN: &[u8] = b"the tokens lie inside, the seal outside";
const FRAME_LEN: usize = 16;
/// A frame that is not the last, and the last one's.
const REGULAR: usize = FRAME_LEN + 32;
const FINAL: usize = PLAIN.len() % FRAME_LEN + 40;

const V1: Suite = Suite::Aes256HkdfSha256;
const V2: Suite = Suite::Aes256HkdfSha512Commit;
const SIGNED: Suite = Suite::Aes256HkdfSha512CommitEcdsaP384;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/envelope")
}

/// A message, and where its parts begin.
struct Message {
    bytes: Vec<u8>,
    context_at: usize,
    keys_at: usize,
    /// The content type, behind the encrypted data keys.
    end_at: usize,
    header_len: usize,
}

impl Message {
    async fn of(suite: Suite) -> Self {
        let source = DefaultSource::new(aes(7));
        let pairs = context(&[("a", "1"), ("b", "2")]);
        let bytes = encrypt(source, suite, FRAME_LEN as u32, PLAIN, &pairs).await.unwrap();
        let header = Header::parse(&bytes).unwrap();
        let context_at = if suite.commits() { 3 + 32 } else { 4 + 16 };
        let keys_at = context_at + 2 + header.context().serialize().len();
        let header_len = header.as_bytes().len();
        let end = if suite.commits() { 1 + 4 + 32 + 16 } else { 1 + 4 + 1 + 4 + 12 + 16 };
        Self { bytes, context_at, keys_at, end_at: header_len - end, header_len }
    }

    fn changed(&self, at: usize, to: &[u8]) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        bytes[at..at + to.len()].copy_from_slice(to);
        bytes
    }

    fn flipped(&self, at: usize) -> Vec<u8> {
        self.changed(at, &[self.bytes[at] ^ 1])
    }

    /// With the pairs of the context as they are given.
    fn with_pairs(&self, pairs: &[u8]) -> Vec<u8> {
        let len = u16::try_from(pairs.len()).unwrap().to_be_bytes();
        [&self.bytes[..self.context_at], &len, pairs, &self.bytes[self.keys_at..]].concat()
    }
}

/// Every fault: a name, what it is, and the bytes.
async fn faults() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let (one, two, signed) =
        (Message::of(V1).await, Message::of(V2).await, Message::of(SIGNED).await);
    let body = two.header_len;
    let last = body + 2 * REGULAR;
    let footer = signed.header_len + 2 * REGULAR + FINAL;
    let other = Message::of(SIGNED).await;
    let other_footer = &other.bytes[other.header_len + 2 * REGULAR + FINAL..];
    let mut swapped = two.bytes.clone();
    swapped[body..last].rotate_left(REGULAR);
    let mut missing = two.bytes.clone();
    missing.drain(body..body + REGULAR);
    let mut no_keys = two.bytes[..two.keys_at].to_vec();
    no_keys.extend_from_slice(&[0; 2]);
    no_keys.extend_from_slice(&two.bytes[two.end_at..]);
    let (len, all) = (two.bytes.len(), two.bytes.clone());
    vec![
        ("version-3", "a version that there is not", two.changed(0, &[3])),
        ("v1-type-81", "a type that there is not", one.changed(1, &[0x81])),
        ("suite-unknown", "a suite that there is not", two.changed(1, &[0x04, 0x79])),
        ("suite-of-v1-in-v2", "a suite of the other version", two.changed(1, &[0x01, 0x78])),
        ("message-id", "another message id", two.flipped(3)),
        ("context-value", "another value in the context", two.flipped(two.keys_at - 1)),
        ("context-count-0", "no pairs where some are announced", two.with_pairs(&[0, 0])),
        (
            "context-longer",
            "the context is longer than its pairs",
            two.with_pairs(b"\0\x01\0\0\0\0x"),
        ),
        (
            "context-shorter",
            "a pair is longer than the context",
            two.with_pairs(b"\0\x01\0\0\0\x01"),
        ),
        (
            "context-twice",
            "a key of the context twice",
            two.with_pairs(b"\0\x02\0\x01a\0\x011\0\x01a\0\x012"),
        ),
        (
            "context-encoding",
            "a key of the context that is not UTF-8",
            two.with_pairs(b"\0\x01\0\x01\xff\0\0"),
        ),
        (
            "public-key-unsigned",
            "a public key without a signature",
            two.with_pairs(b"\0\x01\0\x15aws-crypto-public-key\0\x04AAAA"),
        ),
        ("public-key-none", "a signed suite without a public key", signed.with_pairs(b"")),
        (
            "public-key-bad",
            "a public key that is none",
            signed.with_pairs(b"\0\x01\0\x15aws-crypto-public-key\0\x04AAAA"),
        ),
        ("keys-none", "no encrypted data keys", no_keys),
        ("keys-provider", "a provider id that is not UTF-8", two.changed(two.keys_at + 4, &[0xff])),
        (
            "keys-other-provider",
            "the data key of another provider",
            two.changed(two.keys_at + 4, b"x"),
        ),
        ("keys-ciphertext", "another wrapped data key", two.flipped(two.end_at - 1)),
        ("content-type-3", "a content type that there is not", two.changed(two.end_at, &[3])),
        ("content-non-framed", "no frames, but a frame length", two.changed(two.end_at, &[1])),
        ("frame-length-0", "frames of no bytes", two.changed(two.end_at + 1, &[0; 4])),
        ("frame-length-17", "another frame length", two.changed(two.end_at + 4, &[17])),
        ("v1-reserved", "a reserved byte that is not zero", one.changed(one.end_at + 1, &[1])),
        ("v1-nonce-length", "nonces of 11 bytes", one.changed(one.end_at + 5, &[11])),
        ("v1-header-nonce", "another nonce of the header", one.flipped(one.header_len - 17)),
        ("v1-header-tag", "another tag of the header", one.flipped(one.header_len - 1)),
        ("commitment", "a commitment to another key", two.flipped(body - 17)),
        ("header-tag", "another tag of the header", two.flipped(body - 1)),
        ("frame-number-2", "the first frame has the number 2", two.changed(body + 3, &[2])),
        ("frame-nonce", "another nonce of a frame", two.flipped(body + 15)),
        ("frame-ciphertext", "another ciphertext of a frame", two.flipped(body + 16)),
        ("frame-tag", "another tag of a frame", two.flipped(body + REGULAR - 1)),
        ("frames-swapped", "two frames in each other's place", swapped),
        ("frame-missing", "the first frame is missing", missing),
        ("final-number", "another number of the last frame", two.flipped(last + 7)),
        (
            "final-length-longer",
            "a last frame longer than frames are",
            two.changed(last + 23, &[17]),
        ),
        ("final-length-other", "a last frame shorter than it is", two.changed(last + 23, &[6])),
        ("final-tag", "another tag of the last frame", two.flipped(len - 1)),
        ("cut-header", "cut off in the header", all[..body - 1].to_vec()),
        ("cut-frame", "cut off in a frame", all[..body + 20].to_vec()),
        ("cut-before-final", "cut off before the last frame", all[..last].to_vec()),
        ("cut-final", "cut off in the last frame", all[..len - 1].to_vec()),
        ("trailing", "a byte behind the end", [&all[..], &[0]].concat()),
        ("signature-cut", "cut off before the signature", signed.bytes[..footer].to_vec()),
        ("signature-empty", "a signature of no bytes", [&signed.bytes[..footer], &[0, 0]].concat()),
        ("signature-long", "a signature longer than any", signed.changed(footer, &[0xff, 0xff])),
        (
            "signature-other",
            "the signature of another message",
            [&signed.bytes[..footer], other_footer].concat(),
        ),
        ("signature-altered", "an altered signature", signed.flipped(signed.bytes.len() - 1)),
    ]
}

fn written(what: &str, outcome: &str, bytes: &[u8]) -> String {
    let mut text = format!("# {what}\noutcome {outcome}\n");
    for line in bytes.chunks(40) {
        let _infallible = writeln!(text, "{}", hex::encode(line));
    }
    text
}

/// The outcome that a file names, and its message.
fn read(text: &str) -> (String, Vec<u8>) {
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let outcome = lines.next().unwrap().strip_prefix("outcome ").unwrap().to_owned();
    (outcome, hex::decode(lines.collect::<String>()).unwrap())
}

/// `opened`, or what the message is refused with.
async fn outcome(bytes: &[u8]) -> String {
    match decrypt(DefaultSource::new(aes(7)), bytes, &EncryptionContext::new()).await {
        Ok(opened) => {
            assert_eq!(opened.plaintext, PLAIN);
            "opened".to_owned()
        }
        Err(error) => format!("{error:?}"),
    }
}

async fn write() {
    std::fs::create_dir_all(folder()).unwrap();
    for suite in Suite::ALL {
        let message = Message::of(suite).await;
        let name = folder().join(format!("valid-{:04x}.txt", suite.id()));
        let text = written(suite.name(), "opened", &message.bytes);
        std::fs::write(name, text).unwrap();
    }
    for (name, what, bytes) in faults().await {
        let text = written(what, &outcome(&bytes).await, &bytes);
        std::fs::write(folder().join(format!("{name}.txt")), text).unwrap();
    }
}

#[tokio::test]
async fn our_vectors_come_out_as_they_say() {
    if std::env::var_os("BULLA_WRITE_VECTORS").is_some() {
        write().await;
    }
    let (mut valid, mut refused) = (0, 0);
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "txt") {
            continue;
        }
        let (expected, bytes) = read(&std::fs::read_to_string(&path).unwrap());
        assert_eq!(outcome(&bytes).await, expected, "{}", path.display());
        if expected == "opened" { valid += 1 } else { refused += 1 }
    }
    assert_eq!((valid, refused), (11, faults().await.len()));
}
