//! How many parameters there are is known at once, exactly, and after a restart.

use std::sync::Arc;

use bulla_store::Space;
use serde_json::{Value, json};

use crate::house::House;

const LIMIT: usize = 60;
/// More than there are rows of a count for changes that come one by one.
const FEW_READS: usize = 12;

async fn put(house: &House, name: &str, tier: &str) -> Result<Value, String> {
    let input = json!({ "Name": name, "Value": "v", "Type": "String", "Tier": tier });
    house.call("PutParameter", input).await.map_err(|(code, _)| code)
}

/// How many more standard parameters there may be; then there are as many as there may.
async fn fill(house: &House, path: &str) -> usize {
    let mut made = 0;
    loop {
        match put(house, &format!("{path}/{made}"), "Standard").await {
            Ok(_) => made += 1,
            Err(code) => {
                assert_eq!(code, "ParameterLimitExceeded");
                return made;
            }
        }
    }
}

#[tokio::test]
async fn a_restart_knows_the_count_without_looking_at_the_parameters() {
    let house = House::with_quota(LIMIT).await;
    for n in 0..50 {
        put(&house, &format!("/p/{n}"), "Standard").await.unwrap();
    }
    put(&house, "/advanced", "Advanced").await.unwrap();
    let house = house.restarted();
    house.reads.taken();
    put(&house, "/one", "Standard").await.unwrap();
    let reads = house.reads.taken();
    assert!(reads < FEW_READS, "{reads}");
    assert_eq!(fill(&house, "/fill").await, LIMIT - 51);
    house
        .call("DeleteParameters", json!({ "Names": ["/p/0", "/p/1", "/advanced"] }))
        .await
        .unwrap();
    // An upgrade makes room in its tier.
    let upgrade = json!({
        "Name": "/p/2", "Value": "v", "Type": "String", "Tier": "Advanced", "Overwrite": true,
    });
    house.call("PutParameter", upgrade).await.unwrap();
    let house = house.restarted();
    for n in 0..3 {
        put(&house, &format!("/again/{n}"), "Standard").await.unwrap();
    }
    let code = put(&house, "/again/3", "Standard").await.unwrap_err();
    assert_eq!(code, "ParameterLimitExceeded");
}

#[tokio::test]
async fn a_store_that_is_older_than_the_counts_is_counted_once() {
    let house = House::with_quota(LIMIT).await;
    for n in 0..20 {
        put(&house, &format!("/p/{n}"), "Standard").await.unwrap();
    }
    house.plane.barrier.clear(Space::new("ssm.count")).await.unwrap();
    let house = house.restarted();
    put(&house, "/one", "Standard").await.unwrap();
    let house = house.restarted();
    house.reads.taken();
    put(&house, "/two", "Standard").await.unwrap();
    assert!(house.reads.taken() < FEW_READS);
    assert_eq!(fill(&house, "/fill").await, LIMIT - 22);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_change_is_lost_among_many_at_a_time() {
    let house = Arc::new(House::with_quota(LIMIT).await);
    let workers = (0..8).map(|worker| {
        let house = Arc::clone(&house);
        tokio::spawn(async move {
            for n in 0..20 {
                // Half of the names are everybody's, so that some are made, and deleted, once only.
                let owner = if n % 2 == 0 { worker } else { 0 };
                let name = format!("/p/{owner}/{}", n % 4);
                let _made = put(&house, &name, "Standard").await;
                if n % 3 == 0 {
                    let _gone = house.call("DeleteParameter", json!({ "Name": name })).await;
                }
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
    let there_are = house.rows("ssm.parameter").await;
    assert!((1..LIMIT).contains(&there_are), "{there_are}");
    let rows = house.rows("ssm.count").await;
    assert!((1..=8).contains(&rows), "{rows}");
    assert_eq!(fill(&house, "/fill").await, LIMIT - there_are);
    let house = Arc::into_inner(house).unwrap().restarted();
    let gone = json!({ "Name": "/fill/0" });
    house.call("DeleteParameter", gone).await.unwrap();
    assert_eq!(fill(&house, "/more").await, 1);
}
