//! `bulla rotators`: what can be named as the rotation function of a secret without being one.

use std::io::Write as _;

use bulla_rotators::Rotator;

use crate::error::Error;

/// Prints the ARN of each rotator and what it is for.
pub(crate) fn print() -> Result<(), Error> {
    let mut out = String::new();
    for rotator in Rotator::ALL {
        out.push_str(&format!("{}\n    {}\n", rotator.arn(), rotator.description));
    }
    let mut to = std::io::stdout().lock();
    let written = to.write_all(out.as_bytes()).and_then(|()| to.flush());
    written.map_err(|cause| Error::io("write to standard output", cause))
}
