//! Rules as they are put, shown and deleted, with AWS's refusals.

use bulla_plane::Quotas;
use serde_json::json;

use crate::house::{House, basic, code, message};
use crate::people::A;

#[tokio::test]
async fn what_a_rule_can_not_be_is_refused_in_awss_words() {
    let house = House::new().await;
    house.done("CreateEventBus", json!({ "Name": "bus" })).await;
    let pattern = r#"{"source":["s"]}"#;
    for (input, expected_code, expected) in [
        (
            json!({ "Name": "r" }),
            "ValidationException",
            "Parameter(s) EventPattern or ScheduleExpression must be specified.",
        ),
        (
            json!({ "Name": "r", "ScheduleExpression": "rate(5 minute)" }),
            "ValidationException",
            "Parameter ScheduleExpression is not valid.",
        ),
        (
            json!({ "Name": "r", "ScheduleExpression": "rate(5 minutes)", "EventBusName": "bus" }),
            "ValidationException",
            "ScheduleExpression is supported only on the default event bus.",
        ),
        (
            json!({ "Name": "r", "EventPattern": r#"{"a":1}"# }),
            "InvalidEventPatternException",
            "Event pattern is not valid. Reason: \"a\" must be an object or an array\n at \
             [Source: (String)\"{\"a\":1}\"; line: 1, column: 7]",
        ),
        (
            json!({ "Name": "r", "EventPattern": pattern, "EventBusName": "none" }),
            "ResourceNotFoundException",
            "Event bus none does not exist.",
        ),
        (
            json!({ "Name": "r!", "EventPattern": pattern }),
            "ValidationException",
            "1 validation error detected: Value 'r!' at 'name' failed to satisfy constraint: \
             Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+",
        ),
    ] {
        let refused = house.call(A, "PutRule", input.clone()).await;
        assert_eq!((code(&refused), message(&refused)), (expected_code, expected), "{input}");
    }
    assert_eq!(house.rows("events.rule").await, 0);
}

#[tokio::test]
async fn a_rule_is_shown_as_it_was_put() {
    let house = House::new().await;
    house.done("CreateEventBus", json!({ "Name": "bus" })).await;
    let pattern = r#"{ "source" : ["s"] }"#;
    let put = json!({
        "Name": "r", "EventPattern": pattern, "EventBusName": "bus", "Description": "d",
        "Tags": [{ "Key": "k", "Value": "v" }],
    });
    let made = house.done("PutRule", put).await;
    let arn = "arn:aws:events:eu-central-1:111122223333:rule/bus/r";
    assert_eq!(made, json!({ "RuleArn": arn }));
    let named = json!({ "Name": "r", "EventBusName": "bus" });
    let expected = json!({
        "Name": "r", "Arn": arn, "EventPattern": pattern, "State": "ENABLED", "Description": "d",
        "EventBusName": "bus", "CreatedBy": A,
    });
    assert_eq!(house.done("DescribeRule", named.clone()).await, expected);
    house.done("DisableRule", named.clone()).await;
    assert_eq!(house.done("DescribeRule", named.clone()).await["State"], "DISABLED");
    house.done("EnableRule", named.clone()).await;
    assert_eq!(house.done("DescribeRule", named.clone()).await["State"], "ENABLED");
    let missing = house.call(A, "DescribeRule", json!({ "Name": "r" })).await;
    assert_eq!(message(&missing), "Rule r does not exist on EventBus default.");
    let tags = house.done("ListTagsForResource", json!({ "ResourceARN": arn })).await;
    assert_eq!(tags, json!({ "Tags": [{ "Key": "k", "Value": "v" }] }));
    let by_arn = "arn:aws:events:eu-central-1:111122223333:event-bus/bus";
    let by_arn = json!({ "Name": "r", "EventBusName": by_arn });
    assert_eq!(house.done("DescribeRule", by_arn).await["Name"], "r");
    house.done("DeleteRule", named.clone()).await;
    house.done("DeleteRule", named).await;
    assert_eq!(house.rows("events.rule").await, 0);
}

#[tokio::test]
async fn a_rule_that_is_put_again_keeps_its_targets() {
    let house = House::new().await;
    let queue = "arn:aws:sqs:eu-central-1:111122223333:q";
    house.rule("r", json!({ "Id": "t", "Arn": queue })).await;
    house.rule("r", json!({ "Id": "u", "Arn": queue, "Input": "1" })).await;
    let shown = house.done("ListTargetsByRule", json!({ "Rule": "r" })).await;
    let expected = json!([{ "Id": "t", "Arn": queue }, { "Id": "u", "Arn": queue, "Input": "1" }]);
    assert_eq!(shown["Targets"], expected);
    let refused = house.call(A, "DeleteRule", json!({ "Name": "r" })).await;
    assert_eq!(message(&refused), "Rule can't be deleted since it has targets.");
    let names = house.done("ListRuleNamesByTarget", json!({ "TargetArn": queue })).await;
    assert_eq!(names["RuleNames"], json!(["r"]));
    house.done("RemoveTargets", json!({ "Rule": "r", "Ids": ["t", "u", "none"] })).await;
    house.done("DeleteRule", json!({ "Name": "r" })).await;
}

#[tokio::test]
async fn lists_come_in_pages() {
    let house = House::new().await;
    for number in 0..25 {
        let input = json!({ "Name": format!("r{number:02}"), "EventPattern": r#"{"a":[1]}"# });
        house.done("PutRule", input).await;
    }
    let (mut seen, mut token) = (Vec::new(), None::<String>);
    loop {
        let mut input = json!({ "Limit": 7, "NamePrefix": "r" });
        if let Some(token) = &token {
            input["NextToken"] = token.as_str().into();
        }
        let page = house.done("ListRules", input).await;
        let names = page["Rules"].as_array().unwrap().iter().map(|rule| rule["Name"].clone());
        seen.extend(names.map(|name| name.as_str().unwrap().to_owned()));
        token = page["NextToken"].as_str().map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    assert_eq!(seen, (0..25).map(|number| format!("r{number:02}")).collect::<Vec<_>>());
    let refused = house.call(A, "ListRules", json!({ "NextToken": "x" })).await;
    assert_eq!(code(&refused), "ValidationException");
}

#[tokio::test]
async fn quotas_hold() {
    let set = [("rules-per-bus", 2), ("event-pattern-bytes", 40)];
    let quotas = Quotas::default().with_everywhere(set);
    let house = House::with_quotas(quotas).await;
    let rule = |name: &str| json!({ "Name": name, "EventPattern": r#"{"a":[1]}"# });
    house.done("PutRule", rule("a")).await;
    house.done("PutRule", rule("b")).await;
    house.done("PutRule", rule("b")).await;
    let refused = house.call(A, "PutRule", rule("c")).await;
    let text = "The requested resource exceeds the maximum number allowed.";
    assert_eq!((code(&refused), message(&refused)), ("LimitExceededException", text));
    let long = format!(r#"{{"a":["{}"]}}"#, "x".repeat(40));
    let refused = house.call(A, "PutRule", json!({ "Name": "a", "EventPattern": long })).await;
    assert_eq!(code(&refused), "LimitExceededException");
    let target = |id: usize| json!({ "Id": id.to_string(), "Arn": "arn:aws:sqs:::q" });
    let targets: Vec<_> = (0..6).map(target).collect();
    let refused = house.call(A, "PutTargets", json!({ "Rule": "a", "Targets": targets })).await;
    assert_eq!((code(&refused), message(&refused)), ("LimitExceededException", text));
}

#[tokio::test]
async fn a_change_counts_for_the_next_event() {
    let house = House::new().await;
    let arn = house.destination("hook", basic()).await;
    house.rule("r", json!({ "Id": "t", "Arn": arn })).await;
    let mut sent = 0;
    for (operation, input, more) in [
        ("DisableRule", json!({ "Name": "r" }), 0),
        ("EnableRule", json!({ "Name": "r" }), 1),
        ("PutRule", json!({ "Name": "r", "EventPattern": r#"{"source":["x"]}"# }), 0),
        ("PutRule", json!({ "Name": "r", "EventPattern": r#"{"source":["s"]}"# }), 1),
        ("RemoveTargets", json!({ "Rule": "r", "Ids": ["t"] }), 0),
    ] {
        house.put(json!({})).await;
        house.settle().await;
        let before = house.world.seen().len();
        house.done(operation, input.clone()).await;
        house.put(json!({})).await;
        house.settle().await;
        assert_eq!(house.world.seen().len() - before, more, "{operation} {input}");
        sent += more;
    }
    assert_eq!(sent, 2);
}
