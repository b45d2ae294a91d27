//! Versions, labels and idempotence.

use serde_json::json;

use crate::house::{House, code, message, token};
use crate::people::A;

#[tokio::test]
async fn a_secret_is_read_as_it_was_written() {
    let house = House::new().await;
    let arn = house.secret(A, "db/app", "one").await;
    let read = house.call(A, "GetSecretValue", json!({ "SecretId": "db/app" })).await.unwrap();
    assert_eq!(read["ARN"], arn.as_str());
    assert_eq!((&read["Name"], &read["SecretString"]), (&json!("db/app"), &json!("one")));
    assert_eq!(
        (&read["VersionId"], &read["VersionStages"]),
        (&json!(token(0)), &json!(["AWSCURRENT"]))
    );
    let binary = json!({
        "SecretId": arn, "SecretBinary": "AAECAw==", "ClientRequestToken": token(1),
    });
    let put = house.call(A, "PutSecretValue", binary).await.unwrap();
    assert_eq!(put["VersionStages"], json!(["AWSCURRENT"]));
    let (partial, _) = arn.rsplit_once('-').unwrap();
    let read = house.call(A, "GetSecretValue", json!({ "SecretId": partial })).await.unwrap();
    assert_eq!((&read["SecretBinary"], read.get("SecretString")), (&json!("AAECAw=="), None));
    let previous = json!({ "SecretId": arn, "VersionStage": "AWSPREVIOUS" });
    let read = house.call(A, "GetSecretValue", previous).await.unwrap();
    assert_eq!((&read["SecretString"], &read["VersionId"]), (&json!("one"), &json!(token(0))));
}

#[tokio::test]
async fn what_is_not_there_is_told_as_it_was_asked_for() {
    let house = House::new().await;
    let arn = house.secret(A, "db/app", "one").await;
    let suffix = format!("-{}", arn.rsplit_once('-').unwrap().1);
    let get = async |input| house.call(A, "GetSecretValue", input).await;
    for (input, text) in [
        (json!({ "SecretId": "other" }), "Secrets Manager can't find the specified secret."),
        (
            json!({ "SecretId": arn.replace(&suffix, "-XXXXXX") }),
            "Secrets Manager can't find the specified secret.",
        ),
        (
            json!({ "SecretId": arn.replace("eu-central", "eu-west") }),
            "Secrets Manager can't find the specified secret.",
        ),
        (
            json!({ "SecretId": arn, "VersionStage": "AWSPREVIOUS" }),
            "Secrets Manager can't find the specified secret value for staging label: AWSPREVIOUS",
        ),
        (
            json!({ "SecretId": arn, "VersionId": token(9) }),
            "Secrets Manager can't find the specified secret value for VersionId: 00000000-0000-4000-8000-000000000009",
        ),
    ] {
        let answer = get(input).await;
        assert_eq!((code(&answer), message(&answer)), ("ResourceNotFoundException", text));
    }
    let both = json!({ "SecretId": arn, "VersionId": token(0), "VersionStage": "AWSPENDING" });
    let answer = get(both).await;
    assert_eq!(
        message(&answer),
        "You provided a VersionStage that is not associated to the provided VersionId."
    );
    let input = json!({ "Name": "empty", "ClientRequestToken": token(0) });
    let made = house.call(A, "CreateSecret", input).await.unwrap();
    assert_eq!(made.get("VersionId"), None);
    let answer = get(json!({ "SecretId": "empty" })).await;
    assert!(message(&answer).ends_with("for staging label: AWSCURRENT"), "{answer:?}");
}

#[tokio::test]
async fn a_request_that_comes_twice_changes_nothing_and_another_value_is_refused() {
    let house = House::new().await;
    let arn = house.secret(A, "db", "one").await;
    let create = |text: &str, number| json!({ "Name": "db", "SecretString": text, "ClientRequestToken": token(number) });
    let again = house.call(A, "CreateSecret", create("one", 0)).await.unwrap();
    assert_eq!((&again["ARN"], &again["VersionId"]), (&json!(arn), &json!(token(0))));
    let in_use = format!(
        "You can't use ClientRequestToken {} because that value is already in use for a version \
         of secret {arn}.",
        token(0)
    );
    let other = house.call(A, "CreateSecret", create("two", 0)).await;
    assert_eq!((code(&other), message(&other)), ("ResourceExistsException", in_use.as_str()));
    let taken = house.call(A, "CreateSecret", create("one", 1)).await;
    assert_eq!(message(&taken), "The operation failed because the secret db already exists.");
    house.put(A, "db", 1, "two").await.unwrap();
    house.put(A, "db", 2, "three").await.unwrap();
    let again = house.put(A, "db", 1, "two").await.unwrap();
    assert_eq!(again["VersionStages"], json!(["AWSPREVIOUS"]));
    assert_eq!(house.text(A, "db").await, "three");
    assert_eq!(code(&house.put(A, "db", 1, "three").await), "ResourceExistsException");
    let label = json!({
        "SecretId": "db", "SecretString": "three", "ClientRequestToken": token(2),
        "VersionStages": ["REPLAY"],
    });
    let labelled = house.call(A, "PutSecretValue", label).await.unwrap();
    assert_eq!(labelled["VersionStages"], json!(["AWSCURRENT", "REPLAY"]));
    let update = |text: &str| json!({ "SecretId": "db", "SecretString": text, "ClientRequestToken": token(2) });
    let same = house.call(A, "UpdateSecret", update("three")).await.unwrap();
    assert_eq!(same["VersionId"], token(2));
    assert_eq!(
        code(&house.call(A, "UpdateSecret", update("four")).await),
        "ResourceExistsException"
    );
}

