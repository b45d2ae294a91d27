//! Why a message of a command was not made or opened.

use std::fmt;
use std::io;

/// Why one file failed.
#[derive(Debug)]
pub(crate) enum MessageError {
    /// The envelope's reasons.
    Envelope(bulla_envelope::Error),
    /// The environment: something that was attempted.
    Io(String, io::Error),
    /// The output is there already.
    Exists(String),
}

impl MessageError {
    /// A failure of the operating system, at what was attempted (a verb and its object).
    pub(crate) fn io(attempt: impl Into<String>, cause: io::Error) -> Self {
        Self::Io(attempt.into(), cause)
    }
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Envelope(error) => error.fmt(f),
            Self::Io(attempt, cause) => write!(f, "could not {attempt}: {cause}"),
            Self::Exists(path) => {
                write!(f, "{path} is there already: remove it, or give --overwrite")
            }
        }
    }
}

impl From<bulla_envelope::Error> for MessageError {
    fn from(error: bulla_envelope::Error) -> Self {
        Self::Envelope(error)
    }
}
