//! When the record of a call is durable, as the command line and the settings have it.

use bulla_plane::journal::{Durability, WITHIN};
use clap::{Args, ValueEnum};
use serde::Deserialize;

/// When the record of a call is durable. Changes are durable before their answer in any case, and
/// with them what their records say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum JournalMode {
    /// Before the call is answered.
    #[default]
    BeforeAnswer,
    /// At most 5 ms after the answer. The end of the process takes nothing; a power cut may take
    /// the records of 5 ms, of calls that changed nothing.
    #[value(name = "within-5ms")]
    #[serde(rename = "within-5ms")]
    Within,
}

impl From<JournalMode> for Durability {
    fn from(mode: JournalMode) -> Self {
        match mode {
            JournalMode::BeforeAnswer => Self::BeforeAnswer,
            JournalMode::Within => Self::Within(WITHIN),
        }
    }
}

/// When records are durable.
#[derive(Args)]
pub(crate) struct JournalOptions {
    /// When the record of a call is durable, where there is a data directory [default:
    /// before-answer].
    #[arg(long, env = "BULLA_JOURNAL", value_name = "WHEN")]
    pub(crate) journal: Option<JournalMode>,
}
