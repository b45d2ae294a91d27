//! What KMS sees of a secret, and what its refusals come to.

use serde_json::json;

use crate::house::{House, code, message, token};
use crate::people::{A, B, allows};

#[tokio::test]
async fn values_are_under_the_key_of_the_secret_and_stop_with_it() {
    let house = House::new().await;
    let made = house.kms(A, "CreateKey", json!({})).await.unwrap();
    let key = made["KeyMetadata"]["Arn"].as_str().unwrap();
    let input = json!({
        "Name": "db", "SecretString": "the value", "KmsKeyId": key, "ClientRequestToken": token(0),
    });
    house.call(A, "CreateSecret", input).await.unwrap();
    assert_eq!(house.text(A, "db").await, "the value");
    let described = house.call(A, "DescribeSecret", json!({ "SecretId": "db" })).await.unwrap();
    assert_eq!(described["KmsKeyId"], key);
    house.kms(A, "DisableKey", json!({ "KeyId": key })).await.unwrap();
    let read = house.call(A, "GetSecretValue", json!({ "SecretId": "db" })).await;
    assert_eq!(code(&read), "DecryptionFailure");
    assert!(message(&read).contains("is disabled."), "{read:?}");
    assert_eq!(code(&house.put(A, "db", 1, "two").await), "EncryptionFailure");
    let input = json!({
        "Name": "other", "KmsKeyId": key, "ClientRequestToken": token(0),
    });
    assert_eq!(code(&house.call(A, "CreateSecret", input).await), "EncryptionFailure");
    house.kms(A, "EnableKey", json!({ "KeyId": key })).await.unwrap();
    assert_eq!(house.text(A, "db").await, "the value");
    // Nothing in the store holds it.
    for space in ["secrets.secret", "secrets.value", "secrets.access"] {
        for (name, row) in house.rows(space).await {
            let found = row.windows(9).any(|window| window == b"the value");
            assert!(!found, "{name} of {space} holds the value");
        }
    }
}

#[tokio::test]
async fn the_managed_key_is_made_on_first_use() {
    let house = House::new().await;
    let alias = json!({ "KeyId": "alias/aws/secretsmanager" });
    house.secret(A, "db", "one").await;
    let listed = house.kms(A, "ListAliases", json!({})).await.unwrap();
    assert_eq!(listed["Aliases"][0]["AliasName"], "alias/aws/secretsmanager");
    let described = house.kms(A, "DescribeKey", alias).await.unwrap();
    assert_eq!(described["KeyMetadata"]["KeyManager"], "AWS");
    let shown = house.call(A, "DescribeSecret", json!({ "SecretId": "db" })).await.unwrap();
    assert_eq!(shown.get("KmsKeyId"), None);
}

#[tokio::test]
async fn who_may_not_use_the_key_may_not_read_the_secret() {
    let house = House::new().await;
    let made = house.kms(A, "CreateKey", json!({})).await.unwrap();
    let key = made["KeyMetadata"]["Arn"].as_str().unwrap();
    let input = json!({
        "Name": "db", "SecretString": "one", "KmsKeyId": key, "ClientRequestToken": token(0),
    });
    let arn = house.call(A, "CreateSecret", input).await.unwrap()["ARN"].clone();
    let arn = arn.as_str().unwrap();
    house.people.user(A, "reader", "AIDAREADER", &[&allows("secretsmanager:*")]);
    let read = house.call("reader", "GetSecretValue", json!({ "SecretId": "db" })).await;
    let refusal = ("AccessDeniedException", "Access to KMS is not allowed");
    assert_eq!((code(&read), message(&read)), refusal);
    // Bound to the secret, the version and the way it is used.
    let narrow = format!(
        r#"{{"Statement":{{"Effect":"Allow","Action":"kms:Decrypt","Resource":"*","Condition":{{
            "StringEquals":{{"kms:ViaService":"secretsmanager.eu-central-1.amazonaws.com",
            "kms:EncryptionContext:SecretARN":"{arn}",
            "kms:EncryptionContext:SecretVersionId":"{}"}}}}}}}}"#,
        token(0)
    );
    house.people.user(A, "reader", "AIDAREADER", &[&allows("secretsmanager:*"), &narrow]);
    assert_eq!(house.text("reader", "db").await, "one");
    house.put(A, "db", 1, "two").await.unwrap();
    let read = house.call("reader", "GetSecretValue", json!({ "SecretId": "db" })).await;
    assert_eq!(message(&read), refusal.1);
}

