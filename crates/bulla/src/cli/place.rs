//! The options that say where the data are.

use std::path::PathBuf;

use clap::Args;

/// Where the data are, and what opens them.
#[derive(Args)]
pub(crate) struct Place {
    /// The data directory.
    #[arg(long, env = "BULLA_DATA", value_name = "DIRECTORY")]
    pub(crate) data: Option<PathBuf>,
    /// The key file [default: DIRECTORY.key, beside the data directory].
    #[arg(long, env = "BULLA_KEY_FILE", value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// A TOML file of settings; options and environment come before it.
    #[arg(long, env = "BULLA_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}
