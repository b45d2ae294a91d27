//! What a list costs: as much as its page, however much there is.

use serde_json::{Value, json};

use crate::house::House;

/// Puts so many parameters, each some levels below a path.
async fn fill(house: &House, path: &str, count: usize) {
    for at in 0..count {
        let input = json!({ "Name": format!("{path}/{at:05}"), "Value": "v", "Type": "String" });
        house.call("PutParameter", input).await.unwrap();
    }
}

/// How many rows a call reads, the policies of the caller apart.
async fn cost(house: &House, operation: &str, input: Value) -> usize {
    house.reads.taken();
    house.call(operation, input).await.unwrap();
    house.reads.taken()
}

#[tokio::test]
async fn a_page_costs_the_same_in_a_small_store_and_in_a_large_one() {
    let house = House::new().await;
    fill(&house, "/app/a", 30).await;
    let calls = [
        ("GetParametersByPath", json!({ "Path": "/app/a" })),
        ("GetParametersByPath", json!({ "Path": "/app", "Recursive": true })),
        (
            "GetParametersByPath",
            json!({ "Path": "/app/a", "ParameterFilters": [{ "Key": "Type", "Values": ["String"] }] }),
        ),
        ("DescribeParameters", json!({})),
        (
            "DescribeParameters",
            json!({ "ParameterFilters": [{ "Key": "Name", "Values": ["/app/a/00003"] }] }),
        ),
        (
            "DescribeParameters",
            json!({ "ParameterFilters": [{ "Key": "Name", "Option": "BeginsWith", "Values": ["/app/a/0000"] }] }),
        ),
        (
            "DescribeParameters",
            json!({ "ParameterFilters": [{ "Key": "Path", "Values": ["/app/a"] }] }),
        ),
    ];
    let mut before = Vec::new();
    for (operation, input) in &calls {
        before.push(cost(&house, operation, input.clone()).await);
    }
    assert!(before.iter().all(|rows| *rows <= 12), "{before:?}");
    // Below, beside and far from the path.
    fill(&house, "/app/a/deep/er", 600).await;
    fill(&house, "/app.b/x", 600).await;
    fill(&house, "/other", 600).await;
    for ((operation, input), before) in calls.iter().zip(before) {
        let after = cost(&house, operation, input.clone()).await;
        assert!(after <= before + 1, "{operation} {input}: {after} rows, before {before}");
    }
}

#[tokio::test]
async fn a_filter_that_finds_little_looks_at_a_bounded_number_of_rows() {
    let house = House::new().await;
    fill(&house, "/app", 1_200).await;
    let rare = json!({ "Name": "/zzz", "Value": "v", "Type": "StringList" });
    house.call("PutParameter", rare).await.unwrap();
    let filter = json!([{ "Key": "Type", "Values": ["StringList"] }]);
    let (mut token, mut found, mut calls) = (None, Vec::new(), 0);
    loop {
        let mut input = json!({ "ParameterFilters": filter, "MaxResults": 50 });
        if let Some(token) = &token {
            input["NextToken"] = Value::clone(token);
        }
        house.reads.taken();
        let page = house.call("DescribeParameters", input).await.unwrap();
        assert!(house.reads.taken() <= 560);
        let names = page["Parameters"].as_array().unwrap();
        found.extend(names.iter().map(|parameter| parameter["Name"].as_str().unwrap().to_owned()));
        calls += 1;
        token = page.get("NextToken").cloned();
        if token.is_none() {
            break;
        }
    }
    assert_eq!(found, ["/zzz"]);
    assert!(calls <= 4, "{calls}");
}

#[tokio::test]
async fn a_parameter_in_memory_costs_no_row_and_a_change_is_seen_at_once() {
    let house = House::new().await;
    fill(&house, "/p", 3).await;
    let get = json!({ "Name": "/p/00001" });
    house.call("GetParameter", get.clone()).await.unwrap();
    assert_eq!(cost(&house, "GetParameter", get.clone()).await, 0);
    let update = json!({ "Name": "/p/00001", "Value": "w", "Overwrite": true });
    house.call("PutParameter", update).await.unwrap();
    let read = house.call("GetParameter", get).await.unwrap();
    assert_eq!(read["Parameter"]["Value"], "w");
}
