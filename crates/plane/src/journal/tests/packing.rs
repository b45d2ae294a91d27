//! Packed records: small, the same when they are read again, wherever reading begins.

use std::sync::Arc;

use proptest::prelude::*;

use super::super::encoding;
use super::super::fixtures::{block_on, check, decrypt, key, small};
use super::super::pack::{At, Earlier, Packer, Shared, Unreadable, put_shared, unpack};
use super::super::{
    Journal, Medium, Options, Place, Reader, RecordRef, Resource, Simulated, session_key_text,
};

/// Packed records as they would stand in a segment, one behind the other.
#[derive(Clone, Default)]
struct Packed(Vec<(u64, Vec<u8>)>);

impl Packed {
    fn push(&mut self, packer: &mut Packer, record: &[u8]) {
        // A frame is longer than what is in it: no two begin at one place.
        let offset = self.0.last().map_or(1, |(offset, packed)| offset + 1 + packed.len() as u64);
        let mut packed = Vec::new();
        packer.pack(record, At { sequence: self.0.len() as u64, offset }, &mut packed);
        self.0.push((offset, packed));
    }

    fn unpacked(&self, index: usize) -> Result<Vec<u8>, Unreadable> {
        let mut out = Vec::new();
        unpack(&self.0[index].1, &mut Finder { all: self, index, deep: true }, &mut out)?;
        Ok(out)
    }
}

struct Finder<'p> {
    all: &'p Packed,
    index: usize,
    deep: bool,
}

impl Shared for Finder<'_> {
    type Error = Unreadable;

    fn text(&mut self, of: Earlier, number: u8, out: &mut Vec<u8>) -> Result<(), Unreadable> {
        let index = self.index.checked_sub(of.before as usize).ok_or(Unreadable::Malformed)?;
        let (offset, packed) = &self.all.0[index];
        if self.all.0[self.index].0 - offset != of.distance {
            return Err(Unreadable::Lost);
        }
        let mut next = Finder { all: self.all, index, deep: false };
        put_shared(packed, number, self.deep, &mut next, out)
    }
}

fn plain(record: &RecordRef<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    encoding::encode(record, &mut bytes);
    bytes
}

#[test]
fn the_access_key_of_a_session_of_the_calls_own_is_not_written() {
    let (mut packer, mut packed) = (Packer::default(), Packed::default());
    for (number, of) in [(1, 1), (2, 2), (3, 2)] {
        let session_key = session_key_text([of; 16]);
        let mut record = decrypt(0);
        record.event_id = [number; 16];
        record.identity.access_key_id = Some(&session_key);
        packed.push(&mut packer, &plain(&record));
        let (index, key) = (packed.0.len() - 1, session_key.as_bytes());
        let stands_there = packed.0[index].1.windows(key.len()).any(|bytes| bytes == key);
        // That of another event is a text as any other.
        assert_eq!(stands_there, number != of, "{number}");
        assert_eq!(packed.unpacked(index).unwrap(), plain(&record));
    }
}

#[test]
fn what_is_known_is_bounded_and_what_was_forgotten_is_written_again() {
    const ROOM: usize = 2 << 20;
    let (mut packer, mut packed) = (Packer::default(), Packed::default());
    let (mut most, mut forgotten) = (0, 0);
    let agent = |number: usize| format!("{number:01000}");
    let record = |agent: &str| plain(&RecordRef { user_agent: Some(agent), ..decrypt(0) });
    for number in 0..5_000 {
        let before = packer.known_bytes();
        packed.push(&mut packer, &record(&agent(number)));
        most = most.max(packer.known_bytes());
        forgotten += usize::from(packer.known_bytes() < before);
    }
    assert!((ROOM..ROOM + 4096).contains(&most), "{most}");
    assert!(forgotten > 1, "{forgotten}");
    for number in 0..5_000 {
        assert_eq!(packed.unpacked(number).unwrap(), record(&agent(number)), "{number}");
    }
}

