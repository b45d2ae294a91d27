//! What trails deliver: every event once, whatever happens on the way, and digests that chain.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::house::{ACCOUNT, House, REGION};

async fn logging(house: &House, more: Value) {
    let mut input = json!({
        "Name": "main", "S3BucketName": "trail-bkt", "EnableLogFileValidation": true,
    });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    house.call("CreateTrail", input).await.unwrap();
    house.call("StartLogging", json!({ "Name": "main" })).await.unwrap();
}

async fn ask(house: &House, times: usize) {
    for _ in 0..times {
        house.call("DescribeTrails", json!({})).await.unwrap();
    }
}

/// How often each name was delivered; no event may come twice.
fn delivered(house: &House, name: &str) -> usize {
    let events = house.bucket.events();
    let ids: BTreeSet<_> = events.iter().map(|event| event["eventID"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), events.len(), "an event was delivered twice");
    events.iter().filter(|event| event["eventName"] == name).count()
}

fn digests(house: &House) -> Vec<Value> {
    let all = house.bucket.contents().into_iter();
    all.filter(|(key, _)| key.contains("/CloudTrail-Digest/")).map(|(_, value)| value).collect()
}

#[tokio::test]
async fn files_lie_where_awss_would() {
    let house = House::new().await;
    logging(&house, json!({ "S3KeyPrefix": "p" })).await;
    ask(&house, 3).await;
    house.pass_minutes(6).await;
    let contents = house.bucket.contents();
    let [(key, file)] = contents.iter().collect::<Vec<_>>().try_into().unwrap();
    let stamp = house.plane.clock.now_ms() / 300_000 * 300;
    let stamp = jiff::Timestamp::from_second(stamp).unwrap();
    let start = format!(
        "p/AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/{}/{ACCOUNT}_CloudTrail_{REGION}_{}_",
        stamp.strftime("%Y/%m/%d"),
        stamp.strftime("%Y%m%dT%H%MZ"),
    );
    let name = key.strip_prefix(&start).unwrap().strip_suffix(".json.gz").unwrap();
    assert!(name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{name}");
    let names = file["Records"].as_array().unwrap().iter().map(|event| &event["eventName"]);
    let expected = ["StartLogging", "DescribeTrails", "DescribeTrails", "DescribeTrails"];
    // What was recorded before logging began is in no file.
    assert_eq!(names.collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn a_place_that_is_gone_for_an_hour_loses_nothing() {
    let house = House::new().await;
    logging(&house, json!({})).await;
    ask(&house, 2).await;
    house.bucket.set_room(Some(0));
    for _ in 0..12 {
        house.pass_minutes(6).await;
        ask(&house, 1).await;
    }
    assert!(house.bucket.objects.lock().unwrap().is_empty());
    let status = house.call("GetTrailStatus", json!({ "Name": "main" })).await.unwrap();
    assert_eq!(status["LatestDeliveryError"], "the bucket is gone");
    house.bucket.set_room(None);
    house.pass_minutes(6).await;
    house.pass_minutes(6).await;
    assert_eq!(delivered(&house, "DescribeTrails"), 14);
    let status = house.call("GetTrailStatus", json!({ "Name": "main" })).await.unwrap();
    assert_eq!(status.get("LatestDeliveryError"), None);
    assert!(status["LatestDeliveryTime"].is_number());
}

#[tokio::test]
async fn an_end_between_any_two_steps_neither_loses_nor_doubles() {
    // The bucket takes some objects and is gone then, and the house is built anew: files of several
    // regions, and digests, are interrupted at every point.
    let mut house = House::new().await;
    logging(&house, json!({ "IsMultiRegionTrail": true })).await;
    let mut asked = 0;
    for round in 0..30 {
        for region in [REGION, "eu-west-1", "us-west-2"] {
            house.call_as(ACCOUNT, region, "ListPublicKeys", json!({})).await.unwrap();
            asked += 1;
        }
        house.bucket.set_room(Some(round % 4));
        house.pass_minutes(7).await;
        house = house.restarted();
    }
    house.bucket.set_room(None);
    for _ in 0..3 {
        house.pass_minutes(61).await;
    }
    assert_eq!(delivered(&house, "ListPublicKeys"), asked);
    let digests = digests(&house);
    let mut signed: Vec<String> = Vec::new();
    for digest in &digests {
        let files = digest["logFiles"].as_array().unwrap();
        signed.extend(files.iter().map(|file| file["s3Object"].as_str().unwrap().to_owned()));
    }
    let unique: BTreeSet<_> = signed.iter().cloned().collect();
    assert_eq!(unique.len(), signed.len(), "a file is in two digests");
    let contents = house.bucket.contents();
    let files = contents.keys().filter(|key| key.contains("/CloudTrail/")).cloned();
    assert_eq!(files.collect::<BTreeSet<_>>(), unique);
}

#[tokio::test]
async fn digests_chain_and_end_with_logging() {
    let house = House::new().await;
    logging(&house, json!({})).await;
    for _ in 0..3 {
        ask(&house, 1).await;
        house.pass_minutes(61).await;
    }
    house.call("StopLogging", json!({ "Name": "main" })).await.unwrap();
    house.pass_minutes(1).await;
    let chain = digests(&house);
    assert_eq!(chain.len(), 4, "{chain:?}");
    assert_eq!(chain[0]["previousDigestS3Object"], Value::Null);
    assert_eq!(chain[0]["previousDigestSignature"], Value::Null);
    for [before, after] in chain.array_windows() {
        assert_eq!(before["digestS3Object"], after["previousDigestS3Object"]);
        assert_eq!(before["digestEndTime"], after["digestStartTime"]);
        assert_eq!(after["previousDigestSignature"].as_str().unwrap().len(), 512);
    }
    ask(&house, 1).await;
    house.pass_minutes(61).await;
    assert_eq!(digests(&house).len(), 4);
    assert_eq!(delivered(&house, "DescribeTrails"), 3);
    // A chain that begins again begins without a predecessor.
    house.call("StartLogging", json!({ "Name": "main" })).await.unwrap();
    ask(&house, 1).await;
    house.pass_minutes(61).await;
    let chain = digests(&house);
    assert_eq!(chain[4]["previousDigestS3Object"], Value::Null);
    let keys = house.call("ListPublicKeys", json!({})).await.unwrap();
    let key = &keys["PublicKeyList"][0];
    assert_eq!(key["Fingerprint"], chain[0]["digestPublicKeyFingerprint"]);
    // PKCS #1 of 2,048 bits.
    assert!(key["Value"].as_str().unwrap().starts_with("MIIBCgKC"));
}

#[tokio::test]
async fn files_that_came_after_a_digest_was_planned_are_in_the_last_one() {
    let house = House::new().await;
    logging(&house, json!({})).await;
    ask(&house, 1).await;
    // The file is taken; its digest is planned, and is not.
    house.bucket.set_room(Some(1));
    house.pass_minutes(61).await;
    assert!(digests(&house).is_empty());
    house.bucket.set_room(None);
    ask(&house, 1).await;
    house.call("StopLogging", json!({ "Name": "main" })).await.unwrap();
    house.pass_minutes(1).await;
    house.pass_minutes(1).await;
    assert_eq!(delivered(&house, "DescribeTrails"), 2);
    let digests = digests(&house);
    let signed = digests.iter().map(|digest| digest["logFiles"].as_array().unwrap().len());
    assert_eq!(signed.collect::<Vec<_>>(), [1, 1]);
}

#[tokio::test]
async fn a_deleted_trail_delivers_what_it_still_has() {
    let house = House::new().await;
    logging(&house, json!({})).await;
    ask(&house, 2).await;
    house.call("DeleteTrail", json!({ "Name": "main" })).await.unwrap();
    let input = json!({ "Name": "main", "S3BucketName": "trail-bkt" });
    let early = house.call("CreateTrail", input.clone()).await.unwrap_err();
    assert_eq!(early.0, "ConflictException");
    house.pass_minutes(1).await;
    assert_eq!(delivered(&house, "DescribeTrails"), 2);
    assert_eq!(digests(&house).len(), 1);
    house.call("CreateTrail", input).await.unwrap();
}

#[tokio::test]
async fn selectors_choose_what_is_delivered() {
    let house = House::new().await;
    logging(&house, json!({})).await;
    let writes = json!([{ "ReadWriteType": "WriteOnly", "IncludeManagementEvents": true }]);
    let input = json!({ "TrailName": "main", "EventSelectors": writes });
    house.call("PutEventSelectors", input).await.unwrap();
    ask(&house, 2).await;
    house.pass_minutes(6).await;
    assert_eq!(delivered(&house, "DescribeTrails"), 0);
    assert_eq!(delivered(&house, "PutEventSelectors"), 1);
}
