//! Key policies: who can be named in one, who is meant when names are given again, and the check
//! that nobody locks itself out.

use serde_json::{Value, json};

use crate::house::{Answer, House, code, message, text};
use crate::people::{A, B, allows, denies};

fn statement(principal: &str, action: &str) -> Value {
    json!({ "Effect": "Allow", "Principal": { "AWS": principal }, "Action": action, "Resource": "*" })
}

fn policy(statements: &[Value]) -> String {
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

async fn put(house: &House, who: &str, key: &str, policy: &str) -> Answer {
    house.call(who, "PutKeyPolicy", json!({ "KeyId": key, "Policy": policy })).await
}

#[tokio::test]
async fn principals_must_exist() {
    let house = House::new().await;
    let key = house.key(A, None).await;
    let ana = house.people.user(A, "ana", "AIDAEXAMPLEANA000001", &[]);
    let role = house.people.role(A, "App", "AROAEXAMPLEAPP000001");
    let own = statement(A, "kms:*");
    for (principal, exists) in [
        (ana.as_str(), true),
        (&role, true),
        ("*", true),
        (B, true),
        ("AIDAEXAMPLEANA000001", true),
        (&format!("arn:aws:sts::{A}:assumed-role/App/one"), true),
        (&format!("arn:aws:sts::{A}:federated-user/one"), true),
        (&format!("arn:aws:iam::{A}:user/bob"), false),
        (&format!("arn:aws:iam::{A}:role/App"), false),
        (&format!("arn:aws:sts::{A}:assumed-role/Other/one"), false),
        ("AIDAEXAMPLEBOB000001", false),
        ("999999999999", false),
        ("arn:aws:iam::999999999999:root", false),
    ] {
        let document = policy(&[own.clone(), statement(principal, "kms:*")]);
        let answer = put(&house, A, &key, &document).await;
        assert_eq!(answer.is_ok(), exists, "{principal}: {answer:?}");
        if !exists {
            assert_eq!(code(&answer), "MalformedPolicyDocumentException");
            let text = "Policy contains a statement with one or more invalid principals.";
            assert_eq!(message(&answer), text);
        }
    }
}

#[tokio::test]
async fn a_namesake_is_not_trusted_and_the_gone_are_shown_by_their_ids() {
    let house = House::new().await;
    let ana = house.people.user(A, "ana", "AIDAEXAMPLEANA000001", &[]);
    let document = policy(&[statement(A, "kms:*"), statement(&ana, "kms:DescribeKey")]);
    let key = house.key(A, Some(&document)).await;
    let describe = || house.call("ana", "DescribeKey", json!({ "KeyId": key }));
    let shown =
        async || text(&house.call(A, "GetKeyPolicy", json!({ "KeyId": key })).await, "Policy");
    describe().await.unwrap();
    assert_eq!(shown().await, document);
    house.people.delete(&ana);
    let gone = document.replace(&ana, "AIDAEXAMPLEANA000001");
    assert_eq!(shown().await, gone);
    house.people.user(A, "ana", "AIDAEXAMPLEANA000002", &[]);
    assert_eq!(code(&describe().await), "AccessDeniedException");
    assert_eq!(shown().await, gone);
    // To trust the new one the policy must name it anew; the old one can't be named any more.
    assert_eq!(code(&put(&house, A, &key, &gone).await), "MalformedPolicyDocumentException");
    put(&house, A, &key, &document).await.unwrap();
    describe().await.unwrap();
    assert_eq!(shown().await, document);
}

#[tokio::test]
async fn nobody_locks_itself_out_unawares() {
    let house = House::new().await;
    let key = house.key(A, None).await;
    let ana = house.people.user(A, "ana", "AIDAEXAMPLEANA000001", &[&allows("kms:*")]);
    house.people.user(A, "bob", "AIDAEXAMPLEBOB000001", &[&allows("kms:*")]);
    let only_ana = policy(&[statement(&ana, "kms:*")]);
    let refused = put(&house, "bob", &key, &only_ana).await;
    assert_eq!(code(&refused), "MalformedPolicyDocumentException");
    let text = "The new key policy will not allow you to update the key policy in the future.";
    assert_eq!(message(&refused), text);
    // A grant does not help, as it can end at any time.
    let grant = json!({ "KeyId": key, "GranteePrincipal": A, "Operations": ["CreateGrant"] });
    house.call(A, "CreateGrant", grant).await.unwrap();
    assert_eq!(put(&house, A, &key, &only_ana).await, refused);
    // An identity policy counts where the key's policy leaves it to the account, and so does its
    // denial.
    let account = policy(&[statement(A, "kms:*")]);
    put(&house, "bob", &key, &account).await.unwrap();
    house.people.user(A, "bob", "AIDAEXAMPLEBOB000001", &[&allows("kms:CreateKey")]);
    let input = json!({ "Policy": account });
    assert_eq!(house.call("bob", "CreateKey", input.clone()).await, refused);
    let both = [allows("kms:*"), denies("kms:PutKeyPolicy")];
    house.people.user(A, "bob", "AIDAEXAMPLEBOB000001", &[&both[0], &both[1]]);
    assert_eq!(house.call("bob", "CreateKey", input.clone()).await, refused);
    let mut bypass = input;
    bypass["BypassPolicyLockoutSafetyCheck"] = true.into();
    house.call("bob", "CreateKey", bypass).await.unwrap();
    put(&house, "ana", &key, &only_ana).await.unwrap();
    assert_eq!(code(&put(&house, A, &key, &account).await), "AccessDeniedException");
}

#[tokio::test]
async fn a_policy_has_a_largest_size_and_one_name() {
    let house = House::new().await;
    let key = house.key(A, None).await;
    let mut long = policy(&[statement(A, "kms:*")]);
    long.push_str(&" ".repeat(32_768 - long.len()));
    put(&house, A, &key, &long).await.unwrap();
    long.push(' ');
    assert_eq!(code(&put(&house, A, &key, &long).await), "LimitExceededException");
    let input = json!({ "KeyId": key, "Policy": long.trim(), "PolicyName": "AWS_RAM" });
    let answer = house.call(A, "PutKeyPolicy", input).await;
    assert_eq!(code(&answer), "ValidationException");
    let input = json!({ "KeyId": key, "PolicyName": "AWS_RAM" });
    assert_eq!(code(&house.call(A, "GetKeyPolicy", input).await), "NotFoundException");
}
