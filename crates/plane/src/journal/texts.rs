//! Reads packed records: finds what they refer to, and checks it as it checks them.
//!
//! What a record refers to lies in another frame of its segment. That frame is read by itself and
//! counts only if its own link holds: so no text comes from a place that nobody vouches for.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use super::MAX_FRAME_PAYLOAD_BYTES;
use super::chain::{CHAIN_BYTES, ChainKey, PREFIX_BYTES, Prefix};
use super::medium::Medium;
use super::pack::{self, At, Earlier, Shared, Unreadable};
use super::reader::Place;
use super::record::Record;
use super::scan::{Scan, Step, read_from};

/// What is read of a frame at first; most are shorter.
const FRAME_BYTES: usize = 1024;
/// How many bytes of frames are kept that records refer to or may refer to, 4 MiB. The last half of
/// them is as much as records reach.
const KEPT_BYTES: usize = 4 << 20;

/// How many records are remembered that were passed: more than are within reach.
const PASSED: usize = 1 << 16;

/// Why a packed record was not read.
#[derive(Debug)]
pub(super) enum Failure {
    Unreadable(Unreadable),
    Io(io::Error),
}

impl From<Unreadable> for Failure {
    fn from(why: Unreadable) -> Self {
        Self::Unreadable(why)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Frames by their record's number: where each begins, and the packed record.
type Frames = HashMap<u64, (u64, Arc<[u8]>)>;

/// The frames of one segment that records refer to, as far as they were needed or passed.
#[derive(Default)]
pub(super) struct Texts {
    segment: u64,
    /// What came or was needed last.
    frames: Frames,
    /// What did before that.
    before: Frames,
    /// How many bytes the former have.
    bytes: usize,
    /// The records that were passed, ascending: where they stand after bytes were taken out or put
    /// in.
    passed: Vec<At>,
}

impl Texts {
    /// The record whose packed bytes stand at a place of a segment.
    pub(super) fn unpack(
        &mut self,
        (medium, key): (&dyn Medium, &ChainKey),
        (segment, at): (u64, At),
        packed: &[u8],
    ) -> Result<Vec<u8>, Failure> {
        self.enter(segment);
        let mut finder = Finder { texts: self, medium, key, at, is_first: true };
        let mut record = Vec::with_capacity(packed.len().saturating_mul(4));
        pack::unpack(packed, &mut finder, &mut record)?;
        Ok(record)
    }

    /// What is known of another segment is of no use in this one.
    fn enter(&mut self, segment: u64) {
        if self.segment != segment {
            self.segment = segment;
            self.frames.clear();
            self.before.clear();
            self.bytes = 0;
            self.passed.clear();
        }
    }

    /// Keeps a record that was passed and checked: those to come will refer to it.
    pub(super) fn keep(&mut self, segment: u64, at: At, packed: &[u8]) {
        self.enter(segment);
        self.put(at.sequence, (at.offset, packed.into()));
    }

    fn put(&mut self, sequence: u64, frame: (u64, Arc<[u8]>)) {
        self.bytes = self.bytes.saturating_add(frame.1.len());
        if self.bytes > KEPT_BYTES / 2 {
            self.before = std::mem::take(&mut self.frames);
            self.bytes = frame.1.len();
        }
        self.frames.insert(sequence, frame);
    }

    /// Remembers where a record stands, for those that refer to it.
    pub(super) fn pass(&mut self, segment: u64, at: At) {
        self.enter(segment);
        if self.passed.len() >= PASSED {
            self.passed.drain(..PASSED / 2);
        }
        self.passed.push(at);
    }

    /// The packed bytes of a record, and where its frame begins.
    fn frame(
        &mut self,
        (medium, key): (&dyn Medium, &ChainKey),
        at: At,
    ) -> Result<(u64, Arc<[u8]>), Failure> {
        if let Some(frame) = self.frames.get(&at.sequence) {
            return Ok(frame.clone());
        }
        if let Some(frame) = self.before.remove(&at.sequence) {
            self.put(at.sequence, frame.clone());
            return Ok(frame);
        }
        let read = |offset| read_frame(medium, key, Place { segment: self.segment, offset });
        let is_it = |frame: &Frame| frame.sequence == at.sequence;
        let mut found = read(at.offset)?.filter(is_it).map(|frame| (at.offset, frame));
        if found.is_none()
            && let Ok(index) =
                self.passed.binary_search_by_key(&at.sequence, |passed| passed.sequence)
            && let Some(passed) = self.passed.get(index)
        {
            found = read(passed.offset)?.filter(is_it).map(|frame| (passed.offset, frame));
        }
        let (offset, frame) = found.ok_or(Unreadable::Lost)?;
        let packed: Arc<[u8]> = frame.packed.into();
        self.put(at.sequence, (offset, Arc::clone(&packed)));
        Ok((offset, packed))
    }
}

/// Where a record finds what it refers to.
struct Finder<'t> {
    texts: &'t mut Texts,
    medium: &'t dyn Medium,
    key: &'t ChainKey,
    /// The record.
    at: At,
    /// Whether it is the one that is read, and not one that that refers to.
    is_first: bool,
}

impl Shared for Finder<'_> {
    type Error = Failure;

