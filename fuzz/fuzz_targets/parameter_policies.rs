//! Parameter policies, through all of PutParameter: what is told of those that were taken is taken
//! again, and told the same.

#![no_main]

use bulla_fuzz::ssm::House;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

thread_local! {
    static HOUSE: House = House::new();
}

/// What DescribeParameters tells of the policies.
fn told(house: &House) -> Vec<Value> {
    let only = json!([{ "Key": "Name", "Values": ["/p"] }]);
    let described = house.must("DescribeParameters", &json!({ "ParameterFilters": only }));
    let policies = described["Parameters"][0]["Policies"].as_array().cloned();
    policies.unwrap_or_default()
}

fuzz_target!(|data: &[u8]| {
    let Ok(policies) = std::str::from_utf8(data) else { return };
    HOUSE.with(|house| {
        let put = |policies: &str| {
            let input = json!({
                "Name": "/p", "Value": "v", "Type": "String", "Tier": "Advanced",
                "Policies": policies, "Overwrite": true,
            });
            house.call("PutParameter", &input).is_some()
        };
        if put(policies) {
            let before = told(house);
            let texts = before.iter().map(|policy| policy["PolicyText"].as_str().unwrap());
            let again = format!("[{}]", texts.collect::<Vec<_>>().join(","));
            assert!(put(&again), "{again}");
            assert_eq!(told(house), before);
        }
        house.call("DeleteParameter", &json!({ "Name": "/p" }));
    });
});
