//! The KMS keys that buses and connections name: which are taken, and whom they must let.

use serde_json::{Value, json};

use crate::house::{Answer, House, basic, code, message};
use crate::people::{A, B};

const BUS: &str = "arn:aws:events:eu-central-1:111122223333:event-bus/orders";

/// What the account itself may do.
fn own() -> Value {
    json!({ "Sid": "own", "Effect": "Allow", "Principal": { "AWS": A }, "Action": "kms:*", "Resource": "*" })
}

/// What EventBridge may do for the bus `orders`, and for no other.
fn service(actions: &[&str]) -> Value {
    json!({
        "Sid": "service", "Effect": "Allow", "Principal": { "Service": "events.amazonaws.com" },
        "Action": actions, "Resource": "*",
        "Condition": { "StringEquals": {
            "aws:SourceArn": BUS, "aws:SourceAccount": A,
            "kms:EncryptionContext:aws:events:event-bus:arn": BUS,
        } },
    })
}

/// A key under these statements. Answers its id and its ARN.
async fn key_with(house: &House, spec: &str, statements: &[Value]) -> (String, String) {
    let policy = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    let usage = if spec == "SYMMETRIC_DEFAULT" { "ENCRYPT_DECRYPT" } else { "SIGN_VERIFY" };
    let wanted = json!({ "KeySpec": spec, "KeyUsage": usage, "Policy": policy });
    let made = house.kms(A, "CreateKey", wanted).await.unwrap();
    let text = |name: &str| made["KeyMetadata"][name].as_str().unwrap().to_owned();
    (text("KeyId"), text("Arn"))
}

/// A key that the bus `orders` can use, with the alias `alias/orders`.
async fn key(house: &House) -> (String, String) {
    let statements = [own(), service(&["kms:GenerateDataKey", "kms:Decrypt"])];
    let (id, arn) = key_with(house, "SYMMETRIC_DEFAULT", &statements).await;
    let alias = json!({ "AliasName": "alias/orders", "TargetKeyId": id });
    house.kms(A, "CreateAlias", alias).await.unwrap();
    (id, arn)
}

async fn create(house: &House, caller: &str, key: &str) -> Answer {
    house.call(caller, "CreateEventBus", json!({ "Name": "orders", "KmsKeyIdentifier": key })).await
}

#[tokio::test]
async fn a_key_is_named_in_each_way_and_shown_by_arn() {
    let house = House::new().await;
    let (id, arn) = key(&house).await;
    let alias = "arn:aws:kms:eu-central-1:111122223333:alias/orders";
    for (given, shown) in [(&*id, &*arn), (&arn, &arn), ("alias/orders", alias), (alias, alias)] {
        let made = create(&house, A, given).await.unwrap();
        assert_eq!(made["KmsKeyIdentifier"], shown, "{given}");
        let told = house.done("DescribeEventBus", json!({ "Name": "orders" })).await;
        assert_eq!(told["KmsKeyIdentifier"], shown, "{given}");
        house.done("DeleteEventBus", json!({ "Name": "orders" })).await;
    }
    let made = create(&house, A, "").await.unwrap();
    assert_eq!(made, json!({ "EventBusArn": BUS }));
}

#[tokio::test]
async fn what_is_no_key_that_can_be_used_is_refused_and_no_bus_is_made() {
    let house = House::new().await;
    let (_, signing) = key_with(&house, "ECC_NIST_P256", &[own()]).await;
    let (disabled, disabled_arn) = key(&house).await;
    house.kms(A, "DisableKey", json!({ "KeyId": disabled })).await.unwrap();
    let (going, going_arn) = key_with(&house, "SYMMETRIC_DEFAULT", &[own()]).await;
    house.kms(A, "ScheduleKeyDeletion", json!({ "KeyId": going })).await.unwrap();
    let none = "1234abcd-12ab-34cd-56ef-1234567890ab";
    let begin = "arn:aws:kms:eu-central-1:111122223333";
    let abroad = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let is = |arn: &str, what: &str| {
        format!("Parameter kmsKeyIdentifier is not valid. Reason: {arn} is {what}.")
    };
    let unknown = |told: &str| format!("Parameter {told} (Service: Kms, Status Code: 400, ");
    for (given, told) in [
        ("not-a-key", unknown("Invalid keyId not-a-key")),
        (none, unknown(&format!("Key {begin}:key/{none} does not exist"))),
        ("alias/none", unknown(&format!("Alias {begin}:alias/none is not found."))),
        (abroad, unknown("Invalid arn us-east-1")),
        ("arn:aws:s3:::bucket", unknown("Invalid arn arn:aws:s3:::bucket")),
        (
            "alias/aws/events",
            format!(
                "Parameter {begin}:alias/aws/events is not valid. Reason: Provided Arn is not in \
                 correct format."
            ),
        ),
        (&signing, "The KMS key must be a symmetric encryption key.".to_owned()),
        (&disabled, is(&disabled_arn, "disabled")),
        ("alias/orders", is(&disabled_arn, "disabled")),
        (&going_arn, is(&going_arn, "pending deletion")),
        ("a b", "1 validation error detected: Value 'a b' at 'kmsKeyIdentifier'".to_owned()),
    ] {
        let refused = create(&house, A, given).await;
        assert_eq!(code(&refused), "ValidationException", "{given}");
        assert!(message(&refused).starts_with(&told), "{given}: {}", message(&refused));
    }
    let refused = house.call(A, "DescribeEventBus", json!({ "Name": "orders" })).await;
    assert_eq!(code(&refused), "ResourceNotFoundException");
}

