//! The kinds of seals.

use std::fmt;

/// How a root key is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealKind {
    /// By a file that holds the seal key.
    KeyFile,
    /// By a passphrase.
    Passphrase,
}

impl SealKind {
    /// Its name, in the header and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::KeyFile => "keyfile",
            Self::Passphrase => "passphrase",
        }
    }

    /// The kind of that name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::KeyFile, Self::Passphrase].into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for SealKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
