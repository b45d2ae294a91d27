//! Records of the simulated log as bytes.

use std::sync::Arc;

use bulla_crypto::Sha256;

use crate::{Key, Place, Revision, Row, Space, memory::Record};

const DIGEST_BYTES: usize = 32;

/// A record's bytes and its digest.
pub(super) fn encode(record: &Record, before: &[u8; 32]) -> (Vec<u8>, [u8; 32]) {
    let mut body = record.revision.0.to_be_bytes().to_vec();
    put_optional(&mut body, record.attestation.as_deref());
    for (place, row) in &record.writes {
        put_bytes(&mut body, place.space.as_bytes());
        put_bytes(&mut body, place.key.as_bytes());
        body.extend_from_slice(&row.as_ref().map_or(0, |row| row.version).to_be_bytes());
        put_optional(&mut body, row.as_ref().map(|row| row.value.as_slice()));
    }
    let digest = digest(before, &body);
    let mut bytes = Vec::with_capacity(8 + body.len() + DIGEST_BYTES);
    put_bytes(&mut bytes, &body);
    bytes.extend_from_slice(&digest);
    (bytes, digest)
}

/// Body and digest of the first record, and what follows it; nothing at the end of the log.
pub(super) fn next<'a>(log: &'a [u8], before: &[u8; 32]) -> Option<(&'a [u8], [u8; 32], &'a [u8])> {
    let mut rest = log;
    let body = take_bytes(&mut rest)?;
    let (found, rest) = rest.split_first_chunk::<DIGEST_BYTES>()?;
    (*found == digest(before, body)).then_some((body, *found, rest))
}

pub(super) fn decode(body: &[u8]) -> Option<Record> {
    let mut rest = body;
    let revision = Revision(take_number(&mut rest)?);
    let attestation = take_optional(&mut rest)?.map(Arc::from);
    let mut writes = Vec::new();
    while !rest.is_empty() {
        let space = Space::parse(take_bytes(&mut rest)?)?;
        let key = Key::from(take_bytes(&mut rest)?);
        let version = take_number(&mut rest)?;
        let value = take_optional(&mut rest)?;
        let row = value.map(|value| Arc::new(Row { version, value: value.to_vec() }));
        writes.push((Place { space, key }, row));
    }
    Some(Record { revision, attestation, writes })
}

fn digest(before: &[u8; 32], body: &[u8]) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(before);
    digest.update(body);
    digest.finish()
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
    out.extend_from_slice(bytes);
}

fn put_optional(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    out.push(u8::from(bytes.is_some()));
    if let Some(bytes) = bytes {
        put_bytes(out, bytes);
    }
}

fn take_number(rest: &mut &[u8]) -> Option<u64> {
    let (number, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(u64::from_be_bytes(*number))
}

fn take_bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = usize::try_from(take_number(rest)?).ok()?;
    let (bytes, after) = rest.split_at_checked(len)?;
    *rest = after;
    Some(bytes)
}

fn take_optional<'a>(rest: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let (flag, after) = rest.split_first()?;
    *rest = after;
    if *flag == 0 { Some(None) } else { take_bytes(rest).map(Some) }
}
