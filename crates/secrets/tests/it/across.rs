//! Replicas in other accounts.

use std::sync::{Arc, Mutex};

use bulla_plane::BoxFuture;
use bulla_policy::Principal;
use bulla_secrets::{Replicating, Roles};
use bulla_shapes::Fault;
use serde_json::{Value, json};

use crate::house::{Answer, House, code, message, token};
use crate::people::{A, B, allows};

/// A primary in one account, and what its replica in another is made with.
struct Pair {
    house: House,
    primary: String,
    replica: String,
    /// The replica's KMS key.
    key: String,
}

fn policy(account: &str, action: &str) -> Value {
    let root = format!("arn:aws:iam::{account}:root");
    json!({ "Effect": "Allow", "Principal": { "AWS": root }, "Action": action, "Resource": "*" })
}

/// A key of an account whose policy lets these accounts use it.
async fn key(house: &House, owner: &str, users: &[(&str, &str)]) -> String {
    let mut statements = vec![policy(owner, "kms:*")];
    statements.extend(users.iter().map(|(account, action)| policy(account, action)));
    let text = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    let made = house.kms(owner, "CreateKey", json!({ "Policy": text })).await.unwrap();
    made["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
}

impl Pair {
    async fn new() -> Self {
        Self::in_house(House::new().await).await
    }

    async fn in_house(house: House) -> Self {
        let own = key(&house, A, &[]).await;
        let input = json!({
            "Name": "db", "SecretString": "one", "KmsKeyId": own, "ClientRequestToken": token(0),
        });
        let made = house.call(A, "CreateSecret", input).await.unwrap();
        let primary = made["ARN"].as_str().unwrap().to_owned();
        let key = key(&house, B, &[(A, "kms:Encrypt")]).await;
        let input = json!({
            "Name": "copy", "CrossAccountPrimaryARN": primary, "KmsKeyId": key,
            "ClientRequestToken": token(0), "Tags": [{ "Key": "own", "Value": "tag" }],
        });
        let made = house.call(B, "CreateSecret", input).await.unwrap();
        assert_eq!(made.get("VersionId"), None);
        let replica = made["ARN"].as_str().unwrap().to_owned();
        Self { house, primary, replica, key }
    }

    fn input(&self, more: &Value) -> Value {
        let mut input = json!({
            "SecretId": self.primary, "CrossAccountReplicaARN": self.replica,
            "ReplicaRestriction": "NoRestriction",
        });
        let members = more.as_object().unwrap().clone();
        input.as_object_mut().unwrap().extend(members);
        input
    }

    async fn associate(&self, key: &str, more: &Value) -> Answer {
        self.house.call(key, "AssociateCrossAccountReplica", self.input(more)).await
    }

    async fn disassociate(&self) -> Answer {
        let input = json!({ "SecretId": "db", "CrossAccountReplicaARN": self.replica });
        self.house.call(A, "DisassociateCrossAccountReplica", input).await
    }

    async fn stop(&self, key: &str) -> Answer {
        self.house.call(key, "StopReplicationToReplica", json!({ "SecretId": "copy" })).await
    }

    async fn describe(&self, account: &str, id: &str) -> Value {
        self.house.call(account, "DescribeSecret", json!({ "SecretId": id })).await.unwrap()
    }

    /// How the primary's side and the replica's side say they stand.
    async fn standings(&self) -> (Value, Value) {
        let there = self.describe(B, "copy").await["CrossAccountPrimary"].clone();
        let here = self.describe(A, "db").await["CrossAccountReplicas"][0].clone();
        (here["ReplicationStatus"].clone(), there["ReplicationStatus"].clone())
    }
}

fn refused(answer: &Answer, wanted: &str, text: &str) {
    assert_eq!(code(answer), wanted, "{answer:?}");
    assert!(message(answer).contains(text), "{answer:?}");
}

#[tokio::test]
async fn a_replica_waits_and_then_follows_under_its_own_name_key_and_tags() {
    let pair = Pair::new().await;
    let house = &pair.house;
    let waiting = pair.describe(B, "copy").await;
    let wanted = json!({ "PrimarySecretARN": pair.primary, "ReplicationStatus": "Pending" });
    assert_eq!(waiting["CrossAccountPrimary"], wanted);
    let empty = house.call(B, "GetSecretValue", json!({ "SecretId": "copy" })).await;
    refused(&empty, "ResourceNotFoundException", "staging label: AWSCURRENT");
    let answer = pair.associate(A, &json!({})).await.unwrap();
    let wanted = json!({
        "ARN": pair.primary, "CrossAccountReplicaARN": pair.replica,
        "ReplicationStatus": "InProgress",
    });
    assert_eq!(answer, wanted);
    assert_eq!(house.text(B, "copy").await, "one");
    house.put(A, "db", 1, "two").await.unwrap();
    assert_eq!(house.text(B, "copy").await, "two");
    let (here, there) = (pair.describe(A, "db").await, pair.describe(B, "copy").await);
    let wanted = json!([{
        "ReplicaSecretARN": pair.replica, "ReplicationStatus": "InSync",
        "StatusMessage": "Replication succeeded",
    }]);
    assert_eq!(here["CrossAccountReplicas"], wanted);
    assert_eq!(here["VersionIdsToStages"], there["VersionIdsToStages"]);
    assert_eq!(there["CrossAccountPrimary"]["ReplicationStatus"], "InSync");
    assert_eq!((&there["KmsKeyId"], &there["Tags"][0]["Key"]), (&json!(pair.key), &json!("own")));
    for (operation, more) in [
        ("UpdateSecret", json!({ "Description": "told", "ClientRequestToken": token(7) })),
        ("TagResource", json!({ "Tags": [{ "Key": "its", "Value": "own" }] })),
    ] {
        let mut input = more;
        input["SecretId"] = "db".into();
        house.call(A, operation, input).await.unwrap();
    }
    let there = pair.describe(B, "copy").await;
    assert_eq!(there["Description"], "told");
    assert_eq!(there["Tags"], json!([{ "Key": "own", "Value": "tag" }]));
    let shift = json!({
        "SecretId": "db", "VersionStage": "AWSCURRENT", "MoveToVersionId": token(0),
        "RemoveFromVersionId": token(1),
    });
    house.call(A, "UpdateSecretVersionStage", shift).await.unwrap();
    assert_eq!(house.text(B, "copy").await, "one");
    // Once more it changes nothing.
    let again = pair.associate(A, &json!({})).await.unwrap();
    assert_eq!(again["ReplicationStatus"], "InSync");
}

#[tokio::test]
async fn a_replica_takes_values_from_its_primary_alone_and_keeps_what_is_its_own() {
    let pair = Pair::new().await;
    let house = &pair.house;
    pair.associate(A, &json!({})).await.unwrap();
    for (operation, more) in [
        ("PutSecretValue", json!({ "SecretString": "x", "ClientRequestToken": token(5) })),
        ("UpdateSecret", json!({ "SecretString": "x", "ClientRequestToken": token(5) })),
        ("UpdateSecret", json!({ "Description": "x", "ClientRequestToken": token(5) })),
        ("UpdateSecretVersionStage", json!({ "VersionStage": "L", "MoveToVersionId": token(0) })),
        ("RotateSecret", json!({ "ClientRequestToken": token(5) })),
        ("ReplicateSecretToRegions", json!({ "AddReplicaRegions": [{ "Region": "us-east-1" }] })),
    ] {
        let mut input = more;
        input["SecretId"] = "copy".into();
        let answer = house.call(B, operation, input).await;
        refused(&answer, "InvalidParameterException", "on a cross-account replica secret");
    }
    let own = json!({ "SecretId": "copy", "Tags": [{ "Key": "a", "Value": "b" }] });
    house.call(B, "TagResource", own).await.unwrap();
    let text = json!({ "Version": "2012-10-17", "Statement": [policy(A, "secretsmanager:GetSecretValue")] });
    let put = json!({ "SecretId": "copy", "ResourcePolicy": text.to_string() });
    house.call(B, "PutResourcePolicy", put).await.unwrap();
    let id = json!({ "SecretId": "copy" });
    let listed = house.call(B, "ListResourcePolicies", id.clone()).await.unwrap();
    let names = json!([{ "PolicyName": "default" }, { "PolicyName": "cross-account-replication" }]);
    assert_eq!(listed["ResourcePolicies"], names);
    let named = json!({ "SecretId": "copy", "PolicyName": "cross-account-replication" });
    let shown = house.call(B, "GetResourcePolicy", named.clone()).await.unwrap();
    assert!(shown["ResourcePolicy"].as_str().unwrap().contains("AcceptCrossAccountReplication"));
    let gone = house.call(B, "DeleteResourcePolicy", named).await;
    refused(&gone, "InvalidParameterException", "must be default");
    house.put(A, "db", 1, "two").await.unwrap();
    assert_eq!(house.text(B, "copy").await, "two");
    // Another key of its own: what is in use goes under it, and what comes later.
    let other = key(house, B, &[(A, "kms:Encrypt")]).await;
    let change = json!({ "SecretId": "copy", "KmsKeyId": other, "ClientRequestToken": token(6) });
    house.call(B, "UpdateSecret", change).await.unwrap();
    house.put(A, "db", 2, "three").await.unwrap();
    house.kms(B, "DisableKey", json!({ "KeyId": pair.key })).await.unwrap();
    assert_eq!(house.text(B, "copy").await, "three");
    let change = json!({
        "SecretId": "copy", "KmsKeyId": "alias/aws/secretsmanager", "ClientRequestToken": token(6),
    });
    let answer = house.call(B, "UpdateSecret", change).await;
    refused(&answer, "InvalidParameterException", "customer managed KMS key");
}

#[tokio::test]
async fn either_account_can_end_it_and_must_before_it_deletes() {
    let pair = Pair::new().await;
    let house = &pair.house;
    let id = json!({ "SecretId": "db" });
    let none = pair.disassociate().await;
    refused(&none, "InvalidRequestException", "not associated");
    pair.associate(A, &json!({})).await.unwrap();
    let primary = house.call(A, "DeleteSecret", id.clone()).await;
    refused(&primary, "InvalidParameterException", &pair.replica);
    let delete = json!({ "SecretId": "copy", "ForceDeleteWithoutRecovery": true });
    let replica = house.call(B, "DeleteSecret", delete.clone()).await;
    refused(&replica, "InvalidParameterException", "Stop its replication first");
    let ended = pair.disassociate().await.unwrap();
    let wanted = json!({ "ARN": pair.primary, "CrossAccountReplicaARN": pair.replica });
    assert_eq!(ended, wanted);
    assert_eq!(pair.standings().await, (Value::Null, "Detached".into()));
    house.put(A, "db", 1, "two").await.unwrap();
    assert_eq!(house.text(B, "copy").await, "one");
    // Detached is not alone yet; and its primary may take it up again.
    let put = json!({ "SecretId": "copy", "SecretString": "own", "ClientRequestToken": token(3) });
    refused(&house.call(B, "PutSecretValue", put.clone()).await, "InvalidParameterException", "");
    pair.associate(A, &json!({})).await.unwrap();
    assert_eq!(house.text(B, "copy").await, "two");
    house.people.user(
        B,
        "stopper",
        "AIDASTOPPER",
        &[&allows("secretsmanager:StopReplicationToReplica")],
    );
    let alone = pair.stop("stopper").await;
    refused(&alone, "AccessDeniedException", "secretsmanager:DeleteResourcePolicy");
    assert_eq!(pair.stop(B).await.unwrap(), json!({ "ARN": pair.replica }));
    assert_eq!(pair.standings().await, ("Detached".into(), Value::Null));
    let listed = house.call(B, "ListResourcePolicies", json!({ "SecretId": "copy" })).await;
    assert_eq!(listed.unwrap()["ResourcePolicies"], json!([]));
    house.put(A, "db", 2, "three").await.unwrap();
    house.call(B, "PutSecretValue", put).await.unwrap();
    assert_eq!(
        (house.text(A, "db").await, house.text(B, "copy").await),
        ("three".into(), "own".into())
    );
    refused(&pair.associate(A, &json!({})).await, "AccessDeniedException", "AcceptCross");
    refused(&house.call(A, "DeleteSecret", id.clone()).await, "InvalidParameterException", "");
    pair.disassociate().await.unwrap();
    house.call(A, "DeleteSecret", id).await.unwrap();
    house.call(B, "DeleteSecret", delete).await.unwrap();
    assert_eq!(house.rows("secrets.value").await.len(), 3);
}

#[tokio::test]
async fn what_is_no_replica_is_told() {
    let house = House::new().await;
    let primary = house.secret(A, "db", "one").await;
    let own = key(&house, B, &[]).await;
    let (without_suffix, _) = primary.rsplit_once('-').unwrap();
    let wrong = "InvalidParameterException";
    for (more, text) in [
        (json!({ "SecretString": "x" }), "SecretString in conjunction"),
        (json!({ "SecretBinary": "eA==" }), "SecretBinary in conjunction"),
        (json!({ "Description": "x" }), "Description in conjunction"),
        (json!({ "Type": "x" }), "Type in conjunction"),
        (json!({ "AddReplicaRegions": [{ "Region": "us-east-1" }] }), "AddReplicaRegions in"),
        (json!({ "KmsKeyId": "alias/aws/secretsmanager" }), "customer managed KMS key"),
        (json!({ "CrossAccountPrimaryARN": primary.replace(A, B) }), "in another account"),
        (
            json!({ "CrossAccountPrimaryARN": primary.replace("eu-central-1", "us-east-1") }),
            "Region",
        ),
        (json!({ "CrossAccountPrimaryARN": without_suffix }), "complete ARN"),
    ] {
        let mut input = json!({
            "Name": "copy", "CrossAccountPrimaryARN": primary, "KmsKeyId": own,
            "ClientRequestToken": token(0),
        });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        refused(&house.call(B, "CreateSecret", input).await, wrong, text);
    }
    house.people.user(
        B,
        "maker",
        "AIDAMAKER",
        &[&allows("secretsmanager:CreateSecret"), &allows("kms:*")],
    );
    let input = json!({
        "Name": "copy", "CrossAccountPrimaryARN": primary, "KmsKeyId": own,
        "ClientRequestToken": token(0),
    });
    let lacking = house.call("maker", "CreateSecret", input).await;
    refused(
        &lacking,
        "AccessDeniedException",
        "secretsmanager:PutResourcePolicy on resource: copy",
    );
}

#[tokio::test]
async fn an_association_needs_the_right_pair() {
    let pair = Pair::new().await;
    let house = &pair.house;
    let (request, parameter) = ("InvalidRequestException", "InvalidParameterException");
    for (more, wanted, text) in [
        (json!({ "SecretId": "none" }), "ResourceNotFoundException", "specified secret"),
        (json!({ "CrossAccountReplicaARN": pair.primary }), parameter, "in another account"),
        (
            json!({ "CrossAccountReplicaARN": pair.replica.replace(B, "999999999999") }),
            "AccessDeniedException",
            "AcceptCrossAccountReplication",
        ),
        (json!({ "ReplicaRestriction": "SameOrg" }), request, "organization"),
    ] {
        refused(&pair.associate(A, &more).await, wanted, text);
    }
    let mut usual = pair.input(&json!({}));
    usual.as_object_mut().unwrap().remove("ReplicaRestriction");
    let answer = house.call(A, "AssociateCrossAccountReplica", usual).await;
    refused(&answer, request, "organization");
    let second = json!({
        "Name": "second", "CrossAccountPrimaryARN": pair.primary, "KmsKeyId": pair.key,
        "ClientRequestToken": token(0),
    });
    let second = house.call(B, "CreateSecret", second).await.unwrap();
    pair.associate(A, &json!({})).await.unwrap();
    let more = json!({ "CrossAccountReplicaARN": second["ARN"] });
    refused(&pair.associate(A, &more).await, "LimitExceededException", "at most one");
    let other = house.secret(A, "other", "x").await;
    let more = json!({ "SecretId": other });
    refused(&pair.associate(A, &more).await, request, "was not created as");
    // Whoever may do all to the primary from another account may not do this.
    let all = json!({ "Version": "2012-10-17", "Statement": [policy(B, "secretsmanager:*")] });
    let put = json!({ "SecretId": "other", "ResourcePolicy": all.to_string() });
    house.call(A, "PutResourcePolicy", put).await.unwrap();
    let more = json!({ "SecretId": other });
    refused(&pair.associate(B, &more).await, request, "account that owns the primary");
}

#[tokio::test]
async fn permissions_are_asked_on_both_sides() {
    let pair = Pair::new().await;
    let house = &pair.house;
    let names = ["AssociateCrossAccountReplica", "GetSecretValue", "AcceptCrossAccountReplication"];
    let keys = ["kms:Decrypt", "kms:Encrypt"];
    let all: Vec<_> = names.iter().map(|name| allows(&format!("secretsmanager:{name}"))).collect();
    let all: Vec<_> = all.into_iter().chain(keys.map(allows)).collect();
    for without in 0..all.len() {
        let kept = all.iter().enumerate().filter(|(at, _)| *at != without);
        let kept: Vec<_> = kept.map(|(_, policy)| policy.as_str()).collect();
        house.people.user(A, "linker", "AIDALINKER", &kept);
        let answer = pair.associate("linker", &json!({})).await;
        let text = match names.get(without) {
            Some(name) => format!("secretsmanager:{name} on "),
            None => "Access to KMS is not allowed".to_owned(),
        };
        refused(&answer, "AccessDeniedException", &text);
    }
    assert_eq!(pair.standings().await, (Value::Null, "Pending".into()));
    // The replica's account can take its leave back.
    let deny = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Principal": "*", "Resource": "*",
        "Action": "secretsmanager:AcceptCrossAccountReplication",
    }] });
    let put = json!({ "SecretId": "copy", "ResourcePolicy": deny.to_string() });
    house.call(B, "PutResourcePolicy", put).await.unwrap();
    refused(&pair.associate(A, &json!({})).await, "AccessDeniedException", "");
    house.call(B, "DeleteResourcePolicy", json!({ "SecretId": "copy" })).await.unwrap();
    let all: Vec<_> = all.iter().map(String::as_str).collect();
    house.people.user(A, "linker", "AIDALINKER", &all);
    pair.associate("linker", &json!({})).await.unwrap();
    assert_eq!(house.text(B, "copy").await, "one");
}

