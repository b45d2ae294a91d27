//! Reads records in order, from any of them on, and goes on when more have been written.

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::chain::{CHAIN_BYTES, ChainKey, ChainValue, HEADER_FRAME_BYTES, PREFIX_BYTES};
use super::fault::{Fault, FaultKind, span};
use super::medium::Medium;
use super::pack::At;
use super::record::Record;
use super::scan::{
    MAX_SEGMENT_BYTES, Scan, Step, header_fault, read_from, read_header, read_into, stored_chain,
};
use super::texts::{Failure, Texts};
use super::{MAX_FRAME_BYTES, MAX_FRAME_PAYLOAD_BYTES};

/// How much is read at once, 256 KiB: what a reader holds, but for longer records.
const READ_AHEAD_BYTES: u64 = 256 << 10;

/// Why a record could not be read.
#[derive(Debug)]
pub enum ReadError {
    /// The environment failed; nothing was skipped.
    Io(io::Error),
    /// Records that do not hold were skipped; reading goes on behind them.
    Fault(Fault),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(source) => write!(f, "the journal can't be read: {source}"),
            Self::Fault(fault) => write!(f, "records were skipped: {fault}"),
        }
    }
}

impl std::error::Error for ReadError {}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Reads records in order. As an iterator it ends at the end of what is written so far; asked
/// again later it goes on from there, which is how to follow a journal.
///
/// Who follows may see records whose write failed after they were seen; the records that
/// took their numbers follow.
pub struct Reader {
    medium: Arc<dyn Medium>,
    key: Arc<ChainKey>,
    /// The segment that is read; 0 before the first.
    segment: u64,
    /// Where `buffer` begins in the segment, and how much of it was used.
    offset: u64,
    used: usize,
    buffer: Vec<u8>,
    chain: ChainValue,
    expected: u64,
    /// The first record of the next segment: what stands here from it on was never acknowledged.
    limit: Option<u64>,
    /// The first record that is wanted.
    from: u64,
    /// Where the last record stood that was read.
    last: Place,
    texts: Texts,
}

/// A record that was read and not unpacked: what it is packed in stands in the reader's buffer
/// until it goes on.
pub(super) struct Passed {
    pub(super) sequence: u64,
    pub(super) place: Place,
    packed: Range<usize>,
}

impl Passed {
    /// That it can't be read, as what it refers to is damaged.
    pub(super) fn unreadable(&self) -> ReadError {
        ReadError::Fault(Fault {
            kind: FaultKind::Texts,
            segment: self.place.segment,
            offset: self.place.offset,
            records: Some((self.sequence, self.sequence)),
        })
    }
}

/// Where a record stands: what [`Fetch`](super::Fetch) reads it again by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The segment's number.
    pub segment: u64,
    /// Bytes from the segment's start to the record's frame.
    pub offset: u64,
}

impl Reader {
    /// Reads from the start of a segment on.
    ///
    /// # Errors
    /// If the medium can't be read.
    pub fn from_segment(
        medium: Arc<dyn Medium>,
        key: Arc<ChainKey>,
        segment: u64,
    ) -> io::Result<Self> {
        let header = read_header(&*medium, segment, &key)?;
        let mut reader = Self::new(medium, key, 0);
        if let Some((header, chain)) = header {
            reader.enter(segment, chain, header.first_sequence);
        }
        Ok(reader)
    }

    fn new(medium: Arc<dyn Medium>, key: Arc<ChainKey>, from: u64) -> Self {
        Self {
            medium,
            key,
            segment: 0,
            offset: 0,
            used: 0,
            buffer: Vec::new(),
            chain: [0; 32],
            expected: 1,
            limit: None,
            from,
            last: Place::default(),
            texts: Texts::default(),
        }
    }

    /// Where the record stands that was read last.
    #[must_use]
    pub fn place(&self) -> Place {
        self.last
    }

    /// The number of the next record, where nothing is damaged.
    #[must_use]
    pub fn expected(&self) -> u64 {
        self.expected
    }

