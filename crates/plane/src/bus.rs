//! The bus: what services tell of their doings to whoever listens, in EventBridge's shape.
//!
//! An event is a row that is due at once, put in the commit of what it tells of: neither is there
//! without the other, whenever a crash comes. The service with the id [`LISTENER`] carries it out
//! like any job, and deletes the row when it has passed it on: at least once, in the order of
//! time. Where no such service is in the house nobody listens, and events pass, as on a bus without
//! rules.
//!
//! An event that nobody wants never becomes a row. Whether somebody does is asked in the very
//! commit of what it tells of ([`Listener`]), from memory, and bound to a row that changes with
//! whatever somebody wants. So an event that is told after a rule was acknowledged is judged by
//! that rule, and one that is judged by less than that is judged anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bulla_store::{Barrier, BarrierError, Expected, Key, Place, SealedBatch, Sieve, Sifted};
use serde_json::{Value, json};

use crate::region;
use crate::scheduler::{DUE, Job, due_key, subject_of};

/// The service that takes events, by its model's id.
pub const LISTENER: &str = "events";
/// The kind of its jobs.
pub const DELIVER: &str = "deliver";
/// The bus that every account has in every region, which services tell of their doings on.
pub const DEFAULT_BUS: &str = "default";
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

/// A bus, for the rows of the events on it.
#[derive(Debug, Clone, Copy)]
pub struct Bus<'b> {
    /// The partition.
    pub partition: &'b str,
    /// The account that it belongs to.
    pub account: &'b str,
    /// The region that it is in.
    pub region: &'b str,
    /// Its name.
    pub name: &'b str,
}

impl<'b> Bus<'b> {
    /// The bus of the event that is a job. None for the subjects of old, which were of the
    /// default bus of the event's own account and region.
    #[must_use]
    pub fn of(subject: &'b str) -> Option<Self> {
        let mut parts = subject.splitn(5, '/');
        let (partition, account) = (parts.next()?, parts.next()?);
        let (region, name) = (parts.next()?, parts.next()?);
        parts.next().map(|_event| Self { partition, account, region, name })
    }

    /// Adds an event on this bus to a commit, by its id and as text. Those of one time come in the
    /// order in which they were added, in whichever commits they are.
    #[must_use]
    pub fn put(&self, batch: SealedBatch, time_ms: i64, id: &str, text: String) -> SealedBatch {
        let Self { partition, account, region, name } = self;
        let number = TOLD.fetch_add(1, Ordering::Relaxed);
        let subject = format!("{partition}/{account}/{region}/{name}/{number:020}-{id}");
        let row = due_key(time_ms, LISTENER, DELIVER, &subject);
        batch.put(DUE, row, Expected::Absent, text.into_bytes())
    }
}

/// Adds an event to the commit of what it tells of. Those of one time come in the order in which
/// they were added, in whichever commits they are.
#[must_use]
pub fn tell(batch: SealedBatch, event: &Event<'_>) -> SealedBatch {
    let Event { account, region, .. } = event;
    let bus = Bus { partition: region::partition(region), account, region, name: DEFAULT_BUS };
    bus.put(batch, event.time_ms, event.id, event.to_json().to_string())
}

/// Who takes events, as far as every commit that tells one is concerned.
pub trait Listener: Send + Sync {
    /// Whether nobody wants an event: then the row that says so as long as it is as told. None
    /// where somebody does, and where it can't be told from memory.
    fn unwanted(&self, bus: &Bus<'_>, event: &str) -> Option<(Place, Expected)>;

    /// A row is not as [`unwanted`](Self::unwanted) told, and what is known of it does not hold.
    fn stale(&self, place: &Place);
}

/// Has a listener asked for each event of a store. The last one given counts. It must not hold the
/// barrier.
pub fn listen(barrier: &Barrier, listener: Arc<dyn Listener>) {
    barrier.sift_with(Arc::new(Ear(listener)));
}

struct Ear(Arc<dyn Listener>);

impl Sieve for Ear {
    fn sift(&self, batch: &SealedBatch) -> Sifted {
        let mut sifted = Sifted::default();
        for (number, place, event) in batch.puts().filter(|(_, place, _)| place.space == DUE) {
            let bus = subject_of(&place.key, LISTENER, DELIVER).and_then(Bus::of);
            let (Some(bus), Ok(event)) = (bus, std::str::from_utf8(event)) else { continue };
            if let Some((place, expected)) = self.0.unwanted(&bus, event) {
                sifted.leave_out(number, place, expected);
            }
        }
        sifted
    }

    fn stale(&self, place: &Place) {
        self.0.stale(place);
    }
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
