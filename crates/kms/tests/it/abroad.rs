//! Keys of other accounts: what works on them, and what strangers hear.

use serde_json::{Value, json};

use crate::house::{House, REGION, code, message, text};
use crate::people::{A, B, allows};

const MISSING: &str =
    "arn:aws:kms:eu-central-1:111122223333:key/12345678-1234-1234-1234-123456789012";

/// What works across accounts, with an input that lacks the key alone (facts 1.3).
fn shared() -> Vec<(&'static str, Value)> {
    vec![
        ("DescribeKey", json!({})),
        ("Encrypt", json!({ "Plaintext": "YQ==" })),
        ("GenerateDataKey", json!({ "KeySpec": "AES_256" })),
        ("GenerateDataKeyWithoutPlaintext", json!({ "KeySpec": "AES_256" })),
        ("CreateGrant", json!({ "GranteePrincipal": B, "Operations": ["Decrypt"] })),
        ("ListGrants", json!({})),
        ("GetKeyRotationStatus", json!({})),
    ]
}

/// What works on the caller's own keys only.
fn own() -> Vec<(&'static str, Value)> {
    let policy = json!({ "Policy": "{}" });
    vec![
        ("GetKeyPolicy", json!({})),
        ("PutKeyPolicy", policy),
        ("ListKeyPolicies", json!({})),
        ("EnableKey", json!({})),
        ("DisableKey", json!({})),
        ("ScheduleKeyDeletion", json!({})),
        ("CancelKeyDeletion", json!({})),
        ("UpdateKeyDescription", json!({ "Description": "d" })),
        ("TagResource", json!({ "Tags": [{ "TagKey": "k", "TagValue": "v" }] })),
        ("UntagResource", json!({ "TagKeys": ["k"] })),
        ("ListResourceTags", json!({})),
        ("EnableKeyRotation", json!({})),
        ("DisableKeyRotation", json!({})),
        ("RotateKeyOnDemand", json!({})),
        ("ListKeyRotations", json!({})),
        ("GetKeyLastUsage", json!({})),
        ("ListAliases", json!({})),
    ]
}

fn on(key: &str, mut input: Value) -> Value {
    input["KeyId"] = key.into();
    input
}

fn on_key(key: &str, input: &Value) -> Value {
    on(key, input.clone())
}

fn open_to(account: &str) -> String {
    json!({ "Statement": {
        "Effect": "Allow", "Principal": { "AWS": [A, account] }, "Action": "kms:*",
        "Resource": "*",
    } })
    .to_string()
}

#[tokio::test]
async fn an_answer_never_tells_a_stranger_whether_a_key_exists() {
    let house = House::new().await;
    let key = house.key(A, None).await;
    let alias = json!({ "AliasName": "alias/there", "TargetKeyId": key });
    house.call(A, "CreateAlias", alias).await.unwrap();
    house.people.user(B, "eve", "AIDAEXAMPLEEVE000001", &[]);
    house.people.user(B, "fay", "AIDAEXAMPLEFAY000001", &[&allows("kms:*")]);
    let alias = |name: &str| format!("arn:aws:kms:{REGION}:{A}:alias/{name}");
    let no_identity = "on this resource because no identity-based policy allows the";
    let hidden = "on this resource because the resource does not exist in this Region";
    for (who, says) in [("eve", no_identity), ("fay", hidden), (B, hidden)] {
        for (operation, input) in shared().into_iter().chain(own()) {
            let there = house.call(who, operation, on(&key, input.clone())).await;
            let missing = house.call(who, operation, on(MISSING, input)).await;
            assert_eq!(code(&there), "AccessDeniedException", "{operation}");
            // Listing aliases is asked of the caller's account before any key is looked for.
            let says =
                if operation == "ListAliases" && who == "eve" { "on resource: *" } else { says };
            assert!(message(&there).contains(says), "{operation}: {there:?}");
            assert_eq!(there, missing, "{operation} by {who}");
        }
        for (operation, input) in shared().into_iter().take(4) {
            let there = house.call(who, operation, on(&alias("there"), input.clone())).await;
            let missing = house.call(who, operation, on(&alias("missing"), input)).await;
            assert!(message(&there).contains(says), "{operation}: {there:?}");
            assert_eq!(there, missing, "{operation} by {who}");
        }
    }
}