    /// Reads from the record with the number `sequence` on, or from the oldest there is.
    ///
    /// # Errors
    /// If the medium can't be read.
    pub fn from_sequence(
        medium: Arc<dyn Medium>,
        key: Arc<ChainKey>,
        sequence: u64,
    ) -> io::Result<Self> {
        let mut reader = Self::new(medium, key, sequence);
        let segments = reader.medium.list()?;
        for segment in segments.iter().rev() {
            let header = read_header(&*reader.medium, *segment, &reader.key)?;
            if let Some((header, chain)) = header {
                reader.enter(*segment, chain, header.first_sequence);
                if header.first_sequence <= sequence {
                    return Ok(reader);
                }
            }
        }
        // What is wanted is older than all segments whose header holds. Those in front of them are
        // not passed over: their fault is named, and what holds in them is read.
        if segments.first() != Some(&reader.segment) {
            reader.enter(0, [0; CHAIN_BYTES], 1);
        }
        Ok(reader)
    }

    /// Reads the last `count` records, and those that are written later.
    ///
    /// # Errors
    /// If the medium can't be read.
    pub fn tail(medium: Arc<dyn Medium>, key: Arc<ChainKey>, count: u64) -> io::Result<Self> {
        let mut end = 1;
        for segment in medium.list()?.into_iter().rev() {
            let Some((header, chain)) = read_header(&*medium, segment, &key)? else { continue };
            let bytes = read_from(&*medium, segment, HEADER_FRAME_BYTES as u64, MAX_SEGMENT_BYTES)?;
            let first = header.first_sequence;
            let mut scan = Scan::new(&key, &bytes, chain, first, MAX_FRAME_PAYLOAD_BYTES);
            while !matches!(scan.step(), Step::End { .. }) {}
            end = scan.expected();
            break;
        }
        Self::from_sequence(medium, key, end.saturating_sub(count).max(1))
    }

    fn enter(&mut self, segment: u64, chain: ChainValue, first: u64) {
        self.segment = segment;
        self.offset = HEADER_FRAME_BYTES as u64;
        self.used = 0;
        self.buffer.clear();
        self.chain = chain;
        self.expected = first;
        self.limit = None;
    }

    /// The next record, of those that are wanted or before.
    pub(super) fn advance(&mut self) -> Result<Option<Passed>, ReadError> {
        loop {
            if let Some(passed) = self.take_buffered() {
                return Ok(Some(passed));
            }
            self.offset += self.used as u64;
            self.used = 0;
            self.buffer.clear();
            // A segment that was begun since says that this one is complete, and up to where it
            // counts: so it is looked for before what is here is read.
            let next = self.medium.list()?.into_iter().find(|segment| *segment > self.segment);
            self.limit = self.first_of(next)?;
            if self.segment != 0 && self.is_written()? {
                for most in [READ_AHEAD_BYTES, MAX_FRAME_BYTES as u64] {
                    read_into(&*self.medium, self.segment, self.offset, most, &mut self.buffer)?;
                    if let Some(passed) = self.take_buffered() {
                        return Ok(Some(passed));
                    }
                }
            }
            if let Some(fault) = self.skip_damage(next)? {
                return Err(ReadError::Fault(fault));
            }
            let Some(next) = next else { return Ok(None) };
            match self.enter_next(next)? {
                Some(fault) => return Err(ReadError::Fault(fault)),
                None if self.segment != next => return Ok(None),
                None => {}
            }
        }
    }

    /// Whether anything is written where the reader is; what is asked most often by who follows.
    fn is_written(&self) -> io::Result<bool> {
        self.is_written_at(self.segment, self.offset)
    }

    fn is_written_at(&self, segment: u64, offset: u64) -> io::Result<bool> {
        let bytes = read_from(&*self.medium, segment, offset, PREFIX_BYTES as u64)?;
        Ok(bytes.iter().any(|byte| *byte != 0))
    }

    fn take_buffered(&mut self) -> Option<Passed> {
        if self.limit.is_some_and(|limit| self.expected >= limit) {
            return None;
        }
        let rest = self.buffer.get(self.used..).unwrap_or_default();
        let mut scan =
            Scan::new(&self.key, rest, self.chain, self.expected, MAX_FRAME_PAYLOAD_BYTES);
        let Step::Record { sequence, bytes, .. } = scan.step_live() else { return None };
        let offset = self.offset + self.used as u64;
        let place = Place { segment: self.segment, offset };
        let end = self.used + scan.position();
        let to = end.saturating_sub(CHAIN_BYTES);
        let packed = to.saturating_sub(bytes.len())..to;
        (self.chain, self.expected) = (scan.previous(), scan.expected());
        self.used = end;
        self.last = place;
        self.texts.pass(place.segment, At { sequence, offset });
        Some(Passed { sequence, place, packed })
    }