#[tokio::test]
async fn a_key_that_fails_is_told_on_both_sides_until_it_is_repaired() {
    let pair = Pair::new().await;
    let house = &pair.house;
    pair.associate(A, &json!({})).await.unwrap();
    house.events().await;
    house.kms(B, "DisableKey", json!({ "KeyId": pair.key })).await.unwrap();
    house.put(A, "db", 1, "two").await.unwrap();
    assert_eq!(pair.standings().await, ("Failed".into(), "Failed".into()));
    let there = pair.describe(B, "copy").await;
    let why = there["CrossAccountPrimary"]["StatusMessage"].as_str().unwrap();
    assert!(why.starts_with("Replication failed: ") && why.contains("is disabled"), "{why}");
    let events = house.events().await;
    let named = |event: &Value| (event["account"].clone(), event["detail"]["eventName"].clone());
    let names: Vec<_> = events.iter().map(named).collect();
    for account in [A, B] {
        let wanted = (json!(account), json!("ReplicationFailed"));
        assert_eq!(names.iter().filter(|name| **name == wanted).count(), 1, "{names:?}");
    }
    // Nothing is modified by an association that fails.
    let answer = pair.associate(A, &json!({})).await;
    refused(&answer, "InvalidRequestException", "is disabled");
    house.kms(B, "EnableKey", json!({ "KeyId": pair.key })).await.unwrap();
    house.put(A, "db", 2, "three").await.unwrap();
    assert_eq!(house.text(B, "copy").await, "one");
    pair.associate(A, &json!({})).await.unwrap();
    assert_eq!(pair.standings().await, ("InSync".into(), "InSync".into()));
    assert_eq!(house.text(B, "copy").await, "three");
}

