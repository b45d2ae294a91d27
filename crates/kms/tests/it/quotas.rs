//! The quota of keys: what counts, also for a server that was started anew.

use std::sync::Arc;

use bulla_plane::Quotas;
use bulla_store::Space;
use serde_json::{Value, json};

use crate::house::{House, code};
use crate::people::A;

const FAR: &str = "us-east-1";
/// More than CreateKey reads of a store that has the count.
const FEW_ROWS: usize = 12;
const DAY_MS: u64 = 86_400_000;

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

/// Has a key end after the shortest waiting period.
async fn end(house: &House, key: &str) {
    let window = json!({ "KeyId": key, "PendingWindowInDays": 7 });
    house.call(A, "ScheduleKeyDeletion", window).await.unwrap();
}

async fn pass_a_window(house: &House) {
    house.plane.clock.advance(8 * DAY_MS);
    house.plane.run_due().await.unwrap();
}

/// Makes as many keys as there may be, and tells how many those were.
async fn fill(house: &House) -> usize {
    let mut made = 0;
    while let Ok(_key) = make(house).await {
        made += 1;
    }
    assert_eq!(make(house).await, refused());
    made
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
    end(&house, &first).await;
    assert_eq!(make(&house).await, refused());
    pass_a_window(&house).await;
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

#[tokio::test]
async fn a_restart_knows_the_count_without_looking_at_the_keys() {
    let house = House::new().await.again(of_keys(60));
    for _ in 0..50 {
        make(&house).await.unwrap();
    }
    let house = house.again(of_keys(60));
    house.reads.take();
    make(&house).await.unwrap();
    let (_, rows) = house.reads.take();
    assert!(rows < FEW_ROWS, "{rows}");
    assert_eq!(fill(&house).await, 9);
}

#[tokio::test]
async fn a_store_that_is_older_than_the_count_is_counted_once() {
    let limit = || of_keys(24);
    let house = House::new().await.again(limit());
    let first = make(&house).await.unwrap();
    for _ in 0..19 {
        make(&house).await.unwrap();
    }
    house.call(A, "DescribeKey", json!({ "KeyId": "alias/aws/ssm" })).await.unwrap();
    end(&house, &first).await;
    house.plane.barrier.clear(Space::new("kms.count")).await.unwrap();
    // The first change after it may also be one key fewer.
    let house = house.again(limit());
    pass_a_window(&house).await;
    let house = house.again(limit());
    house.reads.take();
    make(&house).await.unwrap();
    let (_, rows) = house.reads.take();
    assert!(rows < FEW_ROWS, "{rows}");
    assert_eq!(fill(&house).await, 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_key_is_lost_from_the_count_among_many_at_a_time() {
    let (limit, workers, each) = (100, 8, 8);
    let house = Arc::new(House::new().await.again(of_keys(limit)));
    let works = (0..workers).map(|_| {
        let house = Arc::clone(&house);
        tokio::spawn(async move {
            for n in 0..each {
                let key = make(&house).await.unwrap();
                if n % 2 == 0 {
                    end(&house, &key).await;
                }
            }
        })
    });
    for work in works.collect::<Vec<_>>() {
        work.await.unwrap();
    }
    let rows = house.rows("kms.count").await;
    assert!((1..=workers).contains(&rows), "{rows}");
    pass_a_window(&house).await;
    let there_are = house.rows("kms.key").await;
    assert_eq!(there_are, workers * each / 2);
    let again = house.again(of_keys(limit));
    assert_eq!(fill(&house).await, limit - there_are);
    assert_eq!(fill(&again).await, 0);
}
