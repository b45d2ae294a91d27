//! What can go wrong at the barrier, and whose fault it is.

use std::fmt;

use bulla_crypto::CryptoError;

use crate::{AttestError, BatchError, CommitError, Place, StoreError, Version};

/// A failure at the barrier. Names rows, never what they hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BarrierError {
    /// Another commit came first: read anew and try again.
    Conflict {
        /// The first row that was not as expected.
        place: Place,
        /// The version that it has.
        found: Option<Version>,
    },
    /// An update met a conflict at each of its attempts.
    Contended {
        /// How many attempts.
        attempts: u32,
    },
    /// The caller's fault: a batch beyond the limits.
    Invalid(BatchError),
    /// The caller's fault: the row is in a space that the barrier keeps for itself.
    Reserved {
        /// The row.
        place: Place,
    },
    /// The row was altered, swapped with another or replaced by an older one, outside Bulla.
    Altered {
        /// The row.
        place: Place,
    },
    /// The row is sealed under a domain key that the store does not hold: the row or the
    /// domain key was altered or removed outside Bulla.
    NoDomainKey {
        /// The row.
        place: Place,
        /// The version of the domain key.
        version: u32,
    },
    /// The attestation of all rows is missing or not of this revision.
    Attest(AttestError),
    /// The root key opens none of the domain keys. Nothing was changed.
    WrongRootKey,
    /// The store holds no domain keys yet.
    NotInitialized,
    /// The store holds domain keys or other rows already.
    AlreadyInitialized,
    /// The environment's fault: the random source, or memory for keys.
    Crypto(CryptoError),
    /// The engine's or its environment's fault.
    Store(StoreError),
}

impl fmt::Display for BarrierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict { place, found } => {
                CommitError::Conflict { place: place.clone(), found: *found }.fmt(f)
            }
            Self::Contended { attempts } => {
                write!(f, "an update met a conflict {attempts} times in a row")
            }
            Self::Invalid(error) => error.fmt(f),
            Self::Reserved { place } => write!(f, "{place} is in a reserved space"),
            Self::Altered { place } => write!(
                f,
                "the record {place} is not as it was sealed: it was altered, swapped or rolled \
                 back outside Bulla; restore it from a backup"
            ),
            Self::NoDomainKey { place, version } => write!(
                f,
                "the record {place} is sealed under domain key {version}, which the store does \
                 not hold: restore a backup"
            ),
            Self::Attest(error) => error.fmt(f),
            Self::WrongRootKey => f.write_str(
                "this is not the root key of this store: it opens none of the domain keys; \
                 nothing was changed",
            ),
            Self::NotInitialized => f.write_str("the store is empty: initialize it first"),
            Self::AlreadyInitialized => f.write_str("the store is not empty: open it instead"),
            Self::Crypto(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for BarrierError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Invalid(error) => Some(error),
            Self::Attest(error) => Some(error),
            Self::Crypto(error) => Some(error),
            Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

impl From<StoreError> for BarrierError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<CryptoError> for BarrierError {
    fn from(error: CryptoError) -> Self {
        Self::Crypto(error)
    }
}

impl From<AttestError> for BarrierError {
    fn from(error: AttestError) -> Self {
        Self::Attest(error)
    }
}

impl From<CommitError> for BarrierError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict { place, found } => Self::Conflict { place, found },
            CommitError::Invalid(error) => Self::Invalid(error),
            CommitError::Attest(error) => Self::Attest(error),
            CommitError::Unavailable(error) => Self::Store(error),
        }
    }
}
