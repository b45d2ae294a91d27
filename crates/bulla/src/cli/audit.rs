//! `bulla audit search` and `bulla audit export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::place::Place;

pub(crate) const SEARCH_HELP: &str = "\
Examples:
  bulla audit search --data ./vault --event DisableKey
  bulla audit search --data ./vault --user ana --error AccessDenied --since 2026-01-01T00:00:00Z
  bulla audit search --data ./vault --resource arn:aws:kms:eu-west-1:111122223333:key/… | jq .

Oldest first. Every record that is printed was checked; it works beside a running server.";

pub(crate) const EXPORT_HELP: &str = "\
Examples:
  bulla audit export --data ./vault -o calls.jsonl
  bulla audit export --data ./vault --format parquet --since 2026-01-01T00:00:00Z -o calls.parquet

The file appears under its name once it is complete.";

/// Which records are wanted: those that fit all that is given.
#[derive(Args, Default)]
pub(crate) struct Wanted {
    /// Calls of this operation.
    #[arg(long, value_name = "NAME")]
    pub(crate) event: Option<String>,
    /// Calls of this service, such as `kms`.
    #[arg(long, value_name = "NAME")]
    pub(crate) service: Option<String>,
    /// Calls by the user, role session or `root` of this name, or by whoever has this ARN.
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// Calls in this account's trail.
    #[arg(long, value_name = "DIGITS")]
    pub(crate) account: Option<String>,
    /// Calls in this region.
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// Calls that touched this resource.
    #[arg(long, value_name = "ARN")]
    pub(crate) resource: Option<String>,
    /// Calls that this access key signed.
    #[arg(long, value_name = "ID")]
    pub(crate) access_key: Option<String>,
    /// Calls that failed with this error.
    #[arg(long, value_name = "CODE")]
    pub(crate) error: Option<String>,
    /// Calls at this time or later.
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<Timestamp>,
    /// Calls before this time.
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<Timestamp>,
}

/// `bulla audit search`.
#[derive(Args)]
#[command(after_help = SEARCH_HELP)]
pub(crate) struct SearchOptions {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(flatten)]
    pub(crate) wanted: Wanted,
    /// Stop after so many calls.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) limit: Option<u64>,
}

/// What an export is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// One line of CloudTrail's JSON a record.
    Jsonl,
    /// Parquet: a column for what is asked for most, and one for the whole record.
    Parquet,
}

/// `bulla audit export`.
#[derive(Args)]
#[command(after_help = EXPORT_HELP)]
pub(crate) struct ExportAuditOptions {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(flatten)]
    pub(crate) wanted: Wanted,
    /// The form.
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    pub(crate) format: Format,
    /// The file.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}
