//! Replicas in other regions.

use serde_json::json;

use crate::house::{House, code, message, token};
use crate::people::{A, allows};

const THERE: &str = "us-east-1";

async fn with_replica() -> (House, String) {
    let house = House::new().await;
    let input = json!({
        "Name": "db", "SecretString": "one", "ClientRequestToken": token(0), "Description": "d",
        "AddReplicaRegions": [{ "Region": THERE }],
    });
    let made = house.call(A, "CreateSecret", input).await.unwrap();
    assert_eq!(
        made["ReplicationStatus"],
        json!([
            { "Region": THERE, "KmsKeyId": "alias/aws/secretsmanager", "Status": "InProgress" },
        ])
    );
    let arn = made["ARN"].as_str().unwrap().to_owned();
    (house, arn)
}

async fn text_there(house: &House) -> String {
    let id = json!({ "SecretId": "db" });
    let read = house.call_in(THERE, A, "GetSecretValue", id).await.unwrap();
    read["SecretString"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_replica_follows_its_primary() {
    let (house, arn) = with_replica().await;
    let id = json!({ "SecretId": "db" });
    assert_eq!(text_there(&house).await, "one");
    house.put(A, "db", 1, "two").await.unwrap();
    assert_eq!(text_there(&house).await, "two");
    let shift = json!({
        "SecretId": "db", "VersionStage": "AWSCURRENT", "MoveToVersionId": token(0),
        "RemoveFromVersionId": token(1),
    });
    house.call(A, "UpdateSecretVersionStage", shift).await.unwrap();
    assert_eq!(text_there(&house).await, "one");
    let tags = json!({ "SecretId": "db", "Tags": [{ "Key": "a", "Value": "b" }] });
    house.call(A, "TagResource", tags).await.unwrap();
    let there = house.call_in(THERE, A, "DescribeSecret", id.clone()).await.unwrap();
    assert_eq!(there["ARN"], arn.replace("eu-central-1", THERE));
    assert_eq!(
        (&there["PrimaryRegion"], &there["Description"]),
        (&json!("eu-central-1"), &json!("d"))
    );
    assert_eq!(
        (&there["Tags"][0]["Key"], &there["KmsKeyId"]),
        (&json!("a"), &json!("alias/aws/secretsmanager"))
    );
    let here = house.call(A, "DescribeSecret", id).await.unwrap();
    assert_eq!(here["VersionIdsToStages"], there["VersionIdsToStages"]);
    assert_eq!(here["ReplicationStatus"][0]["StatusMessage"], "Replication succeeded");
    assert_eq!((here.get("KmsKeyId"), there.get("ReplicationStatus")), (None, None));
}

#[tokio::test]
async fn a_replica_takes_no_changes_and_keeps_its_primary() {
    let (house, arn) = with_replica().await;
    for (operation, more) in [
        ("PutSecretValue", json!({ "SecretString": "x", "ClientRequestToken": token(5) })),
        ("UpdateSecret", json!({ "Description": "x", "ClientRequestToken": token(5) })),
        ("DeleteSecret", json!({})),
        ("TagResource", json!({ "Tags": [{ "Key": "a", "Value": "b" }] })),
    ] {
        let mut input = more;
        input["SecretId"] = "db".into();
        let answer = house.call_in(THERE, A, operation, input).await;
        let text = "Operation not permitted on a replica secret. Call must be made in primary \
                    secret's region.";
        assert_eq!((code(&answer), message(&answer)), ("InvalidParameterException", text));
    }
    let answer = house.call(A, "DeleteSecret", json!({ "SecretId": "db" })).await;
    let text = format!("You can't delete secret {arn} that still has replica regions [{THERE}].");
    assert_eq!(message(&answer), text);
    let remove = json!({ "SecretId": "db", "RemoveReplicaRegions": [THERE, "eu-west-1"] });
    let removed = house.call(A, "RemoveRegionsFromReplication", remove).await.unwrap();
    assert_eq!(removed["ReplicationStatus"], json!([]));
    let gone = house.call_in(THERE, A, "GetSecretValue", json!({ "SecretId": "db" })).await;
    assert_eq!(code(&gone), "ResourceNotFoundException");
    assert_eq!(house.rows("secrets.value").await.len(), 1);
    house.call(A, "DeleteSecret", json!({ "SecretId": "db" })).await.unwrap();
}

#[tokio::test]
async fn a_promoted_replica_goes_its_own_way() {
    let (house, _) = with_replica().await;
    let id = json!({ "SecretId": "db" });
    let here = house.call(A, "StopReplicationToReplica", id.clone()).await;
    assert_eq!(code(&here), "InvalidRequestException");
    house.call_in(THERE, A, "StopReplicationToReplica", id.clone()).await.unwrap();
    house.put(A, "db", 1, "two").await.unwrap();
    assert_eq!(text_there(&house).await, "one");
    let put = json!({ "SecretId": "db", "SecretString": "own", "ClientRequestToken": token(2) });
    house.call_in(THERE, A, "PutSecretValue", put).await.unwrap();
    assert_eq!((house.text(A, "db").await, text_there(&house).await), ("two".into(), "own".into()));
    let described = house.call(A, "DescribeSecret", id).await.unwrap();
    assert_eq!(described["ReplicationStatus"], json!([]));
}

#[tokio::test]
async fn a_name_that_is_taken_fails_until_it_is_overwritten() {
    let house = House::new().await;
    let other = json!({ "Name": "db", "SecretString": "other", "ClientRequestToken": token(9) });
    let taken = house.call_in(THERE, A, "CreateSecret", other).await.unwrap();
    let arn = house.secret(A, "db", "one").await;
    let id = json!({ "SecretId": "db" });
    let mut input = json!({ "SecretId": "db", "AddReplicaRegions": [{ "Region": THERE }] });
    house.call(A, "ReplicateSecretToRegions", input.clone()).await.unwrap();
    let described = house.call(A, "DescribeSecret", id.clone()).await.unwrap();
    let text = format!("Replication failed: Secret name db already exists in region {THERE}.");
    assert_eq!(described["ReplicationStatus"][0]["Status"], "Failed");
    assert_eq!(described["ReplicationStatus"][0]["StatusMessage"], text);
    house.put(A, "db", 1, "two").await.unwrap();
    assert_eq!(text_there(&house).await, "other");
    input["ForceOverwriteReplicaSecret"] = true.into();
    house.call(A, "ReplicateSecretToRegions", input).await.unwrap();
    assert_eq!(text_there(&house).await, "two");
    let old = house.call_in(THERE, A, "GetSecretValue", json!({ "SecretId": taken["ARN"] })).await;
    assert_eq!(code(&old), "ResourceNotFoundException");
    let there = house.call_in(THERE, A, "DescribeSecret", id.clone()).await.unwrap();
    assert_eq!(there["ARN"], arn.replace("eu-central-1", THERE));
    for region in ["eu-central-1", "us-invalid-1", "cn-north-1"] {
        let input = json!({ "SecretId": "db", "AddReplicaRegions": [{ "Region": region }] });
        let answer = house.call(A, "ReplicateSecretToRegions", input).await;
        assert_eq!(code(&answer), "InvalidParameterException", "{region}");
    }
}

#[tokio::test]
async fn a_replica_whose_key_fails_is_told_and_its_primary_goes_on() {
    let (house, _) = with_replica().await;
    let id = json!({ "SecretId": "db" });
    let input = json!({
        "SecretId": "db", "AddReplicaRegions": [{ "Region": "eu-west-1", "KmsKeyId": "alias/none" }],
    });
    house.call(A, "ReplicateSecretToRegions", input).await.unwrap();
    let described = house.call(A, "DescribeSecret", id).await.unwrap();
    let statuses = described["ReplicationStatus"].as_array().unwrap();
    let states: Vec<_> = statuses.iter().map(|one| one["Status"].clone()).collect();
    assert_eq!(states, ["InSync", "Failed"]);
    assert!(statuses[1]["StatusMessage"].as_str().unwrap().contains("is not found"));
    house.put(A, "db", 1, "two").await.unwrap();
    assert_eq!(text_there(&house).await, "two");
    let names: Vec<_> = house
        .events()
        .await
        .iter()
        .map(|event| event["detail"]["eventName"].as_str().unwrap().to_owned())
        .collect();
    let wanted =
        ["ReplicationStarted", "ReplicationSucceeded", "ReplicationStarted", "ReplicationFailed"];
    assert_eq!(names, wanted);
}

#[tokio::test]
async fn a_replica_under_a_key_of_its_own_needs_leave_to_encrypt() {
    let house = House::new().await;
    house.secret(A, "db", "one").await;
    let made = house.kms_in(THERE, A, "CreateKey", json!({})).await.unwrap();
    let key = made["KeyMetadata"]["KeyId"].as_str().unwrap();
    let few = ["secretsmanager:*", "kms:GenerateDataKey", "kms:Decrypt"].map(allows);
    house.people.user(A, "few", "AIDAFEW", &[&few[0], &few[1], &few[2]]);
    let regions = json!([{ "Region": THERE, "KmsKeyId": key }]);
    let input = json!({ "SecretId": "db", "AddReplicaRegions": regions });
    let status = async |who: &str| {
        house.call(who, "ReplicateSecretToRegions", input.clone()).await.unwrap();
        let described = house.call(A, "DescribeSecret", json!({ "SecretId": "db" })).await;
        described.unwrap()["ReplicationStatus"][0].clone()
    };
    let told = "Replication failed: Access to KMS is not allowed";
    assert_eq!(status("few").await["StatusMessage"], told);
    assert_eq!(status(A).await["Status"], "InSync");
    assert_eq!(text_there(&house).await, "one");
}
