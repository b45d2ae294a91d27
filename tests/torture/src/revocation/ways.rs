//! The ways of taking away what lets somebody call, a line of data each.

use super::case::{By, Step, step};

/// A way of taking away and of giving again.
pub(super) struct Way {
    pub(super) name: &'static str,
    /// What leads to the first call being allowed.
    pub(super) before: &'static [Step],
    pub(super) take: &'static [Step],
    pub(super) give: &'static [Step],
    /// What is called; any of them.
    pub(super) ask: &'static [Step],
    /// The codes of which one must be answered once it is taken.
    pub(super) refused: &'static [&'static str],
}

const DENIED: &[&str] = &["AccessDeniedException", "AccessDenied"];
const UNKNOWN: &[&str] = &["UnrecognizedClientException"];

const USE: &[Step] = &[
    step("kms", "Encrypt", r#"{"KeyId":"{key}","Plaintext":"AAAA"}"#),
    step("kms", "Decrypt", r#"{"CiphertextBlob":"{blob}"}"#),
    step("kms", "GenerateDataKey", r#"{"KeyId":"{key}","KeySpec":"AES_256"}"#),
    step("kms", "ReEncrypt", r#"{"CiphertextBlob":"{blob}","DestinationKeyId":"{key}"}"#),
];
const ENCRYPT: &[Step] = &[step("kms", "Encrypt", r#"{"KeyId":"{key}","Plaintext":"AAAA"}"#)];
const ASSUME: &[Step] = &[step("sts", "AssumeRole", "RoleArn={role.arn}&RoleSessionName=session")];

const ALLOW_USER: Step =
    step("iam", "PutUserPolicy", "UserName={name}&PolicyName=own&PolicyDocument={allow}");
const ALLOW_ROLE: Step =
    step("iam", "PutRolePolicy", "RoleName={name}&PolicyName=own&PolicyDocument={allow}");
const ATTACH: Step = step("iam", "AttachUserPolicy", "UserName={name}&PolicyArn={policy}");
const ATTACH_ROLE: Step = step("iam", "AttachRolePolicy", "RoleName={name}&PolicyArn={policy}");
const DENYING_VERSION: Step =
    step("iam", "CreatePolicyVersion", "PolicyArn={policy}&PolicyDocument={deny}");
const FIRST_VERSION: Step =
    step("iam", "SetDefaultPolicyVersion", "PolicyArn={policy}&VersionId=v1");
const SECOND_VERSION: Step =
    step("iam", "SetDefaultPolicyVersion", "PolicyArn={policy}&VersionId=v2");
const JOIN: Step = step("iam", "AddUserToGroup", "GroupName={name}&UserName={name}");
const ALLOW_GROUP: Step =
    step("iam", "PutGroupPolicy", "GroupName={name}&PolicyName=own&PolicyDocument={allow}");
const ATTACH_GROUP: Step = step("iam", "AttachGroupPolicy", "GroupName={name}&PolicyArn={policy}");
const CREATE_GRANT: Step = step("kms", "CreateGrant", r#"{"KeyId":"{key}","GranteePrincipal":"{user.arn}","Operations":["Encrypt","Decrypt","GenerateDataKey","ReEncryptFrom","ReEncryptTo"]}"#)
    .keeps(&[("GrantId", "grant"), ("GrantToken", "grant_token")]);
const TAG_KEY: Step =
    step("kms", "TagResource", r#"{"KeyId":"{key}","Tags":[{"TagKey":"team","TagValue":"a"}]}"#);
const TAG_USER: Step =
    step("iam", "TagUser", "UserName={name}&Tags.member.1.Key=team&Tags.member.1.Value=a");
const CREATE_ALIAS: Step =
    step("kms", "CreateAlias", r#"{"AliasName":"alias/{name}","TargetKeyId":"{key}"}"#);
const CREATE_KEY: Step = step("iam", "CreateAccessKey", "UserName={name}")
    .keeps(&[("AccessKeyId", "id"), ("SecretAccessKey", "secret")]);
const SESSION: &[(&str, &str)] =
    &[("AccessKeyId", "id"), ("SecretAccessKey", "secret"), ("SessionToken", "token")];
const BE_ROLE: Step = step("sts", "AssumeRole", "RoleArn={role.arn}&RoleSessionName=session")
    .by(By::User)
    .keeps(SESSION);
const BE_NARROW: Step = step(
    "sts",
    "AssumeRole",
    "RoleArn={role.arn}&RoleSessionName=session&PolicyArns.member.1.arn={policy}",
)
.by(By::User)
.keeps(SESSION);
const BE_SESSION: Step = step("sts", "GetSessionToken", "").by(By::User).keeps(SESSION);
const BE_FEDERATED: Step =
    step("sts", "GetFederationToken", "Name=fed&Policy={allow}").by(By::User).keeps(SESSION);

#[rustfmt::skip]
pub(super) const WAYS: &[Way] = &[
    Way {
        name: "DisableKey", before: &[ALLOW_USER], ask: USE, refused: &["DisabledException"],
        take: &[step("kms", "DisableKey", r#"{"KeyId":"{key}"}"#)],
        give: &[step("kms", "EnableKey", r#"{"KeyId":"{key}"}"#)],
    },
    Way {
        name: "ScheduleKeyDeletion", before: &[ALLOW_USER], ask: USE, refused: &["KMSInvalidStateException"],
        take: &[step("kms", "ScheduleKeyDeletion", r#"{"KeyId":"{key}"}"#)],
        give: &[step("kms", "CancelKeyDeletion", r#"{"KeyId":"{key}"}"#), step("kms", "EnableKey", r#"{"KeyId":"{key}"}"#)],
    },
    Way {
        name: "RevokeGrant", before: &[CREATE_GRANT], ask: USE, refused: DENIED,
        take: &[step("kms", "RevokeGrant", r#"{"KeyId":"{key}","GrantId":"{grant}"}"#)],
        give: &[CREATE_GRANT],
    },
    Way {
        name: "RetireGrant", before: &[CREATE_GRANT], ask: USE, refused: DENIED,
        take: &[step("kms", "RetireGrant", r#"{"GrantToken":"{grant_token}"}"#)],
        give: &[CREATE_GRANT],
    },
    Way {
        name: "PutKeyPolicy", before: &[ALLOW_USER], ask: USE, refused: DENIED,
        take: &[step("kms", "PutKeyPolicy", r#"{"KeyId":"{key}","Policy":"{shut}"}"#)],
        give: &[step("kms", "PutKeyPolicy", r#"{"KeyId":"{key}","Policy":"{open}"}"#)],
    },
    Way {
        name: "UntagResource",
        before: &[step("iam", "PutUserPolicy", "UserName={name}&PolicyName=own&PolicyDocument={allow_tagged}"), TAG_KEY],
        ask: USE, refused: DENIED,
        take: &[step("kms", "UntagResource", r#"{"KeyId":"{key}","TagKeys":["team"]}"#)],
        give: &[TAG_KEY],
    },
    Way {
        name: "DeleteAlias",
        before: &[step("iam", "PutUserPolicy", "UserName={name}&PolicyName=own&PolicyDocument={allow_aliased}"), CREATE_ALIAS],
        ask: USE, refused: DENIED,
        take: &[step("kms", "DeleteAlias", r#"{"AliasName":"alias/{name}"}"#)],
        give: &[CREATE_ALIAS],
    },
    Way {
        name: "DeleteAccessKey", before: &[ALLOW_USER], ask: USE, refused: UNKNOWN,
        take: &[step("iam", "DeleteAccessKey", "UserName={name}&AccessKeyId={id}")],
        give: &[CREATE_KEY],
    },
    Way {
        name: "UpdateAccessKey", before: &[ALLOW_USER], ask: USE, refused: UNKNOWN,
        take: &[step("iam", "UpdateAccessKey", "UserName={name}&AccessKeyId={id}&Status=Inactive")],
        give: &[step("iam", "UpdateAccessKey", "UserName={name}&AccessKeyId={id}&Status=Active")],
    },
    Way {
        name: "DeleteUserPolicy", before: &[ALLOW_USER], ask: USE, refused: DENIED,
        take: &[step("iam", "DeleteUserPolicy", "UserName={name}&PolicyName=own")],
        give: &[ALLOW_USER],
    },
    Way {
        name: "PutUserPolicy", before: &[ALLOW_USER], ask: USE, refused: DENIED,
        take: &[step("iam", "PutUserPolicy", "UserName={name}&PolicyName=deny&PolicyDocument={deny}")],
        give: &[step("iam", "DeleteUserPolicy", "UserName={name}&PolicyName=deny")],
    },
    Way {
        name: "DetachUserPolicy", before: &[ATTACH], ask: USE, refused: DENIED,
        take: &[step("iam", "DetachUserPolicy", "UserName={name}&PolicyArn={policy}")],
        give: &[ATTACH],
    },
    Way {
        name: "SetDefaultPolicyVersion", before: &[ATTACH, DENYING_VERSION], ask: USE, refused: DENIED,
        take: &[SECOND_VERSION], give: &[FIRST_VERSION],
    },
    Way {
        name: "CreatePolicyVersion", before: &[ATTACH], ask: USE, refused: DENIED,
        take: &[step("iam", "CreatePolicyVersion", "PolicyArn={policy}&SetAsDefault=true&PolicyDocument={deny}").keeps(&[("VersionId", "version")])],
        give: &[FIRST_VERSION, step("iam", "DeletePolicyVersion", "PolicyArn={policy}&VersionId={version}")],
    },
    Way {
        name: "PutUserPermissionsBoundary",
        before: &[ALLOW_USER, DENYING_VERSION, SECOND_VERSION], ask: USE, refused: DENIED,
        take: &[step("iam", "PutUserPermissionsBoundary", "UserName={name}&PermissionsBoundary={policy}")],
        give: &[step("iam", "DeleteUserPermissionsBoundary", "UserName={name}")],
    },
    Way {
        name: "UntagUser",
        before: &[step("iam", "PutUserPolicy", "UserName={name}&PolicyName=own&PolicyDocument={allow_team}"), TAG_USER],
        ask: USE, refused: DENIED,
        take: &[step("iam", "UntagUser", "UserName={name}&TagKeys.member.1=team")],
        give: &[TAG_USER],
    },
    Way {
        name: "RemoveUserFromGroup", before: &[ALLOW_GROUP, JOIN], ask: USE, refused: DENIED,
        take: &[step("iam", "RemoveUserFromGroup", "GroupName={name}&UserName={name}")],
        give: &[JOIN],
    },
    Way {
        name: "DeleteGroupPolicy", before: &[ALLOW_GROUP, JOIN], ask: USE, refused: DENIED,
        take: &[step("iam", "DeleteGroupPolicy", "GroupName={name}&PolicyName=own")],
        give: &[ALLOW_GROUP],
    },
    Way {
        name: "DetachGroupPolicy", before: &[ATTACH_GROUP, JOIN], ask: USE, refused: DENIED,
        take: &[step("iam", "DetachGroupPolicy", "GroupName={name}&PolicyArn={policy}")],
        give: &[ATTACH_GROUP],
    },
    Way {
        name: "DeleteRolePolicy of a session", before: &[ALLOW_USER, ALLOW_ROLE, BE_ROLE], ask: USE, refused: DENIED,
        take: &[step("iam", "DeleteRolePolicy", "RoleName={name}&PolicyName=own")],
        give: &[ALLOW_ROLE],
    },
    Way {
        name: "PutRolePolicy of a session", before: &[ALLOW_USER, ALLOW_ROLE, BE_ROLE], ask: USE, refused: DENIED,
        take: &[step("iam", "PutRolePolicy", "RoleName={name}&PolicyName=deny&PolicyDocument={deny}")],
        give: &[step("iam", "DeleteRolePolicy", "RoleName={name}&PolicyName=deny")],
    },
    Way {
        name: "DetachRolePolicy of a session", before: &[ALLOW_USER, ATTACH_ROLE, BE_ROLE], ask: USE, refused: DENIED,
        take: &[step("iam", "DetachRolePolicy", "RoleName={name}&PolicyArn={policy}")],
        give: &[ATTACH_ROLE],
    },
    Way {
        name: "PutRolePermissionsBoundary of a session",
        before: &[ALLOW_USER, ALLOW_ROLE, DENYING_VERSION, SECOND_VERSION, BE_ROLE],
        ask: USE, refused: DENIED,
        take: &[step("iam", "PutRolePermissionsBoundary", "RoleName={name}&PermissionsBoundary={policy}")],
        give: &[step("iam", "DeleteRolePermissionsBoundary", "RoleName={name}")],
    },
    Way {
        name: "DeleteRole of a session", before: &[ALLOW_USER, ALLOW_ROLE, BE_ROLE], ask: USE, refused: UNKNOWN,
        take: &[step("iam", "DeleteRolePolicy", "RoleName={name}&PolicyName=own"), step("iam", "DeleteRole", "RoleName={name}")],
        give: &[step("iam", "CreateRole", "RoleName={name}&AssumeRolePolicyDocument={trust}"), ALLOW_ROLE, BE_ROLE],
    },
    Way {
        name: "SetDefaultPolicyVersion of a session's policy",
        before: &[ALLOW_USER, ALLOW_ROLE, DENYING_VERSION, BE_NARROW], ask: USE, refused: DENIED,
        take: &[SECOND_VERSION], give: &[FIRST_VERSION],
    },
    Way {
        name: "DeleteUserPolicy of a session token", before: &[ALLOW_USER, BE_SESSION], ask: USE, refused: DENIED,
        take: &[step("iam", "DeleteUserPolicy", "UserName={name}&PolicyName=own")],
        give: &[ALLOW_USER],
    },
    Way {
        name: "DeleteUserPolicy of a federated user", before: &[ALLOW_USER, BE_FEDERATED], ask: USE, refused: DENIED,
        take: &[step("iam", "DeleteUserPolicy", "UserName={name}&PolicyName=own")],
        give: &[ALLOW_USER],
    },
    Way {
        name: "UpdateAssumeRolePolicy", before: &[ALLOW_USER], ask: ASSUME, refused: DENIED,
        take: &[step("iam", "UpdateAssumeRolePolicy", "RoleName={name}&PolicyDocument={distrust}")],
        give: &[step("iam", "UpdateAssumeRolePolicy", "RoleName={name}&PolicyDocument={trust}")],
    },
    Way {
        name: "AttachPolicy", before: &[ALLOW_USER], ask: USE, refused: DENIED,
        take: &[step("organizations", "AttachPolicy", r#"{"PolicyId":"{scp}","TargetId":"{account}"}"#)],
        give: &[step("organizations", "DetachPolicy", r#"{"PolicyId":"{scp}","TargetId":"{account}"}"#)],
    },
    Way {
        name: "DetachPolicy", before: &[ALLOW_USER], ask: USE, refused: DENIED,
        take: &[step("organizations", "AttachPolicy", r#"{"PolicyId":"{narrow}","TargetId":"{account}"}"#), step("organizations", "DetachPolicy", r#"{"PolicyId":"p-FullAWSAccess","TargetId":"{account}"}"#)],
        give: &[step("organizations", "AttachPolicy", r#"{"PolicyId":"p-FullAWSAccess","TargetId":"{account}"}"#), step("organizations", "DetachPolicy", r#"{"PolicyId":"{narrow}","TargetId":"{account}"}"#)],
    },
    Way {
        name: "MoveAccount", before: &[ALLOW_USER], ask: ENCRYPT, refused: DENIED,
        take: &[step("organizations", "MoveAccount", r#"{"AccountId":"{account}","SourceParentId":"{root}","DestinationParentId":"{unit}"}"#)],
        give: &[step("organizations", "MoveAccount", r#"{"AccountId":"{account}","SourceParentId":"{unit}","DestinationParentId":"{root}"}"#)],
    },
    Way {
        name: "UpdatePolicy",
        before: &[ALLOW_USER, step("organizations", "AttachPolicy", r#"{"PolicyId":"{mild_scp}","TargetId":"{account}"}"#)],
        ask: USE, refused: DENIED,
        take: &[step("organizations", "UpdatePolicy", r#"{"PolicyId":"{mild_scp}","Content":"{deny}"}"#)],
        give: &[step("organizations", "UpdatePolicy", r#"{"PolicyId":"{mild_scp}","Content":"{mild}"}"#)],
    },
];
