//! Rotations, carried out by a rotator of the test.

use std::sync::{Arc, Mutex};

use bulla_ground::Signer;
use bulla_plane::{BoxFuture, Call, Plane};
use bulla_secrets::{Failure, Rotators, Step, StepOf};
use bulla_shapes::{Fault, secretsmanager};
use serde_json::{Value, json};

use crate::house::{DAY_MS, House, REGION, code, message, token};
use crate::people::A;

const ROTATOR: &str = "arn:aws:lambda:eu-central-1:111122223333:function:rotator";
const STRANGER: &str = "arn:aws:lambda:eu-central-1:111122223333:function:stranger";

/// Notes the steps that it is asked for, and fails as often as it is told to. It makes no value,
/// and ends a rotation by taking the label AWSPENDING away.
#[derive(Default)]
struct Rotator {
    plane: Mutex<Option<Arc<Plane>>>,
    steps: Mutex<Vec<(Step, String)>>,
    failures: Mutex<u32>,
    /// A part of the ARNs of secrets whose rotation hangs, and the step in which it does.
    hangs: Mutex<Option<(&'static str, Step)>>,
}

impl Rotators for Rotator {
    fn may_invoke<'a>(
        &'a self,
        _: &'a mut Call,
        arn: &'a str,
        _: &'a str,
    ) -> BoxFuture<'a, Result<bool, Fault>> {
        Box::pin(std::future::ready(Ok(arn == ROTATOR)))
    }

    fn carry_out<'a>(&'a self, _: &'a str, of: StepOf<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        self.steps.lock().unwrap().push((of.step, of.token.to_owned()));
        let mut failures = self.failures.lock().unwrap();
        let fails = of.step == Step::Test && *failures > 0;
        *failures -= u32::from(fails);
        let outcome = if fails { Err(Failure("the test says no".into())) } else { Ok(()) };
        let hangs = self
            .hangs
            .lock()
            .unwrap()
            .is_some_and(|(name, step)| of.secret.contains(name) && of.step == step);
        let plane = self.plane.lock().unwrap().clone();
        Box::pin(async move {
            if hangs {
                std::future::pending::<()>().await;
            }
            if let Some(plane) = plane.filter(|_| of.step == Step::Finish) {
                let taken = json!({
                    "SecretId": of.secret, "VersionStage": "AWSPENDING",
                    "RemoveFromVersionId": of.token,
                });
                let (service, operation) = (&secretsmanager::SERVICE, "UpdateSecretVersionStage");
                let body = taken.to_string().into_bytes();
                let request = Signer::of(A).request(service, operation, REGION, body).unwrap();
                plane.call(&request).await;
            }
            outcome
        })
    }
}

impl Rotator {
    /// Has it call a house from now on.
    fn join(&self, house: &House) {
        *self.plane.lock().unwrap() = Some(Arc::clone(&house.plane));
    }
}

async fn house() -> (House, Arc<Rotator>) {
    let rotator = Arc::new(Rotator::default());
    let house = House::with_rotators(Arc::clone(&rotator) as _).await;
    rotator.join(&house);
    house.secret(A, "db", "one").await;
    (house, rotator)
}

fn rotate(number: u32, rules: Value) -> Value {
    json!({
        "SecretId": "db", "RotationLambdaARN": ROTATOR, "ClientRequestToken": token(number),
        "RotationRules": rules,
    })
}

fn names(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["detail"]["eventName"].as_str().unwrap()).collect()
}

fn taken(rotator: &Rotator) -> Vec<(Step, String)> {
    std::mem::take(&mut *rotator.steps.lock().unwrap())
}

async fn described(house: &House) -> Value {
    house.call(A, "DescribeSecret", json!({ "SecretId": "db" })).await.unwrap()
}

