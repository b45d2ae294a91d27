//! Walks the frames of one segment: checks each link, and finds its way again behind damage.
//!
//! Each frame is checked with the chain value stored right before it, so one damaged frame does
//! not take the rest of the segment with it: the walk goes on at the next frame that holds.

use std::io;

use super::chain::{
    CHAIN_BYTES, ChainKey, ChainValue, FORMAT_VERSION, FrameKind, HEADER_FRAME_BYTES, Header,
    PREFIX_BYTES, Prefix, SEQUENCE_BYTES,
};
use super::fault::FaultKind;
use super::medium::Medium;

/// The most bytes of one segment that are read, 64 MiB: four times what is written by default.
/// A file that was blown up from outside does not take the memory of whoever checks it.
pub const MAX_SEGMENT_BYTES: u64 = 64 << 20;

/// The most bytes that are run through HMAC to find the way again, as a multiple of the bytes
/// walked over: damage made to look like many long frames does not make the check quadratic.
const SEARCH_BUDGET: usize = 4;

/// The room that is filled from the medium at once while a segment is read.
const READ_BYTES: usize = 1 << 20;

/// One step over a segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// A record whose link holds, packed.
    Record { sequence: u64, kind: FrameKind, offset: usize, bytes: &'a [u8] },
    /// Bytes that hold no record that can be trusted.
    Damage { offset: usize, bytes: usize },
    /// Nothing but zeros, or nothing at all, from here on.
    End { offset: usize },
}

/// A walk over (a part of) a segment.
pub(super) struct Scan<'a> {
    key: &'a ChainKey,
    bytes: &'a [u8],
    position: usize,
    /// The chain value stored in front of `position`.
    previous: ChainValue,
    /// The sequence number the next record must have, or must at least have after damage.
    expected: u64,
    after_damage: bool,
    budget: usize,
    max_payload: usize,
}

impl<'a> Scan<'a> {
    /// A walk over `bytes`, which begin right behind the frame with chain value `previous`.
    pub(super) fn new(
        key: &'a ChainKey,
        bytes: &'a [u8],
        previous: ChainValue,
        expected: u64,
        max_payload: usize,
    ) -> Self {
        let budget = bytes.len().saturating_mul(SEARCH_BUDGET);
        let after_damage = false;
        Self { key, bytes, position: 0, previous, expected, after_damage, budget, max_payload }
    }

    /// A walk that begins amid damage: the first record that holds may have a later number.
    pub(super) fn resuming(mut self) -> Self {
        self.after_damage = true;
        self
    }

    /// Where the walk is.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// The chain value in front of where the walk is.
    pub(super) fn previous(&self) -> ChainValue {
        self.previous
    }

    /// The sequence number the next record must have.
    pub(super) fn expected(&self) -> u64 {
        self.expected
    }

