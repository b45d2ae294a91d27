//! Parameters and secrets at hand: programs that run with them, and archives that carry them from
//! one place to another.

mod archive;
mod exchange;
mod export;
mod import;
mod progress;
mod run;
mod secrets;
mod variables;
mod vault;

pub(crate) use export::export;
pub(crate) use import::import;
pub(crate) use run::{env, run};

use crate::client::{Client, Target, of_service};
use crate::error::Error;

/// Parameter Store.
const SSM: Target = Target { service: "ssm", prefix: "AmazonSSM" };

/// A client of Parameter Store by the environment and AWS's shared files.
fn client() -> Result<Client, Error> {
    of_service("SSM", SSM)
}
