//! The attestation of all rows: a keyed multiset hash, kept up with every commit.
//!
//! Each row is an element: the HMAC of its space, key, version and the tag of its sealed value.
//! The hash is the exclusive-or of all elements, so that a commit changes it by the rows that it
//! writes and not by the rows there are. Neither elements nor hash are ever in clear outside the
//! process, which is what keeps exclusive-or sound here. Hash and count are sealed with the
//! revision as associated data:
//! ```text
//! format 1 | nonce, 16 bytes | ciphertext of hash and count | tag, 16 bytes
//! ```

use std::sync::atomic::{AtomicBool, Ordering};

use bulla_crypto::{Crypto, CryptoError, HEDGED_NONCE_LEN, SecretKey};

use super::seal::ONE_MESSAGE;
use crate::{AttestError, Attestor, Revision, RowChange, Space, Version, engine::tail};

const FORMAT: u8 = 1;
const ELEMENT_LABEL: &[u8] = b"bulla/store/attest/element/v1";
const SEAL_LABEL: &[u8] = b"bulla/store/attest/seal/v1";
const ROW_SET_BYTES: usize = 40;

/// The hash over a set of rows, and how many they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RowSet {
    hash: [u8; 32],
    pub(super) rows: u64,
}

impl RowSet {
    fn toggle(&mut self, element: [u8; 32]) {
        for (byte, other) in self.hash.iter_mut().zip(element) {
            *byte ^= other;
        }
    }

    pub(super) fn add(&mut self, element: [u8; 32]) {
        self.toggle(element);
        self.rows = self.rows.wrapping_add(1);
    }

    fn remove(&mut self, element: [u8; 32]) {
        self.toggle(element);
        self.rows = self.rows.wrapping_sub(1);
    }

    fn to_bytes(self) -> [u8; ROW_SET_BYTES] {
        let mut bytes = [0; ROW_SET_BYTES];
        let (hash, rows) = bytes.split_at_mut(32);
        hash.copy_from_slice(&self.hash);
        rows.copy_from_slice(&self.rows.to_be_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (hash, rows) = bytes.split_first_chunk()?;
        Some(Self { hash: *hash, rows: u64::from_be_bytes(rows.try_into().ok()?) })
    }

    /// A digest of this set that says nothing about it, to be kept outside the store.
    pub(super) fn fingerprint(self, attest: &Attest) -> [u8; 32] {
        attest.crypto.hmac(&attest.seal, &[b"fingerprint", &self.to_bytes()])
    }
}

/// Computes and seals attestations.
pub(super) struct Attest {
    crypto: Crypto,
    element: SecretKey,
    seal: SecretKey,
    /// Whether an empty store may be attested that never was: while it is initialized.
    first: AtomicBool,
}

impl Attest {
    pub(super) fn new(crypto: &Crypto, key: &SecretKey) -> Result<Self, CryptoError> {
        Ok(Self {
            element: crypto.derive_key(key, ELEMENT_LABEL, b"")?,
            seal: crypto.derive_key(key, SEAL_LABEL, b"")?,
            crypto: crypto.clone(),
            first: AtomicBool::new(false),
        })
    }

    pub(super) fn expect_first(&self, first: bool) {
        self.first.store(first, Ordering::SeqCst);
    }

    pub(super) fn element(
        &self,
        space: Space,
        key: &[u8],
        (version, value): (Version, &[u8]),
    ) -> [u8; 32] {
        let space = space.as_bytes();
        self.crypto.hmac(
            &self.element,
            &[
                &(space.len() as u64).to_be_bytes(),
                space,
                &(key.len() as u64).to_be_bytes(),
                key,
                &version.to_be_bytes(),
                tail(value),
            ],
        )
    }

    /// The set that `attestation` attests at `revision`.
    pub(super) fn open(
        &self,
        revision: Revision,
        attestation: Option<&[u8]>,
    ) -> Result<RowSet, AttestError> {
        let sealed = attestation.and_then(|bytes| match bytes.split_first() {
            Some((&FORMAT, rest)) => rest.split_first_chunk::<HEDGED_NONCE_LEN>(),
            _ => None,
        });
        let Some((nonce, sealed)) = sealed else {
            return Err(AttestError::NotAuthentic);
        };
        let key = self.crypto.derive_key(&self.seal, SEAL_LABEL, nonce).map_err(crypto_error)?;
        let opened = self
            .crypto
            .open(&key, &ONE_MESSAGE, &associated(revision), sealed)
            .map_err(crypto_error)?;
        RowSet::from_bytes(opened.expose()).ok_or(AttestError::NotAuthentic)
    }

    fn seal(&self, revision: Revision, rows: RowSet) -> Result<Vec<u8>, CryptoError> {
        let (aad, bytes) = (associated(revision), rows.to_bytes());
        let nonce = self.crypto.hedged_nonce(&self.seal, &[&aad, &bytes])?;
        let key = self.crypto.derive_key(&self.seal, SEAL_LABEL, &nonce)?;
        let mut out = vec![FORMAT];
        out.extend_from_slice(&nonce);
        self.crypto.seal(&key, &ONE_MESSAGE, &aad, &bytes, &mut out)?;
        Ok(out)
    }
}

fn associated(revision: Revision) -> [u8; 9] {
    let [a, b, c, d, e, f, g, h] = revision.0.to_be_bytes();
    [FORMAT, a, b, c, d, e, f, g, h]
}

fn crypto_error(error: CryptoError) -> AttestError {
    match error {
        CryptoError::Unauthentic => AttestError::NotAuthentic,
        other => AttestError::Crypto(other),
    }
}

impl Attestor for Attest {
    fn attest(
        &self,
        (before, previous): (Revision, Option<&[u8]>),
        revision: Revision,
        changes: &[RowChange<'_>],
    ) -> Result<Vec<u8>, AttestError> {
        let may_be_first = before == Revision(0) && self.first.load(Ordering::SeqCst);
        let mut rows = match previous {
            None if may_be_first => RowSet::default(),
            _ => self.open(before, previous)?,
        };
        for change in changes {
            if let Some(old) = change.old {
                rows.remove(self.element(change.space, change.key, old));
            }
            if let Some(new) = change.new {
                rows.add(self.element(change.space, change.key, new));
            }
        }
        self.seal(revision, rows).map_err(crypto_error)
    }
}
