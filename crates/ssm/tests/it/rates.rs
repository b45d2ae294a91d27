//! How fast an account may call, by its own choice.

use bulla_plane::Quotas;
use bulla_plane::quotas::{Known, Limits, Place};
use serde_json::json;

use crate::house::{ACCOUNT, House, REGION};

const SETTING: &str = "/ssm/parameter-store/high-throughput-enabled";
/// Far more than a rate of one a second lets through while they are made.
const CALLS: usize = 100;

/// A default of GetParameter that is lower than AWS's, so that no slow machine keeps to it.
fn known() -> Vec<Known> {
    let limits = Limits::Requests(&["GetParameter"]);
    vec![Known { service: "ssm", limits, value: 1.0, regions: &[] }]
}

/// How many of many calls at one moment are let through.
async fn admitted(house: &House) -> usize {
    // Whatever was used before is there again.
    house.plane.clock.advance(10_000);
    let mut admitted = 0;
    for _ in 0..CALLS {
        match house.call("GetParameter", json!({ "Name": "/p" })).await {
            Ok(_) => admitted += 1,
            Err(refused) => {
                assert_eq!(refused, ("ThrottlingException".into(), "Rate exceeded".into()))
            }
        }
    }
    admitted
}

async fn set(house: &House, value: &str) {
    let input = json!({ "SettingId": SETTING, "SettingValue": value });
    house.call("UpdateServiceSetting", input).await.unwrap();
}

#[tokio::test]
async fn high_throughput_lets_more_calls_through_until_it_is_reset() {
    let house = House::with_quotas(Quotas::new(known(), true)).await;
    let parameter = json!({ "Name": "/p", "Value": "v", "Type": "String" });
    house.call("PutParameter", parameter).await.unwrap();
    // A little time passes while calls are made, and lets some more through.
    let few = 1..CALLS;
    assert!(few.contains(&admitted(&house).await));
    set(&house, "true").await;
    assert_eq!(admitted(&house).await, CALLS);
    let house = house.restarted();
    assert_eq!(admitted(&house).await, CALLS);
    set(&house, "false").await;
    assert!(few.contains(&admitted(&house).await));
    set(&house, "true").await;
    house.call("ResetServiceSetting", json!({ "SettingId": SETTING })).await.unwrap();
    assert!(few.contains(&admitted(&house).await));
}

#[tokio::test]
async fn what_was_set_for_an_account_comes_before_high_throughput() {
    let house = House::with_quotas(Quotas::new(known(), true)).await;
    let parameter = json!({ "Name": "/p", "Value": "v", "Type": "String" });
    house.call("PutParameter", parameter).await.unwrap();
    set(&house, "true").await;
    let place = Place { account: ACCOUNT.into(), region: REGION.into(), quota: 0 };
    house.plane.quotas.set(place, Some(5.0)).unwrap();
    assert!((5..CALLS).contains(&admitted(&house).await));
}

#[tokio::test]
async fn without_default_rates_nobody_is_held_back() {
    let house = House::with_quotas(Quotas::new(known(), false)).await;
    let parameter = json!({ "Name": "/p", "Value": "v", "Type": "String" });
    house.call("PutParameter", parameter).await.unwrap();
    assert_eq!(admitted(&house).await, CALLS);
}
