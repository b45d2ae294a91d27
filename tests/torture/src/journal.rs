//! The journal as the tests use it: small segments, records told apart by their time.

use std::sync::Arc;
use std::time::Duration;

use bulla_crypto::HmacKey;
use bulla_plane::journal::{
    ChainKey, Durability, Journal, JournalError, Medium, OpenError, Options, ReadError, Reader,
    RecordRef,
};

use crate::run::say;

pub(crate) fn key() -> Arc<ChainKey> {
    Arc::new(ChainKey::new(HmacKey::new(b"the key of a tortured journal")))
}

/// Small segments, and no waiting: nothing depends on how long anything takes.
pub(crate) fn small() -> Options {
    Options {
        durability: Durability::BeforeAnswer,
        segment_bytes: 2048,
        pending_bytes: 4096,
        stall: Duration::from_secs(600),
        retry: Duration::from_micros(100),
    }
}

/// Segments in which the records of whole calls have room.
const ROOMY_BYTES: u64 = 32 << 10;

/// Opens a journal for calls of KMS.
pub(crate) fn open_roomy(medium: &Arc<dyn Medium>) -> Result<Journal, OpenError> {
    let options = Options { segment_bytes: ROOMY_BYTES, pending_bytes: 16 << 10, ..small() };
    Journal::open(Arc::clone(medium), key(), options).map(|(journal, _)| journal)
}

pub(crate) fn open(medium: &Arc<dyn Medium>) -> Result<Journal, OpenError> {
    Journal::open(Arc::clone(medium), key(), small()).map(|(journal, _)| journal)
}

pub(crate) async fn append(journal: &Journal, time_ms: i64) -> Result<u64, JournalError> {
    let record = RecordRef {
        time_ms,
        event_source: "kms.amazonaws.com",
        event_name: "Decrypt",
        region: "eu-west-1",
        recipient_account_id: "111122223333",
        source_ip: "203.0.113.9",
        request_parameters: Some("{\"encryptionAlgorithm\":\"SYMMETRIC_DEFAULT\"}"),
        ..RecordRef::default()
    };
    journal.append(&record).await
}

/// What a reader gets: sequence numbers and times of the records that hold, and how often it
/// named damage.
pub(crate) fn contents(medium: &Arc<dyn Medium>) -> Result<(Vec<(u64, i64)>, u64), String> {
    let (mut records, mut faults) = (Vec::new(), 0);
    let reader = Reader::from_sequence(Arc::clone(medium), key(), 1).map_err(say)?;
    for record in reader {
        match record {
            Ok(record) => match record.fields() {
                Ok(fields) => records.push((record.sequence(), fields.time_ms)),
                Err(_) => faults += 1,
            },
            Err(ReadError::Fault(_)) => faults += 1,
            Err(ReadError::Io(error)) => return Err(say(error)),
        }
    }
    Ok((records, faults))
}
