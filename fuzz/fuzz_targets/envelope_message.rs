//! Messages of the envelope: whatever comes, whole or in pieces, is refused or opens to the same;
//! and a header that is read was written so.
#![no_main]

use std::sync::LazyLock;

use bulla_envelope::keyring::RawAesKeyring;
use bulla_envelope::{
    EncryptionContext, Envelope, ForbidEncryptAllowDecrypt, Header, HeaderReader, SecretBytes,
    Signed,
};
use libfuzzer_sys::fuzz_target;

type Lenient = Envelope<ForbidEncryptAllowDecrypt>;

/// The key of the published vectors, so that they open and the fuzzer gets past the header.
static ENVELOPE: LazyLock<Lenient> = LazyLock::new(|| {
    let key = SecretBytes::from_slice(&[7; 32]);
    let keyring = RawAesKeyring::new("tests", "key 7", &key).expect("a key of 32 bytes");
    Envelope::new(keyring).with_policy()
});

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(work)
}

/// The plaintext, fed in pieces of so many bytes.
fn in_pieces(message: &[u8], len: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut reader = HeaderReader::new();
    let mut pieces = message.chunks(len);
    let (header, rest) = loop {
        if let Some(found) = reader.push(pieces.next()?).ok()? {
            break found;
        }
    };
    let none = EncryptionContext::new();
    let early = Signed::ReleaseEarly;
    let mut opener = block_on(ENVELOPE.opener(&header, &none, early)).ok()?;
    for piece in std::iter::once(&rest[..]).chain(pieces) {
        let mut space = vec![0; opener.bound(piece.len())];
        let written = opener.write(piece, &mut space).ok()?;
        out.extend_from_slice(&space[..written]);
    }
    opener.finish().ok()?;
    Some(out)
}

fuzz_target!(|input: (u8, &[u8])| {
    let (len, message) = (usize::from(input.0).max(1), input.1);
    if let Ok(header) = Header::parse(message) {
        assert!(message.starts_with(header.as_bytes()));
        let context = header.context().serialize();
        assert_eq!(EncryptionContext::parse(&context).as_ref(), Ok(header.context()));
    }
    let none = EncryptionContext::new();
    let whole = block_on(ENVELOPE.decrypt(message, &none)).ok().map(|opened| opened.plaintext);
    assert_eq!(in_pieces(message, len), whole);
});
