//! What can stop a measurement, told so that the reader knows whose fault it is.

use std::{fmt, io};

/// A failed bench run. Nothing is retried: a figure taken around an error is no figure.
#[derive(Debug)]
pub(crate) enum BenchError {
    /// The operating system refused something.
    Io { doing: String, source: io::Error },
    /// A server under test didn't start, or ended. `log` is the end of what it wrote.
    Server { name: String, what: String, log: String },
    /// A call was answered with something other than 200.
    Answer { call: String, status: u16, body: String },
    /// An answer that isn't the HTTP or JSON which the bench relies on.
    Malformed { what: String },
    /// The command line asks for something that can't be measured.
    Usage { what: String },
}

impl BenchError {
    /// Wraps an operating system error with what was being done.
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }

    /// An answer that can't be read.
    pub(crate) fn malformed(what: impl Into<String>) -> Self {
        Self::Malformed { what: what.into() }
    }
}

impl fmt::Display for BenchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { doing, source } => write!(f, "{doing}: {source}"),
            Self::Server { name, what, log } if log.is_empty() => write!(f, "{name} {what}"),
            Self::Server { name, what, log } => write!(f, "{name} {what}; it wrote:\n{log}"),
            Self::Answer { call, status, body } => {
                write!(f, "{call} was answered with {status}: {body}")
            }
            Self::Malformed { what } | Self::Usage { what } => f.write_str(what),
        }
    }
}

impl std::error::Error for BenchError {}
