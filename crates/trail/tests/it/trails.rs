//! Trails as their owner makes, sees and changes them.

use serde_json::{Value, json};

use crate::house::{ACCOUNT, House, REGION};

async fn create(house: &House, name: &str) -> Value {
    let input = json!({ "Name": name, "S3BucketName": "trail-bkt" });
    house.call("CreateTrail", input).await.unwrap()
}

#[tokio::test]
async fn a_trail_is_made_seen_and_changed() {
    let house = House::new().await;
    let arn = format!("arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/main");
    let expected = json!({
        "Name": "main", "S3BucketName": "trail-bkt", "IncludeGlobalServiceEvents": true,
        "IsMultiRegionTrail": false, "TrailARN": arn, "LogFileValidationEnabled": false,
        "IsOrganizationTrail": false,
    });
    assert_eq!(create(&house, "main").await, expected);
    let input = json!({ "Name": arn, "S3KeyPrefix": "p", "EnableLogFileValidation": true });
    house.call("UpdateTrail", input).await.unwrap();
    let seen = house.call("GetTrail", json!({ "Name": "main" })).await.unwrap();
    assert_eq!(seen["Trail"]["S3KeyPrefix"], "p");
    assert_eq!(seen["Trail"]["LogFileValidationEnabled"], true);
    assert_eq!(seen["Trail"]["HomeRegion"], REGION);
    let listed = house.call("ListTrails", json!({})).await.unwrap();
    assert_eq!(
        listed["Trails"],
        json!([{ "TrailARN": arn, "Name": "main", "HomeRegion": REGION }])
    );
    house.call("DeleteTrail", json!({ "Name": "main" })).await.unwrap();
    let gone = house.call("GetTrail", json!({ "Name": "main" })).await.unwrap_err();
    let text = format!("Unknown trail: {arn} for the user: {ACCOUNT}");
    assert_eq!(gone, ("TrailNotFoundException".to_owned(), text));
}

#[tokio::test]
async fn a_trail_of_all_regions_is_seen_in_all_and_changed_at_home() {
    let house = House::new().await;
    let input = json!({ "Name": "wide", "S3BucketName": "trail-bkt", "IsMultiRegionTrail": true });
    house.call("CreateTrail", input).await.unwrap();
    create(&house, "narrow").await;
    let elsewhere = "us-east-1";
    let seen = house.call_as(ACCOUNT, elsewhere, "DescribeTrails", json!({})).await.unwrap();
    let [shadow] = seen["trailList"].as_array().unwrap().as_slice() else { panic!("{seen}") };
    assert_eq!((&shadow["Name"], &shadow["HomeRegion"]), (&json!("wide"), &json!(REGION)));
    let without = json!({ "includeShadowTrails": false });
    let seen = house.call_as(ACCOUNT, elsewhere, "DescribeTrails", without).await.unwrap();
    assert_eq!(seen["trailList"], json!([]));
    let name = json!({ "Name": "wide" });
    house.call_as(ACCOUNT, elsewhere, "GetTrail", name.clone()).await.unwrap();
    let refused = house.call_as(ACCOUNT, elsewhere, "StopLogging", name).await.unwrap_err();
    assert_eq!(refused.0, "InvalidHomeRegionException");
    let foreign = json!({ "Name": format!("arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/wide") });
    let refused = house.call_as("444455556666", REGION, "GetTrail", foreign).await.unwrap_err();
    assert_eq!(refused.0, "TrailNotFoundException");
}

#[tokio::test]
async fn what_is_asked_wrongly_is_refused_in_awss_words() {
    let house = House::new().await;
    create(&house, "main").await;
    for (name, bucket, code, text) in [
        ("ab", "bkt", "InvalidTrailNameException", "Trail name too short. Minimum allowed length"),
        ("-abc", "bkt", "InvalidTrailNameException", "Trail name must starts with a letter"),
        ("main", "bkt", "TrailAlreadyExistsException", "Trail main already exists for customer: "),
        ("next", "B", "InvalidS3BucketNameException", ""),
    ] {
        let input = json!({ "Name": name, "S3BucketName": bucket });
        let refused = house.call("CreateTrail", input).await.unwrap_err();
        assert!(refused.0 == code && refused.1.starts_with(text), "{refused:?}");
    }
    let outside = json!({ "Name": "next", "S3BucketName": "bkt", "S3KeyPrefix": "../x" });
    let refused = house.call("CreateTrail", outside).await.unwrap_err();
    assert_eq!(refused.0, "InvalidS3PrefixException");
    for number in 1..5 {
        create(&house, &format!("more{number}")).await;
    }
    let input = json!({ "Name": "sixth", "S3BucketName": "bkt" });
    let refused = house.call("CreateTrail", input).await.unwrap_err();
    assert_eq!(refused.0, "MaximumNumberOfTrailsExceededException");
}

#[tokio::test]
async fn tags_come_and_go() {
    let house = House::new().await;
    let arn = create(&house, "main").await["TrailARN"].clone();
    let tags = json!([{ "Key": "team", "Value": "a" }, { "Key": "use", "Value": "b" }]);
    house.call("AddTags", json!({ "ResourceId": arn, "TagsList": tags })).await.unwrap();
    let gone = json!({ "ResourceId": arn, "TagsList": [{ "Key": "use" }] });
    house.call("RemoveTags", gone).await.unwrap();
    let listed = house.call("ListTags", json!({ "ResourceIdList": [arn] })).await.unwrap();
    let expected = json!([{ "ResourceId": arn, "TagsList": [{ "Key": "team", "Value": "a" }] }]);
    assert_eq!(listed["ResourceTagList"], expected);
    let twice = json!([{ "Key": "k", "Value": "a" }, { "Key": "k", "Value": "b" }]);
    let input = json!({ "ResourceId": arn, "TagsList": twice });
    let refused = house.call("AddTags", input).await.unwrap_err();
    assert_eq!(refused.0, "InvalidTagParameterException");
}

#[tokio::test]
async fn selectors_are_kept_and_checked() {
    let house = House::new().await;
    let arn = create(&house, "main").await["TrailARN"].clone();
    let seen = house.call("GetEventSelectors", json!({ "TrailName": "main" })).await.unwrap();
    assert_eq!(seen["EventSelectors"][0]["ReadWriteType"], "All");
    let fields = json!([
        { "Field": "readOnly", "Equals": ["false"] },
        { "Field": "eventCategory", "Equals": ["Management"] },
    ]);
    let sent =
        json!({ "TrailName": arn, "AdvancedEventSelectors": [{ "FieldSelectors": fields }] });
    let kept = house.call("PutEventSelectors", sent).await.unwrap();
    assert_eq!(kept["AdvancedEventSelectors"][0]["FieldSelectors"], fields);
    let seen = house.call("GetEventSelectors", json!({ "TrailName": "main" })).await.unwrap();
    let sorted = json!([fields[1], fields[0]]);
    assert_eq!(seen["AdvancedEventSelectors"][0]["FieldSelectors"], sorted);
    for selectors in [
        json!({ "TrailName": arn }),
        json!({ "TrailName": arn, "EventSelectors": [] }),
        json!({ "TrailName": arn, "EventSelectors": [
            { "ExcludeManagementEventSources": ["iam.amazonaws.com"] },
        ] }),
        json!({ "TrailName": arn, "AdvancedEventSelectors": [{ "FieldSelectors": [
            { "Field": "eventCategory", "Equals": ["Data"] },
        ] }] }),
    ] {
        let refused = house.call("PutEventSelectors", selectors.clone()).await.unwrap_err();
        assert_eq!(refused.0, "InvalidEventSelectorsException", "{selectors}");
    }
}