#[tokio::test]
async fn a_rotation_takes_its_four_steps_and_comes_again() {
    let (house, rotator) = house().await;
    assert_eq!(described(&house).await.get("RotationEnabled"), None);
    let days = json!({ "AutomaticallyAfterDays": 10 });
    let answer = house.call(A, "RotateSecret", rotate(1, days.clone())).await.unwrap();
    assert_eq!(answer["VersionId"], token(1));
    let pending = json!({ "SecretId": "db", "VersionStage": "AWSPENDING" });
    let pending = house.call(A, "GetSecretValue", pending).await;
    assert!(message(&pending).ends_with("for staging label: AWSPENDING"), "{pending:?}");
    assert_eq!(names(&house.events().await), ["RotationStarted", "RotationSucceeded"]);
    assert_eq!(taken(&rotator), Step::ALL.map(|step| (step, token(1))));
    assert_eq!(house.text(A, "db").await, "one");
    let shown = described(&house).await;
    assert_eq!(
        (&shown["RotationEnabled"], &shown["RotationLambdaARN"]),
        (&json!(true), &json!(ROTATOR))
    );
    assert_eq!(shown["RotationRules"], days);
    let now_ms = house.plane.clock.now_ms();
    let day_ms = i64::try_from(DAY_MS).unwrap();
    // On or before the end of the tenth day from today on.
    let next_ms = (now_ms / day_ms + 11) * day_ms;
    assert_eq!(shown["NextRotationDate"].as_f64().unwrap() * 1000.0, next_ms as f64);
    assert!(shown["LastRotatedDate"].is_number());
    house.pass_days(9).await;
    assert_eq!(taken(&rotator), []);
    house.pass_days(1).await;
    let events = house.events().await;
    assert_eq!(names(&events), ["RotationStarted", "RotationSucceeded"]);
    let steps = taken(&rotator);
    assert_eq!(steps.len(), 4);
    let detail = &events[1]["detail"];
    let arn = detail["additionalEventData"]["SecretId"].as_str().unwrap();
    assert_eq!(detail["requestID"], format!("Rotation-{arn}-{}", steps[0].1));
    house.pass_days(10).await;
    house.events().await;
    assert_eq!(taken(&rotator).len(), 4);
}

#[tokio::test]
async fn a_rotation_that_fails_is_tried_again_and_then_given_up() {
    let (house, rotator) = house().await;
    *rotator.failures.lock().unwrap() = 2;
    let rules = json!({ "ScheduleExpression": "rate(30 days)" });
    house.call(A, "RotateSecret", rotate(1, rules.clone())).await.unwrap();
    let events = house.events().await;
    assert_eq!(names(&events), ["RotationStarted", "RotationFailed"]);
    let why = format!("{ROTATOR} failed in the step testSecret: the test says no");
    assert_eq!(events[1]["detail"]["errorMessage"], why);
    let other = house.call(A, "RotateSecret", rotate(2, rules.clone())).await;
    assert_eq!(
        (code(&other), message(&other)),
        (
            "InvalidRequestException",
            "A previous rotation isn't complete. That rotation will be reattempted."
        )
    );
    house.pass_days(1).await;
    house.pass_days(1).await;
    assert_eq!(names(&house.events().await), ["RotationFailed", "RotationSucceeded"]);
    assert!(taken(&rotator).iter().all(|(_, of)| *of == token(1)));
    *rotator.failures.lock().unwrap() = u32::MAX;
    house.call(A, "RotateSecret", rotate(1, rules)).await.unwrap();
    for _ in 0..6 {
        house.pass_days(1).await;
    }
    let events = house.events().await;
    assert_eq!(names(&events).last(), Some(&"RotationAbandoned"));
    assert_eq!(names(&events).iter().filter(|name| **name == "RotationFailed").count(), 4);
    assert_eq!(house.text(A, "db").await, "one");
}

#[tokio::test]
async fn a_rotation_is_configured_only_as_it_can_be_carried_out() {
    let (house, rotator) = house().await;
    let call = async |input| house.call(A, "RotateSecret", input).await;
    let bare = json!({ "SecretId": "db", "ClientRequestToken": token(1) });
    let answer = call(bare.clone()).await;
    assert_eq!(message(&answer), "No Lambda rotation function ARN is associated with this secret.");
    let mut stranger = rotate(1, json!({ "AutomaticallyAfterDays": 1 }));
    stranger["RotationLambdaARN"] = STRANGER.into();
    let answer = call(stranger).await;
    assert_eq!(code(&answer), "AccessDeniedException");
    assert!(message(&answer).starts_with("Secrets Manager cannot invoke"), "{answer:?}");
    for rules in [
        json!({ "ScheduleExpression": "rate(1 hour)" }),
        json!({ "ScheduleExpression": "rate(1 day)", "AutomaticallyAfterDays": 1 }),
        json!({ "ScheduleExpression": "rate(4 hours)", "Duration": "5h" }),
    ] {
        let answer = call(rotate(1, rules.clone())).await;
        assert_eq!(code(&answer), "InvalidParameterException", "{rules}");
    }
    assert_eq!(described(&house).await.get("RotationEnabled"), None);
    let mut later = rotate(1, json!({ "AutomaticallyAfterDays": 1 }));
    later["RotateImmediately"] = false.into();
    call(later).await.unwrap();
    let tried = ["TestRotationStarted", "TestRotationSucceeded"];
    assert_eq!(names(&house.events().await), tried);
    assert_eq!(taken(&rotator), [(Step::Test, token(1))]);
    assert!(described(&house).await["NextRotationDate"].is_number());
    let id = json!({ "SecretId": "db" });
    house.call(A, "CancelRotateSecret", id.clone()).await.unwrap();
    let shown = described(&house).await;
    assert_eq!((&shown["RotationEnabled"], shown.get("NextRotationDate")), (&json!(false), None));
    assert_eq!(shown.get("LastRotatedDate"), None);
    house.pass_days(3).await;
    assert_eq!(taken(&rotator), []);
    // What was said once need not be said again.
    call(bare).await.unwrap();
    house.events().await;
    assert_eq!(taken(&rotator).len(), 4);
    house.secret(A, "other", "x").await;
    house.call(A, "CancelRotateSecret", json!({ "SecretId": "other" })).await.unwrap();
}

