//! Changes whose records may not be durable yet.
//!
//! A change and the record of its call are on two media, and so can't become durable in one act.
//! Therefore each change carries the record along into the store, in its own commit. Once the
//! journal has the record, the row is free for the next change; what no change has used since the
//! last look is swept away, off the calls' way. A row whose record is missing in the journal, after
//! a crash or because the journal could not be written, is recorded late, under the same event id,
//! as the record of a call that was never acknowledged. Calls that only read carry nothing.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{fmt, io};

use bulla_crypto::SecretBytes;
use bulla_store::{Barrier, BarrierError, CARRIED, Companion, Key, MAX_PAGE_ROWS, Range, Slot};

use crate::journal::{
    Journal, JournalError, MAX_RESOURCES, ReadError, Record, RecordRef, Resource,
};
use crate::trail;

/// How many rows one commit sweeps away.
const ROWS_A_SWEEP: usize = 500;
/// The version of the rows' values, and the number of bytes before the record.
const FORMAT: u8 = 1;
const HEAD_BYTES: usize = 9;
/// `additionalEventData` of a record that was written late.
const LATE: &str = "{\"unacknowledged\":true}";

/// Why the outbox was not settled. It is tried again, and loses nothing.
#[derive(Debug)]
pub enum OutboxError {
    /// The store can't be read or written.
    Store(BarrierError),
    /// The journal can't be written.
    Journal(JournalError),
    /// The journal can't be read.
    Read(io::Error),
    /// The task that reads the journal ended.
    Task(tokio::task::JoinError),
}

impl fmt::Display for OutboxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Journal(error) => error.fmt(f),
            Self::Read(error) => write!(f, "the journal can't be read: {error}"),
            Self::Task(error) => write!(f, "the task that reads the journal ended: {error}"),
        }
    }
}

impl std::error::Error for OutboxError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Store(error) => Some(error),
            Self::Journal(error) => Some(error),
            Self::Read(error) => Some(error),
            Self::Task(error) => Some(error),
        }
    }
}

impl From<BarrierError> for OutboxError {
    fn from(error: BarrierError) -> Self {
        Self::Store(error)
    }
}

/// The record of a call to come, for its changes to carry along.
pub(crate) struct Intent {
    /// The last record that was durable before the call: its own comes later.
    after: u64,
    /// The record, encoded, without resources.
    record: Vec<u8>,
    state: Mutex<IntentState>,
}

