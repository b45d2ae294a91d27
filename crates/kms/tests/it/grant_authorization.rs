//! What grants allow, to whom, under which limits.

use serde_json::{Value, json};

use crate::house::{Answer, House, code, message, text};
use crate::people::{A, B, allows, denies};

async fn grant(
    house: &House,
    key: &str,
    grantee: &str,
    operations: &[&str],
    more: Value,
) -> Answer {
    let mut input = json!({ "KeyId": key, "GranteePrincipal": grantee, "Operations": operations });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    house.call(A, "CreateGrant", input).await
}

async fn encrypt(house: &House, who: &str, key: &str, context: Value) -> Answer {
    let input = json!({ "KeyId": key, "Plaintext": "YQ==", "EncryptionContext": context });
    house.call(who, "Encrypt", input).await
}

#[tokio::test]
async fn constraints_hold_keys_without_case_and_values_with() {
    let house = House::new().await;
    let key = house.key(A, None).await;
    let ana = house.people.user(A, "ana", "AIDAEXAMPLEANA000001", &[]);
    let subset = json!({ "Constraints": { "EncryptionContextSubset": { "Team": "Blue" } } });
    let operations = ["Encrypt", "DescribeKey"];
    grant(&house, &key, &ana, &operations, subset).await.unwrap();
    for (context, allowed) in [
        (json!({ "Team": "Blue" }), true),
        (json!({ "tEAM": "Blue", "x": "y" }), true),
        (json!({ "Team": "blue" }), false),
        (json!({ "x": "Blue" }), false),
        (json!({}), false),
    ] {
        let answer = encrypt(&house, "ana", &key, context.clone()).await;
        assert_eq!(answer.is_ok(), allowed, "{context}");
    }
    house.call("ana", "DescribeKey", json!({ "KeyId": key })).await.unwrap();
    let bob = house.people.user(A, "bob", "AIDAEXAMPLEBOB000001", &[]);
    let equals = json!({ "Constraints": { "EncryptionContextEquals": { "Team": "Blue" } } });
    grant(&house, &key, &bob, &operations, equals).await.unwrap();
    assert!(encrypt(&house, "bob", &key, json!({ "team": "Blue" })).await.is_ok());
    let more = encrypt(&house, "bob", &key, json!({ "team": "Blue", "x": "y" })).await;
    assert_eq!(code(&more), "AccessDeniedException");
}

#[tokio::test]
async fn a_session_is_not_limited_and_a_role_is() {
    let house = House::new().await;
    let key = house.key(A, None).await;
    let role = house.people.role(A, "App", "AROAEXAMPLEAPP000001");
    let session = house.people.session(&role, "one", &[]);
    let silent = allows("s3:*");
    grant(&house, &key, &session, &["Encrypt"], json!({})).await.unwrap();
    house.people.limit("one", Some(&silent), Some(&silent));
    assert!(encrypt(&house, "one", &key, json!({})).await.is_ok());
    house.people.session(&role, "two", &[]);
    let other = encrypt(&house, "two", &key, json!({})).await;
    assert!(message(&other).contains("because no identity-based policy allows the kms:Encrypt"));
    grant(&house, &key, &role, &["Encrypt"], json!({})).await.unwrap();
    assert!(encrypt(&house, "two", &key, json!({})).await.is_ok());
    house.people.limit("two", Some(&silent), None);
    let limited = encrypt(&house, "two", &key, json!({})).await;
    assert!(message(&limited).contains("because no session policy allows the kms:Encrypt action"));
    house.people.limit("two", None, Some(&silent));
    let limited = encrypt(&house, "two", &key, json!({})).await;
    assert!(message(&limited).contains("because no permissions boundary allows the kms:Encrypt"));
    house.people.limit("one", Some(&denies("kms:Encrypt")), None);
    let denied = encrypt(&house, "one", &key, json!({})).await;
    assert!(message(&denied).ends_with("with an explicit deny in a session policy"));
}

