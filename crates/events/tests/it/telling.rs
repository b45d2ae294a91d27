//! Events that nobody wants cost no row, and none that somebody wants is lost by that.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bulla_plane::bus::{self, DELIVER, Event, LISTENER};
use bulla_plane::scheduler::{DUE, due_key};
use bulla_store::{Expected, SealedBatch};
use serde_json::{Value, json};

use crate::house::{House, REGION};
use crate::people::A;

/// Tells of something with a number, as services do.
async fn tell(house: &House, n: i64) {
    let batch = told(house, SealedBatch::new(), n);
    house.plane.barrier.commit(batch).await.unwrap();
}

fn told(house: &House, batch: SealedBatch, n: i64) -> SealedBatch {
    let event = Event {
        id: &format!("00000000-0000-4000-8000-{n:012}"),
        source: "s",
        detail_type: "d",
        account: A,
        region: REGION,
        time_ms: house.plane.clock.now_ms(),
        resources: &[],
        detail: json!({ "n": n }),
    };
    bus::tell(batch, &event)
}

fn log(name: &str) -> Value {
    let arn = format!("arn:aws:logs:{REGION}:{A}:log-group:{name}");
    json!({ "Id": name, "Arn": arn })
}

/// The numbers of the events that came, in order.
fn came(house: &House) -> Vec<i64> {
    let lines = house.world.lines();
    lines.iter().map(|(_, line)| line["detail"]["n"].as_i64().unwrap()).collect()
}

async fn due(house: &House) -> usize {
    house.rows("plane.due").await
}

#[tokio::test]
async fn an_event_that_nobody_wants_leaves_no_row() {
    let house = House::new().await;
    // Nothing is known of the bus yet, so that the event is kept until it is.
    tell(&house, 0).await;
    assert_eq!(due(&house).await, 1);
    house.settle().await;
    let before = house.plane.barrier.attested().await.unwrap();
    tell(&house, 1).await;
    let other = json!({ "Source": "t", "DetailType": "d", "Detail": "{}" });
    house.done("PutEvents", json!({ "Entries": [other] })).await;
    assert_eq!(due(&house).await, 0);
    assert_eq!(house.plane.barrier.attested().await.unwrap(), before);
    // Beside rules, those that none of them wants.
    house.rule("r", log("g")).await;
    tell(&house, 2).await;
    house.settle().await;
    house.done("PutEvents", json!({ "Entries": [other] })).await;
    assert_eq!(due(&house).await, 0);
    tell(&house, 3).await;
    assert_eq!(due(&house).await, 1);
    house.settle().await;
    assert_eq!(came(&house), [2, 3]);
}

#[tokio::test]
async fn whatever_makes_a_rule_want_events_counts_at_once() {
    let house = House::new().await;
    let pattern = |source: &str| json!({ "source": [source] }).to_string();
    let rule = |source: &str| json!({ "Name": "r", "EventPattern": pattern(source) });
    let changes = [
        ("PutRule", rule("s"), false),
        ("PutTargets", json!({ "Rule": "r", "Targets": [log("g")] }), true),
        ("DisableRule", json!({ "Name": "r" }), false),
        ("EnableRule", json!({ "Name": "r" }), true),
        ("PutRule", rule("other"), false),
        ("PutRule", rule("s"), true),
        ("RemoveTargets", json!({ "Rule": "r", "Ids": ["g"] }), false),
        ("DeleteRule", json!({ "Name": "r" }), false),
    ];
    let mut expected = Vec::new();
    for (n, (operation, input, wants)) in (0..).zip(changes) {
        // What is known of the bus is in memory before the change.
        tell(&house, 100 + n).await;
        house.settle().await;
        let before = came(&house).len();
        house.done(operation, input).await;
        tell(&house, n).await;
        house.settle().await;
        expected.extend(wants.then_some(n));
        assert_eq!(came(&house).get(before..).unwrap(), if wants { vec![n] } else { vec![] });
    }
    assert_eq!(expected, [1, 3, 5]);
}

#[tokio::test]
async fn a_rule_that_somebody_else_made_counts() {
    let house = House::new().await;
    // Both have the one store; events are told while the second one listens.
    let other = house.beside();
    tell(&other, 0).await;
    other.settle().await;
    tell(&other, 1).await;
    assert_eq!(due(&other).await, 0);
    house.rule("r", log("g")).await;
    tell(&other, 2).await;
    other.settle().await;
    assert_eq!(came(&other), [2]);
}