proptest! {
    #[test]
    fn what_is_packed_is_unpacked(
        texts in prop::collection::vec("[a-c\\\\\":{}\u{0}]{0,12}", 4),
        choices in prop::collection::vec((0_usize..4, 0_usize..4, any::<i64>(), 0_usize..3), 1..30),
    ) {
        let (mut packer, mut packed) = (Packer::default(), Packed::default());
        let json = [
            "{\"secretId\":\"arn:aws:secretsmanager:eu-west-1:1:secret:a\",\"x\":\"abcdefgh\"}",
            "{\"clientRequestToken\":\"01234567-89ab-cdef-0123-456789abcdef\",\"x\":[\"abcdefgh\"]}",
            "{\"x\":\"abcdefgh\",\"y\":\"abcdefgh\"}",
        ];
        let records: Vec<_> = choices.iter().map(|(user, agent, time, which)| {
            let mut record = decrypt(*time);
            record.identity.user_name = Some(&texts[*user]);
            record.user_agent = Some(&texts[*agent]);
            record.request_parameters = Some(json[*which]);
            record.response_elements = Some(&texts[*user]);
            record.event_id = [*which as u8; 16];
            // That of another event is a text as any other.
            let session_key = session_key_text([*user as u8; 16]);
            record.identity.access_key_id = Some(&session_key);
            plain(&record)
        }).collect();
        for record in &records {
            packed.push(&mut packer, record);
        }
        for (index, record) in records.iter().enumerate() {
            prop_assert_eq!(&packed.unpacked(index).unwrap(), record);
        }
    }

    #[test]
    fn any_bytes_are_answered(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        at in any::<prop::sample::Index>(),
        to in any::<u8>(),
    ) {
        let (mut packer, mut packed) = (Packer::default(), Packed::default());
        // Bytes that are no record are kept as they are.
        packed.push(&mut packer, &bytes);
        prop_assert_eq!(&packed.unpacked(0).unwrap(), &bytes);
        packed.push(&mut packer, &plain(&decrypt(1)));
        packed.push(&mut packer, &plain(&decrypt(2)));
        for index in 1..3 {
            let mut damaged = packed.clone();
            let bytes = &mut damaged.0[index].1;
            let at = at.index(bytes.len());
            bytes[at] = to;
            let _ = (damaged.unpacked(1), damaged.unpacked(2));
        }
        let _ = Packed(vec![(0, bytes)]).unpacked(0);
    }
}

#[test]
fn what_an_earlier_record_has_is_only_referred_to() {
    let (mut packer, mut packed) = (Packer::default(), Packed::default());
    for time in 0..3 {
        packed.push(&mut packer, &plain(&decrypt(1_790_000_000_000 + time)));
    }
    let lengths: Vec<_> = packed.0.iter().map(|(_, packed)| packed.len()).collect();
    assert!(lengths[0] > 300 && lengths[1] < 70 && lengths[1] == lengths[2], "{lengths:?}");
    // Another key's id under the same context: only the value that differs is written.
    let context = |order: &str| {
        format!("{{\"encryptionContext\":{{\"shop\":\"shoes-and-boots\",\"order\":\"{order}\"}}}}")
    };
    for context in &[context("order-0000001"), context("order-0000002")] {
        let mut other = decrypt(1_790_000_000_000);
        other.request_parameters = Some(context);
        packed.push(&mut packer, &plain(&other));
    }
    assert!(packed.0[4].1.len() < 90, "{:?}", packed.0[4]);
}

/// Calls of many users on many keys, more than are kept of either.
fn varied(journal: &Journal, count: i64) {
    for time in 0..count {
        let user = format!("user-{}", time * 7919 % 997);
        let key = format!("arn:aws:kms:eu-west-1:111122223333:key/{}", time * 104_729 % 4_001);
        let resources =
            [Resource { account_id: "111122223333", kind: Some("AWS::KMS::Key"), arn: &key }];
        let mut record = decrypt(time);
        record.identity.user_name = Some(&user);
        record.resources = (&resources[..]).into();
        block_on(journal.append(&record)).unwrap();
    }
}

#[test]
fn records_are_read_wherever_reading_begins() {
    let medium: Arc<dyn Medium> = Arc::new(Simulated::new(9));
    let options = Options { segment_bytes: 256 << 10, ..small() };
    let journal = Journal::open(Arc::clone(&medium), key(), options).unwrap().0;
    varied(&journal, 4_000);
    assert!(journal.metrics().bytes() < 4_000 * 320, "{}", journal.metrics().bytes());
    let mut reader = Reader::from_sequence(Arc::clone(&medium), key(), 1).unwrap();
    let mut places: Vec<(Place, i64)> = Vec::new();
    while let Some(record) = reader.next() {
        places.push((reader.place(), record.unwrap().fields().unwrap().time_ms));
    }
    assert!(places.iter().map(|(_, time)| *time).eq(0..4_000));
    let mut fetch = journal.fetch();
    for (place, time) in places.iter().rev().step_by(37) {
        let record = fetch.record_at(*place).unwrap().unwrap();
        let fields = record.fields().unwrap();
        assert_eq!(fields.time_ms, *time);
        let user = format!("user-{}", time * 7919 % 997);
        assert_eq!(fields.identity.user_name, Some(user.as_str()));
        let last = Reader::from_sequence(Arc::clone(&medium), key(), *time as u64 + 1).unwrap();
        assert_eq!(last.take(1).next().unwrap().unwrap(), record);
    }
    // Nothing is kept of what was written before: a journal that is opened anew goes on.
    drop(journal);
    let journal = Journal::open(Arc::clone(&medium), key(), options).unwrap().0;
    varied(&journal, 100);
    drop(journal);
    assert!(check(&medium).is_clean());
}