#[tokio::test]
async fn caller_and_service_must_both_be_let() {
    let house = House::new().await;
    let (_, arn) = key(&house).await;
    house.people.user(A, "ann", "events:*", "*");
    house.people.user_who("bob", &["events:*", "kms:DescribeKey"]);
    let both = ["events:*", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext"];
    house.people.user_who("eve", &both);
    let refused = create(&house, "ann", "alias/orders").await;
    assert_eq!(code(&refused), "AccessDeniedException");
    let begin = "Access to call kms:DescribeKey is denied. Reason: User: \
                 arn:aws:iam::111122223333:user/ann is not authorized to perform: kms:DescribeKey";
    assert!(message(&refused).starts_with(begin), "{}", message(&refused));
    let refused = create(&house, "bob", &arn).await;
    assert_eq!(code(&refused), "ValidationException");
    let begin = format!(
        "Parameter {arn} is not valid. Reason: User: arn:aws:iam::111122223333:user/bob is not \
         authorized to perform: kms:GenerateDataKeyWithoutPlaintext"
    );
    assert!(message(&refused).starts_with(&begin), "{}", message(&refused));
    create(&house, "eve", &arn).await.unwrap();
    // Whoever names a key that is there already needs no more than to know it.
    let again = json!({ "Name": "orders", "KmsKeyIdentifier": arn });
    house.call("bob", "UpdateEventBus", again).await.unwrap();
}

#[tokio::test]
async fn the_keys_policy_must_let_eventbridge_use_it_for_this_very_bus() {
    let house = House::new().await;
    for (actions, missing) in
        [(&["kms:Decrypt"][..], "GenerateDataKey"), (&["kms:GenerateDataKey"], "Decrypt")]
    {
        let (_, arn) = key_with(&house, "SYMMETRIC_DEFAULT", &[own(), service(actions)]).await;
        let refused = create(&house, A, &arn).await;
        assert_eq!(code(&refused), "AccessDeniedException");
        let told = format!(
            "Access to call kms:{missing} is denied. Reason: events.amazonaws.com is not \
             authorized to perform: kms:{missing} on {arn} because the resource does not exist in \
             this Region, no resource-based policies allow access, or a resource-based policy \
             explicitly denies access"
        );
        assert_eq!(message(&refused), told);
    }
    let (_, arn) = key(&house).await;
    let other = json!({ "Name": "returns", "KmsKeyIdentifier": arn });
    let refused = house.call(A, "CreateEventBus", other).await;
    assert_eq!(code(&refused), "AccessDeniedException");
    assert!(message(&refused).starts_with("Access to call kms:GenerateDataKey is denied."));
    // Another account's key, which lets neither know more.
    let refused = create(&house, B, &arn).await;
    assert_eq!(code(&refused), "AccessDeniedException");
    assert!(message(&refused).starts_with("Access to call kms:DescribeKey is denied."));
}

#[tokio::test]
async fn a_bus_keeps_its_key_until_another_or_none_is_named() {
    let house = House::new().await;
    let (id, arn) = key(&house).await;
    create(&house, A, &arn).await.unwrap();
    let queue = "arn:aws:sqs:eu-central-1:111122223333:dead";
    let dead = json!({ "Name": "orders", "DeadLetterConfig": { "Arn": queue } });
    let told = house.done("UpdateEventBus", dead).await;
    assert_eq!(told["KmsKeyIdentifier"], arn);
    let refused = json!({ "Name": "orders", "KmsKeyIdentifier": "not-a-key" });
    assert_eq!(code(&house.call(A, "UpdateEventBus", refused).await), "ValidationException");
    house.kms(A, "DisableKey", json!({ "KeyId": id })).await.unwrap();
    let none = json!({ "Name": "orders", "KmsKeyIdentifier": "" });
    let told = house.done("UpdateEventBus", none).await;
    assert!(told.get("KmsKeyIdentifier").is_none(), "{told}");
    assert_eq!(told["DeadLetterConfig"]["Arn"], queue);
}

#[tokio::test]
async fn a_connections_key_must_be_there_too() {
    let house = House::new().await;
    let (id, arn) = key(&house).await;
    let (kind, auth) = basic();
    let wanted = |key: &str| {
        json!({
            "Name": "c", "AuthorizationType": kind, "AuthParameters": auth,
            "KmsKeyIdentifier": key,
        })
    };
    for given in ["not-a-key", "alias/none", "alias/aws/events"] {
        let refused = house.call(A, "CreateConnection", wanted(given)).await;
        assert_eq!(code(&refused), "ValidationException", "{given}");
    }
    house.done("CreateConnection", wanted("alias/orders")).await;
    let shown = || house.done("DescribeConnection", json!({ "Name": "c" }));
    let alias = "arn:aws:kms:eu-central-1:111122223333:alias/orders";
    assert_eq!(shown().await["KmsKeyIdentifier"], alias);
    let change = |key: &str| json!({ "Name": "c", "KmsKeyIdentifier": key });
    house.done("UpdateConnection", change(&id)).await;
    assert_eq!(shown().await["KmsKeyIdentifier"], arn);
    house.kms(A, "DisableKey", json!({ "KeyId": id })).await.unwrap();
    let refused = house.call(A, "UpdateConnection", change(&arn)).await;
    assert_eq!(code(&refused), "ValidationException");
    house.done("UpdateConnection", json!({ "Name": "c", "Description": "d" })).await;
    assert_eq!(shown().await["KmsKeyIdentifier"], arn);
}
