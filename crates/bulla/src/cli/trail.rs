//! The options of CloudTrail's trails.

use std::path::PathBuf;

use clap::Args;

/// Where trails deliver to, and how often.
#[derive(Args)]
pub(crate) struct TrailOptions {
    /// The folder that trails deliver to, laid out as their buckets would be [default: trails in
    /// the data directory].
    #[arg(long, env = "BULLA_TRAILS", value_name = "DIRECTORY")]
    pub(crate) trails: Option<PathBuf>,
    /// Seconds from one log file of a trail to the next.
    #[arg(long, env = "BULLA_TRAIL_INTERVAL", value_name = "SECONDS", default_value_t = 300)]
    pub(crate) trail_interval: u32,
    /// Seconds from one digest of a trail to the next.
    #[arg(long, env = "BULLA_DIGEST_INTERVAL", value_name = "SECONDS", default_value_t = 3600)]
    pub(crate) digest_interval: u32,
    /// Days after which records of calls are dropped, in whole segments and never before trails
    /// have delivered them [default: never]. LookupEvents shows what is left of 90 days.
    #[arg(long, env = "BULLA_AUDIT_RETENTION", value_name = "DAYS")]
    pub(crate) audit_retention: Option<u32>,
}
