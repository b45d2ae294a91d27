//! The bus: what services tell of their doings to whoever listens, in EventBridge's shape.
//!
//! An event is a row that is due at once, put in the commit of what it tells of: neither is there
//! without the other, whenever a crash comes. The service with the id [`LISTENER`] carries it out
//! like any job, and deletes the row when it has passed it on: at least once, in the order of
//! time. Where no such service is in the house nobody listens, and events pass, as on a bus without
//! rules.

use std::sync::atomic::{AtomicU64, Ordering};

use bulla_store::{Barrier, BarrierError, Expected, Key, SealedBatch};
use serde_json::{Value, json};

use crate::scheduler::{DUE, Job, due_key};

/// The service that takes events, by its model's id.
pub const LISTENER: &str = "events";
/// The kind of its jobs.
pub const DELIVER: &str = "deliver";
/// The version of the events' form (EventBridge user guide, "Events").
const VERSION: &str = "0";

/// An event.
#[derive(Debug, Clone)]
pub struct Event<'e> {
    /// A UUID, as text.
    pub id: &'e str,
    /// The service that tells it, such as `aws.kms`.
    pub source: &'e str,
    /// What happened, in AWS's words.
    pub detail_type: &'e str,
    /// The account whose bus it is for.
    pub account: &'e str,
    /// The region whose bus it is for.
    pub region: &'e str,
    /// When it happened, in milliseconds since 1970; told in whole seconds.
    pub time_ms: i64,
    /// The ARNs of what it is about.
    pub resources: &'e [&'e str],
    /// What else there is to say.
    pub detail: Value,
}

impl Event<'_> {
    /// The event as rules and targets see it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let time = jiff::Timestamp::from_second(self.time_ms.div_euclid(1000));
        json!({
            "version": VERSION,
            "id": self.id,
            "detail-type": self.detail_type,
            "source": self.source,
            "account": self.account,
            "time": time.map(|time| time.to_string()).unwrap_or_default(),
            "region": self.region,
            "resources": self.resources,
            "detail": self.detail,
        })
    }
}

/// How many events this process has told: what orders those of one time.
static TOLD: AtomicU64 = AtomicU64::new(0);

/// Adds an event to the commit of what it tells of. Those of one time come in the order in which
/// they were added, in whichever commits they are.
#[must_use]
pub fn tell(batch: SealedBatch, event: &Event<'_>) -> SealedBatch {
    let number = TOLD.fetch_add(1, Ordering::Relaxed);
    let subject = format!("{number:016x}-{}", event.id);
    let row = due_key(event.time_ms, LISTENER, DELIVER, &subject);
    batch.put(DUE, row, Expected::Absent, event.to_json().to_string().into_bytes())
}

/// Lets an event pass that nobody listens to.
pub(crate) async fn pass(barrier: &Barrier, job: &Job) -> Result<(), BarrierError> {
    let row = Key::from(job.key.clone());
    barrier.commit(SealedBatch::new().delete(DUE, row, Expected::At(job.version))).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_the_form_that_rules_match() {
        let event = Event {
            id: "11111111-2222-4333-8444-555555555555",
            source: "aws.kms",
            detail_type: "KMS CMK Rotation",
            account: "111122223333",
            region: "eu-central-1",
            time_ms: 1_700_000_000_999,
            resources: &["arn:aws:kms:eu-central-1:111122223333:key/k"],
            detail: json!({ "key-id": "k" }),
        };
        let expected = json!({
            "version": "0",
            "id": "11111111-2222-4333-8444-555555555555",
            "detail-type": "KMS CMK Rotation",
            "source": "aws.kms",
            "account": "111122223333",
            "time": "2023-11-14T22:13:20Z",
            "region": "eu-central-1",
            "resources": ["arn:aws:kms:eu-central-1:111122223333:key/k"],
            "detail": { "key-id": "k" },
        });
        assert_eq!(event.to_json(), expected);
    }
}
