//! The end of the journal that is being written: seals groups of frames and makes them durable.
//!
//! Fail-stop: after a failed write or sync nobody knows what is on the disk, so the segment is
//! never written to again. [`Tail::repair`] begins a fresh one, which goes on from the last record
//! that was acknowledged.

use std::io;
use std::sync::Arc;

use super::chain::{
    CHAIN_BYTES, ChainKey, ChainValue, FRAME_OVERHEAD, FrameKind, HEADER_FRAME_BYTES, Header,
    PREFIX_BYTES, Reason, SEQUENCE_BYTES,
};
use super::medium::Medium;
use super::pack::{At, Packer};
use super::verify::Anchor;

/// Where the journal ends, durably.
pub(super) struct Tail {
    medium: Arc<dyn Medium>,
    key: Arc<ChainKey>,
    segment_bytes: u64,
    pub(super) segment: u64,
    pub(super) offset: u64,
    /// The chain value of the last frame.
    pub(super) chain: ChainValue,
    pub(super) next_sequence: u64,
    /// The chain value of the last record.
    pub(super) last_record: ChainValue,
    broken: bool,
    prepared: bool,
    packer: Packer,
    /// The group as it was written last.
    packed: Vec<u8>,
    /// What the next frame that is written is, which says what is durable before it.
    next_kind: FrameKind,
}

impl Tail {
    /// The end of a journal without segments.
    pub(super) fn new(medium: Arc<dyn Medium>, key: Arc<ChainKey>, segment_bytes: u64) -> Self {
        Self {
            medium,
            key,
            segment_bytes,
            segment: 0,
            offset: 0,
            chain: [0; CHAIN_BYTES],
            next_sequence: 1,
            last_record: [0; CHAIN_BYTES],
            broken: false,
            prepared: false,
            packer: Packer::default(),
            packed: Vec::new(),
            next_kind: FrameKind::FirstRecord,
        }
    }

    /// Whether a write failed, so that only [`Tail::repair`] leads on.
    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    /// The last record that is durable.
    pub(super) fn anchor(&self) -> Anchor {
        Anchor { sequence: self.next_sequence.saturating_sub(1), chain: self.last_record }
    }

    /// Begins a fresh segment that goes on from the last acknowledged record.
    pub(super) fn repair(&mut self) -> io::Result<()> {
        self.begin(Reason::Broken)
    }

    /// Begins the next segment. Until this has succeeded nothing can be written.
    pub(super) fn begin(&mut self, reason: Reason) -> io::Result<()> {
        self.broken = true;
        self.packer.clear();
        let segment = self.segment + 1;
        // What an attempt that failed may have left. No record in it was ever acknowledged.
        match self.medium.remove(segment) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        self.medium.create(segment, self.segment_bytes)?;
        let first_sequence = self.next_sequence;
        let header = Header { reason, segment, first_sequence, previous: self.last_record };
        let (frame, chain) = header.frame(&self.key);
        // Through the page cache, so that what comes behind it there finds the page.
        self.medium.append(segment, 0, &frame)?;
        self.medium.sync(segment)?;
        self.segment = segment;
        self.offset = HEADER_FRAME_BYTES as u64;
        self.chain = chain;
        self.broken = false;
        self.prepared = false;
        self.next_kind = FrameKind::FirstRecord;
        Ok(())
    }

    /// Bytes of the group that was written last.
    pub(super) fn group_bytes(&self) -> u64 {
        self.packed.len() as u64
    }

    /// Packs the frames of a group (see [`open_frame`]), seals them and makes them durable; answers
    /// the sequence number of the first. On an error the tail is broken, and none of them counts.
    pub(super) fn write_group(&mut self, group: &[u8]) -> io::Result<u64> {
        self.must_hold()?;
        self.pack(group);
        if !self.has_room(self.packed.len()) {
            self.begin(Reason::Full)?;
            self.pack(group);
        }
        self.write_packed(FrameKind::FirstRecord, |medium, segment, offset, group| {
            medium.append_durably(segment, offset, group)
        })
    }

    /// As [`Tail::write_group`], but nothing is durable before [`Tail::sync`], and whoever calls
    /// has seen to it that the segment [has room](Tail::has_room).
    pub(super) fn write_ahead(&mut self, group: &[u8]) -> io::Result<u64> {
        self.must_hold()?;
        self.pack(group);
        let kind = std::mem::replace(&mut self.next_kind, FrameKind::Record);
        self.write_packed(kind, |medium, segment, offset, group| {
            medium.append(segment, offset, group)
        })
    }