#[tokio::test]
async fn what_happened_is_in_the_record_of_both_accounts() {
    let pair = Pair::new().await;
    pair.house.events().await;
    pair.associate(A, &json!({})).await.unwrap();
    let events = pair.house.events().await;
    let told = |event: &Value| {
        let detail = &event["detail"];
        (event["account"].clone(), detail["eventName"].clone())
    };
    let told: Vec<_> = events.iter().map(told).collect();
    for account in [A, B] {
        for name in ["ReplicationStarted", "ReplicationSucceeded"] {
            let wanted = (json!(account), json!(name));
            assert_eq!(told.iter().filter(|one| **one == wanted).count(), 1, "{wanted:?}");
        }
    }
}

/// Roles that trust Secrets Manager as long as they are in this list.
#[derive(Default)]
struct Trusting(Mutex<Vec<String>>);

impl Roles for Trusting {
    fn assume<'a>(&'a self, asked: Replicating<'a>) -> BoxFuture<'a, Result<bool, Fault>> {
        assert_eq!(asked.account, A);
        assert!(asked.secret.contains(":secret:db-"), "{}", asked.secret);
        let found = self.0.lock().unwrap().iter().any(|role| role == asked.role);
        Box::pin(std::future::ready(Ok(found)))
    }
}

/// What a role may do where a service acts as it.
fn acts(house: &House, role: &str, policies: &[&str]) {
    let id = "AROACOPIER:service".to_owned();
    let principal = Principal::assumed_role(A.to_owned(), role, role.to_owned(), id);
    house.people.signs(role, principal, policies);
}

