//! Why a step failed, in words that hold nothing secret.

use std::fmt;

use bulla_crypto::CryptoError;

use crate::desk::DeskError;

/// Why a step failed.
#[derive(Debug)]
pub enum Trouble {
    /// The database knows no such user with this password.
    Refused,
    /// There is no way there, or none that the program's owner allows, or it ended early.
    Unreachable(String),
    /// The database is not who it should be, or speaks no TLS where it must.
    Tls(String),
    /// The time was over.
    Late,
    /// What came is not what the protocol knows, or more than is read.
    Garbled(&'static str),
    /// The database would not do it; the code is its own.
    Database(String),
    /// The secret does not say what it must.
    Secret(String),
    /// The secret can't be read or written.
    Desk(DeskError),
    /// There are no random bytes.
    Crypto(CryptoError),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("the database refused user and password"),
            Self::Unreachable(cause) => write!(f, "the database can't be reached: {cause}"),
            Self::Tls(cause) => write!(f, "the database can't be trusted: {cause}"),
            Self::Late => f.write_str("the database did not answer in time"),
            Self::Garbled(what) => write!(f, "the database's answer can't be read: {what}"),
            Self::Database(code) => write!(f, "the database failed with {code}"),
            Self::Secret(what) => write!(f, "the secret can't be rotated: {what}"),
            Self::Desk(error) => error.fmt(f),
            Self::Crypto(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Trouble {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Desk(error) => Some(error),
            Self::Crypto(error) => Some(error),
            _ => None,
        }
    }
}

impl From<DeskError> for Trouble {
    fn from(error: DeskError) -> Self {
        Self::Desk(error)
    }
}

impl From<CryptoError> for Trouble {
    fn from(error: CryptoError) -> Self {
        Self::Crypto(error)
    }
}

/// A connection that broke or fell silent.
pub(crate) fn broken(error: &std::io::Error) -> Trouble {
    Trouble::Unreachable(error.kind().to_string())
}
