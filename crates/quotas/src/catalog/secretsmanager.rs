//! Secrets Manager's quotas (user guide, "AWS Secrets Manager quotas").

use super::Quota;

#[rustfmt::skip]
pub(super) static SECRETS_MANAGER: &[Quota] = &[
    Quota::rate("L-2D877201", "Rate of GetSecretValue API requests", 10_000.0, &["GetSecretValue"]),
    Quota::rate("L-385CE7B7", "Rate of DescribeSecret API requests", 40_000.0, &["DescribeSecret"]),
    Quota::rate("L-F452D4B5", "Rate of BatchGetSecretValue API requests", 100.0, &["BatchGetSecretValue"]),
    Quota::rate("L-CBA4CAC4", "Rate of CreateSecret API requests", 50.0, &["CreateSecret"]),
    Quota::rate("L-BF57D437", "Rate of DeleteSecret API requests", 50.0, &["DeleteSecret"]),
    Quota::rate("L-6A9CA93A", "Rate of GetRandomPassword API requests", 50.0, &["GetRandomPassword"]),
    Quota::rate("L-FC17872E", "Rate of ListSecrets API requests", 100.0, &["ListSecrets"]),
    Quota::rate("L-7DA53705", "Rate of ListSecretVersionIds API requests", 50.0, &["ListSecretVersionIds"]),
    Quota::rate("L-8D82A813", "Combined rate of DeleteResourcePolicy, GetResourcePolicy, PutResourcePolicy, and ValidateResourcePolicy API requests", 50.0, &["DeleteResourcePolicy", "GetResourcePolicy", "PutResourcePolicy", "ValidateResourcePolicy"]),
    Quota::rate("L-8D63BBB6", "Combined rate of PutSecretValue, RemoveRegionsFromReplication, ReplicateSecretToRegion, StopReplicationToReplica, UpdateSecret, and UpdateSecretVersionStage API requests", 50.0, &["PutSecretValue", "RemoveRegionsFromReplication", "ReplicateSecretToRegions", "StopReplicationToReplica", "UpdateSecret", "UpdateSecretVersionStage"]),
    Quota::rate("L-7E29BE3F", "Combined rate of RestoreSecret API requests", 50.0, &["RestoreSecret"]),
    Quota::rate("L-8679C9D9", "Combined rate of RotateSecret and CancelRotateSecret API requests", 50.0, &["RotateSecret", "CancelRotateSecret"]),
    Quota::rate("L-BC8DD7C4", "Combined rate of TagResource and UntagResource API requests", 50.0, &["TagResource", "UntagResource"]),
    Quota::size("L-2F66C23C", "Secrets", 500_000.0, "secrets"),
    Quota::other("L-7823223D", "Versions per secret", 100.0),
    Quota::other("L-06876EE2", "Staging labels attached across all versions of a secret", 20.0),
    Quota::other("L-2F24C883", "Secret value size", 65_536.0).in_unit("Bytes"),
    Quota::other("L-7AA14F8F", "Resource-based policy length", 20_480.0),
];
