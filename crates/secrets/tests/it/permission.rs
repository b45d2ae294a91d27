//! Who may do what: resource policies and condition keys.

use serde_json::json;

use crate::house::{House, code, message, token};
use crate::people::{A, allows, denies};

fn allows_if(action: &str, resource: &str, condition: &str) -> String {
    format!(
        r#"{{"Statement":{{"Effect":"Allow","Action":["{action}","kms:*"],"Resource":"{resource}",
            "Condition":{condition}}}}}"#
    )
}

#[tokio::test]
async fn permission_is_asked_before_anything_else_is_told() {
    let house = House::new().await;
    let arn = house.secret(A, "db", "one").await;
    house.people.user(A, "nobody", "AIDANOBODY", &[]);
    let put = json!({ "SecretId": "db", "VersionStages": [""], "ClientRequestToken": token(1) });
    // The model's own limits come first here; a request that keeps them hears the refusal.
    assert_ne!(code(&house.call("nobody", "PutSecretValue", put).await), "");
    let put = json!({ "SecretId": "db" });
    let answer = house.call("nobody", "PutSecretValue", put).await;
    let text = format!(
        "User: arn:aws:iam::{A}:user/nobody is not authorized to perform: \
         secretsmanager:PutSecretValue on resource: {arn} because no identity-based policy \
         allows the secretsmanager:PutSecretValue action"
    );
    assert_eq!((code(&answer), message(&answer)), ("AccessDeniedException", text.as_str()));
    let create = json!({ "Name": "new" });
    let answer = house.call("nobody", "CreateSecret", create).await;
    assert!(message(&answer).contains("on resource: new because"), "{answer:?}");
}

#[tokio::test]
async fn policies_reach_secrets_by_name_tag_and_request() {
    let house = House::new().await;
    for (name, team) in [("prod/db", "red"), ("test/db", "blue")] {
        let input = json!({
            "Name": name, "SecretString": "x", "ClientRequestToken": token(0),
            "Tags": [{ "Key": "team", "Value": team }],
        });
        house.call(A, "CreateSecret", input).await.unwrap();
    }
    let get = "secretsmanager:GetSecretValue";
    let kms = allows("kms:Decrypt");
    let stage = r#"{"StringEquals":{"secretsmanager:VersionStage":"AWSCURRENT"}}"#;
    let tag = r#"{"StringEquals":{"aws:ResourceTag/team":"red"}}"#;
    let own_tag = r#"{"StringEquals":{"secretsmanager:ResourceTag/team":"red"}}"#;
    let id = r#"{"StringLike":{"secretsmanager:SecretId":"prod/*"}}"#;
    let names = format!("arn:aws:secretsmanager:*:{A}:secret:prod/*");
    for (resource, condition) in [(names.as_str(), "{}"), ("*", tag), ("*", own_tag), ("*", id)] {
        let policy = allows_if(get, resource, condition);
        house.people.user(A, "reader", "AIDAREADER", &[&policy, &kms]);
        assert_eq!(house.text("reader", "prod/db").await, "x", "{condition}");
        let other = house
            .call("reader", get.split_once(':').unwrap().1, json!({ "SecretId": "test/db" }))
            .await;
        assert_eq!(code(&other), "AccessDeniedException", "{condition}");
    }
    let policy = allows_if(get, "*", stage);
    house.people.user(A, "reader", "AIDAREADER", &[&policy, &kms]);
    assert_eq!(house.text("reader", "prod/db").await, "x");
    house.put(A, "prod/db", 1, "y").await.unwrap();
    let previous = json!({ "SecretId": "prod/db", "VersionStage": "AWSPREVIOUS" });
    let refused = house.call("reader", "GetSecretValue", previous).await;
    assert_eq!(code(&refused), "AccessDeniedException");
    let named = allows_if(
        "secretsmanager:CreateSecret",
        "*",
        r#"{"StringEquals":{"secretsmanager:Name":"good","aws:RequestTag/team":"red"}}"#,
    );
    let tagging = allows("secretsmanager:TagResource");
    house.people.user(A, "maker", "AIDAMAKER", &[&named, &tagging, &allows("kms:*")]);
    for (name, team, wanted) in [
        ("good", "blue", "AccessDeniedException"),
        ("bad", "red", "AccessDeniedException"),
        ("good", "red", ""),
    ] {
        let input = json!({
            "Name": name, "ClientRequestToken": token(0), "Tags": [{ "Key": "team", "Value": team }],
        });
        let made = house.call("maker", "CreateSecret", input).await;
        assert_eq!(code(&made), wanted, "{made:?}");
    }
}