#[tokio::test]
async fn a_namesake_who_comes_later_gets_nothing() {
    let house = House::new().await;
    let key = house.key(A, None).await;
    let role = house.people.role(A, "App", "AROAEXAMPLEAPP000001");
    let session = house.people.session(&role, "one", &[]);
    let more = json!({ "Name": "n", "RetiringPrincipal": session });
    let first = grant(&house, &key, &session, &["Encrypt"], more.clone()).await;
    assert!(encrypt(&house, "one", &key, json!({})).await.is_ok());
    house.people.delete(&role);
    let listed = house.call(A, "ListGrants", json!({ "KeyId": key })).await.unwrap();
    assert_eq!(listed["Grants"][0]["GranteePrincipal"], "AROAEXAMPLEAPP000001:one");
    assert_eq!(listed["Grants"][0]["RetiringPrincipal"], "AROAEXAMPLEAPP000001:one");
    house.people.role(A, "App", "AROAEXAMPLEAPP000002");
    house.people.session(&role, "one", &[]);
    assert_eq!(code(&encrypt(&house, "one", &key, json!({})).await), "AccessDeniedException");
    let again = grant(&house, &key, &session, &["Encrypt"], more).await;
    assert_ne!(text(&first, "GrantId"), text(&again, "GrantId"));
    assert!(encrypt(&house, "one", &key, json!({})).await.is_ok());
}

#[tokio::test]
async fn a_child_is_no_looser_than_its_parent() {
    let house = House::new().await;
    let key = house.key(A, None).await;
    let ana = house.people.user(A, "ana", "AIDAEXAMPLEANA000001", &[]);
    let bob = house.people.user(A, "bob", "AIDAEXAMPLEBOB000001", &[]);
    let subset = |pairs: Value| json!({ "EncryptionContextSubset": pairs });
    let parent = json!({ "Constraints": subset(json!({ "a": "1" })) });
    grant(&house, &key, &ana, &["CreateGrant", "Encrypt"], parent).await.unwrap();
    let other = json!({ "Constraints": subset(json!({ "a": "1" })) });
    grant(&house, &key, &ana, &["CreateGrant", "Decrypt"], other).await.unwrap();
    for (operations, constraints, allowed) in [
        (vec!["Encrypt"], subset(json!({ "A": "1" })), true),
        (vec!["Encrypt", "CreateGrant"], subset(json!({ "a": "1", "b": "2" })), true),
        (vec!["Encrypt"], json!({ "EncryptionContextEquals": { "a": "1" } }), true),
        (vec!["Encrypt", "Decrypt"], subset(json!({ "a": "1" })), false),
        (vec!["Encrypt", "RetireGrant"], subset(json!({ "a": "1" })), false),
        (vec!["GenerateDataKey"], subset(json!({ "a": "1" })), false),
        (vec!["Encrypt"], subset(json!({ "b": "1" })), false),
        (vec!["Encrypt"], json!({}), false),
    ] {
        let input = json!({
            "KeyId": key, "GranteePrincipal": bob, "Operations": operations,
            "Constraints": constraints,
        });
        let answer = house.call("ana", "CreateGrant", input).await;
        assert_eq!(answer.is_ok(), allowed, "{operations:?} {constraints} {answer:?}");
        if !allowed {
            assert!(message(&answer).contains("not authorized to perform: kms:CreateGrant"));
        }
    }
    assert!(encrypt(&house, "bob", &key, json!({ "a": "1" })).await.is_ok());
}

#[tokio::test]
async fn re_encrypt_needs_both_keys() {
    let house = House::new().await;
    let (from, to) = (house.key(A, None).await, house.key(A, None).await);
    let ana = house.people.user(A, "ana", "AIDAEXAMPLEANA000001", &[]);
    let blob = text(&encrypt(&house, A, &from, json!({})).await, "CiphertextBlob");
    let re_encrypt = || {
        let input = json!({ "CiphertextBlob": blob, "DestinationKeyId": to });
        house.call("ana", "ReEncrypt", input)
    };
    assert!(message(&re_encrypt().await).contains("kms:ReEncryptFrom"));
    grant(&house, &from, &ana, &["ReEncryptFrom"], json!({})).await.unwrap();
    assert!(message(&re_encrypt().await).contains("kms:ReEncryptTo"));
    grant(&house, &to, &ana, &["ReEncryptTo"], json!({})).await.unwrap();
    re_encrypt().await.unwrap();
}

