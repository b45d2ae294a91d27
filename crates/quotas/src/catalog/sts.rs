//! STS's request rate (IAM user guide, "STS request quotas").

use super::{Quota, UNLISTED};

#[rustfmt::skip]
pub(super) static STS: &[Quota] = &[
    Quota::rate(UNLISTED, "STS request quota (AWS credentials)", 600.0, &["AssumeRole", "DecodeAuthorizationMessage", "GetAccessKeyInfo", "GetCallerIdentity", "GetFederationToken", "GetSessionToken"]),
];
