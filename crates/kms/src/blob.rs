//! The ciphertext blob, version 1. `docs/ciphertext.md` describes it for readers of other programs.
//!
//! ```text
//! offset 0   5 bytes  01 02 02 00 78 (Encrypt, ReEncrypt) or 01 02 03 00 78 (data keys)
//! offset 5  32 bytes  key material id, which names key and generation
//! offset 37  1 byte   b1, the version of what follows
//! offset 38 16 bytes  nonce
//! offset 54  n bytes  AES-256-GCM ciphertext, then its 16-byte tag
//! ```
//! The first bytes are those of AWS's own blobs (recorded), as some clients look for them. All 54
//! bytes of the header and the encryption context are associated data.

use bulla_crypto::{Crypto, CryptoError, SecretBytes};
use bulla_plane::Stop;
use bulla_shapes::StringMap;

use crate::context;
use crate::fault;
use crate::live::LiveMaterial;

const VERSION: u8 = 0xb1;
/// Where the material id stands, in every version.
pub(crate) const MATERIAL: std::ops::Range<usize> = 5..37;
const NONCE: std::ops::Range<usize> = 38..54;
const HEADER_BYTES: usize = 54;
const TAG_BYTES: usize = 16;
/// Domain separation of the key that is derived for each call.
const LABEL: &[u8] = b"bulla/kms/v1";
/// Each derived key seals one message, so that its IV may be fixed.
const IV: [u8; 12] = [0; 12];

/// What made a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Made {
    ByEncrypt,
    ByGenerate,
}

impl Made {
    fn prefix(self) -> [u8; 5] {
        match self {
            Self::ByEncrypt => [1, 2, 2, 0, 0x78],
            Self::ByGenerate => [1, 2, 3, 0, 0x78],
        }
    }
}

/// Whether bytes begin as blobs of every version do.
pub(crate) fn has_prefix(bytes: &[u8]) -> bool {
    [Made::ByEncrypt, Made::ByGenerate].iter().any(|made| bytes.starts_with(&made.prefix()))
}

/// Seals a plaintext under a key derived for this call alone.
pub(crate) fn seal(
    crypto: &Crypto,
    material: &LiveMaterial,
    made: Made,
    plaintext: &[u8],
    context: Option<StringMap<'_>>,
) -> Result<Vec<u8>, Stop> {
    let mut associated = Vec::with_capacity(256);
    associated.extend_from_slice(&made.prefix());
    associated.extend_from_slice(&material.id);
    associated.push(VERSION);
    let mut canonical = Vec::with_capacity(128);
    context::canonical(context, &mut canonical)?;
    // Everything that is sealed or authenticated goes into the nonce, so that even a clone with
    // the same random bytes repeats a nonce only for the very same message.
    let sealing = material.sealing()?;
    let nonce = crypto.hedged_nonce(sealing, &[&associated, &canonical, plaintext])?;
    associated.extend_from_slice(&nonce);
    let overhead = HEADER_BYTES.saturating_add(TAG_BYTES);
    let mut blob = Vec::with_capacity(plaintext.len().saturating_add(overhead));
    blob.extend_from_slice(&associated);
    associated.extend_from_slice(&canonical);
    let key = crypto.derive_key(sealing, LABEL, &nonce)?;
    crypto.seal(&key, &IV, &associated, plaintext, &mut blob)?;
    Ok(blob)
}

/// A blob that has the right form; nothing of it is authenticated yet.
pub(crate) struct Blob<'a> {
    header: &'a [u8],
    sealed: &'a [u8],
    /// The id of the material it names.
    pub(crate) material: [u8; 32],
    nonce: [u8; 16],
}

/// Takes a blob apart; nothing when it has not the form of one.
pub(crate) fn parse(bytes: &[u8]) -> Option<Blob<'_>> {
    let (header, sealed) = bytes.split_at_checked(HEADER_BYTES)?;
    let known = has_prefix(header);
    let material = header.get(MATERIAL)?.try_into().ok()?;
    let nonce = header.get(NONCE)?.try_into().ok()?;
    let versioned = header.get(MATERIAL.end) == Some(&VERSION);
    (known && versioned && sealed.len() >= TAG_BYTES).then_some(Blob {
        header,
        sealed,
        material,
        nonce,
    })
}

impl Blob<'_> {
    /// Opens the blob; whatever does not fit is one and the same error.
    pub(crate) fn open(
        &self,
        crypto: &Crypto,
        material: &LiveMaterial,
        context: Option<StringMap<'_>>,
    ) -> Result<SecretBytes, Stop> {
        let mut associated = Vec::with_capacity(256);
        associated.extend_from_slice(self.header);
        context::canonical(context, &mut associated)?;
        let key = crypto.derive_key(material.sealing()?, LABEL, &self.nonce)?;
        match crypto.open(&key, &IV, &associated, self.sealed) {
            Err(CryptoError::Unauthentic) => Err(fault::invalid_ciphertext().into()),
            opened => Ok(opened?),
        }
    }
}
