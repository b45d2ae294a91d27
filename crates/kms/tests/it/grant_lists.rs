//! ListGrants and ListRetirableGrants.

use serde_json::{Value, json};

use crate::house::{House, code, message, text};
use crate::people::{A, B, allows};

fn ids(answer: &Value) -> Vec<String> {
    let grants = answer["Grants"].as_array().unwrap();
    grants.iter().map(|grant| grant["GrantId"].as_str().unwrap().to_owned()).collect()
}

/// All pages of a listing.
async fn pages(house: &House, operation: &str, mut input: Value) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    loop {
        let answer = house.call(A, operation, input.clone()).await.unwrap();
        pages.push(ids(&answer));
        assert_eq!(answer["Truncated"], answer["NextMarker"].is_string());
        if answer["NextMarker"].is_null() {
            return pages;
        }
        input["Marker"] = answer["NextMarker"].clone();
    }
}

#[tokio::test]
async fn lists_are_filtered_and_paged() {
    let house = House::new().await;
    let key = house.key(A, None).await;
    let ana = house.people.user(A, "ana", "AIDAEXAMPLEANA000001", &[]);
    let bob = house.people.user(A, "bob", "AIDAEXAMPLEBOB000001", &[]);
    let mut made = Vec::new();
    for (grantee, count) in [(&ana, 5), (&bob, 2)] {
        for _ in 0..count {
            let input = json!({
                "KeyId": key, "GranteePrincipal": grantee, "Operations": ["Decrypt"],
                "RetiringPrincipal": A,
            });
            made.push(text(&house.call(A, "CreateGrant", input).await, "GrantId"));
        }
    }
    let sorted = |mut ids: Vec<String>| {
        ids.sort();
        ids
    };
    for (operation, input) in [
        ("ListGrants", json!({ "KeyId": key, "Limit": 3 })),
        ("ListRetirableGrants", json!({ "RetiringPrincipal": A, "Limit": 3 })),
    ] {
        let pages = pages(&house, operation, input).await;
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 1], "{operation}");
        assert_eq!(sorted(pages.concat()), sorted(made.clone()), "{operation}");
    }
    let of_ana = json!({ "KeyId": key, "GranteePrincipal": ana, "Limit": 4 });
    let of_ana = pages(&house, "ListGrants", of_ana).await;
    assert_eq!(sorted(of_ana.concat()), sorted(made[..5].to_vec()));
    for (grantee, found) in [(&ana, 1), (&bob, 0)] {
        let one = json!({ "KeyId": key, "GrantId": made[0], "GranteePrincipal": grantee });
        assert_eq!(pages(&house, "ListGrants", one).await.concat().len(), found);
    }
    let none = json!({ "KeyId": key, "GrantId": "0".repeat(64) });
    assert!(pages(&house, "ListGrants", none).await.concat().is_empty());
}

#[tokio::test]
async fn wrong_questions_are_refused() {
    let house = House::new().await;
    let key = house.key(A, None).await;
    let gone = format!("arn:aws:iam::{A}:user/gone");
    for (operation, input, code_of, text) in [
        ("ListGrants", json!({ "KeyId": key, "Marker": "x" }), "InvalidMarkerException", ""),
        ("ListGrants", json!({ "KeyId": key, "GrantId": "x" }), "InvalidGrantIdException", ""),
        (
            "ListGrants",
            json!({ "KeyId": key, "GranteePrincipal": "AIDAGONE" }),
            "InvalidArnException",
            "Input does not refer to a valid principal",
        ),
        (
            "ListGrants",
            json!({ "KeyId": key, "GranteePrincipal": gone }),
            "InvalidArnException",
            &format!("ARN does not refer to a valid principal: {gone}"),
        ),
        ("ListRetirableGrants", json!({}), "ValidationException", ""),
        (
            "ListRetirableGrants",
            json!({ "RetiringPrincipal": "AROAGONE:future" }),
            "NotFoundException",
            "Retiring principal AROAGONE:future could not be found",
        ),
        (
            "ListRetirableGrants",
            json!({ "RetiringPrincipal": gone }),
            "InvalidArnException",
            &format!("ARN does not refer to a valid principal: {gone}"),
        ),
    ] {
        let answer = house.call(A, operation, input).await;
        assert_eq!(code(&answer), code_of, "{operation} {answer:?}");
        if !text.is_empty() {
            assert_eq!(message(&answer), text);
        }
    }
}

#[tokio::test]
async fn retirable_grants_are_found_across_accounts_and_only_ones_own() {
    let house = House::new().await;
    let ours = house.key(A, None).await;
    let theirs = house.key(B, None).await;
    let ana = house.people.user(A, "ana", "AIDAEXAMPLEANA000001", &[&allows("kms:List*")]);
    let grant = |key: &str, retiring: &str| {
        json!({
            "KeyId": key, "GranteePrincipal": A, "Operations": ["Decrypt"],
            "RetiringPrincipal": retiring,
        })
    };
    let one = text(&house.call(A, "CreateGrant", grant(&ours, &ana)).await, "GrantId");
    let two = text(&house.call(B, "CreateGrant", grant(&theirs, &ana)).await, "GrantId");
    house.call(B, "CreateGrant", grant(&theirs, B)).await.unwrap();
    let input = json!({ "RetiringPrincipal": ana });
    let answer = house.call("ana", "ListRetirableGrants", input.clone()).await.unwrap();
    let mut found = ids(&answer);
    found.sort();
    let mut both = vec![one, two];
    both.sort();
    assert_eq!(found, both);
    let answer = house.call(B, "ListRetirableGrants", input).await;
    assert_eq!(code(&answer), "InvalidArnException");
}