    fn text(&mut self, of: Earlier, number: u8, out: &mut Vec<u8>) -> Result<(), Failure> {
        let sequence = self.at.sequence.checked_sub(of.before).filter(|_| of.before > 0);
        let sequence = sequence.ok_or(Unreadable::Malformed)?;
        // Where bytes were taken out it may seem to begin before the segment.
        let offset = self.at.offset.saturating_sub(of.distance);
        let (offset, packed) =
            self.texts.frame((self.medium, self.key), At { sequence, offset })?;
        let is_first = std::mem::take(&mut self.is_first);
        let before = std::mem::replace(&mut self.at, At { sequence, offset });
        let put = pack::put_shared(&packed, number, is_first, self, out);
        (self.at, self.is_first) = (before, is_first);
        put
    }
}

/// A frame that holds: its record's number, and the packed record.
struct Frame {
    sequence: u64,
    packed: Vec<u8>,
}

/// Reads the frame at a place, and checks that it belongs there: that it is linked to what stands
/// before it. `None` if there is no such frame, or none any more.
fn read_frame(medium: &dyn Medium, key: &ChainKey, place: Place) -> io::Result<Option<Frame>> {
    let Some(from) = place.offset.checked_sub(CHAIN_BYTES as u64) else { return Ok(None) };
    let read = |most: usize| match read_from(medium, place.segment, from, most as u64) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        bytes => bytes,
    };
    let whole = |bytes: &[u8]| {
        let prefix = bytes.get(CHAIN_BYTES..)?.first_chunk::<PREFIX_BYTES>()?;
        let prefix = Prefix::parse(*prefix, MAX_FRAME_PAYLOAD_BYTES)?;
        Some(CHAIN_BYTES + prefix.frame_bytes())
    };
    let mut bytes = read(FRAME_BYTES)?;
    let Some(length) = whole(&bytes) else { return Ok(None) };
    if length > bytes.len() {
        bytes = read(length)?;
    }
    let Some((previous, frame)) = bytes.split_first_chunk::<CHAIN_BYTES>() else {
        return Ok(None);
    };
    let mut scan = Scan::new(key, frame, *previous, 0, MAX_FRAME_PAYLOAD_BYTES).resuming();
    match scan.step() {
        Step::Record { sequence, bytes, offset: 0, .. } => {
            Ok(Some(Frame { sequence, packed: bytes.to_vec() }))
        }
        _ => Ok(None),
    }
}

/// Reads single records; those of one segment one after the other cost least.
pub struct Fetch {
    medium: Arc<dyn Medium>,
    key: Arc<ChainKey>,
    texts: Texts,
}

impl Fetch {
    pub(super) fn new(medium: Arc<dyn Medium>, key: Arc<ChainKey>) -> Self {
        Self { medium, key, texts: Texts::default() }
    }

    /// Reads the record at a place, and checks that it belongs there. `None` if there is no such
    /// record, or none any more, or one that can't be read as what it refers to is damaged. Blocks.
    ///
    /// # Errors
    /// If the medium can't be read.
    pub fn record_at(&mut self, place: Place) -> io::Result<Option<Record>> {
        let Some(Frame { sequence, packed }) = read_frame(&*self.medium, &self.key, place)? else {
            return Ok(None);
        };
        let at = At { sequence, offset: place.offset };
        match self.texts.unpack((&*self.medium, &self.key), (place.segment, at), &packed) {
            Ok(bytes) => Ok(Some(Record::new(sequence, bytes))),
            Err(Failure::Io(error)) => Err(error),
            Err(Failure::Unreadable(_)) => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Memory;
    use crate::journal::fixtures::key;

    #[test]
    fn what_was_passed_of_late_is_at_hand_and_no_more_than_that() {
        const BYTES: usize = 1 << 10;
        let (mut texts, medium, key) = (Texts::default(), Memory::new(1 << 20), key());
        let all = 5 * (KEPT_BYTES / BYTES) as u64;
        for sequence in 0..all {
            texts.keep(1, At { sequence, offset: 7 * sequence }, &[sequence as u8; BYTES]);
            assert!((texts.frames.len() + texts.before.len()) * BYTES <= KEPT_BYTES);
        }
        // The medium has nothing, so whatever is found was kept.
        let find = |texts: &mut Texts, sequence| {
            texts.frame((&medium, &key), At { sequence, offset: 0 }).ok()
        };
        for sequence in all - (KEPT_BYTES / 2 / BYTES) as u64..all {
            let (offset, packed) = find(&mut texts, sequence).unwrap();
            assert_eq!((offset, packed.first()), (7 * sequence, Some(&(sequence as u8))));
        }
        assert!(find(&mut texts, 0).is_none());
        texts.keep(2, At { sequence: all, offset: 0 }, &[0]);
        assert!(find(&mut texts, all - 1).is_none());
    }
}
