//! Where CloudTrail shows a call otherwise than its input and output have it.
//!
//! The rules are those of recorded events and of the samples in AWS's guides: members that a
//! service fills in before it records, members that are never recorded, answers that are recorded
//! although the operation answers nothing, and what stands in `additionalEventData`.

use bulla_shapes::{Record, Value};

use super::string;

/// What a service fills in before it records a call.
#[derive(Clone, Copy)]
pub(super) enum Filled {
    /// A text.
    Text(&'static str),
    /// `false`.
    False,
    /// What another member says, else a text.
    As(&'static str, &'static str),
}

/// The members that stand in the record although they were not sent.
pub(super) fn filled(service: &str, operation: &str) -> &'static [(&'static str, Filled)] {
    match (service, operation) {
        ("kms", "Encrypt" | "Decrypt") => {
            &[("EncryptionAlgorithm", Filled::Text("SYMMETRIC_DEFAULT"))]
        }
        ("kms", "ReEncrypt") => &[
            ("SourceEncryptionAlgorithm", Filled::Text("SYMMETRIC_DEFAULT")),
            ("DestinationEncryptionAlgorithm", Filled::Text("SYMMETRIC_DEFAULT")),
        ],
        ("kms", "CreateKey") => &[
            ("Description", Filled::Text("")),
            ("KeyUsage", Filled::Text("ENCRYPT_DECRYPT")),
            ("CustomerMasterKeySpec", Filled::As("KeySpec", "SYMMETRIC_DEFAULT")),
            ("KeySpec", Filled::As("CustomerMasterKeySpec", "SYMMETRIC_DEFAULT")),
            ("Origin", Filled::Text("AWS_KMS")),
            ("BypassPolicyLockoutSafetyCheck", Filled::False),
        ],
        ("kms", "PutKeyPolicy") => &[
            ("PolicyName", Filled::Text("default")),
            ("BypassPolicyLockoutSafetyCheck", Filled::False),
        ],
        ("kms", "GetKeyPolicy") => &[("PolicyName", Filled::Text("default"))],
        ("secretsmanager", "CreateSecret") => {
            &[("Description", Filled::Text("")), ("ForceOverwriteReplicaSecret", Filled::False)]
        }
        ("ssm", "DescribeParameters") => &[("Shared", Filled::False)],
        _ => &[],
    }
}

/// Whether nothing of the input is recorded.
pub(super) fn is_untold(service: &str, operation: &str) -> bool {
    matches!((service, operation), ("kms", "GenerateRandom" | "RetireGrant"))
}

/// Whether a member is never recorded, although the model does not call it sensitive: grant tokens
/// let their holder use a grant, and the token of a web identity lets its holder act.
pub(super) fn is_hushed(service: &str, member: &str) -> bool {
    matches!(
        (service, member),
        ("kms", "GrantTokens" | "GrantToken")
            | ("sts", "WebIdentityToken" | "SAMLAssertion" | "TokenCode")
    )
}

/// What is recorded of a successful call's answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// What the operation itself says.
    Own,
    /// The whole output, without what is sensitive.
    Output,
    /// The ARN of the key that was changed, which the operation does not answer.
    KeyArn,
}

/// What is recorded of a successful call's answer (KMS guide, "Logging AWS KMS API calls").
pub(super) fn answer(service: &str, operation: &str) -> Answer {
    match (service, operation) {
        (
            "kms",
            "CreateKey"
            | "ScheduleKeyDeletion"
            | "CancelKeyDeletion"
            | "ImportKeyMaterial"
            | "DeleteImportedKeyMaterial"
            | "ReplicateKey"
            | "RotateKeyOnDemand"
            | "CreateCustomKeyStore",
        ) => Answer::Output,
        (
            "kms",
            "CreateAlias"
            | "UpdateAlias"
            | "DeleteAlias"
            | "EnableKey"
            | "DisableKey"
            | "EnableKeyRotation"
            | "TagResource"
            | "UntagResource"
            | "UpdatePrimaryRegion"
            | "RetireGrant",
        ) => Answer::KeyArn,
        _ => Answer::Own,
    }
}

/// The members of an output that `additionalEventData` has, by what they are called there.
const MATERIALS: [(&str, &str); 3] = [
    ("DestinationKeyMaterialId", "destinationKeyMaterialId"),
    ("KeyMaterialId", "keyMaterialId"),
    ("SourceKeyMaterialId", "sourceKeyMaterialId"),
];

/// The room for one such member: its name, and an id of 64 digits.
const ADDITIONAL_BYTES: usize = 112;

/// `additionalEventData`: with which material of a key a cryptographic operation was done.
pub(super) fn additional(service: &str, operation: &str, output: &Record<'_>) -> Option<String> {
    let tells = service == "kms"
        && matches!(
            operation,
            "Decrypt"
                | "GenerateDataKey"
                | "GenerateDataKeyWithoutPlaintext"
                | "GenerateDataKeyPair"
                | "GenerateDataKeyPairWithoutPlaintext"
                | "ReEncrypt"
        );
    if !tells {
        return None;
    }
    let mut data = String::new();
    for (member, name) in MATERIALS {
        if let Some(Value::Str(id)) = output.named(member) {
            data.reserve(ADDITIONAL_BYTES);
            data.push(if data.is_empty() { '{' } else { ',' });
            string(&mut data, name);
            data.push(':');
            string(&mut data, id);
        }
    }
    if data.is_empty() {
        return None;
    }
    data.push('}');
    Some(data)
}
