//! What can go wrong with a message, and whose fault it is. No variant ever holds a secret.

use std::{fmt, io};

use bulla_crypto::CryptoError;

use crate::Suite;
use crate::context::ContextError;
use crate::keyring::KeyringError;

/// Why a message was not made, or not opened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The message's: it is not of this format, or cut off.
    Format(FormatError),
    /// The message's, or the caller's: its encryption context, or the one that was given.
    Context(ContextError),
    /// The caller's: the context that was given says otherwise than the message's. Holds the key.
    ContextMismatch(String),
    /// The caller's: the context lacks a pair that is required. Holds the key.
    ContextMissing(String),
    /// The message's: its suite is forbidden by the commitment policy.
    Policy {
        /// The policy's name.
        policy: &'static str,
        /// The suite.
        suite: Suite,
    },
    /// The caller's: a signed message is not streamed unless it is asked for by name, as its parts
    /// are released before the signature is known to be good.
    SignedStream,
    /// The message's, or the caller's: more encrypted data keys than the limit allows.
    TooManyKeys {
        /// How many there are.
        got: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// The caller's: the keyrings gave no data key. Holds what they say.
    Keyring(KeyringError),
    /// The message's: its header commits to another key. Nothing was decrypted.
    Commitment,
    /// The message's: its header was altered, or is of another key.
    HeaderTag,
    /// The message's: a frame was altered. Holds the frame's number, from 1.
    FrameTag(u32),
    /// The message's: the signature is not good.
    Signature,
    /// The message's: a suite without signature carries a public key, or the reverse, or the key
    /// is none.
    PublicKey,
    /// The caller's: more plaintext than a message of this frame length can hold.
    TooLong,
    /// The caller's: more plaintext than was announced. Holds what was announced, in bytes.
    Announced(u64),
    /// The caller's: a setting outside its limits, both ends allowed.
    Setting {
        /// The setting's name.
        name: &'static str,
        /// The value that was refused.
        got: u64,
        /// The smallest value allowed.
        min: u64,
        /// The largest value allowed.
        max: u64,
    },
    /// The environment: reading or writing.
    Io(io::Error),
    /// The environment's or ours: the cryptography.
    Crypto(CryptoError),
}

/// How a message is not of this format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FormatError {
    /// It ends too early.
    Truncated,
    /// Something follows the message's end.
    Trailing,
    /// Neither of version 1 nor 2. Holds the version.
    Version(u8),
    /// In version 1: not the type of encrypted data. Holds the type.
    Type(u8),
    /// No suite has this id, or none of this version. Holds the id.
    Suite(u16),
    /// There are no encrypted data keys.
    NoKeys,
    /// A key provider's id is not UTF-8.
    ProviderId,
    /// Neither framed nor not. Holds the content type.
    ContentType(u8),
    /// Reserved bytes are not zero.
    Reserved,
    /// In version 1: the length of nonces is not 12. Holds the length.
    NonceLen(u8),
    /// A framed message with frames of no bytes, or another one with a frame length.
    FrameLen(u32),
    /// The header is longer than [`crate::MAX_HEADER_BYTES`].
    HeaderTooLong,
    /// A frame, or the whole of a message without frames, is longer than the reader allows.
    /// Holds its length in bytes.
    FrameTooLong(u64),
    /// A frame is not the next one. Holds its number.
    Sequence(u32),
    /// The last frame is longer than the others. Holds its length in bytes.
    FinalFrameLen(u32),
    /// The signature is longer than any of its curve, or empty. Holds its length in bytes.
    SignatureLen(u16),
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the message is cut off"),
            Self::Trailing => f.write_str("something follows the message's end"),
            Self::Version(version) => write!(f, "messages of version {version} are not known"),
            Self::Type(kind) => write!(f, "messages of type {kind} are not known"),
            Self::Suite(id) => write!(f, "the suite {id:04x} is not known in this version"),
            Self::NoKeys => f.write_str("the message has no encrypted data keys"),
            Self::ProviderId => f.write_str("a key provider's id is not UTF-8"),
            Self::ContentType(kind) => write!(f, "the content type {kind} is not known"),
            Self::Reserved => f.write_str("reserved bytes of the header are not zero"),
            Self::NonceLen(len) => write!(f, "nonces have 12 bytes, not {len}"),
            Self::FrameLen(len) => write!(f, "frames can't have {len} bytes"),
            Self::HeaderTooLong => {
                write!(f, "the header is longer than {} bytes", crate::MAX_HEADER_BYTES)
            }
            Self::FrameTooLong(len) => {
                write!(f, "a frame of {len} bytes is more than this reader takes")
            }
            Self::Sequence(number) => write!(f, "frame {number} is not the next one"),
            Self::FinalFrameLen(len) => {
                write!(f, "the last frame has {len} bytes, more than a frame may have")
            }
            Self::SignatureLen(len) => write!(f, "the signature can't have {len} bytes"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format(error) => error.fmt(f),
            Self::Context(error) => error.fmt(f),
            Self::ContextMismatch(key) => {
                write!(f, "the encryption context's {key:?} is not what the message has")
            }
            Self::ContextMissing(key) => {
                write!(f, "the encryption context lacks {key:?}, which is required")
            }
            Self::Policy { policy, suite } => {
                write!(f, "{policy} forbids the suite {}", suite.name())
            }
            Self::SignedStream => f.write_str(
                "the message is signed, and a stream would release it before the signature is \
                 checked: decrypt it whole, or ask for that by name",
            ),
            Self::TooManyKeys { got, limit } => {
                write!(f, "{got} encrypted data keys are more than the limit of {limit}")
            }
            Self::Keyring(error) => error.fmt(f),
            Self::Commitment => f.write_str("the message commits to another key"),
            Self::HeaderTag => f.write_str("the header is not authentic"),
            Self::FrameTag(number) => write!(f, "frame {number} is not authentic"),
            Self::Signature => f.write_str("the signature is not good"),
            Self::PublicKey => f.write_str("the public key does not go with the message's suite"),
            Self::TooLong => f.write_str("the plaintext is too long for this frame length"),
            Self::Announced(len) => {
                write!(f, "there is more plaintext than the {len} bytes announced")
            }
            Self::Setting { name, got, min, max } => {
                write!(f, "{name} is {got}, it must be from {min} to {max}")
            }
            Self::Io(error) => error.fmt(f),
            Self::Crypto(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Keyring(error) => Some(error),
            _ => None,
        }
    }
}

impl From<FormatError> for Error {
    fn from(error: FormatError) -> Self {
        Self::Format(error)
    }
}

impl From<ContextError> for Error {
    fn from(error: ContextError) -> Self {
        Self::Context(error)
    }
}

impl From<KeyringError> for Error {
    fn from(error: KeyringError) -> Self {
        Self::Keyring(error)
    }
}

impl From<CryptoError> for Error {
    fn from(error: CryptoError) -> Self {
        Self::Crypto(error)
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