#[tokio::test]
async fn a_reset_lets_later_rules_count() {
    let house = House::new().await;
    house.rule("r", log("g")).await;
    tell(&house, 0).await;
    house.settle().await;
    house.plane.reset(bulla_events::SPACES).await.unwrap();
    tell(&house, 1).await;
    house.settle().await;
    tell(&house, 2).await;
    assert_eq!(due(&house).await, 0);
    house.rule("r", log("g")).await;
    tell(&house, 3).await;
    house.settle().await;
    assert_eq!(came(&house), [0, 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_event_that_is_told_after_a_rule_was_acknowledged_is_lost() {
    const ROUNDS: i64 = 40;
    const TELLERS: i64 = 4;
    for _ in 0..ROUNDS {
        let house = Arc::new(House::new().await);
        let rule = json!({ "Name": "r", "EventPattern": r#"{"source":["s"]}"# });
        house.done("PutRule", rule).await;
        tell(&house, 0).await;
        house.settle().await;
        let acknowledged = Arc::new(AtomicBool::new(false));
        let tellers = (0..TELLERS).map(|teller| {
            let (house, acknowledged) = (Arc::clone(&house), Arc::clone(&acknowledged));
            tokio::spawn(async move {
                let mut owed = BTreeSet::new();
                for n in (1..).map(|at| at * TELLERS + teller) {
                    let is_owed = acknowledged.load(Ordering::Acquire);
                    tell(&house, n).await;
                    if is_owed {
                        owed.insert(n);
                    }
                    if owed.len() == 3 {
                        break;
                    }
                }
                owed
            })
        });
        let tellers: Vec<_> = tellers.collect();
        house.done("PutTargets", json!({ "Rule": "r", "Targets": [log("g")] })).await;
        acknowledged.store(true, Ordering::Release);
        let mut owed = BTreeSet::new();
        for teller in tellers {
            owed.append(&mut teller.await.unwrap());
        }
        house.settle().await;
        let came = came(&house).into_iter().collect();
        assert!(owed.is_subset(&came), "{:?}", owed.difference(&came));
    }
}

#[tokio::test]
async fn events_that_are_due_are_taken_together_and_in_order() {
    let house = House::new().await;
    let revision = async || house.plane.barrier.attested().await.unwrap().revision.0;
    let mut batch = SealedBatch::new();
    for n in 0..200 {
        batch = told(&house, batch, n);
    }
    house.plane.barrier.commit(batch).await.unwrap();
    let before = revision().await;
    house.settle().await;
    assert_eq!((due(&house).await, revision().await), (0, before + 1));
    // Wanted ones, with one among them that does not read.
    house.rule("r", log("g")).await;
    let now_ms = house.plane.clock.now_ms();
    let mut batch = SealedBatch::new();
    for n in 0..200 {
        batch = told(&house, batch, n);
    }
    let subject = format!("aws/{A}/{REGION}/default/00000000000000000000-x");
    let row = due_key(now_ms, LISTENER, DELIVER, &subject);
    batch = batch.put(DUE, row, Expected::Absent, b"{".to_vec());
    house.plane.barrier.commit(batch).await.unwrap();
    house.settle().await;
    assert_eq!(came(&house), (0..200).collect::<Vec<_>>());
    assert_eq!((due(&house).await, house.rows("events.delivery").await), (0, 0));
}

#[tokio::test]
async fn events_as_they_were_kept_before_still_come() {
    let house = House::new().await;
    house.rule("r", log("g")).await;
    let event = json!({
        "version": "0", "id": "i", "detail-type": "d", "source": "s", "account": A,
        "time": "2026-11-28T12:00:00Z", "region": REGION, "resources": [], "detail": { "n": 1 },
    });
    let row = due_key(house.plane.clock.now_ms(), LISTENER, DELIVER, "0000000000000000-i");
    let batch = SealedBatch::new().put(DUE, row, Expected::Absent, event.to_string().into_bytes());
    house.plane.barrier.commit(batch).await.unwrap();
    house.settle().await;
    assert_eq!(came(&house), [1]);
}
