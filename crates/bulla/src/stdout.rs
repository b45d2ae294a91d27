//! What commands print. Whoever reads may have gone, which is an error like any other.

use std::fmt;
use std::io::Write;

use crate::error::Error;

/// Prints a line on standard output.
pub(crate) fn line(text: impl fmt::Display) -> Result<(), Error> {
    written(writeln!(std::io::stdout().lock(), "{text}"))
}

/// Prints bytes on standard output as they are, all of them.
pub(crate) fn whole(bytes: &[u8]) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    written(out.write_all(bytes).and_then(|()| out.flush()))
}

/// Whether anyone still reads what is printed.
pub(crate) fn goes_on(printed: std::io::Result<()>) -> Result<bool, Error> {
    match printed {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Error::io("print the calls", error)),
    }
}

fn written(outcome: std::io::Result<()>) -> Result<(), Error> {
    outcome.map_err(|cause| Error::io("write to standard output", cause))
}