    /// The next step. After [`Step::End`] it is always that.
    pub(super) fn step(&mut self) -> Step<'a> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        if is_zero(rest.get(..PREFIX_BYTES).unwrap_or(rest)) && is_zero(rest) {
            return Step::End { offset: self.position };
        }
        if let Some(found) = self.frame_at(self.position, &self.previous) {
            let fits = found.sequence == self.expected
                || (self.after_damage && found.sequence > self.expected);
            if fits {
                return self.take(found);
            }
        }
        let offset = self.position;
        self.position = self.find_again();
        self.after_damage = true;
        Step::Damage { offset, bytes: self.position - offset }
    }

    /// As [`Scan::step`], for the end of a segment that is being written: what does not hold (yet)
    /// is the end for now, and nothing behind it is looked at.
    pub(super) fn step_live(&mut self) -> Step<'a> {
        match self.frame_at(self.position, &self.previous) {
            Some(found) if found.sequence == self.expected => self.take(found),
            _ => Step::End { offset: self.position },
        }
    }

    fn take(&mut self, found: Found<'a>) -> Step<'a> {
        let offset = self.position;
        self.position = found.end;
        self.previous = found.value;
        self.expected = found.sequence.saturating_add(1);
        self.after_damage = false;
        Step::Record { sequence: found.sequence, kind: found.kind, offset, bytes: found.record }
    }

    /// The record frame at `at`, if its link to `previous` holds.
    fn frame_at(&self, at: usize, previous: &ChainValue) -> Option<Found<'a>> {
        let rest = self.bytes.get(at..)?;
        let prefix = Prefix::parse(*rest.first_chunk::<PREFIX_BYTES>()?, self.max_payload)?;
        let signed_bytes = PREFIX_BYTES + prefix.length;
        let signed = rest.get(..signed_bytes)?;
        let value = rest.get(signed_bytes..)?.first_chunk::<CHAIN_BYTES>()?;
        if prefix.kind == FrameKind::Header {
            return None;
        }
        if !bulla_crypto::ct_eq(&self.key.link(previous, signed), value) {
            return None;
        }
        let payload = signed.get(PREFIX_BYTES..)?;
        let (sequence, record) = payload.split_first_chunk::<SEQUENCE_BYTES>()?;
        Some(Found {
            sequence: u64::from_le_bytes(*sequence),
            kind: prefix.kind,
            record,
            value: *value,
            end: at + prefix.frame_bytes(),
        })
    }

    /// The next place behind here at which a frame holds; sets the chain value in front of it.
    /// The end of the last byte that is not zero, if there is no such place.
    fn find_again(&mut self) -> usize {
        let from = self.position + 1;
        let rest = self.bytes.get(from..).unwrap_or_default();
        for (at, window) in rest.windows(PREFIX_BYTES).enumerate() {
            let Some(prefix) = window.first_chunk() else { break };
            let Some(prefix) = Prefix::parse(*prefix, self.max_payload) else { continue };
            let (at, length) = (from + at, prefix.length);
            let Some(before) = at.checked_sub(CHAIN_BYTES) else { continue };
            let stored = self.bytes.get(before..).and_then(|b| b.first_chunk::<CHAIN_BYTES>());
            let Some(stored) = stored else { continue };
            let Some(left) = self.budget.checked_sub(length) else { break };
            self.budget = left;
            if self.frame_at(at, stored).is_some_and(|found| found.sequence >= self.expected) {
                self.previous = *stored;
                return at;
            }
        }
        let used = self.bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        used.max(from)
    }
}

/// A record frame whose link holds.
struct Found<'a> {
    sequence: u64,
    kind: FrameKind,
    record: &'a [u8],
    value: ChainValue,
    end: usize,
}

fn is_zero(bytes: &[u8]) -> bool {
    let (chunks, rest) = bytes.as_chunks::<16>();
    chunks.iter().all(|chunk| *chunk == [0; 16]) && rest.iter().all(|byte| *byte == 0)
}

/// Reads a segment from `offset` on, at most `limit` bytes.
pub(super) fn read_from(
    medium: &dyn Medium,
    segment: u64,
    offset: u64,
    limit: u64,
) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    read_into(medium, segment, offset, limit, &mut out)?;
    Ok(out)
}

/// As [`read_from`], into room that is used again.
pub(super) fn read_into(
    medium: &dyn Medium,
    segment: u64,
    offset: u64,
    limit: u64,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    out.clear();
    let size = medium.size(segment)?.saturating_sub(offset).min(limit);
    let size = usize::try_from(size).map_err(io::Error::other)?;
    while out.len() < size {
        let filled = out.len();
        out.resize(size.min(filled + READ_BYTES), 0);
        let room = out.get_mut(filled..).unwrap_or_default();
        let at = offset + u64::try_from(filled).map_err(io::Error::other)?;
        let read = medium.read(segment, at, room)?;
        out.truncate(filled + read);
        if read == 0 {
            break;
        }
    }
    Ok(())
}

/// The chain value that stands where the header's does, whether it holds or not.
pub(super) fn stored_chain(segment: &[u8]) -> ChainValue {
    let from = HEADER_FRAME_BYTES - CHAIN_BYTES;
    segment.get(from..).and_then(|bytes| bytes.first_chunk()).copied().unwrap_or_default()
}

/// The header of a segment, with its chain value; `None` if there is none that holds.
pub(super) fn read_header(
    medium: &dyn Medium,
    segment: u64,
    key: &ChainKey,
) -> io::Result<Option<(Header, ChainValue)>> {
    let frame = read_from(medium, segment, 0, HEADER_FRAME_BYTES as u64)?;
    Ok(Header::open(&frame, key).filter(|(header, _)| header.segment == segment))
}

/// What is wrong with a segment whose header, at the start of these bytes, is none that holds.
pub(super) fn header_fault(segment: &[u8], key: &ChainKey) -> FaultKind {
    match Header::version(segment, key) {
        Some(version) if version != FORMAT_VERSION => FaultKind::Version,
        _ => FaultKind::Header,
    }
}