#[derive(Default)]
struct IntentState {
    resources: Vec<(String, String, &'static str)>,
    metered: Option<u64>,
    /// What its commits took it along in.
    slots: Vec<Slot>,
}

impl Intent {
    pub(crate) fn new(after: u64, record: Vec<u8>) -> Self {
        Self { after, record, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, IntentState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a resource that the call touched: ARN, account, CloudTrail's type.
    pub(crate) fn touched(&self, arn: &str, account: &str, kind: &'static str) {
        let mut state = self.state();
        // A handler that begins again touches the same ones.
        let known = state.resources.iter().any(|(known, ..)| known == arn);
        if !known && state.resources.len() < MAX_RESOURCES {
            state.resources.push((arn.to_owned(), account.to_owned(), kind));
        }
    }

    /// Notes how many units the call took so far.
    pub(crate) fn metered(&self, units: u64) {
        self.state().metered = Some(units);
    }

    fn encoded(&self, state: &IntentState) -> Vec<u8> {
        let resources = state.resources.iter().map(|(arn, account, kind)| Resource {
            account_id: account,
            kind: (!kind.is_empty()).then_some(*kind),
            arn,
        });
        let record = Record::new(0, self.record.clone());
        let bytes = match record.fields() {
            Ok(fields) => {
                let (resources, metered) = (resources.collect(), state.metered);
                RecordRef { resources, metered, ..fields }.to_bytes()
            }
            // What was just encoded is decoded; if ever it were not, the rest is still told.
            Err(_) => self.record.clone(),
        };
        [&[FORMAT], self.after.to_be_bytes().as_slice(), &bytes].concat()
    }
}

impl Companion for Intent {
    fn value(&self) -> SecretBytes {
        SecretBytes::new(self.encoded(&self.state()))
    }

    fn carried(&self, slot: Slot) {
        self.state().slots.push(slot);
    }
}

/// The changes whose rows are to be swept away.
#[derive(Default)]
pub struct Outbox {
    ended: Mutex<Ended>,
    /// The events of services themselves.
    pub(crate) told: trail::Written,
    /// Held by whoever sweeps.
    sweeping: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Ended {
    /// Rows of calls whose records are written and not known to be durable, by the last record that
    /// was written when they ended. Until that is durable, the rows stand in for them.
    written: VecDeque<(u64, Slot)>,
    /// Rows of calls that were recorded, of which it is not known how they are.
    recorded: Vec<Slot>,
    /// Rows of calls whose record may be missing.
    doubtful: Vec<Slot>,
}

impl Outbox {
    fn ended(&self) -> MutexGuard<'_, Ended> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a call has ended.
    pub(crate) fn end(
        &self,
        barrier: &Barrier,
        journal: &Journal,
        intent: &Intent,
        is_recorded: bool,
    ) {
        let slots = std::mem::take(&mut intent.state().slots);
        match journal.written_ahead() {
            Some(last) if is_recorded => {
                let mut ended = self.ended();
                ended.written.extend(slots.into_iter().map(|slot| (last, slot)));
                ended.release_until(barrier, journal.anchor().sequence);
            }
            _ => slots.into_iter().for_each(|slot| self.ended().end(barrier, slot, is_recorded)),
        }
    }

    /// Waits until the records of all calls that have ended are durable.
    async fn end_written(&self, barrier: &Barrier, journal: &Journal) -> Result<(), OutboxError> {
        if !self.ended().written.is_empty() {
            journal.flush().await.map_err(OutboxError::Journal)?;
            self.ended().release_until(barrier, journal.anchor().sequence);
        }
        Ok(())
    }

    /// Sweeps away the rows of calls that were recorded, and records those that were not.
    ///
    /// # Errors
    /// When the store or the journal can't be used. What was not done is left for the next time.
    pub async fn sweep(&self, barrier: &Barrier, journal: &Journal) -> Result<(), OutboxError> {
        let _alone = self.sweeping.lock().await;
        self.end_written(barrier, journal).await?;
        let mut recorded = std::mem::take(&mut self.ended().recorded);
        recorded.extend(barrier.take_released());
        while !recorded.is_empty() {
            let rest = recorded.split_off(recorded.len().min(ROWS_A_SWEEP));
            if let Err(error) = barrier.discard(CARRIED, recorded.iter().map(Slot::key)).await {
                self.ended().recorded.extend(recorded.into_iter().chain(rest));
                return Err(error.into());
            }
            release(barrier, recorded);
            recorded = rest;
        }
        if !journal.healthy() {
            return Ok(());
        }
        let mut doubtful = std::mem::take(&mut self.ended().doubtful);
        while !doubtful.is_empty() {
            let rest = doubtful.split_off(doubtful.len().min(ROWS_A_SWEEP));
            let keys: Vec<Key> = doubtful.iter().map(Slot::key).collect();
            if let Err(error) = settle_keys(barrier, journal, &keys).await {
                self.ended().doubtful.extend(doubtful.into_iter().chain(rest));
                return Err(error);
            }
            release(barrier, doubtful);
            doubtful = rest;
        }
        Ok(())
    }
}

impl Ended {
    /// Ends the rows of calls whose records are durable: those up to this one are.
    fn release_until(&mut self, barrier: &Barrier, durable: u64) {
        while let Some((_, slot)) = self.written.pop_front_if(|(last, _)| *last <= durable) {
            self.end(barrier, slot, true);
        }
    }

    fn end(&mut self, barrier: &Barrier, slot: Slot, is_recorded: bool) {
        match (is_recorded, slot.is_sure()) {
            (true, true) => barrier.release(slot),
            (true, false) => self.recorded.push(slot),
            (false, _) => self.doubtful.push(slot),
        }
    }
}

/// Gives back slots whose rows were discarded.
fn release(barrier: &Barrier, slots: Vec<Slot>) {
    slots.into_iter().for_each(|slot| barrier.release(slot.discarded()));
}

/// Records what a crash left unrecorded, and sweeps away all rows. To be called before any call
/// is served. Answers how many records it wrote.
///
/// # Errors
/// When the store or the journal can't be used.
pub async fn settle(barrier: &Barrier, journal: &Journal) -> Result<usize, OutboxError> {
    let mut written = 0;
    loop {
        let page = barrier.view().await?.range(CARRIED, &Range::all(), MAX_PAGE_ROWS).await?;
        let keys: Vec<Key> = page.rows.into_iter().map(|(key, _)| key).take(ROWS_A_SWEEP).collect();
        for place in page.altered {
            tracing::error!(%place, "a row of the outbox was altered outside Bulla");
        }
        if keys.is_empty() {
            return Ok(written);
        }
        written += settle_keys(barrier, journal, &keys).await?;
    }
}

/// A row of the outbox.
struct Waiting {
    event_id: [u8; 16],
    after: u64,
    record: Record,
}

fn read(value: &[u8]) -> Option<Waiting> {
    let (&[FORMAT, ref after @ ..], record) = value.split_first_chunk::<HEAD_BYTES>()? else {
        return None;
    };
    let record = Record::new(0, record.to_vec());
    let event_id = record.fields().ok()?.event_id;
    Some(Waiting { event_id, after: u64::from_be_bytes(*after), record })
}

/// Records those of these rows' calls that the journal does not have, and deletes the rows.
async fn settle_keys(
    barrier: &Barrier,
    journal: &Journal,
    keys: &[Key],
) -> Result<usize, OutboxError> {
    let mut waiting = Vec::new();
    {
        let view = barrier.view().await?;
        for key in keys {
            let Some(row) = view.get(CARRIED, key.as_bytes()).await? else { continue };
            match read(row.value.expose()) {
                Some(row) => waiting.push(row),
                None => tracing::error!(%key, "a row of the outbox does not read and is dropped"),
            }
        }
    }
    let mut known = recorded(journal, &waiting).await?;
    let mut written = 0;
    for Waiting { event_id, record, .. } in &waiting {
        // A call that made several changes has several rows.
        if !known.insert(*event_id) {
            continue;
        }
        match record.fields() {
            Ok(fields) => {
                let late = RecordRef { additional_event_data: Some(LATE), ..fields };
                let all = trail::with_copies(late);
                journal.append_all(&all).await.map_err(OutboxError::Journal)?;
                written += 1;
            }
            Err(error) => tracing::error!(%error, "a record of the outbox does not read"),
        }
    }
    if written > 0 {
        tracing::warn!(written, "changes that were made and not acknowledged are recorded now");
    }
    journal.flush().await.map_err(OutboxError::Journal)?;
    barrier.discard(CARRIED, keys.iter().cloned()).await?;
    Ok(written)
}

/// The events of these rows that the journal has.
async fn recorded(
    journal: &Journal,
    waiting: &[Waiting],
) -> Result<HashSet<[u8; 16]>, OutboxError> {
    let Some(after) = waiting.iter().map(|row| row.after).min() else {
        return Ok(HashSet::new());
    };
    let wanted: HashSet<[u8; 16]> = waiting.iter().map(|row| row.event_id).collect();
    let reader = journal.read_from(after.saturating_add(1)).map_err(OutboxError::Read)?;
    let search = move || {
        let mut found = HashSet::new();
        for record in reader {
            match record {
                Ok(record) => {
                    let id = record.fields().ok().map(|fields| fields.event_id);
                    found.extend(id.filter(|id| wanted.contains(id)));
                }
                Err(ReadError::Io(error)) => return Err(OutboxError::Read(error)),
                // What is damaged is no record any more; it is told when the journal is opened.
                Err(ReadError::Fault(_)) => {}
            }
            if found.len() == wanted.len() {
                break;
            }
        }
        Ok(found)
    };
    tokio::task::spawn_blocking(search).await.map_err(OutboxError::Task)?
}
