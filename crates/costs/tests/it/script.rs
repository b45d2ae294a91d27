//! A journal that is written as calls would write it, at times of one's choice.

use std::sync::Arc;

use bulla_costs::Meter;
use bulla_ground::Ground;
use bulla_plane::journal::{EventType, Feed, Identity, RecordRef, Resource};

pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const OTHER: &str = "444455556666";
pub(crate) const REGION: &str = "us-east-1";
pub(crate) const USER: &str = "arn:aws:iam::111122223333:user/ana";
/// September 2026, which has 720 hours, begins.
pub(crate) const SEPTEMBER_MS: i64 = 1_788_220_800_000;
pub(crate) const DAY_MS: i64 = 86_400_000;

pub(crate) struct Script {
    pub(crate) ground: Ground,
    pub(crate) feed: Arc<Feed>,
    pub(crate) meter: Arc<Meter>,
    /// What the meter may have in memory, if that is not its own choice.
    pub(crate) room: Option<usize>,
    ids: u64,
}

/// A call as a script has it.
#[derive(Clone, Copy)]
pub(crate) struct Said<'s> {
    pub(crate) at_ms: i64,
    pub(crate) source: &'s str,
    pub(crate) name: &'s str,
    pub(crate) arn: &'s str,
    pub(crate) parameters: Option<&'s str>,
    pub(crate) metered: Option<u64>,
    pub(crate) error: Option<&'s str>,
}

impl<'s> Said<'s> {
    pub(crate) fn new(at_ms: i64, source: &'s str, name: &'s str, arn: &'s str) -> Self {
        Self { at_ms, source, name, arn, parameters: None, metered: None, error: None }
    }
}

fn meter(ground: &Ground, room: Option<usize>) -> (Arc<Feed>, Arc<Meter>) {
    let feed = Arc::new(Feed::new(Arc::clone(&ground.journal)));
    let meter = Meter::new(Arc::clone(&ground.barrier), Arc::clone(&feed));
    let meter = match room {
        Some(bytes) => meter.with_room(bytes),
        None => meter,
    };
    (feed, Arc::new(meter))
}

impl Script {
    pub(crate) async fn new() -> Self {
        Self::on(Ground::in_memory().await.unwrap())
    }

    pub(crate) fn on(ground: Ground) -> Self {
        let (feed, meter) = meter(&ground, None);
        Self { feed, meter, room: None, ground, ids: 0 }
    }

    /// The meter of a process that was started anew.
    pub(crate) fn restart(&mut self) {
        (self.feed, self.meter) = meter(&self.ground, self.room);
    }

    fn id(&mut self) -> [u8; 16] {
        self.ids += 1;
        u128::from(self.ids).to_be_bytes()
    }

    /// A call of a user of the account.
    pub(crate) async fn call(&mut self, said: Said<'_>) {
        let record = self.record(said, (ACCOUNT, USER));
        self.ground.journal.append(&record).await.unwrap();
    }

    /// A call of the other account, which stands in the trail of both.
    pub(crate) async fn foreign_call(&mut self, said: Said<'_>) {
        let who = "arn:aws:iam::444455556666:user/eve";
        let record = self.record(said, (OTHER, who));
        let copy =
            RecordRef { event_id: self.id(), recipient_account_id: ACCOUNT, ..record.clone() };
        self.ground.journal.append_all(&[record, copy]).await.unwrap();
    }

    /// A call of a user that has two records, the second of another operation.
    pub(crate) async fn call_twice(&mut self, said: Said<'_>, name: &str) {
        let record = self.record(said, (ACCOUNT, USER));
        let again = RecordRef { event_id: self.id(), event_name: name, ..record.clone() };
        self.ground.journal.append_all(&[record, again]).await.unwrap();
    }

    /// What a service does by itself.
    pub(crate) async fn happens(&mut self, at_ms: i64, name: &str, arn: &str) {
        let said = Said::new(at_ms, "kms.amazonaws.com", name, arn);
        let record = RecordRef {
            request_id: None,
            event_type: EventType::ServiceEvent,
            identity: Identity { account_id: Some(ACCOUNT), ..Identity::default() },
            ..self.record(said, (ACCOUNT, USER))
        };
        self.ground.journal.append(&record).await.unwrap();
    }

    fn record<'r>(&mut self, said: Said<'r>, (account, who): (&'r str, &'r str)) -> RecordRef<'r> {
        let owner = said.arn.split(':').nth(4).unwrap();
        let resource = Resource { account_id: owner, kind: None, arn: said.arn };
        RecordRef {
            time_ms: said.at_ms,
            event_id: self.id(),
            request_id: Some(self.id()),
            event_source: said.source,
            event_name: said.name,
            region: REGION,
            recipient_account_id: account,
            identity: Identity {
                kind: Some("IAMUser"),
                arn: Some(who),
                account_id: Some(account),
                ..Identity::default()
            },
            error_code: said.error,
            request_parameters: said.parameters,
            metered: said.metered,
            resources: vec![resource].into(),
            ..RecordRef::default()
        }
    }
}
