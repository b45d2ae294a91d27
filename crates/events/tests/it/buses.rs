//! Buses, their policies and tags, and events on them.

use serde_json::{Value, json};

use crate::house::{House, basic, code, message};
use crate::people::{A, B};

#[tokio::test]
async fn buses_are_made_shown_and_deleted() {
    let house = House::new().await;
    let arn = "arn:aws:events:eu-central-1:111122223333:event-bus/orders";
    let made = house.done("CreateEventBus", json!({ "Name": "orders", "Description": "d" })).await;
    assert_eq!(made, json!({ "EventBusArn": arn, "Description": "d" }));
    let again = house.call(A, "CreateEventBus", json!({ "Name": "orders" })).await;
    assert_eq!(message(&again), "Event bus orders already exists.");
    let shown = house.done("DescribeEventBus", json!({ "Name": "orders" })).await;
    assert_eq!((&shown["Arn"], &shown["Description"]), (&json!(arn), &json!("d")));
    house.done("UpdateEventBus", json!({ "Name": "orders", "Description": "e" })).await;
    let listed = house.done("ListEventBuses", json!({})).await;
    let names: Vec<_> = listed["EventBuses"].as_array().unwrap().iter().collect();
    assert_eq!((&names[0]["Name"], &names[1]["Description"]), (&json!("default"), &json!("e")));
    house
        .done(
            "PutRule",
            json!({ "Name": "r", "EventPattern": r#"{"a":[1]}"#,
        "EventBusName": "orders" }),
        )
        .await;
    let refused = house.call(A, "DeleteEventBus", json!({ "Name": "orders" })).await;
    assert_eq!(code(&refused), "ValidationException");
    house.done("DeleteRule", json!({ "Name": "r", "EventBusName": "orders" })).await;
    house.done("DeleteEventBus", json!({ "Name": "orders" })).await;
    house.done("DeleteEventBus", json!({ "Name": "orders" })).await;
    let gone = house.call(A, "DescribeEventBus", json!({ "Name": "orders" })).await;
    assert_eq!(message(&gone), "Event bus orders does not exist.");
    let default = house.call(A, "DeleteEventBus", json!({ "Name": "default" })).await;
    assert_eq!(message(&default), "Cannot delete event bus default.");
    let slash = house.call(A, "CreateEventBus", json!({ "Name": "a/b" })).await;
    assert_eq!(code(&slash), "ValidationException");
}

#[tokio::test]
async fn permissions_make_a_policy() {
    let house = House::new().await;
    let statement = |sid: &str, principal: &str| json!({ "Action": "events:PutEvents", "Principal": principal, "StatementId": sid });
    house.done("PutPermission", statement("a", B)).await;
    house.done("PutPermission", statement("b", "*")).await;
    house.done("PutPermission", statement("a", A)).await;
    let policy = |shown: Value| -> Value {
        serde_json::from_str(shown["Policy"].as_str().unwrap_or("null")).unwrap()
    };
    let shown = policy(house.done("DescribeEventBus", json!({})).await);
    let arn = "arn:aws:events:eu-central-1:111122223333:event-bus/default";
    assert_eq!(
        shown["Statement"][1],
        json!({
            "Sid": "a", "Effect": "Allow", "Action": "events:PutEvents", "Resource": arn,
            "Principal": { "AWS": "arn:aws:iam::111122223333:root" },
        })
    );
    assert_eq!(shown["Statement"][0]["Principal"], "*");
    let missing = house.call(A, "RemovePermission", json!({ "StatementId": "c" })).await;
    assert_eq!(message(&missing), "Statement with the provided id does not exist.");
    house.done("RemovePermission", json!({ "StatementId": "a" })).await;
    house.done("RemovePermission", json!({ "StatementId": "b" })).await;
    assert_eq!(policy(house.done("DescribeEventBus", json!({})).await), Value::Null);
    let wrong = house.call(A, "PutPermission", json!({ "Policy": "{" })).await;
    assert_eq!(code(&wrong), "ValidationException");
    house.done("PutPermission", statement("a", B)).await;
    house.done("RemovePermission", json!({ "RemoveAllPermissions": true })).await;
    assert_eq!(policy(house.done("DescribeEventBus", json!({})).await), Value::Null);
}

#[tokio::test]
async fn another_account_puts_events_where_the_policy_lets_it() {
    let house = House::new().await;
    let arn = house.destination("hook", basic()).await;
    house.rule("r", json!({ "Id": "t", "Arn": arn })).await;
    let bus = "arn:aws:events:eu-central-1:111122223333:event-bus/default";
    let entry = json!({ "Source": "s", "DetailType": "d", "Detail": "{}", "EventBusName": bus });
    let input = json!({ "Entries": [entry] });
    let refused = house.call(B, "PutEvents", input.clone()).await;
    assert_eq!(code(&refused), "AccessDeniedException");
    let permission = json!({ "Action": "events:PutEvents", "Principal": B, "StatementId": "b" });
    house.done("PutPermission", permission).await;
    house.call(B, "PutEvents", input).await.unwrap();
    house.settle().await;
    let [seen] = <[_; 1]>::try_from(house.world.seen()).unwrap();
    assert_eq!(seen.json()["account"], B);
}

