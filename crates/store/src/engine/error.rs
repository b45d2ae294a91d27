//! What can go wrong in an engine, and whose fault it is.

use std::{fmt, path::PathBuf};

use super::{
    AttestError, MAX_BATCH_BYTES, MAX_BATCH_ROWS, MAX_KEY_BYTES, MAX_VALUE_BYTES, Place, Revision,
    Space, Version,
};

/// The engine could not answer. None of these is the caller's fault but
/// [`Self::ChangesForgotten`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// Another process uses the data directory.
    InUse {
        /// The directory.
        directory: PathBuf,
        /// The other process, if it could be read.
        pid: Option<u32>,
    },
    /// The store was written by a newer Bulla. It was not touched.
    Newer {
        /// The file.
        file: PathBuf,
        /// Its schema version.
        found: u32,
        /// The newest version known here.
        known: u32,
    },
    /// The file is a database, but not Bulla's. It was not touched.
    Foreign {
        /// The file.
        file: PathBuf,
    },
    /// The stored data is damaged.
    Corrupt {
        /// The file, or the name of the engine.
        file: PathBuf,
        /// What was found.
        detail: String,
    },
    /// The operating system refused something.
    Io {
        /// What was tried, as a verb and its object.
        attempt: String,
        /// The system's answer.
        cause: String,
    },
    /// There is no room left for a write. Nothing was written, and later writes are tried.
    Full,
    /// An earlier error left the durable state in doubt: everything is refused until the store is
    /// opened anew.
    FailStopped {
        /// The earlier error.
        cause: String,
    },
    /// The store was closed.
    Closed,
    /// The changes after that revision are no longer all known: forget what was derived from the
    /// store and read it anew.
    ChangesForgotten {
        /// Changes after this revision are known.
        oldest: Revision,
    },
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse { directory, pid } => {
                write!(f, "the data directory {} is in use by ", directory.display())?;
                match pid {
                    Some(pid) => write!(f, "process {pid}")?,
                    None => f.write_str("another process")?,
                }
                f.write_str(": stop it first, or name another directory")
            }
            Self::Newer { file, found, known } => write!(
                f,
                "{} has schema version {found}, this program knows up to {known}: \
                 use the newer program that wrote it; nothing was changed",
                file.display()
            ),
            Self::Foreign { file } => write!(
                f,
                "{} is not a Bulla store: name another directory; nothing was changed",
                file.display()
            ),
            Self::Corrupt { file, detail } => {
                write!(f, "{} is damaged: {detail}; restore a backup", file.display())
            }
            Self::Io { attempt, cause } => write!(f, "could not {attempt}: {cause}"),
            Self::Full => f.write_str("the store has no room left: free some disk space"),
            Self::FailStopped { cause } => write!(
                f,
                "the store stopped after an error and must be opened anew: {cause}; \
                 check the disk, then restart"
            ),
            Self::Closed => f.write_str("the store is closed"),
            Self::ChangesForgotten { oldest } => {
                write!(f, "only the changes after revision {oldest} are still known")
            }
        }
    }
}

impl std::error::Error for StoreError {}

/// A batch that breaks a limit: the caller's fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BatchError {
    /// More than [`MAX_BATCH_ROWS`].
    TooManyRows {
        /// How many.
        rows: usize,
    },
    /// More than [`MAX_BATCH_BYTES`].
    TooManyBytes {
        /// How many.
        bytes: usize,
    },
    /// A key longer than [`MAX_KEY_BYTES`].
    KeyTooLong {
        /// Its space.
        space: Space,
    },
    /// A value longer than [`MAX_VALUE_BYTES`].
    ValueTooLong {
        /// Its row.
        place: Place,
    },
    /// A version that is 0, or 2^63 and more.
    BadVersion {
        /// Its row.
        place: Place,
    },
    /// A row that is written or deleted twice.
    WrittenTwice {
        /// The row.
        place: Place,
    },
}

impl fmt::Display for BatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyRows { rows } => {
                write!(f, "a batch of {rows} rows, at most {MAX_BATCH_ROWS} are allowed")
            }
            Self::TooManyBytes { bytes } => {
                write!(f, "a batch of {bytes} bytes, at most {MAX_BATCH_BYTES} are allowed")
            }
            Self::KeyTooLong { space } => {
                write!(f, "a key in {space} is longer than {MAX_KEY_BYTES} bytes")
            }
            Self::ValueTooLong { place } => {
                write!(f, "the value of {place} is longer than {MAX_VALUE_BYTES} bytes")
            }
            Self::BadVersion { place } => {
                write!(f, "the version of {place} is not between 1 and 2^63 - 1")
            }
            Self::WrittenTwice { place } => write!(f, "{place} is written twice in one batch"),
        }
    }
}

impl std::error::Error for BatchError {}

/// Why a batch was not committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommitError {
    /// Another commit came first: read anew and try again.
    Conflict {
        /// The first row that was not as expected.
        place: Place,
        /// The version that it has.
        found: Option<Version>,
    },
    /// The caller's fault.
    Invalid(BatchError),
    /// The attestation refused it. Nothing was committed.
    Attest(AttestError),
    /// The engine's or its environment's fault. After [`StoreError::FailStopped`] or
    /// [`StoreError::Closed`] the batch may have been committed or not; else it was not.
    Unavailable(StoreError),
}

impl fmt::Display for CommitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict { place, found: Some(version) } => {
                write!(f, "{place} has changed: it is at version {version}")
            }
            Self::Conflict { place, found: None } => {
                write!(f, "{place} has changed: it does not exist")
            }
            Self::Invalid(error) => error.fmt(f),
            Self::Attest(error) => error.fmt(f),
            Self::Unavailable(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CommitError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Conflict { .. } => None,
            Self::Invalid(error) => Some(error),
            Self::Attest(error) => Some(error),
            Self::Unavailable(error) => Some(error),
        }
    }
}

impl From<BatchError> for CommitError {
    fn from(error: BatchError) -> Self {
        Self::Invalid(error)
    }
}

impl From<StoreError> for CommitError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error)
    }
}
