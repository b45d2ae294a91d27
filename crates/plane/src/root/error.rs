//! Why a seal could not be made or opened: what, where, and what to do next.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use bulla_crypto::CryptoError;

use super::kind::SealKind;

/// Why a seal could not be made or opened. No variant ever holds a secret.
#[derive(Debug)]
pub enum SealError {
    /// The operator's: there is a root key already.
    AlreadySealed {
        /// The header's file.
        path: PathBuf,
    },
    /// The operator's: there is no root key yet, or this is another directory.
    NotSealed {
        /// The header's file, which is missing.
        path: PathBuf,
    },
    /// The operator's: it is sealed in another way.
    WrongKind {
        /// The header's file.
        path: PathBuf,
        /// How it is sealed.
        sealed: SealKind,
        /// How it was to be opened.
        given: SealKind,
    },
    /// The operator's: the key file is not there.
    MissingKeyFile {
        /// Where it should be.
        path: PathBuf,
    },
    /// The operator's: a key file is there already, and may be someone's only one.
    KeyFileExists {
        /// Where it is.
        path: PathBuf,
    },
    /// The operator's: others may read, write or execute the key file.
    OpenToOthers {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The operator's: the key file does not hold 64 hexadecimal digits.
    MalformedKeyFile {
        /// The key file.
        path: PathBuf,
    },
    /// The operator's: the key file holds another key.
    WrongKey {
        /// The key file.
        path: PathBuf,
    },
    /// The operator's: it is another passphrase.
    WrongPassphrase,
    /// The operator's: the new passphrase is too short.
    ShortPassphrase {
        /// The least length, in bytes.
        min: usize,
    },
    /// Someone's: the key is right, but the header is not as it was written.
    AlteredHeader {
        /// The header's file.
        path: PathBuf,
    },
    /// Someone's: the header is not one that Bulla writes.
    MalformedHeader {
        /// The header's file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The operator's: a newer Bulla wrote the header.
    UnknownVersion {
        /// The header's file.
        path: PathBuf,
        /// Its format version.
        version: u64,
    },
    /// The operator's: there is no place beside the data directory.
    NoPlaceBeside {
        /// The data directory.
        dir: PathBuf,
    },
    /// The environment: a file could not be read or written.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What was to be done with it.
        action: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// The cryptography failed.
    Crypto(CryptoError),
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadySealed { path } => {
                at(f, path, "holds a root key already: use another data directory")
            }
            Self::NotSealed { path } => at(
                f,
                path,
                "is missing, so there is no root key here: run `bulla init`, or name the \
                 directory that it was run for",
            ),
            Self::WrongKind { path, sealed, given } => write!(
                f,
                "{} is sealed by {sealed}, it cannot be opened by {given}",
                path.display()
            ),
            Self::WrongPassphrase => f.write_str(
                "the passphrase is wrong, or the salt or cost in seal.json was altered: try \
                 again, or restore seal.json from a backup",
            ),
            Self::ShortPassphrase { min } => {
                write!(f, "the passphrase is too short: it needs at least {min} bytes")
            }
            Self::AlteredHeader { path } => {
                at(f, path, "was altered, though the key is right: restore it from a backup")
            }
            Self::MalformedHeader { path, reason } => write!(
                f,
                "{} is no seal that can be opened ({reason}): restore it from a backup",
                path.display()
            ),
            Self::UnknownVersion { path, version } => write!(
                f,
                "{} has format version {version}, which this Bulla does not know: run the Bulla \
                 that wrote it, or a newer one",
                path.display()
            ),
            Self::NoPlaceBeside { dir } => write!(
                f,
                "there is no place beside {}: name a data directory below another directory",
                dir.display()
            ),
            Self::Unreadable { path, action, source } => {
                write!(f, "could not {action} {}: {source}", path.display())
            }
            Self::Crypto(error) => error.fmt(f),
            Self::MissingKeyFile { path } => key_file(
                f,
                path,
                "is missing: put it back, or name where it is; without it nothing can be read",
            ),
            Self::KeyFileExists { path } => key_file(
                f,
                path,
                "is there already and is never overwritten: name another place, or move it away \
                 once you know what it belongs to",
            ),
            Self::OpenToOthers { path, mode } => {
                key_file(f, path, "is open to others")?;
                write!(f, " (mode {mode:04o}): `chmod 0400` it, and consider who has read it")
            }
            Self::MalformedKeyFile { path } => {
                key_file(f, path, "does not hold 64 hexadecimal digits: restore it from a backup")
            }
            Self::WrongKey { path } => {
                key_file(f, path, "belongs to another data directory: name the right one")
            }
        }
    }
}

fn at(f: &mut fmt::Formatter<'_>, path: &Path, what: &str) -> fmt::Result {
    write!(f, "{} {what}", path.display())
}

fn key_file(f: &mut fmt::Formatter<'_>, path: &Path, what: &str) -> fmt::Result {
    write!(f, "the key file {} {what}", path.display())
}

impl std::error::Error for SealError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable { source, .. } => Some(source),
            Self::Crypto(error) => Some(error),
            _ => None,
        }
    }
}

impl From<CryptoError> for SealError {
    fn from(error: CryptoError) -> Self {
        Self::Crypto(error)
    }
}