    /// Whether a group of so many bytes fits into the segment, or would fit into no other either.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        let fresh = self.offset <= HEADER_FRAME_BYTES as u64;
        fresh || self.offset.saturating_add(bytes as u64) <= self.segment_bytes
    }

    /// Makes all that was written ahead durable, and begins the next segment.
    pub(super) fn roll(&mut self) -> io::Result<()> {
        self.sync()?;
        self.begin(Reason::Full)
    }

    /// Makes what was [written ahead](Tail::write_ahead) durable. On an error the tail is broken.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.broken = true;
        self.medium.sync(self.segment)?;
        self.broken = false;
        self.next_kind = FrameKind::FirstRecord;
        Ok(())
    }

    /// Notes that a sync of all that was written ahead is about to begin elsewhere.
    pub(super) fn mark(&mut self) -> Mark {
        self.next_kind = FrameKind::MarkedRecord;
        Mark { segment: self.segment, offset: self.offset, anchor: self.anchor() }
    }

    /// Notes that the sync that was begun at `mark` has succeeded.
    pub(super) fn synced(&mut self, mark: &Mark) {
        if (self.segment, self.offset) == (mark.segment, mark.offset) {
            self.next_kind = FrameKind::FirstRecord;
        }
    }

    /// After a failure: begins a fresh segment that goes on from the record `from`, with these
    /// frames, which were written ahead behind it and are not known to be durable.
    pub(super) fn repair_from(&mut self, from: &Anchor, frames: &[u8]) -> io::Result<()> {
        self.next_sequence = from.sequence.saturating_add(1);
        self.last_record = from.chain;
        self.repair()?;
        if frames.is_empty() {
            return Ok(());
        }
        self.write_ahead(frames)?;
        self.sync()
    }

    fn must_hold(&self) -> io::Result<()> {
        if self.broken { Err(io::Error::other("the segment failed before")) } else { Ok(()) }
    }

    /// Seals what was packed, and writes it.
    fn write_packed(
        &mut self,
        kind: FrameKind,
        append: impl FnOnce(&dyn Medium, u64, u64, &[u8]) -> io::Result<()>,
    ) -> io::Result<u64> {
        let first = self.next_sequence;
        let (chain, next) = seal(&self.key, &mut self.packed, self.chain, first, kind);
        self.broken = true;
        append(&*self.medium, self.segment, self.offset, &self.packed)?;
        self.broken = false;
        self.offset += self.group_bytes();
        self.chain = chain;
        self.last_record = chain;
        self.next_sequence = next;
        if !self.prepared && self.offset > self.segment_bytes / 2 {
            self.medium.prepare(self.segment_bytes);
            self.prepared = true;
        }
        Ok(first)
    }

    /// Packs the records of a group, to stand where the segment ends.
    fn pack(&mut self, mut group: &[u8]) {
        self.packed.clear();
        let mut sequence = self.next_sequence;
        while let Some(length) = group.first_chunk::<4>() {
            let length = u32::from_le_bytes(*length) as usize;
            let Some((frame, rest)) = group.split_at_checked(length + FRAME_OVERHEAD) else {
                break;
            };
            group = rest;
            let record = frame.get(PREFIX_BYTES + SEQUENCE_BYTES..PREFIX_BYTES + length);
            let start = self.packed.len();
            open_frame(&mut self.packed);
            let at = At { sequence, offset: self.offset + start as u64 };
            self.packer.pack(record.unwrap_or_default(), at, &mut self.packed);
            close_frame(&mut self.packed, start);
            sequence = sequence.saturating_add(1);
        }
    }
}

/// How far the journal had come when a sync began.
pub(super) struct Mark {
    pub(super) segment: u64,
    offset: u64,
    /// The last record that the sync makes durable.
    pub(super) anchor: Anchor,
}

/// Opens a frame at the end of `group`; the record's bytes are to be appended behind it.
pub(super) fn open_frame(group: &mut Vec<u8>) {
    group.extend_from_slice(&[0; PREFIX_BYTES + SEQUENCE_BYTES]);
}

/// Closes the frame that was opened at `start`, once the record's bytes are behind it.
pub(super) fn close_frame(group: &mut Vec<u8>, start: usize) {
    let length = group.len().saturating_sub(start + PREFIX_BYTES);
    if let Some(room) = group.get_mut(start..).and_then(|frame| frame.first_chunk_mut::<4>()) {
        *room = u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
    }
    group.extend_from_slice(&[0; CHAIN_BYTES]);
}

/// Numbers the frames of a group, of which the first is of this kind, and links them; answers the
/// last link and the next number.
fn seal(
    key: &ChainKey,
    group: &mut [u8],
    mut chain: ChainValue,
    mut sequence: u64,
    mut kind: FrameKind,
) -> (ChainValue, u64) {
    let mut rest = group;
    while let Some(length) = rest.first_chunk::<4>() {
        let length = u32::from_le_bytes(*length) as usize;
        let Some((frame, after)) = rest.split_at_mut_checked(length + FRAME_OVERHEAD) else {
            break;
        };
        rest = after;
        let Some((signed, value)) = frame.split_last_chunk_mut::<CHAIN_BYTES>() else { break };
        if let Some(head) = signed.first_chunk_mut::<{ PREFIX_BYTES + SEQUENCE_BYTES }>() {
            let [_, _, _, _, k0, k1, k2, k3, number @ ..] = head;
            [*k0, *k1, *k2, *k3] = kind.bytes();
            *number = sequence.to_le_bytes();
        }
        chain = key.link(&chain, signed);
        *value = chain;
        kind = FrameKind::Record;
        sequence += 1;
    }
    (chain, sequence)
}