#[tokio::test]
async fn a_role_replicates_in_place_of_whoever_changes_the_primary() {
    let trusting = Arc::new(Trusting::default());
    let pair = Pair::in_house(House::with_roles(Arc::clone(&trusting) as _).await).await;
    let house = &pair.house;
    let arn = house.people.role(A, "copier", "AROACOPIER");
    acts(house, &arn, &[&allows("kms:Decrypt"), &allows("kms:Encrypt")]);
    let with = json!({ "ReplicationRoleARN": arn });
    let there = json!({ "ReplicationRoleARN": arn.replace(A, B) });
    refused(&pair.associate(A, &there).await, "AccessDeniedException", "Cross-account pass role");
    house.people.user(A, "linker", "AIDALINKER", &[&allows("secretsmanager:*"), &allows("kms:*")]);
    refused(&pair.associate("linker", &with).await, "AccessDeniedException", "iam:PassRole");
    refused(&pair.associate(A, &with).await, "InvalidRequestException", "can't assume");
    trusting.0.lock().unwrap().push(arn.clone());
    pair.associate(A, &with).await.unwrap();
    let entry = pair.describe(A, "db").await["CrossAccountReplicas"][0].clone();
    assert_eq!(entry["ReplicationRoleARN"], json!(arn));
    // Who writes needs no leave for the replica's key: the role has it.
    let write = [allows("secretsmanager:PutSecretValue"), allows("kms:GenerateDataKey")];
    house.people.user(A, "writer", "AIDAWRITER", &[&write[0], &write[1]]);
    house.put("writer", "db", 1, "two").await.unwrap();
    assert_eq!(house.text(B, "copy").await, "two");
    acts(house, &arn, &[&allows("kms:Encrypt")]);
    house.put("writer", "db", 2, "three").await.unwrap();
    assert_eq!(pair.standings().await, ("Failed".into(), "Failed".into()));
    acts(house, &arn, &[&allows("kms:Decrypt"), &allows("kms:Encrypt")]);
    pair.associate(A, &with).await.unwrap();
    assert_eq!(house.text(B, "copy").await, "three");
    trusting.0.lock().unwrap().clear();
    house.put("writer", "db", 3, "four").await.unwrap();
    let why = pair.describe(B, "copy").await["CrossAccountPrimary"]["StatusMessage"].clone();
    assert_eq!(why, "Replication failed: Secrets Manager can't assume the replication role.");
}
