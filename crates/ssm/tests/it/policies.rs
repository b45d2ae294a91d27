//! Parameter policies, carried out as time passes: each once, and told of in their order.

use serde_json::{Value, json};

use crate::house::House;

fn policy(kind: &str, attributes: &Value) -> Value {
    json!({ "Type": kind, "Version": "1.0", "Attributes": attributes })
}

fn expiration(at: &str) -> Value {
    policy("Expiration", &json!({ "Timestamp": at }))
}

fn before(days: &str) -> Value {
    policy("ExpirationNotification", &json!({ "Before": days, "Unit": "Days" }))
}

fn unchanged(days: &str) -> Value {
    policy("NoChangeNotification", &json!({ "After": days, "Unit": "Days" }))
}

async fn put(house: &House, name: &str, policies: &[Value]) {
    let input = json!({
        "Name": name, "Value": "v", "Type": "String", "Tier": "Advanced",
        "Policies": Value::from(policies).to_string(),
    });
    house.call("PutParameter", input).await.unwrap();
}

/// What was told: the operation of a change, or the type of a policy.
async fn told(house: &House) -> Vec<String> {
    let word = |event: &Value| {
        let detail = &event["detail"];
        let word = detail.get("operation").or_else(|| detail.get("policy-type"));
        word.unwrap().as_str().unwrap().to_owned()
    };
    house.heard().await.iter().map(word).collect()
}

/// Each policy's type and status.
async fn statuses(house: &House) -> Vec<(String, String)> {
    let described = house.call("DescribeParameters", json!({})).await.unwrap();
    let policies = described["Parameters"][0]["Policies"].as_array().unwrap();
    let text = |policy: &Value, name: &str| policy[name].as_str().unwrap().to_owned();
    policies.iter().map(|p| (text(p, "PolicyType"), text(p, "PolicyStatus"))).collect()
}

#[tokio::test]
async fn a_parameter_tells_before_it_expires_and_then_goes() {
    let house = House::new().await;
    let policies = [expiration(&house.in_days(30)), before("15"), before("5")];
    put(&house, "/p", &policies).await;
    house
        .call("PutParameter", json!({ "Name": "/p", "Value": "w", "Overwrite": true }))
        .await
        .unwrap();
    assert_eq!(told(&house).await, ["Create", "Update"]);
    house.pass_days(14).await;
    assert_eq!(told(&house).await, [""; 0]);
    house.pass_days(2).await;
    assert_eq!(told(&house).await, ["ExpirationNotification"]);
    let status: Vec<_> = statuses(&house).await.into_iter().map(|(_, status)| status).collect();
    assert_eq!(status, ["Pending", "Finished", "Pending"]);
    house.pass_days(10).await;
    assert_eq!(told(&house).await, ["ExpirationNotification"]);
    house.call("GetParameter", json!({ "Name": "/p" })).await.unwrap();
    house.pass_days(5).await;
    assert_eq!(told(&house).await, ["Expiration", "Delete"]);
    let gone = house.call("GetParameter", json!({ "Name": "/p" })).await.unwrap_err();
    assert_eq!(gone.0, "ParameterNotFound");
    for space in ["ssm.parameter", "ssm.version", "plane.due"] {
        assert_eq!(house.rows(space).await, 0, "{space}");
    }
}

#[tokio::test]
async fn what_fell_due_while_nobody_was_there_is_done_once_and_in_order() {
    let house = House::new().await;
    put(&house, "/p", &[expiration(&house.in_days(30)), before("15"), unchanged("20")]).await;
    put(&house, "/q", &[expiration(&house.in_days(31))]).await;
    assert_eq!(told(&house).await, ["Create", "Create"]);
    let house = house.restarted();
    house.pass_days(40).await;
    let expected = [
        "ExpirationNotification",
        "NoChangeNotification",
        "Expiration",
        "Delete",
        "Expiration",
        "Delete",
    ];
    assert_eq!(told(&house).await, expected);
    house.pass_days(40).await;
    assert_eq!(told(&house).await, [""; 0]);
}