#[tokio::test]
async fn a_secret_that_goes_takes_its_rotation_along() {
    let (house, rotator) = house().await;
    let mut later = rotate(1, json!({ "AutomaticallyAfterDays": 1 }));
    later["RotateImmediately"] = false.into();
    house.call(A, "RotateSecret", later).await.unwrap();
    house.carry_out().await;
    taken(&rotator);
    let force = json!({ "SecretId": "db", "ForceDeleteWithoutRecovery": true });
    house.call(A, "DeleteSecret", force).await.unwrap();
    let due = house.rows("plane.due").await;
    assert!(due.iter().all(|(key, _)| !key.contains("/rotate/111122223333/eu-central-1/db")));
    house.pass_days(3).await;
    assert_eq!(taken(&rotator), []);
}

#[tokio::test]
async fn a_trial_sees_the_current_value_as_pending_and_changes_nothing() {
    let (house, rotator) = house().await;
    *rotator.hangs.lock().unwrap() = Some((":secret:db-", Step::Test));
    let before = described(&house).await;
    let mut later = rotate(1, json!({ "AutomaticallyAfterDays": 3 }));
    later["RotateImmediately"] = false.into();
    house.call(A, "RotateSecret", later.clone()).await.unwrap();
    house.plane.run_due().await.unwrap();
    let pending = json!({ "SecretId": "db", "VersionStage": "AWSPENDING" });
    let read = house.call(A, "GetSecretValue", pending.clone()).await.unwrap();
    assert_eq!((&read["SecretString"], &read["VersionId"]), (&json!("one"), &json!(token(1))));
    let current = json!({ "SecretId": "db", "VersionStage": "AWSCURRENT",
        "MoveToVersionId": token(1), "RemoveFromVersionId": token(0) });
    let moved = house.call(A, "UpdateSecretVersionStage", current).await;
    assert_eq!(code(&moved), "ResourceNotFoundException");
    house.call(A, "CancelRotateSecret", json!({ "SecretId": "db" })).await.unwrap();
    assert_eq!(code(&house.call(A, "GetSecretValue", pending.clone()).await), NONE);
    let (house, rotator) = self::house().await;
    *rotator.failures.lock().unwrap() = 1;
    house.call(A, "RotateSecret", later).await.unwrap();
    let events = house.events().await;
    assert_eq!(names(&events), ["TestRotationStarted", "TestRotationFailed"]);
    assert_eq!(code(&house.call(A, "GetSecretValue", pending).await), NONE);
    let shown = described(&house).await;
    assert_eq!(shown["VersionIdsToStages"], before["VersionIdsToStages"]);
    assert_eq!(shown["RotationEnabled"], true);
    taken(&rotator);
    house.pass_days(3).await;
    assert_eq!(taken(&rotator).len(), 4);
}

const NONE: &str = "ResourceNotFoundException";

