//! Where a rotator reads and writes the secret that it rotates.

use std::fmt;

use bulla_crypto::SecretBytes;

use crate::BoxFuture;

/// A version of a secret.
pub struct Held {
    /// Its id.
    pub version: String,
    /// Its text.
    pub text: SecretBytes,
}

/// Why a secret can't be read or written: code and text of whoever keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeskError {
    /// What was tried.
    pub operation: &'static str,
    /// The error's code.
    pub code: String,
    /// The error's text.
    pub text: String,
}

impl fmt::Display for DeskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} was refused: {}: {}", self.operation, self.code, self.text)
    }
}

impl std::error::Error for DeskError {}

/// Reads and writes secrets on behalf of one rotation.
pub trait Desk: Send + Sync {
    /// The version of the rotated secret that has a label; nothing if none has it, or if it has no
    /// value yet.
    fn read<'a>(&'a self, stage: &'a str) -> BoxFuture<'a, Result<Option<Held>, DeskError>>;

    /// The current text of the secret of a superuser, which the rotated secret names.
    fn superuser<'a>(&'a self, secret: &'a str) -> BoxFuture<'a, Result<SecretBytes, DeskError>>;

    /// Puts the text of the version that the rotation makes, under the label AWSPENDING.
    fn put_pending<'a>(&'a self, text: &'a SecretBytes) -> BoxFuture<'a, Result<(), DeskError>>;

    /// Moves AWSCURRENT from a version to the one that the rotation makes.
    fn finish<'a>(&'a self, from: &'a str) -> BoxFuture<'a, Result<(), DeskError>>;

    /// A new password without these characters.
    fn password<'a>(&'a self, without: &'a str) -> BoxFuture<'a, Result<SecretBytes, DeskError>>;
}