#[tokio::test]
async fn foreign_grantees_need_their_own_allow_unless_they_are_trusted() {
    let house = House::new().await;
    let key = house.key(A, None).await;
    let eve = house.people.user(B, "eve", "AIDAEXAMPLEEVE000001", &[]);
    grant(&house, &key, &eve, &["DescribeKey"], json!({})).await.unwrap();
    let describe = |who| house.call(who, "DescribeKey", json!({ "KeyId": key }));
    assert_eq!(
        message(&describe("eve").await),
        format!(
            "User: {eve} is not authorized to perform: kms:DescribeKey on this resource because \
             no identity-based policy allows the kms:DescribeKey action"
        )
    );
    let fay = house.people.user(B, "fay", "AIDAEXAMPLEFAY000001", &[&allows("kms:*")]);
    let refused = describe("fay").await;
    assert!(message(&refused).contains("on this resource because the resource does not exist"));
    grant(&house, &key, &fay, &["DescribeKey"], json!({})).await.unwrap();
    describe("fay").await.unwrap();
    // The account itself needs nothing, and passes on what it was granted.
    grant(&house, &key, B, &["DescribeKey", "Encrypt"], json!({})).await.unwrap();
    describe(B).await.unwrap();
    assert!(encrypt(&house, "fay", &key, json!({})).await.is_ok());
    assert_eq!(code(&encrypt(&house, "eve", &key, json!({})).await), "AccessDeniedException");
}

#[tokio::test]
async fn a_grant_is_retired_by_whom_it_names() {
    let house = House::new().await;
    let key = house.key(A, None).await;
    let ana = house.people.user(A, "ana", "AIDAEXAMPLEANA000001", &[]);
    let bob = house.people.user(A, "bob", "AIDAEXAMPLEBOB000001", &[]);
    house.people.user(A, "cid", "AIDAEXAMPLECID000001", &[&allows("kms:RetireGrant")]);
    let retiring = json!({ "RetiringPrincipal": bob });
    let retire = |who: &'static str, made: &Answer| {
        let input = json!({ "KeyId": key, "GrantId": text(made, "GrantId") });
        let house = &house;
        async move { house.call(who, "RetireGrant", input).await }
    };
    // The key's policy allows everything to the account, but not this.
    let made = grant(&house, &key, &ana, &["Encrypt"], retiring.clone()).await;
    let refused = retire("ana", &made).await;
    assert!(message(&refused).contains("not authorized to perform: kms:RetireGrant"));
    retire("bob", &made).await.unwrap();
    assert_eq!(code(&retire("bob", &made).await), "NotFoundException");
    let made = grant(&house, &key, &ana, &["RetireGrant"], retiring.clone()).await;
    let token = text(&made, "GrantToken");
    house.call("ana", "RetireGrant", json!({ "GrantToken": token })).await.unwrap();
    // The account that created it, and whom the account lets.
    let made = grant(&house, &key, B, &["Encrypt"], retiring.clone()).await;
    retire("cid", &made).await.unwrap();
    let made = grant(&house, &key, B, &["Encrypt"], retiring).await;
    retire(A, &made).await.unwrap();
    let bare = key.rsplit('/').next().unwrap();
    let input = json!({ "KeyId": bare, "GrantId": text(&made, "GrantId") });
    let answer = house.call(A, "RetireGrant", input).await;
    let text = format!("Invalid arn {bare}");
    assert_eq!((code(&answer), message(&answer)), ("NotFoundException", text.as_str()));
    assert_eq!(house.rows("kms.grant").await, 0);
}

#[tokio::test]
async fn a_key_policy_can_only_deny_to_retire() {
    let house = House::new().await;
    let deny = format!(
        r#"{{"Statement":[
            {{"Effect":"Allow","Principal":{{"AWS":"{A}"}},"Action":"kms:*","Resource":"*"}},
            {{"Effect":"Allow","Principal":{{"AWS":"*"}},"Action":"kms:RetireGrant",
              "Resource":"*"}},
            {{"Effect":"Deny","Principal":"*","Action":"kms:RetireGrant","Resource":"*",
              "Condition":{{"StringEquals":{{"kms:EncryptionContext:keep":"yes"}}}}}}]}}"#
    );
    let key = house.key(A, Some(&deny)).await;
    let ana = house.people.user(A, "ana", "AIDAEXAMPLEANA000001", &[]);
    house.people.user(A, "bob", "AIDAEXAMPLEBOB000001", &[]);
    let more = |keep: &str| {
        json!({
            "RetiringPrincipal": ana,
            "Constraints": { "EncryptionContextEquals": { "keep": keep } },
        })
    };
    let kept = grant(&house, &key, B, &["Encrypt"], more("yes")).await;
    let free = grant(&house, &key, B, &["Encrypt"], more("no")).await;
    for (who, made, end) in [
        ("bob", &free, "because no identity-based policy allows the kms:RetireGrant action"),
        ("ana", &kept, "with an explicit deny in a resource-based policy"),
    ] {
        let token = json!({ "GrantToken": text(made, "GrantToken") });
        let answer = house.call(who, "RetireGrant", token).await;
        assert!(message(&answer).ends_with(end), "{answer:?}");
    }
    let token = json!({ "GrantToken": text(&free, "GrantToken") });
    house.call("ana", "RetireGrant", token).await.unwrap();
}