#[tokio::test]
async fn a_rotation_that_hangs_holds_up_no_other() {
    let (house, rotator) = house().await;
    *rotator.hangs.lock().unwrap() = Some((":secret:db-", Step::Create));
    let rules = json!({ "AutomaticallyAfterDays": 1 });
    house.call(A, "RotateSecret", rotate(1, rules.clone())).await.unwrap();
    house.secret(A, "other", "x").await;
    let mut other = rotate(2, rules);
    other["SecretId"] = "other".into();
    house.call(A, "RotateSecret", other).await.unwrap();
    while described_as(&house, "other").await.get("LastRotatedDate").is_none() {
        house.plane.run_due().await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(described(&house).await.get("LastRotatedDate"), None);
    let hung = taken(&rotator).into_iter().filter(|(_, of)| *of == token(1));
    assert_eq!(hung.map(|(step, _)| step).collect::<Vec<_>>(), [Step::Create]);
}

async fn described_as(house: &House, name: &str) -> Value {
    house.call(A, "DescribeSecret", json!({ "SecretId": name })).await.unwrap()
}

#[tokio::test]
async fn a_value_given_by_hand_counts_as_a_rotation() {
    let (house, rotator) = house().await;
    let rules = json!({ "AutomaticallyAfterDays": 10 });
    house.call(A, "RotateSecret", rotate(1, rules)).await.unwrap();
    house.events().await;
    taken(&rotator);
    // The rotator of this test moves no label, so the version that waits is made current by hand.
    house.put(A, "db", 1, "two").await.unwrap();
    let promoted = json!({ "SecretId": "db", "VersionStage": "AWSCURRENT",
        "MoveToVersionId": token(1), "RemoveFromVersionId": token(0) });
    house.call(A, "UpdateSecretVersionStage", promoted).await.ok();
    house.pass_days(6).await;
    let before = described(&house).await["NextRotationDate"].as_f64().unwrap();
    house.put(A, "db", 2, "three").await.unwrap();
    let after = described(&house).await["NextRotationDate"].as_f64().unwrap();
    assert_eq!(after - before, 6.0 * 86_400.0);
    house.pass_days(4).await;
    assert_eq!(taken(&rotator), []);
    house.pass_days(6).await;
    assert_eq!(taken(&rotator).len(), 4);
}

#[tokio::test]
async fn what_was_finished_before_a_crash_is_not_done_again() {
    let (house, rotator) = house().await;
    *rotator.failures.lock().unwrap() = 1;
    let rules = json!({ "AutomaticallyAfterDays": 10 });
    house.call(A, "RotateSecret", rotate(1, rules)).await.unwrap();
    house.events().await;
    taken(&rotator);
    // As the last step leaves it, with the note of it lost.
    house.put(A, "db", 1, "two").await.unwrap();
    house.pass_days(1).await;
    assert_eq!(taken(&rotator), []);
    assert_eq!(names(&house.events().await), ["RotationSucceeded"]);
    assert_eq!(house.text(A, "db").await, "two");
}

#[tokio::test]
async fn a_secret_that_comes_back_is_rotated_again() {
    let (house, rotator) = house().await;
    let rules = json!({ "AutomaticallyAfterDays": 2 });
    house.call(A, "RotateSecret", rotate(1, rules)).await.unwrap();
    house.events().await;
    taken(&rotator);
    house.call(A, "DeleteSecret", json!({ "SecretId": "db" })).await.unwrap();
    house.pass_days(5).await;
    assert_eq!(taken(&rotator), []);
    house.call(A, "RestoreSecret", json!({ "SecretId": "db" })).await.unwrap();
    house.pass_days(2).await;
    assert_eq!(taken(&rotator).len(), 4);
}

#[tokio::test]
async fn a_crash_in_any_step_leads_to_the_same_steps_with_the_same_token() {
    for (at, step) in Step::ALL.into_iter().enumerate() {
        let (house, rotator) = house().await;
        *rotator.hangs.lock().unwrap() = Some((":secret:db-", step));
        let rules = json!({ "AutomaticallyAfterDays": 10 });
        house.call(A, "RotateSecret", rotate(1, rules)).await.unwrap();
        while rotator.steps.lock().unwrap().len() <= at {
            house.plane.run_due().await.unwrap();
            tokio::task::yield_now().await;
        }
        let again = Arc::new(Rotator::default());
        let house = house.restarted(Arc::clone(&again) as _);
        again.join(&house);
        let shown = described(&house).await;
        assert_eq!(shown["VersionIdsToStages"][token(1)], json!(["AWSPENDING"]));
        assert_eq!(names(&house.events().await), ["RotationSucceeded"]);
        assert_eq!(taken(&again), Step::ALL.map(|step| (step, token(1))));
        assert_eq!(house.text(A, "db").await, "one");
    }
}

#[tokio::test]
async fn steps_that_end_without_a_new_current_version_are_a_failure() {
    let rotator = Arc::new(Rotator::default());
    let house = House::with_rotators(Arc::clone(&rotator) as _).await;
    house.secret(A, "db", "one").await;
    let rules = json!({ "AutomaticallyAfterDays": 10 });
    house.call(A, "RotateSecret", rotate(1, rules)).await.unwrap();
    let events = house.events().await;
    assert_eq!(names(&events), ["RotationStarted", "RotationFailed"]);
    let why = events[1]["detail"]["errorMessage"].as_str().unwrap();
    assert!(why.ends_with("the new version is not AWSCURRENT"), "{why}");
    assert_eq!(taken(&rotator).len(), 4);
    assert_eq!(described(&house).await.get("LastRotatedDate"), None);
    assert_eq!(house.text(A, "db").await, "one");
}
