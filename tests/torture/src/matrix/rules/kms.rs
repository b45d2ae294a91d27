//! How KMS's operations are authorized (KMS guide, "KMS permissions"). The keys are symmetric: what
//! kind of key an operation needs is asked after the permission.

use super::On::{Account, Key, Own, OwnKey};
use super::{Rule, rule};

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    rule("CreateKey", Account, "{}"),
    rule("DescribeKey", Key, r#"{"KeyId":"{key}"}"#),
    rule("ListKeys", Account, "{}"),
    rule("EnableKey", OwnKey, r#"{"KeyId":"{key}"}"#),
    rule("DisableKey", OwnKey, r#"{"KeyId":"{key}"}"#),
    rule("ScheduleKeyDeletion", OwnKey, r#"{"KeyId":"{key}"}"#),
    rule("CancelKeyDeletion", OwnKey, r#"{"KeyId":"{key}"}"#),
    rule("UpdateKeyDescription", OwnKey, r#"{"KeyId":"{key}","Description":"d"}"#),
    rule("CreateAlias", Own("{new_alias} {key}"), r#"{"AliasName":"{new_alias.name}","TargetKeyId":"{key}"}"#),
    rule("UpdateAlias", Own("{alias} {key}"), r#"{"AliasName":"{alias.name}","TargetKeyId":"{key}"}"#),
    rule("DeleteAlias", Own("{alias} {key}"), r#"{"AliasName":"{alias.name}"}"#),
    rule("ListAliases", Account, "{}"),
    rule("TagResource", OwnKey, r#"{"KeyId":"{key}","Tags":[{"TagKey":"k","TagValue":"v"}]}"#),
    rule("UntagResource", OwnKey, r#"{"KeyId":"{key}","TagKeys":["k"]}"#),
    rule("ListResourceTags", OwnKey, r#"{"KeyId":"{key}"}"#),
    rule("GetKeyPolicy", OwnKey, r#"{"KeyId":"{key}"}"#),
    rule("PutKeyPolicy", OwnKey, r#"{"KeyId":"{key}","Policy":"{key_policy}"}"#),
    rule("ListKeyPolicies", OwnKey, r#"{"KeyId":"{key}"}"#),
    rule("CreateGrant", Key, r#"{"KeyId":"{key}","GranteePrincipal":"{nobody}","Operations":["Encrypt"]}"#),
    rule("ListGrants", Key, r#"{"KeyId":"{key}"}"#),
    rule("ListRetirableGrants", Account, r#"{"RetiringPrincipal":"{nobody}"}"#),
    rule("RetireGrant", OwnKey, r#"{"KeyId":"{key}","GrantId":"{grant}"}"#),
    rule("RevokeGrant", Key, r#"{"KeyId":"{key}","GrantId":"{grant}"}"#),
    rule("Encrypt", Key, r#"{"KeyId":"{key}","Plaintext":"AAAA"}"#),
    rule("Decrypt", Key, r#"{"CiphertextBlob":"{blob}"}"#),
    rule("ReEncrypt", Key, r#"{"CiphertextBlob":"{blob}","DestinationKeyId":"{key}"}"#).asks("ReEncryptFrom ReEncryptTo"),
    rule("GenerateDataKey", Key, r#"{"KeyId":"{key}","KeySpec":"AES_256"}"#),
    rule("GenerateDataKeyWithoutPlaintext", Key, r#"{"KeyId":"{key}","KeySpec":"AES_256"}"#),
    rule("GenerateMac", Key, r#"{"KeyId":"{key}","Message":"AAAA","MacAlgorithm":"HMAC_SHA_256"}"#),
    rule("VerifyMac", Key, r#"{"KeyId":"{key}","Message":"AAAA","Mac":"AAAA","MacAlgorithm":"HMAC_SHA_256"}"#),
    rule("GenerateRandom", Account, r#"{"NumberOfBytes":32}"#),
    rule("GetKeyLastUsage", OwnKey, r#"{"KeyId":"{key}"}"#),
    rule("EnableKeyRotation", OwnKey, r#"{"KeyId":"{key}"}"#),
    rule("DisableKeyRotation", OwnKey, r#"{"KeyId":"{key}"}"#),
    rule("GetKeyRotationStatus", Key, r#"{"KeyId":"{key}"}"#),
    rule("RotateKeyOnDemand", OwnKey, r#"{"KeyId":"{key}"}"#),
    rule("ListKeyRotations", OwnKey, r#"{"KeyId":"{key}"}"#),
];
