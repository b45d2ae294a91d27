//! What keys tell on the bus: once for each that happened, and never of what did not.

use base64_simd::STANDARD as BASE64;
use bulla_crypto::{RsaEncryptionKey, RsaPadding};
use bulla_ground::Heard;
use serde_json::{Value, json};

use crate::house::{House, code, text};
use crate::people::A;

const DAY_MS: u64 = 86_400_000;

async fn house() -> (House, Heard) {
    let mut house = House::new().await;
    let (heard, listener) = Heard::on(&house.plane.barrier);
    house.plane.services.push(listener);
    (house, heard)
}

async fn pass_days(house: &House, days: u64) {
    house.plane.clock.advance(days * DAY_MS);
    house.plane.run_due().await.unwrap();
}

#[tokio::test]
async fn rotations_and_deletions_are_told_once() {
    let (house, heard) = house().await;
    let key = house.key(A, None).await;
    let id = key.rsplit_once('/').unwrap().1;
    let on = json!({ "KeyId": key, "RotationPeriodInDays": 90 });
    house.call(A, "EnableKeyRotation", on).await.unwrap();
    pass_days(&house, 89).await;
    assert_eq!(heard.taken(), [] as [Value; 0]);
    pass_days(&house, 2).await;
    let [event] = <[Value; 1]>::try_from(heard.taken()).unwrap();
    assert_eq!(event["detail-type"], "KMS CMK Rotation");
    assert_eq!(event["source"], "aws.kms");
    assert_eq!(event["account"], "111122223333");
    assert_eq!(event["region"], "eu-central-1");
    assert_eq!(event["resources"], json!([key]));
    assert_eq!(event["detail"], json!({ "key-id": id }));
    house.call(A, "RotateKeyOnDemand", json!({ "KeyId": key })).await.unwrap();
    pass_days(&house, 1).await;
    assert_eq!(heard.taken().len(), 1);
    let window = json!({ "KeyId": key, "PendingWindowInDays": 7 });
    house.call(A, "ScheduleKeyDeletion", window).await.unwrap();
    assert_eq!(heard.taken(), [] as [Value; 0]);
    pass_days(&house, 8).await;
    let [event] = <[Value; 1]>::try_from(heard.taken()).unwrap();
    assert_eq!(event["detail-type"], "KMS CMK Deletion");
    pass_days(&house, 400).await;
    assert_eq!(heard.taken(), [] as [Value; 0]);
}

#[tokio::test]
async fn a_rotation_is_told_in_every_region_of_a_key_and_a_deletion_in_its_own() {
    let (house, heard) = house().await;
    let made = house.call(A, "CreateKey", json!({ "MultiRegion": true })).await.unwrap();
    let key = made["KeyMetadata"]["Arn"].as_str().unwrap().to_owned();
    let copy = json!({ "KeyId": key, "ReplicaRegion": "us-west-2" });
    house.call(A, "ReplicateKey", copy).await.unwrap();
    house.call(A, "RotateKeyOnDemand", json!({ "KeyId": key })).await.unwrap();
    pass_days(&house, 1).await;
    let mut regions: Vec<_> = heard.taken().iter().map(|event| event["region"].clone()).collect();
    regions.sort_by_key(ToString::to_string);
    assert_eq!(regions, ["eu-central-1", "us-west-2"]);
}

/// What the record has of synchronizations so far, in CloudTrail's shape.
async fn synchronized(house: &House) -> Vec<Value> {
    house.plane.run_due().await.unwrap();
    let records = house.plane.journal.read_from(1).unwrap().map(|record| record.unwrap());
    let records = records.map(|record| record.to_cloudtrail_json().unwrap());
    let records = records.map(|json| serde_json::from_str::<Value>(&json).unwrap());
    records.filter(|record| record["eventName"] == "SynchronizeMultiRegionKey").collect()
}