/// A caller's own policies, with conditions on what is a key's own, are no way to ask about keys of
/// other accounts: the refusal is that of a key which is not there.
#[tokio::test]
async fn own_policies_do_not_tell_a_stranger_about_a_key() {
    let house = House::new().await;
    let tags = json!([{ "TagKey": "team", "TagValue": "red" }]);
    let key = house.key(A, None).await;
    house.call(A, "TagResource", json!({ "KeyId": key, "Tags": tags })).await.unwrap();
    let alias = json!({ "AliasName": "alias/there", "TargetKeyId": key });
    house.call(A, "CreateAlias", alias).await.unwrap();
    let there = format!("arn:aws:kms:{REGION}:{A}:alias/there");
    let missing = format!("arn:aws:kms:{REGION}:{A}:alias/missing");
    let when = |effect: &str, test: &Value| {
        json!({ "Statement": [
            { "Effect": effect, "Action": "kms:*", "Resource": "*", "Condition": test },
            { "Effect": "Allow", "Action": "kms:Nothing", "Resource": "*" },
        ] })
        .to_string()
    };
    let conditions = [
        json!({ "StringEquals": { "aws:ResourceTag/team": "red" } }),
        json!({ "StringNotEquals": { "aws:ResourceTag/team": "blue" } }),
        json!({ "Null": { "aws:ResourceTag/team": "false" } }),
        json!({ "ForAnyValue:StringLike": { "kms:ResourceAliases": "alias/*" } }),
        json!({ "StringEquals": { "kms:KeySpec": "SYMMETRIC_DEFAULT" } }),
        json!({ "StringEquals": { "kms:KeyOrigin": "AWS_KMS" } }),
    ];
    let on = |resource: &str| {
        let allow = json!({ "Effect": "Allow", "Action": "kms:*", "Resource": resource });
        json!({ "Statement": allow }).to_string()
    };
    let mut policies = vec![vec![on(&key)], vec![on("arn:aws:kms:*:*:key/*")]];
    for condition in &conditions {
        policies.push(vec![when("Allow", condition)]);
        policies.push(vec![allows("kms:*"), when("Deny", condition)]);
    }
    for (number, policies) in policies.iter().enumerate() {
        let name = format!("u{number}");
        let texts: Vec<&str> = policies.iter().map(String::as_str).collect();
        house.people.user(B, &name, &format!("AIDAEXAMPLE{number:010}"), &texts);
        for (one, other) in [(key.as_str(), MISSING), (there.as_str(), missing.as_str())] {
            // Which id a policy names, its holder knows already.
            if number == 0 && one == key {
                continue;
            }
            for (operation, input) in shared().into_iter().take(4) {
                let real = house.call(&name, operation, on_key(one, &input)).await;
                let none = house.call(&name, operation, on_key(other, &input)).await;
                assert_eq!(code(&real), "AccessDeniedException", "{operation}");
                assert_eq!(real, none, "{operation} of {one} by {policies:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_trusted_account_uses_a_key_and_does_not_manage_it() {
    let house = House::new().await;
    let key = house.key(A, Some(&open_to(B))).await;
    for (operation, input) in shared() {
        let answer = house.call(B, operation, on(&key, input)).await;
        assert!(answer.is_ok(), "{operation}: {answer:?}");
    }
    for (operation, input) in own() {
        let answer = house.call(B, operation, on(&key, input)).await;
        assert_eq!(code(&answer), "AccessDeniedException", "{operation}");
    }
    let grants = house.call(B, "ListGrants", on(&key, json!({}))).await.unwrap();
    let issuer = &grants["Grants"][0]["IssuingAccount"];
    assert_eq!(*issuer, format!("arn:aws:iam::{B}:root"));
    let id = grants["Grants"][0]["GrantId"].clone();
    house.call(B, "RevokeGrant", on(&key, json!({ "GrantId": id }))).await.unwrap();
    let sealed = house.call(B, "Encrypt", on(&key, json!({ "Plaintext": "YQ==" }))).await;
    let blob = text(&sealed, "CiphertextBlob");
    let input = json!({ "CiphertextBlob": blob, "DestinationKeyId": key });
    let again = text(&house.call(B, "ReEncrypt", input).await, "CiphertextBlob");
    let opened = house.call(B, "Decrypt", json!({ "CiphertextBlob": again })).await;
    assert_eq!(text(&opened, "Plaintext"), "YQ==");
}
