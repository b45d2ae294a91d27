//! The options of functions.

use std::path::PathBuf;

use clap::Args;

/// How functions are run.
#[derive(Args)]
pub(crate) struct FunctionOptions {
    /// The Python interpreter of functions [default: that of the runtime's version, or python3].
    #[arg(long, env = "BULLA_FUNCTION_PYTHON", value_name = "FILE")]
    pub(crate) function_python: Option<PathBuf>,
    /// The Node.js interpreter of functions [default: node].
    #[arg(long, env = "BULLA_FUNCTION_NODE", value_name = "FILE")]
    pub(crate) function_node: Option<PathBuf>,
    /// The first of the user ids that functions run under, one each, where the server is root
    /// [default: 64000].
    #[arg(long, env = "BULLA_FUNCTION_UID", value_name = "UID")]
    pub(crate) function_uid: Option<u32>,
    /// How many functions may run at once [default: 32].
    #[arg(long, env = "BULLA_FUNCTION_SLOTS", value_name = "NUMBER")]
    pub(crate) function_slots: Option<u32>,
    /// Where functions find this server [default: its address].
    #[arg(long, env = "BULLA_FUNCTION_ENDPOINT", value_name = "URL")]
    pub(crate) function_endpoint: Option<String>,
}