#[tokio::test]
async fn a_synchronization_is_recorded_where_the_primary_is() {
    let (house, _heard) = house().await;
    let made = house.call(A, "CreateKey", json!({ "MultiRegion": true })).await.unwrap();
    let key = made["KeyMetadata"]["Arn"].as_str().unwrap().to_owned();
    let rotate = async |house: &House| {
        house.call(A, "RotateKeyOnDemand", json!({ "KeyId": key })).await.unwrap();
        pass_days(house, 1).await;
    };
    rotate(&house).await;
    assert_eq!(synchronized(&house).await.len(), 0, "there is nobody to follow");
    let copy = json!({ "KeyId": key, "ReplicaRegion": "us-west-2" });
    house.call(A, "ReplicateKey", copy).await.unwrap();
    let [event] = <[Value; 1]>::try_from(synchronized(&house).await).unwrap();
    let identity = json!({ "accountId": "111122223333", "invokedBy": "AWS Internal" });
    assert_eq!(event["userIdentity"], identity);
    assert_eq!(event["eventType"], "AwsApiCall");
    assert_eq!(event["awsRegion"], "eu-central-1");
    assert_eq!(
        (&event["sourceIPAddress"], &event["userAgent"]),
        (&identity["invokedBy"], &identity["invokedBy"])
    );
    assert_eq!(
        (&event["requestParameters"], &event["responseElements"]),
        (&Value::Null, &json!({ "keyId": key }))
    );
    assert_eq!(event["readOnly"], false);
    assert_eq!(event["resources"][0]["ARN"], key);
    assert_eq!(event["requestID"].as_str().unwrap().len(), 36);
    // What is each region's own is not synchronized.
    let describe = json!({ "KeyId": key, "Description": "new" });
    house.call(A, "UpdateKeyDescription", describe).await.unwrap();
    assert_eq!(synchronized(&house).await.len(), 1);
    rotate(&house).await;
    // The rotation was asked for, and took place.
    assert_eq!(synchronized(&house).await.len(), 3);
}

#[tokio::test]
async fn where_nobody_listens_events_pass() {
    let house = House::new().await;
    let key = house.key(A, None).await;
    house.call(A, "RotateKeyOnDemand", json!({ "KeyId": key })).await.unwrap();
    pass_days(&house, 1).await;
    assert_eq!(house.rows("plane.due").await, 0);
    let state = house.call(A, "GetKeyRotationStatus", json!({ "KeyId": key })).await;
    assert_eq!((code(&state), text(&state, "KeyId")), ("", key));
}

#[tokio::test]
async fn the_end_of_brought_in_material_is_told() {
    let (house, heard) = house().await;
    let made = house.call(A, "CreateKey", json!({ "Origin": "EXTERNAL" })).await.unwrap();
    let key = made["KeyMetadata"]["Arn"].as_str().unwrap().to_owned();
    let asked = json!({
        "KeyId": key, "WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048",
    });
    let given = house.call(A, "GetParametersForImport", asked).await.unwrap();
    let public = BASE64.decode_type::<Vec<u8>>(given["PublicKey"].as_str().unwrap()).unwrap();
    let public = RsaEncryptionKey::from_der(&public).unwrap();
    let wrapped = public.encrypt(RsaPadding::OaepSha256, &[7; 32]).unwrap();
    let import = json!({
        "KeyId": key,
        "ImportToken": given["ImportToken"],
        "EncryptedKeyMaterial": BASE64.encode_type::<String>(&wrapped),
        "ValidTo": house.plane.clock.now_ms() / 1000 + 3600,
    });
    house.call(A, "ImportKeyMaterial", import).await.unwrap();
    assert_eq!(heard.taken(), [] as [Value; 0]);
    pass_days(&house, 1).await;
    let [event] = <[Value; 1]>::try_from(heard.taken()).unwrap();
    assert_eq!(event["detail-type"], "KMS Imported Key Material Expiration");
    assert_eq!(event["resources"], json!([key]));
}