#[tokio::test]
async fn labels_move_and_versions_without_one_are_hidden() {
    let house = House::new().await;
    house.secret(A, "db", "one").await;
    let pending = json!({
        "SecretId": "db", "SecretString": "two", "ClientRequestToken": token(1),
        "VersionStages": ["AWSPENDING"],
    });
    house.call(A, "PutSecretValue", pending).await.unwrap();
    assert_eq!(house.text(A, "db").await, "one");
    let shift = json!({
        "SecretId": "db", "VersionStage": "AWSCURRENT", "MoveToVersionId": token(1),
        "RemoveFromVersionId": token(0),
    });
    house.call(A, "UpdateSecretVersionStage", shift).await.unwrap();
    assert_eq!(house.text(A, "db").await, "two");
    house.put(A, "db", 2, "three").await.unwrap();
    let described = house.call(A, "DescribeSecret", json!({ "SecretId": "db" })).await.unwrap();
    let stages = json!({ token(1): ["AWSPENDING", "AWSPREVIOUS"], token(2): ["AWSCURRENT"] });
    assert_eq!(described["VersionIdsToStages"], stages);
    let list = async |input| house.call(A, "ListSecretVersionIds", input).await.unwrap();
    let shown = list(json!({ "SecretId": "db" })).await;
    assert_eq!(shown["Versions"].as_array().unwrap().len(), 2);
    let mut all = vec![];
    let mut input = json!({ "SecretId": "db", "IncludeDeprecated": true, "MaxResults": 2 });
    loop {
        let page = list(input.clone()).await;
        all.extend(page["Versions"].as_array().unwrap().clone());
        let Some(next) = page.get("NextToken") else { break };
        input["NextToken"] = next.clone();
    }
    let ids: Vec<_> = all.iter().map(|version| version["VersionId"].clone()).collect();
    assert_eq!(ids, [token(0), token(1), token(2)]);
    assert_eq!(all[0]["KmsKeyIds"], json!(["DefaultEncryptionKey"]));
    // The first version was read above, so it has a date, at midnight.
    let read = all[0]["LastAccessedDate"].as_f64().unwrap();
    assert_eq!(read % 86_400.0, 0.0);
    assert_eq!(all[2].get("LastAccessedDate"), None);
}

#[tokio::test]
async fn versions_that_nobody_asks_for_go_after_a_day() {
    let house = House::new().await;
    house.secret(A, "db", "0").await;
    for number in 1..=105 {
        house.put(A, "db", number, "x").await.unwrap();
    }
    assert_eq!(house.rows("secrets.value").await.len(), 106);
    house.pass_days(1).await;
    house.put(A, "db", 200, "x").await.unwrap();
    assert_eq!(house.rows("secrets.value").await.len(), 100);
    let gone = json!({ "SecretId": "db", "VersionId": token(6) });
    assert_eq!(code(&house.call(A, "GetSecretValue", gone).await), "ResourceNotFoundException");
    let kept = json!({ "SecretId": "db", "VersionId": token(7) });
    assert_eq!(code(&house.call(A, "GetSecretValue", kept).await), "");
}

#[tokio::test]
async fn writers_of_one_secret_do_not_lose_each_others_versions() {
    let house = std::sync::Arc::new(House::new().await);
    house.secret(A, "db", "0").await;
    let writers: Vec<_> = (1..=12)
        .map(|number| {
            let house = std::sync::Arc::clone(&house);
            tokio::spawn(async move { house.put(A, "db", number, "x").await.unwrap() })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let all = json!({ "SecretId": "db", "IncludeDeprecated": true });
    let all = house.call(A, "ListSecretVersionIds", all).await.unwrap();
    assert_eq!(all["Versions"].as_array().unwrap().len(), 13);
}

#[tokio::test]
async fn requests_that_make_no_sense_are_refused() {
    let house = House::new().await;
    house.secret(A, "db", "one").await;
    for (operation, input, wanted) in [
        (
            "CreateSecret",
            json!({ "Name": "a b", "ClientRequestToken": token(1) }),
            "ValidationException",
        ),
        ("CreateSecret", json!({ "Name": "new", "SecretString": "a" }), "InvalidRequestException"),
        (
            "CreateSecret",
            json!({ "Name": "new", "SecretString": "a", "SecretBinary": "AA==", "ClientRequestToken": token(1) }),
            "InvalidParameterException",
        ),
        (
            "CreateSecret",
            json!({ "Name": "new", "ClientRequestToken": token(1), "Tags": [{ "Key": "aws:a", "Value": "" }] }),
            "InvalidParameterException",
        ),
        (
            "PutSecretValue",
            json!({ "SecretId": "db", "ClientRequestToken": token(1) }),
            "InvalidRequestException",
        ),
        (
            "PutSecretValue",
            json!({ "SecretId": "db", "SecretString": "a" }),
            "InvalidRequestException",
        ),
        (
            "UpdateSecret",
            json!({ "SecretId": "db", "SecretString": "a" }),
            "InvalidRequestException",
        ),
        (
            "UpdateSecretVersionStage",
            json!({ "SecretId": "db", "VersionStage": "AWSCURRENT", "MoveToVersionId": token(9) }),
            "ResourceNotFoundException",
        ),
        ("GetRandomPassword", json!({ "PasswordLength": 3 }), "InvalidParameterException"),
        ("BatchGetSecretValue", json!({}), "InvalidParameterException"),
        (
            "BatchGetSecretValue",
            json!({ "SecretIdList": ["db"], "Filters": [{ "Key": "name", "Values": ["d"] }] }),
            "InvalidParameterException",
        ),
        ("ListSecrets", json!({ "NextToken": "x" }), "InvalidNextTokenException"),
    ] {
        let answer = house.call(A, operation, input.clone()).await;
        assert_eq!(code(&answer), wanted, "{operation} {input}: {answer:?}");
    }
}
