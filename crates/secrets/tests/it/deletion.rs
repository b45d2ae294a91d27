//! Recovery windows, restoring, and what is left of a deleted secret.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::house::{House, code, message, token};
use crate::people::A;

fn names(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["detail"]["eventName"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_deleted_secret_comes_back_within_its_window_and_goes_after_it() {
    let house = House::new().await;
    let arn = house.secret(A, "db", "one").await;
    let id = json!({ "SecretId": "db" });
    let delete = json!({ "SecretId": "db", "RecoveryWindowInDays": 7 });
    let deleted = house.call(A, "DeleteSecret", delete.clone()).await.unwrap();
    let described = house.call(A, "DescribeSecret", id.clone()).await.unwrap();
    assert_eq!(described["DeletedDate"], deleted["DeletionDate"]);
    for operation in ["GetSecretValue", "DeleteSecret"] {
        let answer = house.call(A, operation, id.clone()).await;
        let text = "You can't perform this operation on the secret because it was marked for \
                    deletion.";
        assert_eq!((code(&answer), message(&answer)), ("InvalidRequestException", text));
    }
    let create = json!({ "Name": "db", "SecretString": "x", "ClientRequestToken": token(1) });
    let answer = house.call(A, "CreateSecret", create).await;
    assert!(message(&answer).ends_with("already scheduled for deletion."), "{answer:?}");
    let listed = house.call(A, "ListSecrets", json!({})).await.unwrap();
    assert_eq!(listed["SecretList"], json!([]));
    let all = json!({ "IncludePlannedDeletion": true });
    let listed = house.call(A, "ListSecrets", all).await.unwrap();
    assert_eq!(listed["SecretList"][0]["ARN"], arn.as_str());
    house.call(A, "RestoreSecret", id.clone()).await.unwrap();
    house.call(A, "RestoreSecret", id.clone()).await.unwrap();
    assert_eq!(house.text(A, "db").await, "one");
    house.pass_days(8).await;
    assert_eq!(house.text(A, "db").await, "one");
    house.call(A, "DeleteSecret", delete).await.unwrap();
    house.pass_days(6).await;
    assert_eq!(code(&house.call(A, "DescribeSecret", id.clone()).await), "");
    house.pass_days(1).await;
    assert_eq!(code(&house.call(A, "DescribeSecret", id).await), "ResourceNotFoundException");
    let events = house.events().await;
    let wanted = [
        "StartSecretVersionDelete",
        "CancelSecretVersionDelete",
        "StartSecretVersionDelete",
        "EndSecretVersionDelete",
    ];
    assert_eq!(names(&events), wanted);
    let event = &events[3];
    assert_eq!(event["source"], "aws.secretsmanager");
    assert_eq!(event["detail-type"], "AWS Service Event via CloudTrail");
    assert_eq!(event["detail"]["additionalEventData"], json!({ "ARN": arn, "Name": "db" }));
    // The record has each once, under the same id, and nothing is left on its way there.
    let text = |event: &Value, name: &str| event["detail"][name].as_str().unwrap().to_owned();
    let told = |event: &Value| (text(event, "eventID"), text(event, "requestID"));
    let told: BTreeSet<_> = events.iter().map(told).collect();
    let recorded = house.service_events();
    assert_eq!(recorded.len(), events.len());
    assert_eq!(recorded.into_iter().collect::<BTreeSet<_>>(), told);
    assert_eq!(house.rows("plane.told").await, []);
    for space in ["secrets.secret", "secrets.value", "secrets.access"] {
        assert_eq!(house.rows(space).await, [], "{space}");
    }
    let due = house.rows("plane.due").await;
    assert!(due.iter().all(|(key, _)| !key.contains("/secretsmanager/")), "{due:?}");
}

#[tokio::test]
async fn without_recovery_the_name_is_free_at_once() {
    let house = House::new().await;
    let force = json!({ "SecretId": "db", "ForceDeleteWithoutRecovery": true });
    house.call(A, "DeleteSecret", force.clone()).await.unwrap();
    let missing = house.call(A, "DeleteSecret", json!({ "SecretId": "db" })).await;
    assert_eq!(code(&missing), "ResourceNotFoundException");
    let first = house.secret(A, "db", "one").await;
    house.call(A, "DeleteSecret", json!({ "SecretId": "db" })).await.unwrap();
    house.call(A, "DeleteSecret", force).await.unwrap();
    assert_eq!(house.rows("secrets.value").await, []);
    // The same token, too: nothing is left of the version that had it.
    let second = house.secret(A, "db", "two").await;
    assert_ne!(first, second);
    let old = house.call(A, "GetSecretValue", json!({ "SecretId": first })).await;
    assert_eq!(code(&old), "ResourceNotFoundException");
    // The job of the first deletion must not take the new secret along.
    house.pass_days(31).await;
    assert_eq!(house.text(A, "db").await, "two");
}

#[tokio::test]
async fn a_window_has_bounds() {
    let house = House::new().await;
    house.secret(A, "db", "one").await;
    for days in [6, 31] {
        let input = json!({ "SecretId": "db", "RecoveryWindowInDays": days });
        let answer = house.call(A, "DeleteSecret", input).await;
        assert_eq!(
            message(&answer),
            "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive)."
        );
    }
    let both = json!({
        "SecretId": "db", "RecoveryWindowInDays": 7, "ForceDeleteWithoutRecovery": true,
    });
    let answer = house.call(A, "DeleteSecret", both).await;
    assert_eq!(
        message(&answer),
        "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays."
    );
    assert_eq!(house.text(A, "db").await, "one");
}