#[tokio::test]
async fn across_accounts_retiring_needs_ones_own_allow() {
    let house = House::new().await;
    let key = house.key(A, None).await;
    let eve = house.people.user(B, "eve", "AIDAEXAMPLEEVE000001", &[]);
    let made = grant(&house, &key, B, &["Encrypt"], json!({ "RetiringPrincipal": eve })).await;
    let input = json!({ "KeyId": key, "GrantId": text(&made, "GrantId") });
    let refused = house.call("eve", "RetireGrant", input.clone()).await;
    assert_eq!(
        message(&refused),
        format!(
            "User: {eve} is not authorized to perform: kms:RetireGrant on this resource because \
             no identity-based policy allows the kms:RetireGrant action"
        )
    );
    // A grant that is not there looks the same.
    let mut other = input.clone();
    other["GrantId"] = "0".repeat(64).into();
    assert_eq!(house.call("eve", "RetireGrant", other).await, refused);
    house.people.user(B, "eve", "AIDAEXAMPLEEVE000001", &[&allows("kms:RetireGrant")]);
    house.call("eve", "RetireGrant", input).await.unwrap();
}

#[tokio::test]
async fn a_service_calls_for_the_resource_that_its_grant_names() {
    let house = House::new().await;
    let key = house.key(A, None).await;
    let service = "rds.amazonaws.com";
    let source = "arn:aws:rds:eu-central-1:111122223333:db:one";
    let input = json!({
        "KeyId": key, "GranteeServicePrincipal": service, "Operations": ["Encrypt", "DescribeKey"],
        "Constraints": { "SourceArn": source }, "RetiringServicePrincipal": service,
    });
    let made = house.call(A, "CreateGrant", input).await;
    let entry = house.call(A, "ListGrants", json!({ "KeyId": key })).await.unwrap();
    assert_eq!(entry["Grants"][0]["GranteeServicePrincipal"], service);
    assert_eq!(entry["Grants"][0]["RetiringServicePrincipal"], service);
    house.people.service("right", service, source);
    house.people.service("wrong", service, "arn:aws:rds:eu-central-1:111122223333:db:two");
    house.people.service("other", "ec2.amazonaws.com", source);
    assert!(encrypt(&house, "right", &key, json!({})).await.is_ok());
    for who in ["wrong", "other"] {
        let answer = encrypt(&house, who, &key, json!({})).await;
        assert_eq!(code(&answer), "AccessDeniedException", "{who}");
    }
    let token = json!({ "GrantToken": text(&made, "GrantToken") });
    let answer = house.call("other", "RetireGrant", token.clone()).await;
    assert_eq!(code(&answer), "AccessDeniedException");
    house.call("wrong", "RetireGrant", token).await.unwrap();
}

#[tokio::test]
async fn a_thousand_grants_to_others_cost_nothing() {
    let house = House::new().await;
    let key = house.key(A, None).await;
    house.people.user(A, "ana", "AIDAEXAMPLEANA000001", &[&allows("kms:Encrypt")]);
    let reads = async || {
        // The first call after a change reads the key; the second nothing at all.
        house.reads.take();
        encrypt(&house, "ana", &key, json!({})).await.unwrap();
        let first = house.reads.take();
        encrypt(&house, "ana", &key, json!({})).await.unwrap();
        (first, house.reads.take())
    };
    encrypt(&house, "ana", &key, json!({})).await.unwrap();
    for number in 0..1_000 {
        let id = format!("AIDAEXAMPLEOTHER{number:04}");
        let other = house.people.user(A, &format!("other{number}"), &id, &[]);
        grant(&house, &key, &other, &["Encrypt"], json!({})).await.unwrap();
    }
    let ((first_reads, first_rows), second) = reads().await;
    // Key and material are a row each; the grants to the user and to its account are none.
    assert_eq!((first_reads, first_rows), (4, 2));
    assert_eq!(second, (0, 0));
}
