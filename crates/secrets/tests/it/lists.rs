//! Lists, their filters, and many values at once.

use serde_json::{Value, json};

use crate::house::{House, code, token};
use crate::people::{A, B, allows};

async fn names(house: &House, input: Value) -> Vec<String> {
    let listed = house.call(A, "ListSecrets", input).await.unwrap();
    let entries = listed["SecretList"].as_array().unwrap();
    entries.iter().map(|entry| entry["Name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_list_shows_what_there_is_now() {
    let house = House::new().await;
    assert_eq!(names(&house, json!({})).await, [] as [&str; 0]);
    for name in ["b", "a", "c"] {
        house.secret(A, name, "x").await;
        house.plane.clock.advance(1_000);
    }
    house.secret(B, "foreign", "x").await;
    assert_eq!(names(&house, json!({})).await, ["c", "a", "b"]);
    let by_name = json!({ "SortBy": "name" });
    assert_eq!(names(&house, by_name.clone()).await, ["a", "b", "c"]);
    house.put(A, "b", 1, "y").await.unwrap();
    let changed = json!({ "SortBy": "last-changed-date", "SortOrder": "desc" });
    assert_eq!(names(&house, changed).await[0], "b");
    house.pass_days(1).await;
    house.text(A, "c").await;
    let read = json!({ "SortBy": "last-accessed-date" });
    assert_eq!(names(&house, read).await[0], "c");
    let force = json!({ "SecretId": "a", "ForceDeleteWithoutRecovery": true });
    house.call(A, "DeleteSecret", force).await.unwrap();
    assert_eq!(names(&house, by_name).await, ["b", "c"]);
    let page = house.call(A, "ListSecrets", json!({ "MaxResults": 1 })).await.unwrap();
    let next = json!({ "NextToken": page["NextToken"], "MaxResults": 1 });
    let last = house.call(A, "ListSecrets", next).await.unwrap();
    assert_eq!((&last["SecretList"][0]["Name"], last.get("NextToken")), (&json!("b"), None));
}

#[tokio::test]
async fn filters_leave_what_matches_all_of_them() {
    let house = House::new().await;
    for (name, description, team) in [
        ("prod/db", "Orders database", "red"),
        ("prod/web", "Web key", "blue"),
        ("test/db", "", "red"),
    ] {
        let input = json!({
            "Name": name, "Description": description, "ClientRequestToken": token(0),
            "Tags": [{ "Key": "team", "Value": team }],
        });
        house.call(A, "CreateSecret", input).await.unwrap();
    }
    for (filters, wanted) in [
        (json!([{ "Key": "name", "Values": ["prod"] }]), vec!["prod/db", "prod/web"]),
        (
            json!([{ "Key": "name", "Values": ["prod"] }, { "Key": "tag-value", "Values": ["red"] }]),
            vec!["prod/db"],
        ),
        (json!([{ "Key": "tag-value", "Values": ["!red"] }]), vec!["prod/web"]),
        (json!([{ "Key": "all", "Values": ["key web"] }]), vec!["prod/web"]),
        (json!([{ "Key": "description", "Values": ["nothing"] }]), vec![]),
    ] {
        let input = json!({ "SortBy": "name", "Filters": filters });
        assert_eq!(names(&house, input).await, wanted, "{filters}");
    }
    let tags = json!({ "SecretId": "test/db", "TagKeys": ["team"] });
    house.call(A, "UntagResource", tags).await.unwrap();
    let tags = json!({ "SecretId": "prod/web", "Tags": [{ "Key": "team", "Value": "red" }] });
    house.call(A, "TagResource", tags).await.unwrap();
    let red = json!({ "SortBy": "name", "Filters": [{ "Key": "tag-value", "Values": ["red"] }] });
    assert_eq!(names(&house, red).await, ["prod/db", "prod/web"]);
}

#[tokio::test]
async fn many_values_come_with_what_is_wrong_with_each() {
    let house = House::new().await;
    for name in ["a", "b"] {
        house.secret(A, name, name).await;
    }
    let input = json!({ "SecretIdList": ["a", "none", "b"] });
    let read = house.call(A, "BatchGetSecretValue", input.clone()).await.unwrap();
    let values = read["SecretValues"].as_array().unwrap();
    let texts: Vec<_> = values.iter().map(|value| value["SecretString"].clone()).collect();
    assert_eq!(texts, ["a", "b"]);
    assert_eq!(read["Errors"][0]["SecretId"], "none");
    assert_eq!(read["Errors"][0]["ErrorCode"], "ResourceNotFoundException");
    let batch = allows("secretsmanager:BatchGetSecretValue");
    house.people.user(A, "lister", "AIDALISTER", &[&batch]);
    let read = house.call("lister", "BatchGetSecretValue", input).await.unwrap();
    assert_eq!(read["SecretValues"], json!([]));
    assert_eq!(read["Errors"][0]["ErrorCode"], "AccessDeniedException");
    let filters = json!({ "Filters": [{ "Key": "name", "Values": ["a", "b"] }], "MaxResults": 1 });
    let refused = house.call("lister", "BatchGetSecretValue", filters.clone()).await;
    assert_eq!(code(&refused), "AccessDeniedException");
    let page = house.call(A, "BatchGetSecretValue", filters).await.unwrap();
    assert_eq!(page["SecretValues"].as_array().unwrap().len(), 1);
    assert!(page["NextToken"].is_string());
}
