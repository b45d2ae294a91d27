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