    /// Whether a record is one of those to be read, and not one before.
    pub(super) fn wants(&self, passed: &Passed) -> bool {
        passed.sequence >= self.from
    }

    /// What a record is packed in that was passed last.
    pub(super) fn packed(&self, passed: &Passed) -> &[u8] {
        self.buffer.get(passed.packed.clone()).unwrap_or_default()
    }

    /// Keeps a record at hand that was passed last, as it has texts that others may refer to.
    pub(super) fn keep(&mut self, passed: &Passed) {
        let packed = self.buffer.get(passed.packed.clone()).unwrap_or_default();
        let at = At { sequence: passed.sequence, offset: passed.place.offset };
        self.texts.keep(passed.place.segment, at, packed);
    }

    /// Unpacks a record that was passed last.
    pub(super) fn unpack(&mut self, passed: &Passed) -> Result<Record, ReadError> {
        let Passed { sequence, place, packed } = passed;
        let (source, at) =
            ((&*self.medium, &*self.key), At { sequence: *sequence, offset: place.offset });
        let packed = self.buffer.get(packed.clone()).unwrap_or_default();
        match self.texts.unpack(source, (place.segment, at), packed) {
            Ok(bytes) => Ok(Record::new(*sequence, bytes)),
            Err(Failure::Io(error)) => Err(error.into()),
            Err(Failure::Unreadable(_)) => Err(passed.unreadable()),
        }
    }

    /// Looks for records behind damage in this segment; places the reader at them.
    fn skip_damage(&mut self, next: Option<u64>) -> io::Result<Option<Fault>> {
        let first_byte = self.buffer.iter().any(|byte| *byte != 0);
        self.buffer.clear();
        if self.segment == 0 || !(first_byte || next.is_some()) {
            return Ok(None);
        }
        let bytes = read_from(&*self.medium, self.segment, self.offset, MAX_SEGMENT_BYTES)?;
        let mut scan =
            Scan::new(&self.key, &bytes, self.chain, self.expected, MAX_FRAME_PAYLOAD_BYTES);
        let Step::Damage { bytes: skipped, .. } = scan.step() else { return Ok(None) };
        let (at, chain) = (self.offset, scan.previous());
        let Step::Record { sequence, .. } = scan.step() else { return Ok(None) };
        if self.limit.is_some_and(|limit| sequence >= limit) {
            return Ok(None);
        }
        let records = span(self.expected, sequence);
        (self.chain, self.expected) = (chain, sequence);
        self.offset += skipped as u64;
        Ok(Some(Fault { kind: FaultKind::Chain, segment: self.segment, offset: at, records }))
    }

    fn first_of(&self, next: Option<u64>) -> io::Result<Option<u64>> {
        let Some(next) = next else { return Ok(None) };
        let header = read_header(&*self.medium, next, &self.key)?;
        Ok(header.map(|(header, _)| header.first_sequence))
    }

    /// Goes on to the next segment; names what is missing between.
    fn enter_next(&mut self, next: u64) -> io::Result<Option<Fault>> {
        let bytes = read_from(&*self.medium, next, 0, HEADER_FRAME_BYTES as u64)?;
        let Some((header, chain)) = read_header(&*self.medium, next, &self.key)? else {
            if self.medium.list()?.last() == Some(&next)
                && !self.is_written_at(next, HEADER_FRAME_BYTES as u64)?
            {
                // It is being begun.
                return Ok(None);
            }
            self.enter(next, stored_chain(&bytes), self.expected);
            return Ok(Some(Fault {
                kind: header_fault(&bytes, &self.key),
                segment: next,
                offset: 0,
                records: None,
            }));
        };
        let missing = span(self.expected, header.first_sequence).filter(|_| self.segment != 0);
        let segment = self.segment;
        let offset = self.offset;
        self.enter(next, chain, header.first_sequence);
        Ok(missing.map(|missing| Fault {
            kind: FaultKind::MissingRecords,
            segment,
            offset,
            records: Some(missing),
        }))
    }
}

impl Iterator for Reader {
    type Item = Result<Record, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.advance().transpose()? {
                Ok(passed) if !self.wants(&passed) => {}
                Ok(passed) => return Some(self.unpack(&passed)),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
