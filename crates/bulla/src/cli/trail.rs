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
    /// Trails deliver to S3 in place of a folder: to AWS's, or to that which `AWS_ENDPOINT_URL_S3`
    /// names, with the credentials and the region of AWS's usual variables and files.
    #[cfg(feature = "s3")]
    #[arg(long, env = "BULLA_TRAILS_TO_S3", conflicts_with = "trails")]
    pub(crate) trails_to_s3: bool,
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
