//! Service events: what a service did by itself (CloudTrail's `AwsServiceEvent`), such as a
//! rotation that was due.
//!
//! Store and journal are two media. So the event is a row in the commit of what it tells of, and
//! whoever runs what is due takes it to the journal and deletes the row. What a crash left is taken
//! there at the next start; the event's id tells whether the journal has it already.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bulla_store::{Barrier, Expected, Key, Range, SealedBatch, Space};

use crate::journal::{
    EventType, Identity, Journal, MAX_TOGETHER, ReadError, Record, RecordRef, Resource,
};
use crate::outbox::OutboxError;

/// The space of events on their way. Keys are event ids, values encoded records.
pub const TOLD: Space = Space::new("plane.told");

/// How many of the last records are looked at for events that a crash left on their way. Between
/// an event's record and the deletion of its row lies one commit, in which far fewer calls end.
const LOOKED_AT: u64 = 65_536;

/// What a service did by itself.
#[derive(Debug, Clone, Default)]
pub struct ServiceEvent<'e> {
    /// The event's id.
    pub id: [u8; 16],
    /// Such as `kms.amazonaws.com`.
    pub source: &'e str,
    /// Such as `RotateKey`.
    pub name: &'e str,
    /// Who did it, in CloudTrail's words: `AWS Internal`, or the service's name.
    pub invoked_by: &'e str,
    /// The account that owns what it is about.
    pub account: &'e str,
    /// The region.
    pub region: &'e str,
    /// When, in milliseconds since 1970.
    pub time_ms: i64,
    /// `requestID`, where the event has one.
    pub request_id: Option<&'e str>,
    /// What went wrong, if something did.
    pub error_message: Option<&'e str>,
    /// `responseElements` as JSON, where AWS records the event as a call (`AwsApiCall`).
    pub answer: Option<&'e str>,
    /// `additionalEventData` as JSON.
    pub additional: Option<&'e str>,
    /// `serviceEventDetails` as JSON.
    pub details: Option<&'e str>,
    /// The ARN and CloudTrail's type of what it is about.
    pub resources: &'e [(&'e str, &'static str)],
}

impl<'e> ServiceEvent<'e> {
    /// The event as the journal has it.
    #[must_use]
    pub fn record(&self) -> RecordRef<'e> {
        let account_id = self.account;
        let resources = self.resources.iter();
        let resource =
            |(arn, kind): &(&'e str, &'static str)| Resource { account_id, kind: Some(*kind), arn };
        RecordRef {
            time_ms: self.time_ms,
            event_id: self.id,
            request_text: self.request_id,
            event_source: self.source,
            event_name: self.name,
            region: self.region,
            recipient_account_id: self.account,
            identity: Identity {
                account_id: Some(self.account),
                invoked_by: Some(self.invoked_by),
                ..Identity::default()
            },
            source_ip: self.invoked_by,
            user_agent: Some(self.invoked_by),
            event_type: match self.answer {
                Some(_) => EventType::ApiCall,
                None => EventType::ServiceEvent,
            },
            response_elements: self.answer,
            error_message: self.error_message,
            additional_event_data: self.additional,
            service_event_details: self.details,
            resources: resources.map(resource).collect(),
            ..RecordRef::default()
        }
    }

    /// Adds the event to the commit of what it tells of.
    #[must_use]
    pub fn tell(&self, batch: SealedBatch) -> SealedBatch {
        let row = Key::from(self.id.to_vec());
        batch.put(TOLD, row, Expected::Absent, self.record().to_bytes())
    }
}

/// The events that this process has recorded and whose rows it could not delete yet.
#[derive(Default)]
pub(crate) struct Written {
    /// Held by whoever writes.
    writing: tokio::sync::Mutex<()>,
    ids: Mutex<HashSet<Vec<u8>>>,
}

/// Takes the events that were told to the journal. Answers how many it wrote.
///
/// # Errors
/// When the store or the journal can't be used. What was not done is left for the next time.
pub(crate) async fn write(
    barrier: &Barrier,
    journal: &Journal,
    written: &Written,
) -> Result<usize, OutboxError> {
    let _alone = written.writing.lock().await;
    let mut count = 0;
    loop {
        let page = barrier.view().await?.range(TOLD, &Range::all(), MAX_TOGETHER).await?;
        for place in page.altered {
            tracing::error!(%place, "an event on its way was altered outside Bulla");
        }
        if page.rows.is_empty() {
            return Ok(count);
        }
        let told = page.rows.iter();
        let mut told: Vec<_> =
            told.map(|(key, row)| (key, Record::new(0, row.value.expose().to_vec()))).collect();
        // Keys say nothing of when.
        told.sort_by_key(|(_, record)| record.fields().map_or(i64::MAX, |event| event.time_ms));
        for (key, record) in &told {
            if written.ids().contains(key.as_bytes()) {
                continue;
            }
            match record.fields() {
                Ok(fields) => {
                    journal.append(&fields).await.map_err(OutboxError::Journal)?;
                    count += 1;
                }
                Err(error) => tracing::error!(%key, %error, "an event on its way does not read"),
            }
            written.ids().insert(key.as_bytes().to_vec());
        }
        journal.flush().await.map_err(OutboxError::Journal)?;
        let keys = page.rows.iter().map(|(key, _)| key.clone());
        barrier.discard(TOLD, keys).await?;
        let mut ids = written.ids();
        for (key, _) in &page.rows {
            ids.remove(key.as_bytes());
        }
    }
}

impl Written {
    fn ids(&self) -> MutexGuard<'_, HashSet<Vec<u8>>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes what a crash left on its way to the journal, as far as that does not have it. To be called
/// before anything is served. Answers how many it wrote.
///
/// # Errors
/// As [`write`].
pub async fn settle(barrier: &Barrier, journal: &Journal) -> Result<usize, OutboxError> {
    let page = barrier.view().await?.range(TOLD, &Range::all(), 1).await?;
    if page.rows.is_empty() {
        return Ok(0);
    }
    let from = journal.anchor().sequence.saturating_sub(LOOKED_AT);
    let reader = journal.read_from(from.max(1)).map_err(OutboxError::Read)?;
    let known = move || {
        let mut ids = HashSet::new();
        for record in reader {
            match record {
                Ok(record) => {
                    let event = record.fields().ok();
                    let event = event.filter(|fields| fields.event_type == EventType::ServiceEvent);
                    ids.extend(event.map(|fields| fields.event_id.to_vec()));
                }
                Err(ReadError::Io(error)) => return Err(OutboxError::Read(error)),
                // What is damaged is no record any more; it is told when the journal is opened.
                Err(ReadError::Fault(_)) => {}
            }
        }
        Ok(ids)
    };
    let ids = tokio::task::spawn_blocking(known).await.map_err(OutboxError::Task)??;
    let written = Written { ids: Mutex::new(ids), ..Written::default() };
    write(barrier, journal, &written).await
}
