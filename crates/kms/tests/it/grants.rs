//! Grants from their creation to their end.

use serde_json::{Value, json};

use crate::house::{House, code, message, text};
use crate::people::{A, B, allows};

/// A key of account A, and a user of it whom nothing allows anything.
async fn house() -> (House, String, String) {
    let house = House::new().await;
    let key = house.key(A, None).await;
    let ana = house.people.user(A, "ana", "AIDAEXAMPLEANA000001", &[]);
    (house, key, ana)
}

fn to(key: &str, grantee: &str, operations: &[&str]) -> Value {
    json!({ "KeyId": key, "GranteePrincipal": grantee, "Operations": operations })
}

async fn listed(house: &House, key: &str) -> Vec<Value> {
    let answer = house.call(A, "ListGrants", json!({ "KeyId": key })).await.unwrap();
    answer["Grants"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_grant_counts_at_once_and_a_revoked_one_no_longer() {
    let (house, key, ana) = house().await;
    let encrypt = || house.call("ana", "Encrypt", json!({ "KeyId": key, "Plaintext": "YQ==" }));
    assert_eq!(code(&encrypt().await), "AccessDeniedException");
    let made = house.call(A, "CreateGrant", to(&key, &ana, &["Encrypt"])).await;
    let id = text(&made, "GrantId");
    assert_eq!(id.len(), 64);
    encrypt().await.unwrap();
    let decrypt = house.call("ana", "DescribeKey", json!({ "KeyId": key })).await;
    assert_eq!(code(&decrypt), "AccessDeniedException", "an operation that the grant has not");
    house.call(A, "RevokeGrant", json!({ "KeyId": key, "GrantId": id })).await.unwrap();
    assert_eq!(
        message(&encrypt().await),
        format!(
            "User: {ana} is not authorized to perform: kms:Encrypt on resource: {key} because no \
             identity-based policy allows the kms:Encrypt action"
        )
    );
    for space in ["kms.grant", "kms.grant-name", "kms.retirable"] {
        assert_eq!(house.rows(space).await, 0, "{space}");
    }
}

#[tokio::test]
async fn a_listing_shows_what_was_granted() {
    let (house, key, ana) = house().await;
    let mut input = to(&key, &ana, &["Decrypt", "Decrypt", "DescribeKey"]);
    input["Name"] = "one".into();
    input["RetiringPrincipal"] = B.into();
    input["Constraints"] = json!({ "EncryptionContextSubset": { "Team": "Blue" } });
    let id = text(&house.call(A, "CreateGrant", input).await, "GrantId");
    let mut grant = listed(&house, &key).await.remove(0);
    let created = grant["CreationDate"].take();
    assert!(created.is_i64() || created.as_f64().unwrap().fract() == 0.0, "{created}");
    assert_eq!(
        grant,
        json!({
            "KeyId": key,
            "GrantId": id,
            "Name": "one",
            "CreationDate": null,
            "GranteePrincipal": ana,
            "RetiringPrincipal": format!("arn:aws:iam::{B}:root"),
            "IssuingAccount": format!("arn:aws:iam::{A}:root"),
            "Operations": ["Decrypt", "DescribeKey"],
            "Constraints": { "EncryptionContextSubset": { "Team": "Blue" } },
        })
    );
}

#[tokio::test]
async fn a_name_and_the_same_parameters_are_one_grant() {
    let (house, key, ana) = house().await;
    let mut input = to(&key, &ana, &["Encrypt", "Decrypt"]);
    input["Name"] = "one".into();
    let first = house.call(A, "CreateGrant", input.clone()).await;
    input["Operations"] = json!(["Decrypt", "Encrypt"]);
    let again = house.call(A, "CreateGrant", input.clone()).await;
    assert_eq!(text(&first, "GrantId"), text(&again, "GrantId"));
    assert_ne!(text(&first, "GrantToken"), text(&again, "GrantToken"));
    input["Operations"] = json!(["Decrypt"]);
    let other = house.call(A, "CreateGrant", input.clone()).await;
    assert_ne!(text(&first, "GrantId"), text(&other, "GrantId"));
    let nameless = to(&key, &ana, &["Encrypt"]);
    let one = house.call(A, "CreateGrant", nameless.clone()).await;
    let two = house.call(A, "CreateGrant", nameless).await;
    assert_ne!(text(&one, "GrantId"), text(&two, "GrantId"));
    assert_eq!(listed(&house, &key).await.len(), 4);
    // After its end the same parameters are a new grant.
    let id = text(&other, "GrantId");
    house.call(A, "RevokeGrant", json!({ "KeyId": key, "GrantId": id })).await.unwrap();
    assert_ne!(text(&house.call(A, "CreateGrant", input).await, "GrantId"), id);
}

#[tokio::test]
async fn tokens_are_those_of_grants_or_refused() {
    let (house, key, ana) = house().await;
    let made = house.call(A, "CreateGrant", to(&key, &ana, &["Encrypt"])).await;
    let (id, token) = (text(&made, "GrantId"), text(&made, "GrantToken"));
    let with = |token: &str| json!({ "KeyId": key, "Plaintext": "YQ==", "GrantTokens": [token] });
    house.call("ana", "Encrypt", with(&token)).await.unwrap();
    let mut forged = token.clone().into_bytes();
    forged[30] = if forged[30] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).unwrap();
    for wrong in [forged.as_str(), "YQ==", "no token", &format!("{token}AAAA")] {
        let answer = house.call("ana", "Encrypt", with(wrong)).await;
        assert_eq!(code(&answer), "InvalidGrantTokenException", "{wrong}");
    }
    house.call(A, "RevokeGrant", json!({ "KeyId": key, "GrantId": id })).await.unwrap();
    let answer = house.call(A, "Encrypt", with(&token)).await;
    assert_eq!(code(&answer), "InvalidGrantTokenException");
    let answer = house.call(A, "RetireGrant", json!({ "GrantToken": token })).await;
    assert_eq!(code(&answer), "InvalidGrantTokenException");
}

#[tokio::test]
async fn principals_must_exist() {
    let (house, key, _) = house().await;
    let role = house.people.role(A, "App", "AROAEXAMPLEAPP000001");
    let federated = format!("arn:aws:sts::{A}:federated-user/never");
    let session = format!("arn:aws:sts::{A}:assumed-role/App/never");
    for (given, shown) in [
        (role.as_str(), role.as_str()),
        ("AROAEXAMPLEAPP000001:never", &session),
        (&session, &session),
        (&federated, &federated),
        (B, &format!("arn:aws:iam::{B}:root")),
    ] {
        let made = house.call(A, "CreateGrant", to(&key, given, &["Decrypt"])).await;
        let filter = json!({ "KeyId": key, "GrantId": text(&made, "GrantId") });
        let answer = house.call(A, "ListGrants", filter).await.unwrap();
        assert_eq!(answer["Grants"][0]["GranteePrincipal"], shown, "{given}");
    }
    let gone = format!("arn:aws:iam::{A}:role/gone");
    let foreign = "arn:aws:iam::999999999999:root";
    let path = format!("arn:aws:sts::{A}:assumed-role/path/App/s");
    for (given, text) in [
        (gone.as_str(), format!("ARN does not refer to a valid principal: {gone}")),
        (foreign, format!("ARN does not refer to a valid principal: {foreign}")),
        (&path, format!("ARN is not valid: {path}")),
        ("AROAGONE:s", "GranteePrincipal does not refer to a valid principal.".into()),
    ] {
        let answer = house.call(A, "CreateGrant", to(&key, given, &["Decrypt"])).await;
        assert_eq!((code(&answer), message(&answer)), ("InvalidArnException", text.as_str()));
    }
}

#[tokio::test]
async fn what_a_grant_cannot_be_is_refused() {
    let (house, key, ana) = house().await;
    let other = json!({ "KeyId": key, "GranteePrincipal": ana, "Operations": ["Sign", "Decrypt"] });
    let answer = house.call(A, "CreateGrant", other).await;
    assert_eq!(
        message(&answer),
        "Operations [Sign] are not supported when creating a grant for a symmetric KMS key with \
         key usage ENCRYPT_DECRYPT. Valid operations are [CreateGrant, RetireGrant, DescribeKey, \
         Decrypt, Encrypt, GenerateDataKey, GenerateDataKeyWithoutPlaintext, GenerateDataKeyPair, \
         GenerateDataKeyPairWithoutPlaintext, ReEncryptFrom, ReEncryptTo]"
    );
    let pairs: serde_json::Map<_, _> = (0..9).map(|n| (format!("k{n}"), json!("v"))).collect();
    let service = "rds.amazonaws.com";
    let source = "arn:aws:rds:eu-central-1:111122223333:db:one";
    for (member, value) in [
        ("Constraints", json!({ "EncryptionContextEquals": pairs })),
        ("Constraints", json!({ "EncryptionContextSubset": { "k": "v".repeat(385) } })),
        ("GranteeServicePrincipal", service.into()),
    ] {
        let mut input = to(&key, &ana, &["Decrypt"]);
        input[member] = value;
        let answer = house.call(A, "CreateGrant", input).await;
        assert_eq!(code(&answer), "ValidationException", "{member}");
    }
    let to_service = json!({
        "KeyId": key, "GranteeServicePrincipal": service, "Operations": ["Decrypt"],
        "Constraints": { "SourceArn": source }, "RetiringServicePrincipal": service,
    });
    house.call(A, "CreateGrant", to_service.clone()).await.unwrap();
    for missing in ["Constraints", "RetiringServicePrincipal"] {
        let mut input = to_service.clone();
        input.as_object_mut().unwrap().remove(missing);
        let answer = house.call(A, "CreateGrant", input).await;
        assert_eq!(code(&answer), "ValidationException", "without {missing}");
    }
    house.call(A, "DisableKey", json!({ "KeyId": key })).await.unwrap();
    let answer = house.call(A, "CreateGrant", to(&key, &ana, &["Decrypt"])).await;
    assert_eq!(code(&answer), "DisabledException");
    house.call(A, "ScheduleKeyDeletion", json!({ "KeyId": key })).await.unwrap();
    let answer = house.call(A, "CreateGrant", to(&key, &ana, &["Decrypt"])).await;
    assert_eq!(code(&answer), "KMSInvalidStateException");
    assert_eq!(listed(&house, &key).await.len(), 1);
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let (house, key, ana) = house().await;
    let mut input = to(&key, &ana, &["Encrypt"]);
    input["DryRun"] = true.into();
    let answer = house.call(A, "CreateGrant", input.clone()).await;
    assert_eq!(code(&answer), "DryRunOperationException");
    let answer = house.call("ana", "CreateGrant", input.clone()).await;
    assert_eq!(code(&answer), "AccessDeniedException");
    assert!(listed(&house, &key).await.is_empty());
    input["DryRun"] = false.into();
    let id = text(&house.call(A, "CreateGrant", input).await, "GrantId");
    for operation in ["RetireGrant", "RevokeGrant"] {
        let mut input = json!({ "KeyId": key, "GrantId": id, "DryRun": true });
        let answer = house.call(A, operation, input.clone()).await;
        assert_eq!(code(&answer), "DryRunOperationException", "{operation}");
        input["GrantId"] = "0".repeat(64).into();
        let answer = house.call(A, operation, input).await;
        assert_eq!(code(&answer), "NotFoundException", "{operation}");
    }
    assert_eq!(listed(&house, &key).await.len(), 1);
}

#[tokio::test]
async fn a_deleted_key_takes_its_grants_along() {
    let (house, key, ana) = house().await;
    house.people.user(A, "bob", "AIDAEXAMPLEBOB000001", &[&allows("kms:ListRetirableGrants")]);
    for number in 0..3 {
        let mut input = to(&key, &ana, &["Encrypt"]);
        input["Name"] = format!("n{number}").into();
        input["RetiringPrincipal"] = A.into();
        house.call(A, "CreateGrant", input).await.unwrap();
    }
    let kept = house.key(A, None).await;
    house.call(A, "CreateGrant", to(&kept, &ana, &["Encrypt"])).await.unwrap();
    let window = json!({ "KeyId": key, "PendingWindowInDays": 7 });
    house.call(A, "ScheduleKeyDeletion", window).await.unwrap();
    house.plane.clock.advance(8 * 86_400_000);
    assert_eq!(house.plane.run_due().await.unwrap(), 1);
    assert_eq!(house.rows("kms.grant").await, 1);
    assert_eq!(house.rows("kms.grant-name").await, 0);
    assert_eq!(house.rows("kms.retirable").await, 0);
    assert_eq!(listed(&house, &kept).await.len(), 1);
}

#[tokio::test]
async fn a_deleted_key_takes_more_grants_along_than_a_commit_holds() {
    let (house, key, ana) = house().await;
    for _ in 0..1_100 {
        house.call(A, "CreateGrant", to(&key, &ana, &["Encrypt"])).await.unwrap();
    }
    let window = json!({ "KeyId": key, "PendingWindowInDays": 7 });
    house.call(A, "ScheduleKeyDeletion", window).await.unwrap();
    house.plane.clock.advance(8 * 86_400_000);
    assert_eq!(house.plane.run_due().await.unwrap(), 2);
    assert_eq!(house.rows("kms.grant").await, 0);
    assert_eq!(house.rows("plane.due").await, 0);
}

#[tokio::test]
async fn a_key_has_fifty_thousand_grants_and_no_more() {
    let (house, key, ana) = house().await;
    let id = key.rsplit('/').next().unwrap();
    let row = format!("{A}/{}/{id}", crate::house::REGION);
    let counted = async |count: u32| {
        let space = bulla_store::Space::new("kms.key");
        let stored = house.plane.barrier.get(space, row.as_bytes()).await.unwrap().unwrap();
        let mut record: Value = serde_json::from_slice(stored.value.expose()).unwrap();
        record["grants"] = count.into();
        let at = bulla_store::Expected::At(stored.version);
        let batch = bulla_store::SealedBatch::new();
        let batch = batch.put(space, row.as_str(), at, record.to_string().into_bytes());
        house.plane.barrier.commit(batch).await.unwrap();
        house.plane.services[0].forget();
    };
    counted(49_999).await;
    let one = house.call(A, "CreateGrant", to(&key, &ana, &["Encrypt"])).await;
    let full = house.call(A, "CreateGrant", to(&key, &ana, &["Encrypt"])).await;
    assert_eq!(code(&full), "LimitExceededException");
    let input = json!({ "KeyId": key, "GrantId": text(&one, "GrantId") });
    house.call(A, "RevokeGrant", input).await.unwrap();
    house.call(A, "CreateGrant", to(&key, &ana, &["Encrypt"])).await.unwrap();
}
