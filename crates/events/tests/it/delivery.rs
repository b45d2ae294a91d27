//! From an event to a target that has it: order, retries, dead letters, restarts.

use bulla_events::sink::Kind;
use bulla_plane::OutgoingError;
use bulla_plane::bus::{self, Event};
use bulla_store::SealedBatch;
use serde_json::{Value, json};

use crate::house::{House, REGION, basic};
use crate::people::A;

const DEAD: &str = "arn:aws:sqs:eu-central-1:111122223333:dead";

fn numbers(house: &House) -> Vec<i64> {
    let seen = house.world.seen();
    seen.iter().map(|seen| seen.json()["detail"]["n"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn an_event_reaches_its_target_as_it_was_put() {
    let house = House::new().await;
    let arn = house.destination("hook", basic()).await;
    house.rule("r", json!({ "Id": "t", "Arn": arn })).await;
    let entry = json!({
        "Source": "s", "DetailType": "d", "Detail": r#"{ "b": 1.50, "a": [] }"#,
        "Resources": ["arn:aws:x:::y"], "Time": 1_700_000_000,
    });
    let other = json!({ "Source": "other", "DetailType": "d", "Detail": "{}" });
    let answer = house.done("PutEvents", json!({ "Entries": [entry, other] })).await;
    assert_eq!(answer["FailedEntryCount"], 0);
    house.settle().await;
    let [seen] = <[_; 1]>::try_from(house.world.seen()).unwrap();
    assert_eq!((seen.method.as_str(), seen.url.as_str()), ("POST", "https://hooks.example/in"));
    assert_eq!(seen.header("authorization"), Some("Basic YW5uOnBhc3Mtd29yZA=="));
    assert_eq!(seen.header("content-type"), Some("application/json; charset=utf-8"));
    assert!(seen.body.ends_with(r#""detail":{ "b": 1.50, "a": [] }}"#), "{}", seen.body);
    let mut event = seen.json();
    let id = event.as_object_mut().unwrap().remove("id").unwrap();
    assert_eq!(id, answer["Entries"][0]["EventId"]);
    let expected = json!({
        "version": "0", "detail-type": "d", "source": "s", "account": A, "region": REGION,
        "time": "2023-11-14T22:13:20Z", "resources": ["arn:aws:x:::y"],
        "detail": { "b": 1.5, "a": [] },
    });
    assert_eq!(event, expected);
    assert_eq!((house.rows("events.delivery").await, house.rows("plane.due").await), (0, 0));
}

#[tokio::test]
async fn events_come_in_order() {
    let house = House::new().await;
    let arn = house.destination("hook", basic()).await;
    house.rule("r", json!({ "Id": "t", "Arn": arn })).await;
    for batch in 0..6 {
        let entry = |n: i64| {
            let detail = json!({ "n": n }).to_string();
            json!({ "Source": "s", "DetailType": "d", "Detail": detail })
        };
        let entries: Vec<_> = (batch * 10..batch * 10 + 10).map(entry).collect();
        house.done("PutEvents", json!({ "Entries": entries })).await;
        house.plane.run_due().await.unwrap();
    }
    house.settle().await;
    assert_eq!(numbers(&house), (0..60).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_fails_is_tried_again_later_and_later() {
    let house = House::new().await;
    let arn = house.destination("hook", basic()).await;
    house.rule("r", json!({ "Id": "t", "Arn": arn })).await;
    house.world.answers(500, "");
    house.world.fails(OutgoingError::Late);
    house.world.answers_after(429, "", Some("30"));
    house.put(json!({ "n": 1 })).await;
    house.settle().await;
    assert_eq!(house.world.seen().len(), 1);
    house.pass(2);
    house.settle().await;
    assert_eq!(house.world.seen().len(), 2);
    house.pass(1);
    house.settle().await;
    assert_eq!(house.world.seen().len(), 2, "the second wait is longer");
    house.pass(2);
    house.settle().await;
    assert_eq!(house.world.seen().len(), 3);
    house.pass(28);
    house.settle().await;
    assert_eq!(house.world.seen().len(), 3, "the target asked for thirty seconds");
    house.pass(3);
    house.settle().await;
    assert_eq!(numbers(&house), [1; 4]);
    assert_eq!((house.rows("events.delivery").await, house.rows("plane.due").await), (0, 0));
}

#[tokio::test]
async fn one_that_waits_does_not_hold_up_the_next() {
    let house = House::new().await;
    let arn = house.destination("hook", basic()).await;
    house.rule("r", json!({ "Id": "t", "Arn": arn })).await;
    house.world.answers(503, "");
    house.put(json!({ "n": 1 })).await;
    house.put(json!({ "n": 2 })).await;
    house.settle().await;
    house.pass(60);
    house.settle().await;
    assert_eq!(numbers(&house), [1, 2, 1]);
}

/// The letters of a run whose target answers this, always.
async fn letters(retry: Value, answers: &[u16], pass_s: u64) -> Vec<Value> {
    let house = House::new().await;
    let arn = house.destination("hook", basic()).await;
    let target = json!({
        "Id": "t", "Arn": arn, "DeadLetterConfig": { "Arn": DEAD }, "RetryPolicy": retry,
    });
    house.rule("r", target).await;
    answers.iter().for_each(|status| house.world.answers(*status, ""));
    house.put(json!({ "n": 1 })).await;
    for _ in answers {
        house.settle().await;
        house.pass(pass_s);
    }
    house.settle().await;
    assert_eq!(house.world.seen().len(), answers.len());
    assert_eq!((house.rows("events.delivery").await, house.rows("plane.due").await), (0, 0));
    let lines = house.world.lines();
    assert!(lines.iter().all(|(store, _)| store.kind == Kind::Queue && store.name == "dead"));
    lines.into_iter().map(|(_, line)| line).collect()
}

#[tokio::test]
async fn what_no_target_takes_becomes_a_dead_letter() {
    let few = json!({ "MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 86_400 });
    let [letter] = <[_; 1]>::try_from(letters(few, &[500, 500, 500], 60).await).unwrap();
    let attributes = &letter["MessageAttributes"];
    assert_eq!(attributes["EXHAUSTED_RETRY_CONDITION"], "MaximumRetryAttempts");
    assert_eq!(attributes["RETRY_ATTEMPTS"], 2);
    assert_eq!(attributes["RULE_ARN"], "arn:aws:events:eu-central-1:111122223333:rule/r");
    assert_eq!(attributes["ERROR_CODE"], "ERROR_FROM_TARGET");
    let body: Value = serde_json::from_str(letter["Body"].as_str().unwrap()).unwrap();
    assert_eq!(body["detail"], json!({ "n": 1 }));
    let old = json!({ "MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 60 });
    let [letter] = <[_; 1]>::try_from(letters(old, &[500, 500], 3_600).await).unwrap();
    assert_eq!(
        letter["MessageAttributes"]["EXHAUSTED_RETRY_CONDITION"],
        "MaximumEventAgeInSeconds"
    );
    let any = json!({ "MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 86_400 });
    let [letter] = <[_; 1]>::try_from(letters(any, &[404], 60).await).unwrap();
    assert_eq!(letter["MessageAttributes"]["EXHAUSTED_RETRY_CONDITION"], Value::Null);
    assert_eq!(letter["MessageAttributes"]["RETRY_ATTEMPTS"], 0);
    let none = json!({ "MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 86_400 });
    assert_eq!(letters(none, &[500], 60).await.len(), 1);
}

#[tokio::test]
async fn an_hour_of_errors_loses_nothing() {
    let house = House::new().await;
    let arn = house.destination("hook", basic()).await;
    house.rule("r", json!({ "Id": "t", "Arn": arn })).await;
    for n in 0..3 {
        house.put(json!({ "n": n })).await;
    }
    let mut minutes = 0;
    while minutes < 60 {
        // More answers than there can be requests in a minute.
        (0..30).for_each(|_| house.world.answers(500, ""));
        house.settle().await;
        house.pass(60);
        minutes += 1;
    }
    assert_eq!(house.rows("events.delivery").await, 3);
    let house = house.restarted();
    house.pass(7_200);
    house.settle().await;
    let mut arrived = numbers(&house);
    arrived.sort_unstable();
    assert_eq!(arrived, [0, 1, 2]);
    assert_eq!((house.rows("events.delivery").await, house.rows("plane.due").await), (0, 0));
}

#[tokio::test]
async fn a_lane_that_hangs_holds_up_no_other() {
    const EVENTS: i64 = 30;
    const SLOW: &str = "https://hooks.example/slow";
    let house = House::new().await;
    let quick = house.destination("quick", basic()).await;
    let slow = house.destination("slow", basic()).await;
    let moved = json!({ "Name": "slow", "InvocationEndpoint": SLOW });
    house.done("UpdateApiDestination", moved).await;
    // Two lanes of one rule, and one of another.
    house.rule("both", json!({ "Id": "quick", "Arn": quick })).await;
    house.rule("both", json!({ "Id": "slow", "Arn": slow })).await;
    house.rule("other", json!({ "Id": "quick", "Arn": quick })).await;
    let sent = |house: &House, to_slow: bool| {
        let seen = house.world.seen().into_iter().filter(|seen| (seen.url == SLOW) == to_slow);
        seen.map(|seen| seen.json()["detail"]["n"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    house.world.hangs(SLOW);
    for n in 0..EVENTS {
        house.put(json!({ "n": n })).await;
    }
    house.until(|house| sent(house, false).len() == 2 * EVENTS as usize).await;
    let quick_ones = sent(&house, false);
    for n in 0..EVENTS {
        assert_eq!(quick_ones.iter().filter(|one| **one == n).count(), 2);
    }
    // One is under way, and the rest waits for it.
    house.until(|house| sent(house, true) == [0]).await;
    assert_eq!(house.rows("events.delivery").await, EVENTS as usize);
    house.world.lets_go();
    house.settle().await;
    assert_eq!(sent(&house, true), (0..EVENTS).collect::<Vec<_>>());
    assert_eq!((house.rows("events.delivery").await, house.rows("plane.due").await), (0, 0));
}

#[tokio::test]
async fn a_restart_sends_what_was_on_its_way() {
    let house = House::new().await;
    let arn = house.destination("hook", basic()).await;
    house.rule("r", json!({ "Id": "t", "Arn": arn })).await;
    // Put, and not yet looked at.
    house.put(json!({ "n": 1 })).await;
    let house = house.restarted();
    // Tried, and put off.
    house.world.answers(500, "");
    house.settle().await;
    assert_eq!(house.rows("events.delivery").await, 1);
    let house = house.restarted();
    house.pass(60);
    house.settle().await;
    assert_eq!(numbers(&house), [1]);
    assert_eq!((house.rows("events.delivery").await, house.rows("plane.due").await), (0, 0));
}

#[tokio::test]
async fn what_services_tell_comes_to_the_default_bus() {
    let house = House::new().await;
    let pattern = json!({ "source": ["aws.kms"], "detail": { "key-id": ["k"] } }).to_string();
    house.done("PutRule", json!({ "Name": "keys", "EventPattern": pattern })).await;
    let log = "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/events/keys";
    let targets = json!({ "Rule": "keys", "Targets": [{ "Id": "log", "Arn": log }] });
    house.done("PutTargets", targets).await;
    for (id, account) in [("11111111-2222-4333-8444-555555555555", A), ("other", "444455556666")] {
        let event = Event {
            id,
            source: "aws.kms",
            detail_type: "KMS CMK Rotation",
            account,
            region: REGION,
            time_ms: house.plane.clock.now_ms(),
            resources: &["arn:aws:kms:eu-central-1:111122223333:key/k"],
            detail: json!({ "key-id": "k" }),
        };
        let batch = bus::tell(SealedBatch::new(), &event);
        house.plane.barrier.commit(batch).await.unwrap();
    }
    house.settle().await;
    let [(store, line)] = <[_; 1]>::try_from(house.world.lines()).unwrap();
    assert_eq!((store.kind, store.name.as_str()), (Kind::Log, "/aws/events/keys"));
    assert_eq!(line["detail-type"], "KMS CMK Rotation");
}

#[tokio::test]
async fn a_full_disk_delays_logs_and_loses_none() {
    let house = House::new().await;
    let log = "arn:aws:logs:eu-central-1:111122223333:log-group:g";
    house.rule("r", json!({ "Id": "log", "Arn": log })).await;
    house.world.disk_is_full(true);
    house.put(json!({ "n": 1 })).await;
    house.settle().await;
    assert_eq!(house.rows("events.delivery").await, 1);
    house.world.disk_is_full(false);
    house.pass(60);
    house.settle().await;
    assert_eq!(house.world.lines().len(), 1);
}

#[tokio::test]
async fn a_rate_is_kept() {
    let house = House::new().await;
    let arn = house.destination("hook", basic()).await;
    let slow = json!({ "Name": "hook", "InvocationRateLimitPerSecond": 1 });
    house.done("UpdateApiDestination", slow).await;
    house.rule("r", json!({ "Id": "t", "Arn": arn })).await;
    for n in 0..20 {
        house.put(json!({ "n": n })).await;
    }
    house.settle().await;
    let at_once = house.world.seen().len();
    assert!((1..10).contains(&at_once), "{at_once}");
    for _ in 0..20 {
        house.pass(1);
        house.settle().await;
    }
    assert_eq!(numbers(&house), (0..20).collect::<Vec<_>>());
}

#[tokio::test]
async fn functions_are_run_by_who_serves_them_and_the_rest_dies() {
    let house = House::new().await;
    let function = "arn:aws:lambda:eu-central-1:111122223333:function:f";
    house.rule("r", json!({ "Id": "f", "Arn": function })).await;
    let topic = json!({
        "Id": "x", "Arn": "arn:aws:sns:eu-central-1:111122223333:topic",
        "DeadLetterConfig": { "Arn": DEAD },
    });
    house.rule("r", topic).await;
    house.put(json!({ "n": 1 })).await;
    house.settle().await;
    let [(arn, payload)] = <[_; 1]>::try_from(house.world.invoked()).unwrap();
    let payload: Value = serde_json::from_str(&payload).unwrap();
    assert_eq!((arn.as_str(), &payload["detail"]["n"]), (function, &json!(1)));
    let [(_, letter)] = <[_; 1]>::try_from(house.world.lines()).unwrap();
    assert_eq!(letter["MessageAttributes"]["ERROR_CODE"], "INVALID_PARAMETER");
}
