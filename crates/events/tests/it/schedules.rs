//! Rules that are due by the clock.

use serde_json::json;

use crate::house::House;

const LOG: &str = "arn:aws:logs:eu-central-1:111122223333:log-group:g";

async fn scheduled(expression: &str) -> House {
    let house = House::new().await;
    house.done("PutRule", json!({ "Name": "r", "ScheduleExpression": expression })).await;
    let targets = json!({ "Rule": "r", "Targets": [{ "Id": "t", "Arn": LOG }] });
    house.done("PutTargets", targets).await;
    house
}

#[tokio::test]
async fn a_rate_fires_each_time_and_once_for_what_was_missed() {
    let house = scheduled("rate(5 minutes)").await;
    house.pass(299);
    house.settle().await;
    assert_eq!(house.world.lines().len(), 0);
    house.pass(2);
    house.settle().await;
    let [(_, event)] = <[_; 1]>::try_from(house.world.lines()).unwrap();
    assert_eq!(event["source"], "aws.events");
    assert_eq!(event["detail-type"], "Scheduled Event");
    assert_eq!(event["resources"], json!(["arn:aws:events:eu-central-1:111122223333:rule/r"]));
    assert_eq!(event["detail"], json!({}));
    house.pass(300);
    house.settle().await;
    assert_eq!(house.world.lines().len(), 2);
    // Down for a day.
    house.pass(86_400);
    house.settle().await;
    assert_eq!(house.world.lines().len(), 3);
    assert_eq!(house.rows("plane.due").await, 1);
}

#[tokio::test]
async fn a_change_of_the_schedule_counts() {
    let house = scheduled("rate(5 minutes)").await;
    house.done("DisableRule", json!({ "Name": "r" })).await;
    house.pass(600);
    house.settle().await;
    assert_eq!(house.world.lines().len(), 0);
    house.done("EnableRule", json!({ "Name": "r" })).await;
    let daily = json!({ "Name": "r", "ScheduleExpression": "cron(0 12 * * ? *)" });
    house.done("PutRule", daily).await;
    house.pass(86_400);
    house.settle().await;
    assert_eq!(house.world.lines().len(), 1);
    let (_, event) = &house.world.lines()[0];
    assert!(event["time"].as_str().unwrap().ends_with("T12:00:00Z"), "{event}");
    house.done("RemoveTargets", json!({ "Rule": "r", "Ids": ["t"] })).await;
    house.done("DeleteRule", json!({ "Name": "r" })).await;
    house.pass(86_400);
    house.settle().await;
    assert_eq!((house.world.lines().len(), house.rows("plane.due").await), (1, 0));
}
