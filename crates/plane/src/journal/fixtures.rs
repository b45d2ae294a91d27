//! What the tests of the journal share.

use std::sync::Arc;
use std::time::Duration;

use super::{
    ChainKey, Durability, Identity, Journal, JournalError, Medium, Options, Reader, Record,
    RecordRef, Report, Resource, verify,
};

pub(super) fn key() -> Arc<ChainKey> {
    Arc::new(ChainKey::new(bulla_crypto::HmacKey::new(b"a key for tests")))
}

/// Small segments, and no waiting: nothing in the tests depends on how long anything takes.
pub(super) fn small() -> Options {
    Options {
        durability: Durability::BeforeAnswer,
        segment_bytes: 1024,
        pending_bytes: 4096,
        stall: Duration::from_secs(600),
        retry: Duration::from_micros(100),
    }
}

pub(super) fn open(medium: &Arc<dyn Medium>) -> Journal {
    Journal::open(Arc::clone(medium), key(), small()).unwrap().0
}

/// A record as a call of KMS makes it, told from others by its time.
pub(super) fn decrypt<'a>(time_ms: i64) -> RecordRef<'a> {
    const RESOURCES: &[Resource<'_>] = &[Resource {
        account_id: "111122223333",
        kind: Some("AWS::KMS::Key"),
        arn: "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-4333-8444-555555555555",
    }];
    RecordRef {
        time_ms,
        event_id: [7; 16],
        request_id: Some([9; 16]),
        event_source: "kms.amazonaws.com",
        event_name: "Decrypt",
        region: "eu-west-1",
        recipient_account_id: "111122223333",
        identity: Identity {
            kind: Some("IAMUser"),
            principal_id: Some("AIDAEXAMPLE0000000001"),
            arn: Some("arn:aws:iam::111122223333:user/ana"),
            account_id: Some("111122223333"),
            access_key_id: Some("AKIAEXAMPLE000000001"),
            user_name: Some("ana"),
            ..Identity::default()
        },
        source_ip: "203.0.113.9",
        user_agent: Some("aws-cli/2.31.0 md/awscrt#0.27.6 ua/2.1 os/linux#6.8 md/arch#x86_64"),
        read_only: true,
        request_parameters: Some("{\"encryptionAlgorithm\":\"SYMMETRIC_DEFAULT\"}"),
        resources: RESOURCES.into(),
        ..RecordRef::default()
    }
}

/// Runs a future that only other threads wake.
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

pub(super) fn append(journal: &Journal, time_ms: i64) -> Result<u64, JournalError> {
    block_on(journal.append(&decrypt(time_ms)))
}

pub(super) fn check(medium: &Arc<dyn Medium>) -> Report {
    verify(&**medium, &key(), None).unwrap()
}

/// The sequence numbers and times of all records, which must all hold.
pub(super) fn contents(medium: &Arc<dyn Medium>) -> Vec<(u64, i64)> {
    Reader::from_sequence(Arc::clone(medium), key(), 1)
        .unwrap()
        .map(|record| record.unwrap())
        .map(|record: Record| (record.sequence(), record.fields().unwrap().time_ms))
        .collect()
}
