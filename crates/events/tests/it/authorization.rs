//! Who may do what to which bus and rule.

use serde_json::{Value, json};

use crate::house::{House, code, message};
use crate::people::{A, B};

#[tokio::test]
async fn policies_are_asked_for_the_resource_itself() {
    let house = House::new().await;
    house.done("CreateEventBus", json!({ "Name": "bus" })).await;
    let place = "arn:aws:events:eu-central-1:111122223333";
    let pattern = r#"{"source":["s"]}"#;
    let entry = json!({ "Source": "s", "DetailType": "d", "Detail": "{}", "EventBusName": "bus" });
    for (operation, resource, input) in [
        (
            "PutRule",
            "rule/bus/r",
            json!({ "Name": "r", "EventPattern": pattern, "EventBusName": "bus" }),
        ),
        ("DescribeRule", "rule/bus/r", json!({ "Name": "r", "EventBusName": "bus" })),
        (
            "PutTargets",
            "rule/bus/r",
            json!({ "Rule": "r", "EventBusName": "bus",
            "Targets": [{ "Id": "t", "Arn": "arn:aws:sqs:::q" }] }),
        ),
        ("PutEvents", "event-bus/bus", json!({ "Entries": [entry] })),
        ("DescribeEventBus", "event-bus/bus", json!({ "Name": "bus" })),
        (
            "PutPermission",
            "event-bus/bus",
            json!({ "EventBusName": "bus", "Principal": "*",
            "Action": "events:PutEvents", "StatementId": "s" }),
        ),
        (
            "TagResource",
            "rule/bus/r",
            json!({ "ResourceARN": format!("{place}:rule/bus/r"),
            "Tags": [{ "Key": "k", "Value": "v" }] }),
        ),
    ] {
        let action = format!("events:{operation}");
        house.people.user(A, "wrong", &action, &format!("{place}:rule/bus/other"));
        house.people.user(A, "right", &action, &format!("{place}:{resource}"));
        let refused = house.call("wrong", operation, input.clone()).await;
        assert_eq!(code(&refused), "AccessDeniedException", "{operation}");
        let expected = format!(
            "User: arn:aws:iam::111122223333:user/wrong is not authorized to perform: {action} on \
             resource: {place}:{resource} because no identity-based policy allows the {action} \
             action"
        );
        assert_eq!(message(&refused), expected);
        let allowed = house.call("right", operation, input).await;
        assert_eq!(code(&allowed), "", "{operation}: {allowed:?}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_told_to_who_may_not_ask() {
    let house = House::new().await;
    house.people.user(A, "ann", "events:ListRules", "*");
    for name in ["default", "none"] {
        let refused = house.call("ann", "DescribeEventBus", json!({ "Name": name })).await;
        assert_eq!(code(&refused), "AccessDeniedException");
    }
    let listed = house.call("ann", "ListRules", json!({})).await.unwrap();
    assert_eq!(listed["Rules"], json!([] as [Value; 0]));
}

#[tokio::test]
async fn a_policy_holds_on_to_who_somebody_was() {
    let house = House::new().await;
    let bus = "arn:aws:events:eu-central-1:111122223333:event-bus/bus";
    house.done("CreateEventBus", json!({ "Name": "bus" })).await;
    let put = ("events:PutEvents", bus);
    house.people.user_of_id("AIDAONE", (B, "bob"), &[put.0], put.1);
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Sid": "bob", "Effect": "Allow", "Action": "events:PutEvents", "Resource": bus,
        "Principal": { "AWS": ["arn:aws:iam::444455556666:user/bob", A] },
    }] });
    let policy = json!({ "EventBusName": "bus", "Policy": policy.to_string() });
    house.done("PutPermission", policy.clone()).await;
    let entry = json!({ "Source": "s", "DetailType": "d", "Detail": "{}", "EventBusName": bus });
    let entries = json!({ "Entries": [entry] });
    assert_eq!(code(&house.call("bob", "PutEvents", entries.clone()).await), "");
    // A namesake who comes later is nobody to it, also when a statement is added.
    house.people.user_of_id("AIDATWO", (B, "bob"), &[put.0], put.1);
    let one_more = json!({
        "EventBusName": "bus", "StatementId": "a", "Action": "events:PutEvents", "Principal": A,
    });
    house.done("PutPermission", one_more).await;
    let refused = house.call("bob", "PutEvents", entries.clone()).await;
    assert_eq!(code(&refused), "AccessDeniedException");
    // A policy that is put anew means who has the name now.
    house.done("PutPermission", policy).await;
    assert_eq!(code(&house.call("bob", "PutEvents", entries.clone()).await), "");
    house.done("RemovePermission", json!({ "EventBusName": "bus", "StatementId": "bob" })).await;
    let refused = house.call("bob", "PutEvents", entries).await;
    assert_eq!(code(&refused), "AccessDeniedException");
}
