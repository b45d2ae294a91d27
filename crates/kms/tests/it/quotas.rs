//! The quota of keys: what counts, also for a server that was started anew.

use bulla_plane::Quotas;
use serde_json::{Value, json};

use crate::house::{House, code};
use crate::people::A;

const FAR: &str = "us-east-1";

fn of_keys(limit: usize) -> Quotas {
    Quotas::default().with_everywhere([("keys", limit)])
}

async fn make(house: &House) -> Result<String, String> {
    let made = house.call(A, "CreateKey", json!({})).await;
    match &made {
        Ok(made) => Ok(made["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned()),
        Err(_) => Err(code(&made).to_owned()),
    }
}

fn refused() -> Result<String, String> {
    Err("LimitExceededException".to_owned())
}

#[tokio::test]
async fn keys_are_counted_alike_before_and_after_a_restart() {
    let house = House::new().await.again(of_keys(3));
    let first = make(&house).await.unwrap();
    // The first use of an AWS managed key makes it, and it counts for nobody.
    house.call(A, "DescribeKey", json!({ "KeyId": "alias/aws/ssm" })).await.unwrap();
    make(&house).await.unwrap();
    let house = house.again(of_keys(3));
    make(&house).await.unwrap();
    assert_eq!(make(&house).await, refused());
    let house = house.again(of_keys(3));
    assert_eq!(make(&house).await, refused());
    // What awaits its end counts, what is gone does not, here and after a restart.
    let window = json!({ "KeyId": first, "PendingWindowInDays": 7 });
    house.call(A, "ScheduleKeyDeletion", window).await.unwrap();
    assert_eq!(make(&house).await, refused());
    house.plane.clock.advance(8 * 86_400_000);
    house.plane.run_due().await.unwrap();
    let again = house.again(of_keys(3));
    make(&house).await.unwrap();
    for house in [house, again] {
        assert_eq!(make(&house).await, refused());
    }
}

#[tokio::test]
async fn a_replica_counts_where_it_is() {
    let house = House::new().await.again(of_keys(2));
    let many = |input: Value| house.call(A, "CreateKey", input);
    let key = many(json!({ "MultiRegion": true })).await.unwrap()["KeyMetadata"]["KeyId"].clone();
    let copy = json!({ "KeyId": key, "ReplicaRegion": FAR });
    make(&house).await.unwrap();
    // Its own region is full, the other is not.
    house.call(A, "ReplicateKey", copy).await.unwrap();
    house.call_in(FAR, A, "CreateKey", json!({})).await.unwrap();
    let third = house.call_in(FAR, A, "CreateKey", json!({})).await;
    assert_eq!(code(&third), "LimitExceededException");
}
