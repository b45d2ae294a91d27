//! Why the program ends without success: what failed, where, and what to do.

use std::path::PathBuf;
use std::process::ExitCode;
use std::{fmt, io};

use bulla_crypto::CryptoError;
use bulla_iam::AccessKeyError;
use bulla_plane::journal;
use bulla_plane::outbox::OutboxError;
use bulla_plane::root::{AnchorError, SealError};
use bulla_store::{BarrierError, StoreError};

use crate::message_error::MessageError;

/// The environment refused, or the data are not as they must be.
const FAILED: u8 = 1;
/// The command line or the settings are wrong.
const USAGE: u8 = 2;
/// A check of the journal found faults.
const FAULTS: u8 = 3;

/// A message is not authentic, not whole or not allowed.
const MESSAGE: u8 = 4;
/// No key could be used.
const KEY: u8 = 5;
/// A program can't be run, or is not there, as shells tell it (POSIX, "Exit Status for Commands").
const NOT_RUN: u8 = 126;
const NO_PROGRAM: u8 = 127;

/// What the process answers for a message.
fn message_code(error: &MessageError) -> ExitCode {
    ExitCode::from(match error {
        MessageError::Io(..) | MessageError::Exists(_) => FAILED,
        MessageError::Envelope(error) => match error {
            bulla_envelope::Error::Keyring(_) => KEY,
            bulla_envelope::Error::Io(_) | bulla_envelope::Error::Crypto(_) => FAILED,
            _ => MESSAGE,
        },
    })
}

/// Why the program ends without success. Never holds a secret.
#[derive(Debug)]
pub(crate) enum Error {
    /// The operator's: wrong options or settings.
    Usage(String),
    /// The seal of the root key.
    Seal(SealError),
    /// The anchor beside the data directory.
    Anchor(AnchorError),
    /// The store's engine.
    Store(StoreError),
    /// The sealed store.
    Barrier(PathBuf, BarrierError),
    /// The journal.
    Journal(PathBuf, journal::OpenError),
    /// Changes whose records are missing in the journal.
    Outbox(OutboxError),
    /// The first access key.
    AccessKey(AccessKeyError),
    /// The cryptography.
    Crypto(CryptoError),
    /// The environment: something that was attempted.
    Io(String, io::Error),
    /// The environment: a certificate or key that TLS does not take.
    Tls(PathBuf, String),
    /// The operator's: a program that can't be run.
    Program(String, io::Error),
    /// The operator's: `bulla init` was interrupted here.
    Unfinished(PathBuf),
    /// The caller's: the server refused what was asked.
    Refused {
        /// The operation.
        operation: String,
        /// The error's code.
        code: String,
        /// What the server says of it.
        message: String,
    },
    /// One message, by what it is called.
    Message(String, Box<MessageError>),
    /// So many messages, out of so many; the first of them.
    Messages(usize, usize, Box<Self>),
    /// Ours: a step of the tour did not go as it should.
    Tour(String),
    /// Someone's: the journal is not as it was written.
    Faults(String),
}

impl Error {
    /// A failure of the operating system, at what was attempted (a verb and its object).
    pub(crate) fn io(attempt: impl Into<String>, cause: io::Error) -> Self {
        Self::Io(attempt.into(), cause)
    }

    /// What the process answers to who started it.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Usage(_) => USAGE,
            Self::AccessKey(AccessKeyError::Account { .. }) => USAGE,
            Self::Faults(_) => FAULTS,
            Self::Program(_, cause) if cause.kind() == io::ErrorKind::NotFound => NO_PROGRAM,
            Self::Program(..) => NOT_RUN,
            Self::Message(_, error) => return message_code(error),
            Self::Messages(_, _, first) => return first.exit_code(),
            _ => FAILED,
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text) | Self::Faults(text) => f.write_str(text),
            Self::Refused { operation, code, message } => {
                write!(f, "{operation} was refused with {code}: {message}")
            }
            Self::Message(name, error) => write!(f, "{name}: {error}"),
            Self::Messages(failed, all, _) => write!(f, "{failed} of {all} messages failed"),
            Self::Tour(step) => write!(
                f,
                "the tour failed at a step: {step}; run it again with BULLA_LOG=info and report \
                 what it says"
            ),
            Self::Seal(error) => error.fmt(f),
            Self::Anchor(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
            Self::Barrier(directory, error) => write!(f, "{}: {error}", directory.display()),
            Self::Journal(directory, error) => {
                write!(f, "the journal in {}: {error}", directory.display())
            }
            Self::Outbox(error) => {
                write!(f, "what a crash left unrecorded could not be recorded: {error}")
            }
            Self::AccessKey(error) => error.fmt(f),
            Self::Crypto(error) => error.fmt(f),
            Self::Io(attempt, cause) => write!(f, "could not {attempt}: {cause}"),
            Self::Program(name, cause) => write!(f, "{name} can't be run: {cause}"),
            Self::Tls(path, cause) => {
                write!(f, "{} can't be used for TLS: {cause}; give PEM files", path.display())
            }
            Self::Unfinished(directory) => write!(
                f,
                "`bulla init` was interrupted in {}: remove that directory and its key file, and \
                 run it again",
                directory.display()
            ),
        }
    }
}

impl std::error::Error for Error {}

impl From<SealError> for Error {
    fn from(error: SealError) -> Self {
        Self::Seal(error)
    }
}

impl From<AnchorError> for Error {
    fn from(error: AnchorError) -> Self {
        Self::Anchor(error)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<AccessKeyError> for Error {
    fn from(error: AccessKeyError) -> Self {
        Self::AccessKey(error)
    }
}

impl From<CryptoError> for Error {
    fn from(error: CryptoError) -> Self {
        Self::Crypto(error)
    }
}
