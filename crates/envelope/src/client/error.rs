//! Why a call gave nothing.

use std::fmt;
use std::io;
use std::time::Duration;

/// Why the client gave nothing. Never holds a secret.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClientError {
    /// The caller's: settings that can't be used. Says which, and what to do.
    Settings(String),
    /// The service's answer is an error.
    Refused {
        /// The operation.
        operation: String,
        /// The status of HTTP.
        status: u16,
        /// The error's code.
        code: String,
        /// What the service says of it.
        message: String,
        /// How long it wants to be left alone (`x-amz-retry-after`).
        retry_after: Option<Duration>,
    },
    /// The environment: what was attempted did not work.
    Io(String, io::Error),
    /// Somebody answered who speaks no AWS JSON.
    NoAnswer {
        /// Who.
        host: String,
        /// The operation.
        operation: String,
        /// The status of HTTP.
        status: u16,
    },
}

impl ClientError {
    /// A failure of the operating system, at what was attempted (a verb and its object).
    pub(crate) fn io(attempt: impl Into<String>, cause: io::Error) -> Self {
        Self::Io(attempt.into(), cause)
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings(text) => f.write_str(text),
            Self::Refused { operation, code, message, .. } => {
                write!(f, "{operation} was refused with {code}: {message}")
            }
            Self::Io(attempt, cause) => write!(f, "could not {attempt}: {cause}"),
            Self::NoAnswer { host, operation, status } => write!(
                f,
                "{host} answered {operation} with status {status} and no JSON: does \
                 AWS_ENDPOINT_URL name a Bulla?"
            ),
        }
    }
}

impl std::error::Error for ClientError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(_, cause) => Some(cause),
            _ => None,
        }
    }
}
