//! Why keyrings gave no data key.

use std::fmt;

use bulla_crypto::CryptoError;

use crate::Suite;
use crate::kms::KmsError;

/// Why a keyring did not wrap or unwrap. No variant ever holds a secret.
#[derive(Debug)]
#[non_exhaustive]
pub enum KeyringError {
    /// None of the encrypted data keys is this keyring's.
    NothingFits,
    /// Several attempts, each with what it said.
    Several(Vec<KeyringError>),
    /// The keyring only decrypts.
    DecryptOnly,
    /// The keyring only encrypts.
    EncryptOnly,
    /// No keyring drew a data key.
    NoGenerator,
    /// A keyring does not go with this suite.
    Suite(Suite),
    /// A data key does not have the length that the suite needs. Holds its length in bytes.
    KeyLength(usize),
    /// A part of an encrypted data key is too long for a message.
    TooLong,
    /// What the keyring was made from is not right. Says what, and what would be.
    Configuration(String),
    /// The wrapping key's holder refused.
    Refused(String),
    /// KMS refused, or was not reached.
    Kms(KmsError),
    /// KMS answered what does not go with the question. Says what.
    Answer(String),
    /// A data key was wrapped with another encryption context.
    ContextDigest,
    /// The cryptography.
    Crypto(CryptoError),
}

impl KeyringError {
    /// What several attempts came to.
    pub(crate) fn of(mut attempts: Vec<Self>) -> Self {
        match attempts.len() {
            0 => Self::NothingFits,
            1 => attempts.pop().unwrap_or(Self::NothingFits),
            _ => Self::Several(attempts),
        }
    }
}

impl fmt::Display for KeyringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingFits => {
                f.write_str("none of the message's encrypted data keys is of this keyring")
            }
            Self::Several(attempts) => {
                write!(f, "{} attempts failed", attempts.len())?;
                for attempt in attempts {
                    write!(f, "; {attempt}")?;
                }
                Ok(())
            }
            Self::DecryptOnly => f.write_str("the keyring can only decrypt"),
            Self::EncryptOnly => f.write_str("the keyring can only encrypt"),
            Self::NoGenerator => f.write_str("no keyring draws a data key: name a generator"),
            Self::Suite(suite) => write!(f, "the keyring does not go with {}", suite.name()),
            Self::KeyLength(len) => write!(f, "a data key of {len} bytes is not of this suite"),
            Self::TooLong => f.write_str("an encrypted data key is too long for a message"),
            Self::Configuration(text) | Self::Refused(text) | Self::Answer(text) => {
                f.write_str(text)
            }
            Self::Kms(error) => error.fmt(f),
            Self::ContextDigest => {
                f.write_str("the data key was wrapped with another encryption context")
            }
            Self::Crypto(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for KeyringError {}

impl From<CryptoError> for KeyringError {
    fn from(error: CryptoError) -> Self {
        Self::Crypto(error)
    }
}

impl From<KmsError> for KeyringError {
    fn from(error: KmsError) -> Self {
        Self::Kms(error)
    }
}