#[tokio::test]
async fn an_event_stays_on_its_bus_and_is_lost_on_none() {
    let house = House::new().await;
    let arn = house.destination("hook", basic()).await;
    house.done("CreateEventBus", json!({ "Name": "bus" })).await;
    house.rule("on-default", json!({ "Id": "t", "Arn": arn })).await;
    let pattern = r#"{"source":["s"]}"#;
    let rule = json!({ "Name": "on-bus", "EventPattern": pattern, "EventBusName": "bus" });
    house.done("PutRule", rule).await;
    let target = json!({ "Id": "t", "Arn": arn, "Input": "\"on the bus\"" });
    let targets = json!({ "Rule": "on-bus", "EventBusName": "bus", "Targets": [target] });
    house.done("PutTargets", targets).await;
    let entry = |bus: &str| json!({ "Source": "s", "DetailType": "d", "Detail": "{}", "EventBusName": bus });
    let answer = house.done("PutEvents", json!({ "Entries": [entry("bus"), entry("none")] })).await;
    assert_eq!(answer["FailedEntryCount"], 0);
    assert!(answer["Entries"][1]["EventId"].is_string());
    house.settle().await;
    let bodies: Vec<_> = house.world.seen().into_iter().map(|seen| seen.body).collect();
    assert_eq!(bodies, ["\"on the bus\""]);
}

#[tokio::test]
async fn entries_that_are_no_events_fail_one_by_one() {
    let house = House::new().await;
    let entry = |source: &str, kind: &str, detail: &str| json!({ "Source": source, "DetailType": kind, "Detail": detail });
    let entries = json!({ "Entries": [
        { "DetailType": "d", "Detail": "{}" },
        { "Source": "s", "Detail": "{}" },
        { "Source": "s", "DetailType": "d" },
        entry("s", "d", "a string"),
        entry("s", "d", "[1]"),
        entry("s", "d", "\"{}\""),
        entry("aws.kms", "d", "{}"),
        entry("s", "d", "{}"),
    ] });
    let answer = house.done("PutEvents", entries).await;
    assert_eq!(answer["FailedEntryCount"], 7);
    let missing = |name: &str| {
        format!("Parameter {name} is not valid. Reason: {name} is a required argument.")
    };
    for (number, (code, text)) in [
        ("InvalidArgument", missing("Source")),
        ("InvalidArgument", missing("DetailType")),
        ("InvalidArgument", missing("Detail")),
        ("MalformedDetail", "Detail is malformed.".to_owned()),
        ("MalformedDetail", "Detail is malformed.".to_owned()),
        ("MalformedDetail", "Detail is malformed.".to_owned()),
        ("NotAuthorizedForSource", "Not authorized for the source.".to_owned()),
    ]
    .into_iter()
    .enumerate()
    {
        let entry = &answer["Entries"][number];
        assert_eq!(entry, &json!({ "ErrorCode": code, "ErrorMessage": text }), "{number}");
    }
    assert_eq!(house.rows("plane.due").await, 1);
    let large = entry("s", "d", &json!({ "a": "x".repeat(256 * 1024) }).to_string());
    let refused = house.call(A, "PutEvents", json!({ "Entries": [large] })).await;
    let text = "Total size of the entries in the request is over the limit.";
    assert_eq!((code(&refused), message(&refused)), ("ValidationException", text));
    let eleven: Vec<_> = (0..11).map(|_| entry("s", "d", "{}")).collect();
    let refused = house.call(A, "PutEvents", json!({ "Entries": eleven })).await;
    let end = "at 'entries' failed to satisfy constraint: Member must have length less than or \
               equal to 10";
    assert!(message(&refused).ends_with(end), "{refused:?}");
}

#[tokio::test]
async fn patterns_are_tested_against_events() {
    let house = House::new().await;
    let event = json!({
        "id": "1", "account": A, "source": "s", "time": "2026-01-01T00:00:00Z",
        "region": "eu-central-1", "detail-type": "d", "detail": { "n": 5 },
    });
    for (pattern, expected) in
        [(r#"{"detail":{"n":[{"numeric":[">",4]}]}}"#, true), (r#"{"detail":{"n":[4]}}"#, false)]
    {
        let input = json!({ "EventPattern": pattern, "Event": event.to_string() });
        let answer = house.done("TestEventPattern", input).await;
        assert_eq!(answer, json!({ "Result": expected }));
    }
    for event in ["text", "{}", "[]", "{"] {
        let input = json!({ "EventPattern": r#"{"a":[1]}"#, "Event": event });
        let refused = house.call(A, "TestEventPattern", input).await;
        let expected = ("ValidationException", "Parameter Event is not valid.");
        assert_eq!((code(&refused), message(&refused)), expected);
    }
}
