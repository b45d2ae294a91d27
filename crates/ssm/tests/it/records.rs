//! What is written down of calls: no value, and KMS's part of them under their caller's name.

use serde_json::{Value, json};

use crate::house::{ACCOUNT, House};

const SECRET: &str = "a secret that nobody else has";

fn named<'r>(records: &'r [Value], name: &str) -> Vec<&'r Value> {
    records.iter().filter(|record| record["eventName"] == name).collect()
}

#[tokio::test]
async fn a_value_is_hidden_and_everything_else_is_told() {
    let house = House::new().await;
    let input = json!({
        "Name": "/p", "Value": SECRET, "Type": "SecureString",
        "Tags": [{ "Key": "k", "Value": "v" }],
    });
    house.call("PutParameter", input).await.unwrap();
    let read = json!({ "Name": "/p:1", "WithDecryption": true });
    let read = house.call("GetParameter", read).await.unwrap();
    assert_eq!(read["Parameter"]["Value"], SECRET);
    let nested = json!({ "Name": "/q", "Value": format!("{{{{{SECRET}}}}}"), "Type": "String" });
    let refused = house.call("PutParameter", nested).await.unwrap_err();
    assert!(refused.1.contains(SECRET), "the caller hears what it sent: {refused:?}");
    let records = house.records();
    assert!(!records.iter().any(|record| record.to_string().contains(SECRET)));
    let puts = named(&records, "PutParameter");
    let expected = json!({
        "name": "/p", "type": "SecureString", "value": "HIDDEN_DUE_TO_SECURITY_REASONS",
        "tags": [{ "key": "k", "value": "v" }],
    });
    assert_eq!(puts[0]["requestParameters"], expected);
    assert_eq!(puts[0]["responseElements"], json!({ "tier": "Standard", "version": 1 }));
    let arn = format!("arn:aws:ssm:eu-central-1:{ACCOUNT}:parameter/p");
    assert_eq!(puts[0]["resources"], json!([{ "accountId": ACCOUNT, "ARN": arn }]));
    assert_eq!(puts[1]["errorCode"], "ValidationException");
    let gets = named(&records, "GetParameter");
    assert_eq!(gets[0]["requestParameters"], json!({ "name": "/p:1", "withDecryption": true }));
    assert_eq!((&gets[0]["responseElements"], &gets[0]["readOnly"]), (&Value::Null, &true.into()));
}

#[tokio::test]
async fn kms_is_called_for_the_caller_by_this_service() {
    let house = House::new().await;
    for (name, tier, made) in [("/s", "Standard", "Encrypt"), ("/a", "Advanced", "GenerateDataKey")]
    {
        let input = json!({ "Name": name, "Value": SECRET, "Type": "SecureString", "Tier": tier });
        house.call("PutParameter", input).await.unwrap();
        house.call("GetParameter", json!({ "Name": name, "WithDecryption": true })).await.unwrap();
        let records = house.records();
        for operation in [made, "Decrypt"] {
            let record = *named(&records, operation).last().unwrap();
            assert_eq!(record["userIdentity"]["invokedBy"], "AWS Internal");
            assert_eq!(record["userIdentity"]["accountId"], ACCOUNT);
            let context = &record["requestParameters"]["encryptionContext"];
            let arn = format!("arn:aws:ssm:eu-central-1:{ACCOUNT}:parameter{name}");
            assert_eq!(context["PARAMETER_ARN"], arn);
        }
    }
}