#[tokio::test]
async fn a_new_key_takes_over_what_is_in_use() {
    let house = House::new().await;
    house.secret(A, "db", "one").await;
    house.put(A, "db", 1, "two").await.unwrap();
    house.put(A, "db", 2, "three").await.unwrap();
    let made = house.kms(A, "CreateKey", json!({})).await.unwrap();
    let key = made["KeyMetadata"]["KeyId"].as_str().unwrap();
    let input = json!({ "SecretId": "db", "KmsKeyId": key, "ClientRequestToken": token(9) });
    let updated = house.call(A, "UpdateSecret", input).await.unwrap();
    assert_eq!(updated.get("VersionId"), None);
    let all = json!({ "SecretId": "db", "IncludeDeprecated": true });
    let all = house.call(A, "ListSecretVersionIds", all).await.unwrap();
    let keys: Vec<_> =
        all["Versions"].as_array().unwrap().iter().map(|one| one["KmsKeyIds"][0].clone()).collect();
    assert_eq!(keys, [json!("DefaultEncryptionKey"), json!(key), json!(key)]);
    house.kms(A, "DisableKey", json!({ "KeyId": key })).await.unwrap();
    for (version, wanted) in [(0, ""), (1, "DecryptionFailure"), (2, "DecryptionFailure")] {
        let input = json!({ "SecretId": "db", "VersionId": token(version) });
        assert_eq!(code(&house.call(A, "GetSecretValue", input).await), wanted, "{version}");
    }
}

#[tokio::test]
async fn other_accounts_need_both_policies_and_the_key() {
    let house = House::new().await;
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[
            {{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{A}:root"}},"Action":"kms:*","Resource":"*"}},
            {{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{B}:root"}},"Action":"kms:Decrypt","Resource":"*"}}]}}"#
    );
    let made = house.kms(A, "CreateKey", json!({ "Policy": trust })).await.unwrap();
    let key = made["KeyMetadata"]["Arn"].as_str().unwrap();
    let own = house.secret(A, "own", "one").await;
    let input = json!({
        "Name": "shared", "SecretString": "two", "KmsKeyId": key, "ClientRequestToken": token(0),
    });
    let shared = house.call(A, "CreateSecret", input).await.unwrap()["ARN"].clone();
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":"{B}"}},
            "Action":"secretsmanager:GetSecretValue","Resource":"*"}}}}"#
    );
    let before = house.call(B, "GetSecretValue", json!({ "SecretId": shared })).await;
    assert_eq!(code(&before), "AccessDeniedException");
    for id in [&json!(own), &shared] {
        let input = json!({ "SecretId": id, "ResourcePolicy": policy });
        house.call(A, "PutResourcePolicy", input).await.unwrap();
    }
    assert_eq!(house.text(B, shared.as_str().unwrap()).await, "two");
    // The AWS managed key is its account's alone.
    let read = house.call(B, "GetSecretValue", json!({ "SecretId": own })).await;
    assert_eq!(message(&read), "Access to KMS is not allowed");
    let missing = own.replace(":secret:own", ":secret:none");
    let answer = house.call(B, "GetSecretValue", json!({ "SecretId": missing })).await;
    assert_eq!(code(&answer), "AccessDeniedException");
}

#[tokio::test]
async fn versions_go_under_a_new_key_only_if_the_caller_may_encrypt_with_it() {
    let house = House::new().await;
    let key = house.kms(A, "CreateKey", json!({})).await.unwrap();
    let key = key["KeyMetadata"]["Arn"].as_str().unwrap().to_owned();
    house.secret(A, "db", "one").await;
    let few = ["kms:GenerateDataKey", "kms:Decrypt", "secretsmanager:*"].map(allows);
    let few: Vec<_> = few.iter().map(String::as_str).collect();
    house.people.user(A, "changer", "AIDACHANGER", &few);
    let change = json!({ "SecretId": "db", "KmsKeyId": key, "ClientRequestToken": token(5) });
    house.call("changer", "UpdateSecret", change.clone()).await.unwrap();
    let keys = async || {
        let listed = house.call(A, "ListSecretVersionIds", json!({ "SecretId": "db" })).await;
        listed.unwrap()["Versions"][0]["KmsKeyIds"].clone()
    };
    assert_eq!(keys().await, json!(["DefaultEncryptionKey"]));
    let described = house.call(A, "DescribeSecret", json!({ "SecretId": "db" })).await.unwrap();
    assert_eq!(described["KmsKeyId"], json!(key));
    house.call(A, "UpdateSecret", change).await.unwrap();
    assert_eq!(keys().await, json!([key]));
    assert_eq!(house.text(A, "db").await, "one");
}
