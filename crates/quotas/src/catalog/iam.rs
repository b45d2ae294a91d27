//! IAM's quotas (user guide, "IAM and AWS STS quotas"). AWS publishes no request rates of IAM.

use super::{Quota, UNLISTED};

#[rustfmt::skip]
pub(super) static IAM: &[Quota] = &[
    Quota::other("L-0DA4ABF3", "Managed policies per role", 20.0).adjustable().global(),
    Quota::other("L-4019AD8B", "Managed policies per user", 10.0).adjustable().global(),
    Quota::other("L-384571C4", "Managed policies per group", 10.0).global(),
    Quota::other("L-BF35879D", "Server certificates per account", 20.0).adjustable().global(),
    Quota::other("L-C07B4B0D", "Role trust policy length", 2_048.0).adjustable().global(),
    Quota::other("L-F4A5425F", "Groups per account", 300.0).adjustable().global(),
    Quota::other("L-6E65F664", "Instance profiles per account", 1_000.0).adjustable().global(),
    Quota::other("L-FE177D64", "Roles per account", 1_000.0).adjustable().global(),
    Quota::other("L-E95E4862", "Customer managed policies per account", 1_500.0).adjustable().global(),
    Quota::other("L-F55AF5E4", "Users per account", 5_000.0).global(),
    Quota::other("L-858F3967", "OpenId connect providers per account", 100.0).adjustable().global(),
    Quota::other(UNLISTED, "Groups an IAM user can be a member of", 10.0).global(),
    Quota::other(UNLISTED, "Access keys assigned to an IAM user", 2.0).global(),
    Quota::other(UNLISTED, "MFA devices in use by an IAM user", 8.0).global(),
    Quota::other(UNLISTED, "Managed policy versions", 5.0).global(),
    Quota::other(UNLISTED, "Roles in an instance profile", 1.0).global(),
    Quota::other(UNLISTED, "SAML providers per account", 100.0).global(),
    Quota::other(UNLISTED, "SSH public keys assigned to an IAM user", 5.0).global(),
    Quota::other(UNLISTED, "Aliases for an AWS account", 1.0).global(),
    Quota::other(UNLISTED, "Tags that can be attached to an IAM role", 50.0).global(),
    Quota::other(UNLISTED, "Tags that can be attached to an IAM user", 50.0).global(),
];