#[tokio::test]
async fn a_resource_policy_gives_and_takes() {
    let house = House::new().await;
    let user = house.people.user(A, "reader", "AIDAREADER", &[&allows("kms:Decrypt")]);
    house.secret(A, "db", "one").await;
    let policy = |effect: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"{effect}","Principal":{{
                "AWS":"{user}"}},"Action":"secretsmanager:GetSecretValue","Resource":"*"}}}}"#
        )
    };
    let put = |text: &str| json!({ "SecretId": "db", "ResourcePolicy": text });
    let id = json!({ "SecretId": "db" });
    house.call(A, "PutResourcePolicy", put(&policy("Allow"))).await.unwrap();
    assert_eq!(house.text("reader", "db").await, "one");
    let shown = house.call(A, "GetResourcePolicy", id.clone()).await.unwrap();
    assert_eq!(shown["ResourcePolicy"], policy("Allow"));
    let listed = house.call(A, "ListResourcePolicies", id.clone()).await.unwrap();
    assert_eq!(listed["ResourcePolicies"], json!([{ "PolicyName": "default" }]));
    // A namesake who comes later is nobody.
    house.people.delete(&user);
    house.people.user(A, "reader", "AIDAOTHER", &[&allows("kms:Decrypt")]);
    let read = house.call("reader", "GetSecretValue", id.clone()).await;
    assert_eq!(code(&read), "AccessDeniedException");
    house.people.user(A, "reader", "AIDAOTHER", &[&allows("*")]);
    house.call(A, "PutResourcePolicy", put(&policy("Deny"))).await.unwrap();
    let read = house.call("reader", "GetSecretValue", id.clone()).await;
    assert!(
        message(&read).ends_with("with an explicit deny in a resource-based policy"),
        "{read:?}"
    );
    house.call(A, "DeleteResourcePolicy", id.clone()).await.unwrap();
    assert_eq!(house.text("reader", "db").await, "one");
    let shown = house.call(A, "GetResourcePolicy", id).await.unwrap();
    assert_eq!(shown.get("ResourcePolicy"), None);
}

#[tokio::test]
async fn policies_that_are_wrong_or_too_open_are_told() {
    let house = House::new().await;
    house.secret(A, "db", "one").await;
    let open = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"secretsmanager:*","Resource":"*"}}"#;
    let nobody = open
        .replace(r#""*","Action""#, &format!(r#"{{"AWS":"arn:aws:iam::{A}:user/none"}},"Action""#));
    let put = |text: &str, block: bool| json!({ "SecretId": "db", "ResourcePolicy": text, "BlockPublicPolicy": block });
    for (text, block, wanted) in [
        ("{", false, "MalformedPolicyDocumentException"),
        (nobody.as_str(), false, "MalformedPolicyDocumentException"),
        (open, true, "PublicPolicyException"),
        (open, false, ""),
    ] {
        let answer = house.call(A, "PutResourcePolicy", put(text, block)).await;
        assert_eq!(code(&answer), wanted, "{text}");
        let asked = json!({ "ResourcePolicy": text });
        let validated = house.call(A, "ValidateResourcePolicy", asked).await.unwrap();
        assert_eq!(validated["PolicyValidationPassed"], false, "{text}");
        assert_eq!(validated["ValidationErrors"].as_array().unwrap().len(), 1);
    }
    let fine = open.replace(r#""*","Action""#, &format!(r#"{{"AWS":"{A}"}},"Action""#));
    let validated =
        house.call(A, "ValidateResourcePolicy", json!({ "ResourcePolicy": fine })).await;
    assert_eq!(
        validated.unwrap(),
        json!({ "PolicyValidationPassed": true, "ValidationErrors": [] })
    );
    let validate = json!({ "ResourcePolicy": fine });
    let only = allows("secretsmanager:ValidateResourcePolicy");
    house.people.user(A, "looker", "AIDALOOKER", &[&only]);
    let refused = house.call("looker", "ValidateResourcePolicy", validate).await;
    assert!(message(&refused).contains("secretsmanager:PutResourcePolicy"), "{refused:?}");
    house.people.user(
        A,
        "barred",
        "AIDABARRED",
        &[&allows("*"), &denies("secretsmanager:PutResourcePolicy")],
    );
    let refused = house.call("barred", "PutResourcePolicy", put(&fine, false)).await;
    assert_eq!(code(&refused), "AccessDeniedException");
}
