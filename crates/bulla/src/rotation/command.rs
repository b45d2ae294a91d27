//! `bulla rotators`: what can be named as the rotation function of a secret without being one.

use bulla_rotators::Rotator;

use crate::error::Error;
use crate::stdout;

/// Prints the ARN of each rotator and what it is for.
pub(crate) fn print() -> Result<(), Error> {
    let mut out = String::new();
    for rotator in Rotator::ALL {
        out.push_str(&format!("{}\n    {}\n", rotator.arn(), rotator.description));
    }
    stdout::whole(out.as_bytes())
}