#[tokio::test]
async fn a_change_begins_the_wait_for_changes_anew_and_moves_no_end() {
    let house = House::new().await;
    put(&house, "/p", &[unchanged("10"), expiration(&house.in_days(100))]).await;
    house.pass_days(8).await;
    let update = json!({ "Name": "/p", "Value": "w", "Overwrite": true });
    house.call("PutParameter", update.clone()).await.unwrap();
    house.pass_days(8).await;
    assert_eq!(told(&house).await, ["Create", "Update"]);
    house.pass_days(3).await;
    assert_eq!(told(&house).await, ["NoChangeNotification"]);
    house.pass_days(30).await;
    assert_eq!(told(&house).await, [""; 0]);
    house.call("PutParameter", update).await.unwrap();
    house.pass_days(11).await;
    assert_eq!(told(&house).await, ["Update", "NoChangeNotification"]);
    house.pass_days(50).await;
    assert_eq!(told(&house).await, ["Expiration", "Delete"]);
}

#[tokio::test]
async fn policies_that_are_taken_away_are_not_carried_out() {
    let house = House::new().await;
    put(&house, "/p", &[expiration(&house.in_days(5)), before("3"), unchanged("4")]).await;
    assert_eq!(house.rows("plane.due").await, 4, "one for each time, and the event");
    put(&house, "/q", &[expiration(&house.in_days(5))]).await;
    let none = json!({ "Name": "/p", "Value": "v", "Overwrite": true, "Policies": "[{}]" });
    house.call("PutParameter", none).await.unwrap();
    house.call("DeleteParameter", json!({ "Name": "/q" })).await.unwrap();
    assert_eq!(told(&house).await, ["Create", "Create", "Update", "Delete"]);
    assert_eq!(house.rows("plane.due").await, 0);
    house.pass_days(10).await;
    assert_eq!(told(&house).await, [""; 0]);
    house.call("GetParameter", json!({ "Name": "/p" })).await.unwrap();
}

#[tokio::test]
async fn events_have_the_shape_that_aws_gives_them() {
    let house = House::new().await;
    let text = expiration(&house.in_days(2));
    let input = json!({
        "Name": "/p", "Value": "v", "Type": "String", "Tier": "Advanced", "Description": "d",
        "Policies": json!([text]).to_string(),
    });
    house.call("PutParameter", input).await.unwrap();
    let label = json!({ "Name": "/p", "Labels": ["b", "a", "1x"] });
    house.call("LabelParameterVersion", label.clone()).await.unwrap();
    house.call("LabelParameterVersion", label).await.unwrap();
    house
        .call("PutParameter", json!({ "Name": "/p", "Value": "w", "Overwrite": true }))
        .await
        .unwrap();
    house.call("LabelParameterVersion", json!({ "Name": "/p", "Labels": ["a"] })).await.unwrap();
    house.pass_days(3).await;
    let heard = house.heard().await;
    let details: Vec<_> = heard.iter().map(|event| event["detail"].clone()).collect();
    let change = |operation: &str| json!({ "name": "/p", "description": "d", "type": "String", "operation": operation });
    let labelled = |label: &str, from: &str, to: &str| {
        let mut detail = change("LabelParameterVersion");
        for (key, value) in [("label", label), ("fromVersion", from), ("toVersion", to)] {
            detail[key] = value.into();
        }
        detail
    };
    let expired = json!({
        "policy-type": "Expiration", "parameter-name": "/p", "parameter-type": "String",
        "policy-content": text.to_string(), "action-status": "SUCCESS",
        "action-reason": "Parameter expired and was deleted",
    });
    let expected = [
        change("Create"),
        labelled("a", "", "1"),
        labelled("b", "", "1"),
        change("Update"),
        labelled("a", "1", "2"),
        expired,
        change("Delete"),
    ];
    assert_eq!(details, expected);
    let types: Vec<_> = heard.iter().map(|event| event["detail-type"].as_str().unwrap()).collect();
    let change = "Parameter Store Change";
    let expected =
        [change, change, change, change, change, "Parameter Store Policy Action", change];
    assert_eq!(types, expected);
    for event in &heard {
        assert_eq!(event["source"], "aws.ssm");
        let arn = "arn:aws:ssm:eu-central-1:111122223333:parameter/p";
        assert_eq!(event["resources"], json!([arn]));
    }
}
