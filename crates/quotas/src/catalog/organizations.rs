//! Organizations' quotas (user guide, "Quotas for AWS Organizations").

use super::{Quota, UNLISTED};

#[rustfmt::skip]
pub(super) static ORGANIZATIONS: &[Quota] = &[
    Quota::other("L-29A0C5DF", "Default maximum number of accounts", 10.0).adjustable().global(),
    Quota::other(UNLISTED, "Number of roots in an organization", 1.0).global(),
    Quota::other(UNLISTED, "Number of OUs in an organization", 1_000.0).global(),
];
