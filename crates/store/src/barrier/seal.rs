//! A sealed value: how it is laid out, sealed and opened.
//!
//! ```text
//! format 1 | domain key version, u32 big-endian | nonce, 16 bytes | ciphertext | tag, 16 bytes
//! ```
//! Each value has a key of its own, derived from the domain key and the nonce, so that no number
//! of values wears a domain key out, and AES-GCM's own nonce can be zero. The associated data are
//! the header and the row's space, key and version, each with its length where it varies.

use bulla_crypto::{Crypto, CryptoError, HEDGED_NONCE_LEN, NONCE_LEN, SecretBytes, SecretKey};

use crate::{Place, Space, Version};

const FORMAT: u8 = 1;
const LABEL: &[u8] = b"bulla/store/row/v1";
const HEADER_BYTES: usize = 5;
/// How much longer a sealed value is than its plaintext.
pub(super) const OVERHEAD_BYTES: usize = HEADER_BYTES + HEDGED_NONCE_LEN + bulla_crypto::TAG_LEN;
/// The key of a message is used once, so that its nonce need not vary.
pub(super) const ONE_MESSAGE: [u8; NONCE_LEN] = [0; NONCE_LEN];

fn header(domain_version: u32) -> [u8; HEADER_BYTES] {
    let [a, b, c, d] = domain_version.to_be_bytes();
    [FORMAT, a, b, c, d]
}

fn associated(header: [u8; HEADER_BYTES], space: Space, key: &[u8], version: Version) -> Vec<u8> {
    let space = space.as_bytes();
    let mut aad = Vec::with_capacity(HEADER_BYTES + 3 * 8 + space.len() + key.len());
    aad.extend_from_slice(&header);
    for part in [space, key] {
        aad.extend_from_slice(&(part.len() as u64).to_be_bytes());
        aad.extend_from_slice(part);
    }
    aad.extend_from_slice(&version.to_be_bytes());
    aad
}

/// The version of the domain key under which `sealed` is; nothing when it is no sealed value.
pub(super) fn domain_version(sealed: &[u8]) -> Option<u32> {
    let (&[format, a, b, c, d], _) = sealed.split_first_chunk()?;
    (format == FORMAT).then(|| u32::from_be_bytes([a, b, c, d]))
}

pub(super) fn seal(
    crypto: &Crypto,
    (domain_version, domain_key): (u32, &SecretKey),
    place: &Place,
    version: Version,
    plaintext: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    let header = header(domain_version);
    let aad = associated(header, place.space, place.key.as_bytes(), version);
    let nonce = crypto.hedged_nonce(domain_key, &[&aad, plaintext])?;
    let key = crypto.derive_key(domain_key, LABEL, &nonce)?;
    let mut sealed = Vec::with_capacity(OVERHEAD_BYTES + plaintext.len());
    sealed.extend_from_slice(&header);
    sealed.extend_from_slice(&nonce);
    crypto.seal(&key, &ONE_MESSAGE, &aad, plaintext, &mut sealed)?;
    Ok(sealed)
}

/// Opens a value that [`domain_version`] read the version of.
pub(super) fn open(
    crypto: &Crypto,
    (domain_version, domain_key): (u32, &SecretKey),
    (space, key): (Space, &[u8]),
    version: Version,
    sealed: &[u8],
) -> Result<SecretBytes, CryptoError> {
    let rest = sealed.get(HEADER_BYTES..).unwrap_or_default();
    let Some((nonce, sealed)) = rest.split_first_chunk::<HEDGED_NONCE_LEN>() else {
        return Err(CryptoError::Unauthentic);
    };
    let row_key = crypto.derive_key(domain_key, LABEL, nonce)?;
    let aad = associated(header(domain_version), space, key, version);
    crypto.open(&row_key, &ONE_MESSAGE, &aad, sealed)
}
