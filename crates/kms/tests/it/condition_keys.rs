//! Every condition key of KMS, on every operation that sets it: a statement with the right value
//! lets the call pass, one with another value does not.

use serde_json::{Value, json};

use crate::house::{Answer, House, code, text};
use crate::people::{A, B};

/// Who calls.
#[derive(Clone, Copy)]
enum By {
    /// The user itself.
    User,
    /// A service for the user.
    Service,
}

/// One (operation, key): the operator, the value that holds, one that does not, and the input.
/// `$KEY`, `$ALIAS`, `$OTHER`, `$BLOB` and `$GRANT` in inputs stand for what the test has made.
struct Case(&'static str, &'static str, &'static str, &'static str, &'static str, Value, By);

const SOURCE: &str = "arn:aws:rds:eu-central-1:111122223333:db:one";
const CONTEXT_KEY: &str = "kms:EncryptionContext:team";
const CONTEXT_KEYS: &str = "kms:EncryptionContextKeys";

/// The cryptographic operations with an encryption context: action, operation, input.
fn cryptographic() -> Vec<(&'static str, &'static str, Value)> {
    let context = json!({ "Team": "Blue" });
    vec![
        (
            "Encrypt",
            "Encrypt",
            json!({ "KeyId": "$ALIAS", "Plaintext": "YQ==", "EncryptionContext": context }),
        ),
        (
            "Decrypt",
            "Decrypt",
            json!({ "KeyId": "$ALIAS", "CiphertextBlob": "$BLOB", "EncryptionContext": context }),
        ),
        (
            "GenerateDataKey",
            "GenerateDataKey",
            json!({ "KeyId": "$ALIAS", "KeySpec": "AES_256", "EncryptionContext": context }),
        ),
        (
            "GenerateDataKeyWithoutPlaintext",
            "GenerateDataKeyWithoutPlaintext",
            json!({ "KeyId": "$ALIAS", "KeySpec": "AES_128", "EncryptionContext": context }),
        ),
        (
            "ReEncryptFrom",
            "ReEncrypt",
            json!({
                "SourceKeyId": "$ALIAS", "CiphertextBlob": "$BLOB",
                "SourceEncryptionContext": context, "DestinationKeyId": "$OTHER",
            }),
        ),
        (
            "ReEncryptTo",
            "ReEncrypt",
            json!({
                "CiphertextBlob": "$OTHERBLOB", "SourceEncryptionContext": context,
                "DestinationKeyId": "$ALIAS", "DestinationEncryptionContext": context,
            }),
        ),
    ]
}

/// A grant's input with another member.
fn grant(member: &str, value: Value) -> Value {
    let mut input = json!({ "KeyId": "$KEY", "Operations": ["Decrypt"] });
    if member != "GranteeServicePrincipal" {
        input["GranteePrincipal"] = B.into();
    } else {
        input["Constraints"] = json!({ "SourceArn": SOURCE });
        input["RetiringPrincipal"] = B.into();
    }
    input[member] = value;
    input
}

fn cases() -> Vec<(&'static str, Case)> {
    use By::{Service, User};
    let mut cases = Vec::new();
    for (action, operation, input) in cryptographic() {
        for (key, operator, right, wrong) in [
            ("kms:EncryptionAlgorithm", "StringEquals", "SYMMETRIC_DEFAULT", "SM2PKE"),
            (CONTEXT_KEY, "StringEquals", "Blue", "blue"),
            (CONTEXT_KEYS, "ForAnyValue:StringEquals", "Team", "Other"),
            ("kms:RequestAlias", "StringLike", "alias/case-*", "alias/other-*"),
        ] {
            let case = Case(operation, operator, key, right, wrong, input.clone(), User);
            cases.push((action, case));
        }
    }
    let same = json!({ "CiphertextBlob": "$PLAINBLOB", "DestinationKeyId": "$KEY" });
    let on = "kms:ReEncryptOnSameKey";
    cases.push(("ReEncrypt*", Case("ReEncrypt", "Bool", on, "true", "false", same, User)));
    let two = json!({ "CiphertextBlob": "$PLAINBLOB", "DestinationKeyId": "$OTHER" });
    cases.push(("ReEncrypt*", Case("ReEncrypt", "Bool", on, "false", "true", two, User)));
    let alias = json!({ "KeyId": "$ALIAS" });
    let named = ("kms:RequestAlias", "alias/case-*", "alias/other-*");
    let case = Case("DescribeKey", "StringLike", named.0, named.1, named.2, alias, User);
    cases.push(("DescribeKey", case));
    cases.extend(grant_cases().into_iter().map(|case| (case.0, case)));
    let key = || json!({ "KeyId": "$KEY" });
    let with = |member: &str, value: Value| {
        let mut input = key();
        input[member] = value;
        input
    };
    let aws = "kms:GrantIsForAWSResource";
    let revoke = || with("GrantId", "$GRANT".into());
    let bypass = |yes: bool| json!({ "KeyId": "$KEY", "Policy": "$POLICY", "BypassPolicyLockoutSafetyCheck": yes });
    let tags = json!({ "KeyId": "$KEY", "Tags": [{ "TagKey": "Stage", "TagValue": "prod" }] });
    let each = "ForAllValues:StringEquals";
    let lockout = "kms:BypassPolicyLockoutSafetyCheck";
    let window = "kms:ScheduleKeyDeletionPendingWindowInDays";
    let rows = [
        Case("ListGrants", "Bool", aws, "false", "true", key(), User),
        Case("ListGrants", "Bool", aws, "true", "false", key(), Service),
        Case("RevokeGrant", "Bool", aws, "false", "true", revoke(), User),
        Case("RevokeGrant", "Bool", aws, "true", "false", revoke(), Service),
        Case("PutKeyPolicy", "Bool", lockout, "true", "false", bypass(true), User),
        Case("PutKeyPolicy", "Bool", lockout, "false", "true", bypass(false), User),
        Case("PutKeyPolicy", "StringEquals", "kms:PolicyName", "default", "x", bypass(true), User),
        Case("GetKeyPolicy", "StringEquals", "kms:PolicyName", "default", "x", key(), User),
        Case(
            "EnableKeyRotation",
            "NumericEquals",
            "kms:RotationPeriodInDays",
            "90",
            "91",
            with("RotationPeriodInDays", 90.into()),
            User,
        ),
        Case(
            "ScheduleKeyDeletion",
            "NumericGreaterThan",
            window,
            "8",
            "9",
            with("PendingWindowInDays", 9.into()),
            User,
        ),
        Case(
            "TagResource",
            "StringEquals",
            "aws:RequestTag/stage",
            "prod",
            "test",
            tags.clone(),
            User,
        ),
        Case("TagResource", each, "aws:TagKeys", "Stage", "Team", tags, User),
        Case(
            "UntagResource",
            each,
            "aws:TagKeys",
            "Stage",
            "Team",
            with("TagKeys", json!(["Stage"])),
            User,
        ),
    ];
    cases.extend(rows.into_iter().map(|case| (case.0, case)));
    cases
}

/// CreateGrant's keys.
fn grant_cases() -> Vec<Case> {
    use By::{Service, User};
    let (of, equals, each) = ("CreateGrant", "StringEquals", "ForAllValues:StringEquals");
    let aws = "kms:GrantIsForAWSResource";
    let root = "arn:aws:iam::444455556666:root";
    let other = "arn:aws:iam::111122223333:root";
    let kind = "kms:GrantConstraintType";
    let (is_equals, is_subset) = ("EncryptionContextEquals", "EncryptionContextSubset");
    let constraint = |kind: &str| grant("Constraints", json!({ kind: { "Team": "Blue" } }));
    let to_service = || grant("GranteeServicePrincipal", "rds.amazonaws.com".into());
    let by_service = || grant("RetiringServicePrincipal", "rds.amazonaws.com".into());
    let plain = || grant("Operations", json!(["Decrypt"]));
    let (rds, ec2) = ("rds.amazonaws.com", "ec2.amazonaws.com");
    vec![
        Case(of, each, "kms:GrantOperations", "Decrypt", "Encrypt", plain(), User),
        Case(of, equals, "kms:GranteePrincipal", root, other, plain(), User),
        // However the principal is named, the key is its ARN.
        Case(
            of,
            equals,
            "kms:RetiringPrincipal",
            root,
            other,
            grant("RetiringPrincipal", B.into()),
            User,
        ),
        Case(of, equals, "kms:GranteeServicePrincipal", rds, ec2, to_service(), User),
        Case(of, equals, "kms:RetiringServicePrincipal", rds, ec2, by_service(), User),
        Case(of, equals, "kms:GrantConstraintSourceArn", SOURCE, "arn", to_service(), User),
        Case(of, equals, kind, is_equals, is_subset, constraint(is_equals), User),
        Case(of, equals, kind, is_subset, is_equals, constraint(is_subset), User),
        Case(of, equals, CONTEXT_KEY, "Blue", "Red", constraint(is_subset), User),
        Case(of, each, CONTEXT_KEYS, "Team", "Other", constraint(is_equals), User),
        Case(of, "Bool", aws, "false", "true", plain(), User),
        Case(of, "Bool", aws, "true", "false", plain(), Service),
    ]
}

/// A key policy that leaves everything to the account and to the user one action under a
/// condition.
pub(crate) fn policy(action: &str, operator: &str, key: &str, value: &str) -> String {
    let ana = format!("arn:aws:iam::{A}:user/ana");
    json!({ "Statement": [
        { "Effect": "Allow", "Principal": { "AWS": A }, "Action": "kms:*", "Resource": "*" },
        {
            "Effect": "Allow", "Principal": { "AWS": ana }, "Action": format!("kms:{action}"),
            "Resource": "*", "Condition": { operator: { key: value } },
        },
    ] })
    .to_string()
}

/// A key that the user may use as a policy says, and what calls with it need.
struct Made {
    key: String,
    fills: Vec<(&'static str, String)>,
}

async fn encrypted(house: &House, key: &str, context: Value) -> String {
    let input = json!({ "KeyId": key, "Plaintext": "YQ==", "EncryptionContext": context });
    text(&house.call(A, "Encrypt", input).await, "CiphertextBlob")
}

async fn make(house: &House, number: usize, policy: &str) -> Made {
    let key = house.key(A, Some(policy)).await;
    let open = json!({ "Statement": {
        "Effect": "Allow", "Principal": { "AWS": "*" }, "Action": "kms:*", "Resource": "*",
    } });
    let other = house.key(A, Some(&open.to_string())).await;
    let alias = format!("alias/case-{number}");
    let input = json!({ "AliasName": alias, "TargetKeyId": key });
    house.call(A, "CreateAlias", input).await.unwrap();
    let tags = json!({ "KeyId": key, "Tags": [{ "TagKey": "Team", "TagValue": "Blue" }] });
    house.call(A, "TagResource", tags).await.unwrap();
    let grant = json!({ "KeyId": key, "GranteePrincipal": B, "Operations": ["Decrypt"] });
    let grant = text(&house.call(A, "CreateGrant", grant).await, "GrantId");
    let context = json!({ "Team": "Blue" });
    let fills = vec![
        ("$KEY", key.clone()),
        ("$ALIAS", alias),
        ("$BLOB", encrypted(house, &key, context.clone()).await),
        ("$PLAINBLOB", encrypted(house, &key, json!({})).await),
        ("$OTHERBLOB", encrypted(house, &other, context).await),
        ("$OTHER", other),
        ("$GRANT", grant),
        ("$POLICY", policy.replace("Action\":\"kms:PutKeyPolicy", "Action\":\"kms:*")),
    ];
    Made { key, fills }
}

async fn call(house: &House, made: &Made, case: &Case) -> Answer {
    let mut input = case.5.clone();
    for member in input.as_object_mut().unwrap().values_mut() {
        let filled = made.fills.iter().find(|(name, _)| member == *name);
        if let Some((_, value)) = filled {
            *member = value.as_str().into();
        }
    }
    match case.6 {
        By::User => house.call("ana", case.0, input).await,
        By::Service => house.via("secretsmanager", "ana", case.0, input).await,
    }
}

#[tokio::test]
async fn keys_of_requests() {
    let house = House::new().await;
    house.people.user(A, "ana", "AIDAEXAMPLEANA000001", &[]);
    for (number, (action, case)) in cases().into_iter().enumerate() {
        let Case(operation, operator, key, right, wrong, ..) = &case;
        for (value, allowed) in [(right, true), (wrong, false)] {
            let policy = policy(action, operator, key, value);
            let made = make(&house, number * 2 + usize::from(allowed), &policy).await;
            let answer = call(&house, &made, &case).await;
            let told = format!("{operation} under {operator} {key} {value}: {answer:?}");
            match allowed {
                true => assert!(answer.is_ok(), "{told}"),
                false => assert_eq!(code(&answer), "AccessDeniedException", "{told}"),
            }
        }
    }
}

#[tokio::test]
async fn keys_of_the_key_and_the_caller() {
    let house = House::new().await;
    house.people.user(A, "ana", "AIDAEXAMPLEANA000001", &[]);
    let key = || json!({ "KeyId": "$KEY" });
    let any = "ForAnyValue:StringLike";
    let via = "secretsmanager.eu-central-1.amazonaws.com";
    let keys = [
        ("StringEquals", "kms:KeySpec", "SYMMETRIC_DEFAULT", "RSA_2048", By::User),
        ("StringEquals", "kms:CustomerMasterKeySpec", "SYMMETRIC_DEFAULT", "RSA_2048", By::User),
        ("StringEquals", "kms:KeyUsage", "ENCRYPT_DECRYPT", "SIGN_VERIFY", By::User),
        ("StringEquals", "kms:CustomerMasterKeyUsage", "ENCRYPT_DECRYPT", "x", By::User),
        ("StringEquals", "kms:KeyOrigin", "AWS_KMS", "EXTERNAL", By::User),
        ("Bool", "kms:MultiRegion", "false", "true", By::User),
        ("Null", "kms:MultiRegionKeyType", "true", "false", By::User),
        (any, "kms:ResourceAliases", "alias/case-*", "alias/other-*", By::User),
        ("StringEquals", "aws:ResourceTag/team", "Blue", "Red", By::User),
        ("StringEquals", "kms:CallerAccount", A, B, By::User),
        ("StringEquals", "kms:CallerAccount", A, B, By::Service),
        ("StringEquals", "kms:ViaService", via, "s3.eu-central-1.amazonaws.com", By::Service),
        ("Null", "kms:ViaService", "true", "false", By::User),
    ];
    let operations = [
        ("DescribeKey", key()),
        ("GetKeyPolicy", key()),
        ("ListKeyPolicies", key()),
        ("ListResourceTags", key()),
        ("ListGrants", key()),
        ("GetKeyRotationStatus", key()),
        ("ListKeyRotations", key()),
        ("GetKeyLastUsage", key()),
        ("EnableKeyRotation", key()),
        ("DisableKeyRotation", key()),
        ("RotateKeyOnDemand", key()),
        ("EnableKey", key()),
        ("DisableKey", key()),
        ("UpdateKeyDescription", json!({ "KeyId": "$KEY", "Description": "d" })),
        ("Encrypt", json!({ "KeyId": "$KEY", "Plaintext": "YQ==" })),
        ("Decrypt", json!({ "CiphertextBlob": "$PLAINBLOB" })),
        ("GenerateDataKey", json!({ "KeyId": "$KEY", "KeySpec": "AES_256" })),
        ("ScheduleKeyDeletion", key()),
    ];
    for (number, (operator, key, right, wrong, by)) in keys.into_iter().enumerate() {
        for (value, allowed) in [(right, true), (wrong, false)] {
            let policy = policy("*", operator, key, value);
            let made = make(&house, number * 2 + usize::from(allowed), &policy).await;
            for (operation, input) in &operations {
                let case = Case(operation, operator, key, right, wrong, input.clone(), by);
                let answer = call(&house, &made, &case).await;
                let told = format!("{operation} under {operator} {key} {value}: {answer:?}");
                match allowed {
                    true => assert_ne!(code(&answer), "AccessDeniedException", "{told}"),
                    false => assert_eq!(code(&answer), "AccessDeniedException", "{told}"),
                }
                if *operation == "DisableKey" {
                    house.call(A, "EnableKey", json!({ "KeyId": made.key })).await.unwrap();
                }
            }
        }
    }
}

#[tokio::test]
async fn keys_of_create_key() {
    let house = House::new().await;
    let tags = json!([{ "TagKey": "Team", "TagValue": "Blue" }]);
    let input = json!({ "Tags": tags, "BypassPolicyLockoutSafetyCheck": true });
    for (operator, key, right, wrong) in [
        ("StringEquals", "kms:KeySpec", "SYMMETRIC_DEFAULT", "RSA_2048"),
        ("StringEquals", "kms:KeyUsage", "ENCRYPT_DECRYPT", "SIGN_VERIFY"),
        ("StringEquals", "kms:KeyOrigin", "AWS_KMS", "EXTERNAL"),
        ("Bool", "kms:MultiRegion", "false", "true"),
        ("Bool", "kms:BypassPolicyLockoutSafetyCheck", "true", "false"),
        ("StringEquals", "kms:CallerAccount", A, B),
        ("StringEquals", "aws:RequestTag/team", "Blue", "Red"),
        ("ForAllValues:StringEquals", "aws:TagKeys", "Team", "Stage"),
    ] {
        for (value, allowed) in [(right, true), (wrong, false)] {
            let own = json!({ "Statement": {
                "Effect": "Allow", "Action": "kms:CreateKey", "Resource": "*",
                "Condition": { operator: { key: value } },
            } });
            house.people.user(A, "ana", "AIDAEXAMPLEANA000001", &[&own.to_string()]);
            let answer = house.call("ana", "CreateKey", input.clone()).await;
            assert_eq!(answer.is_ok(), allowed, "CreateKey under {key} {value}: {answer:?}");
        }
    }
}
