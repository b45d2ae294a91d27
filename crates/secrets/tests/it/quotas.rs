//! How many secrets there may be.

use serde_json::json;

use crate::house::{Answer, House, code, message, token};
use crate::people::{A, B};

const REFUSAL: &str =
    "The request failed because it would exceed one of the Secrets Manager quotas.";

async fn create(house: &House, account: &str, name: &str) -> Answer {
    let input = json!({ "Name": name, "SecretString": "s", "ClientRequestToken": token(0) });
    house.call(account, "CreateSecret", input).await
}

#[track_caller]
fn refused(answer: &Answer) {
    assert_eq!((code(answer), message(answer)), ("LimitExceededException", REFUSAL));
}

#[tokio::test]
async fn there_are_no_more_secrets_than_there_may_be_and_a_deletion_makes_room() {
    let house = House::with_quota(3).await;
    for name in ["a", "b", "c"] {
        create(&house, A, name).await.unwrap();
    }
    refused(&create(&house, A, "d").await);
    // The same request again is no other secret, and a version is none either.
    create(&house, A, "c").await.unwrap();
    house.put(A, "c", 1, "t").await.unwrap();
    create(&house, B, "d").await.unwrap();
    // One that waits for its end is still there.
    house.call(A, "DeleteSecret", json!({ "SecretId": "a" })).await.unwrap();
    refused(&create(&house, A, "d").await);
    house.pass_days(31).await;
    create(&house, A, "d").await.unwrap();
    refused(&create(&house, A, "e").await);
    let at_once = json!({ "SecretId": "b", "ForceDeleteWithoutRecovery": true });
    house.call(A, "DeleteSecret", at_once).await.unwrap();
    create(&house, A, "b").await.unwrap();
    for service in &house.plane.services {
        service.forget();
    }
    refused(&create(&house, A, "e").await);
}

#[tokio::test]
async fn replicas_count_where_they_are() {
    let house = House::with_quota(1).await;
    let there = "us-east-1";
    let input = json!({ "Name": "there", "SecretString": "s", "ClientRequestToken": token(0) });
    house.call_in(there, A, "CreateSecret", input.clone()).await.unwrap();
    create(&house, A, "a").await.unwrap();
    let replicate = json!({ "SecretId": "a", "AddReplicaRegions": [{ "Region": there }] });
    house.call(A, "ReplicateSecretToRegions", replicate.clone()).await.unwrap();
    let described = house.call(A, "DescribeSecret", json!({ "SecretId": "a" })).await.unwrap();
    let status = &described["ReplicationStatus"][0];
    assert_eq!(status["Status"], "Failed", "{described}");
    assert_eq!(status["StatusMessage"], format!("Replication failed: {REFUSAL}"));
    let at_once = json!({ "SecretId": "there", "ForceDeleteWithoutRecovery": true });
    house.call_in(there, A, "DeleteSecret", at_once).await.unwrap();
    house.call(A, "ReplicateSecretToRegions", replicate).await.unwrap();
    let described = house.call(A, "DescribeSecret", json!({ "SecretId": "a" })).await.unwrap();
    assert_eq!(described["ReplicationStatus"][0]["Status"], "InSync", "{described}");
    refused(&house.call_in(there, A, "CreateSecret", input).await);
}
