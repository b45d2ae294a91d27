//! Why a chore did not succeed.

use std::fmt;
use std::path::{Path, PathBuf};

/// A chore's failure, told so that the reader knows what to do next.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line is wrong.
    Usage(String),
    /// A file or folder could not be read or written.
    File { path: PathBuf, source: std::io::Error },
    /// A program could not be started.
    Start { program: String, source: std::io::Error },
    /// Something this chore needs is missing or does not work.
    Setup(String),
    /// The chore ran and found faults, which it has already told.
    Found(String),
}

impl Failure {
    pub(crate) fn file(path: &Path, source: std::io::Error) -> Self {
        Self::File { path: path.to_owned(), source }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text) | Self::Setup(text) | Self::Found(text) => f.write_str(text),
            Self::File { path, source } => write!(f, "{}: {source}", path.display()),
            Self::Start { program, source } => write!(f, "cannot start `{program}`: {source}"),
        }
    }
}
