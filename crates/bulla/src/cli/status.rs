//! The options of `bulla status`.

use clap::Args;

pub(crate) const STATUS_HELP: &str = "\
Examples:
  bulla status                                              of the server on this machine
  AWS_ENDPOINT_URL=https://localhost:8443 bulla status --json

A server tells its status only to its own machine.";

/// `bulla status`.
#[derive(Args)]
pub(crate) struct StatusOptions {
    /// Print it as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
