//! LookupEvents over the wire's form.

use serde_json::{Value, json};

use crate::house::{ACCOUNT, House, REGION};

async fn lookup(house: &House, input: Value) -> Value {
    house.call("LookupEvents", input).await.unwrap()
}

fn names(answer: &Value) -> Vec<&str> {
    let events = answer["Events"].as_array().unwrap().iter();
    events.map(|event| event["EventName"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_event_is_shown_as_cloudtrail_shows_it() {
    let house = House::new().await;
    let input = json!({ "Name": "main", "S3BucketName": "trail-bkt" });
    let made = house.call("CreateTrail", input).await.unwrap();
    let answer = lookup(&house, json!({})).await;
    let [event] = answer["Events"].as_array().unwrap().as_slice() else { panic!("{answer}") };
    let whole: Value = serde_json::from_str(event["CloudTrailEvent"].as_str().unwrap()).unwrap();
    let expected = json!({
        "EventId": whole["eventID"], "EventName": "CreateTrail", "ReadOnly": "false",
        "AccessKeyId": ACCOUNT, "EventTime": event["EventTime"],
        "EventSource": "cloudtrail.amazonaws.com", "Username": "root",
        "Resources": [
            { "ResourceType": "AWS::CloudTrail::Trail", "ResourceName": made["TrailARN"] },
        ],
        "CloudTrailEvent": event["CloudTrailEvent"],
    });
    assert_eq!(*event, expected);
    assert_eq!(whole["requestParameters"], json!({ "name": "main", "s3BucketName": "trail-bkt" }));
    assert_eq!(whole["responseElements"]["trailARN"], made["TrailARN"]);
    assert!(event["EventTime"].is_number());
}

#[tokio::test]
async fn events_come_newest_first_in_pages() {
    let house = House::new().await;
    for operation in ["ListTrails", "DescribeTrails", "ListTrails", "ListPublicKeys"] {
        house.call(operation, json!({})).await.unwrap();
    }
    let page = lookup(&house, json!({ "MaxResults": 3 })).await;
    assert_eq!(names(&page), ["ListPublicKeys", "ListTrails", "DescribeTrails"]);
    let next = json!({ "MaxResults": 3, "NextToken": page["NextToken"] });
    // The lookup before was recorded meanwhile, and moves nothing.
    let last = lookup(&house, next).await;
    assert_eq!(names(&last), ["ListTrails"]);
    assert_eq!(last.get("NextToken"), None);
    let named = json!([{ "AttributeKey": "EventName", "AttributeValue": "ListTrails" }]);
    let found = lookup(&house, json!({ "LookupAttributes": named })).await;
    assert_eq!(names(&found), ["ListTrails", "ListTrails"]);
    let other = json!({ "LookupAttributes": named, "NextToken": page["NextToken"] });
    let refused = house.call("LookupEvents", other).await.unwrap_err();
    assert_eq!(refused.0, "InvalidNextTokenException");
}

#[tokio::test]
async fn accounts_and_regions_are_apart() {
    let house = House::new().await;
    house.call("ListTrails", json!({})).await.unwrap();
    for (account, region) in [("444455556666", REGION), (ACCOUNT, "eu-west-1")] {
        let answer = house.call_as(account, region, "LookupEvents", json!({})).await.unwrap();
        assert_eq!(answer["Events"], json!([]));
    }
    assert_eq!(names(&lookup(&house, json!({})).await), ["ListTrails"]);
}

#[tokio::test]
async fn events_are_shown_for_ninety_days() {
    let house = House::new().await;
    house.call("ListTrails", json!({})).await.unwrap();
    house.plane.clock.advance(89 * 86_400_000);
    assert_eq!(names(&lookup(&house, json!({})).await), ["ListTrails"]);
    house.plane.clock.advance(2 * 86_400_000);
    assert_eq!(names(&lookup(&house, json!({})).await), ["LookupEvents"]);
}

#[tokio::test]
async fn what_is_asked_wrongly_is_refused() {
    let house = House::new().await;
    let one = |key: &str, value: &str| json!({ "AttributeKey": key, "AttributeValue": value });
    let now = house.plane.clock.now_ms() / 1000;
    for (input, code) in [
        (
            json!({ "LookupAttributes": [one("ReadOnly", "True")] }),
            "InvalidLookupAttributesException",
        ),
        (
            json!({ "LookupAttributes": [one("EventName", "a"), one("EventId", "b")] }),
            "InvalidLookupAttributesException",
        ),
        (json!({ "StartTime": now + 3600 }), "InvalidTimeRangeException"),
        (json!({ "StartTime": now, "EndTime": now - 60 }), "InvalidTimeRangeException"),
        (json!({ "NextToken": "b1zz" }), "InvalidNextTokenException"),
        (json!({ "LookupAttributes": [one("Colour", "b")] }), "ValidationException"),
        (json!({ "MaxResults": 51 }), "ValidationException"),
    ] {
        let refused = house.call("LookupEvents", input.clone()).await.unwrap_err();
        assert_eq!(refused.0, code, "{input}");
    }
    // What is in no event is found nowhere, and is no error.
    let input = json!({ "LookupAttributes": [one("ResourceType", "AWS::Nothing::AtAll")] });
    assert_eq!(lookup(&house, input).await["Events"], json!([]));
}
