//! The hook by which an engine has every commit attested, within the commit itself.

use std::fmt;

use super::{Revision, Space, Version};

/// One row before and after a batch.
#[derive(Clone, Copy)]
pub struct RowChange<'a> {
    /// The row's space.
    pub space: Space,
    /// The row's key.
    pub key: &'a [u8],
    /// Before, if there was a row: its version and the last [`TAIL_BYTES`](super::TAIL_BYTES) of
    /// its value, or all of a shorter one.
    pub old: Option<(Version, &'a [u8])>,
    /// After, if there is a row: likewise.
    pub new: Option<(Version, &'a [u8])>,
}

/// Keeps a digest of all rows, which the engine stores with them.
pub trait Attestor: Send + Sync {
    /// The attestation of the state at `revision`: the state that `previous` attests, changed by
    /// `changes` in their order. The engine calls it inside the transaction that makes the changes
    /// and stores the answer in that same transaction; one call may cover several commits.
    ///
    /// # Errors
    /// When `previous` does not attest its revision, or the new state cannot be attested: the
    /// engine then makes none of the changes.
    fn attest(
        &self,
        previous: (Revision, Option<&[u8]>),
        revision: Revision,
        changes: &[RowChange<'_>],
    ) -> Result<Vec<u8>, AttestError>;
}

/// Why a commit could not be attested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttestError {
    /// The stored attestation is missing, or does not belong to the stored revision.
    NotAuthentic,
    /// The attestation could not be computed: a failure of the cryptographic library.
    Crypto(bulla_crypto::CryptoError),
}

impl fmt::Display for AttestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAuthentic => f.write_str(
                "the store's attestation does not belong to its revision: a file was altered \
                 or rolled back from outside; restore a backup",
            ),
            Self::Crypto(error) => write!(f, "the commit could not be attested: {error}"),
        }
    }
}

impl std::error::Error for AttestError {}
