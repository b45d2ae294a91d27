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
        self.medium.append_durably(segment, 0, &frame)?;
        self.segment = segment;
        self.offset = HEADER_FRAME_BYTES as u64;
        self.chain = chain;
        self.broken = false;
        self.prepared = false;
        Ok(())
    }

    /// Bytes of the group that was written last.
    pub(super) fn group_bytes(&self) -> u64 {
        self.packed.len() as u64
    }

    /// Packs the frames of a group (see [`open_frame`]), seals them and makes them durable; answers
    /// the sequence number of the first. On an error the tail is broken, and none of them counts.
    pub(super) fn write_group(&mut self, group: &[u8]) -> io::Result<u64> {
        if self.broken {
            return Err(io::Error::other("the segment failed before"));
        }
        self.pack(group);
        let fresh = self.offset <= HEADER_FRAME_BYTES as u64;
        if self.offset.saturating_add(self.group_bytes()) > self.segment_bytes && !fresh {
            self.begin(Reason::Full)?;
            self.pack(group);
        }
        let first = self.next_sequence;
        let (chain, next) = seal(&self.key, &mut self.packed, self.chain, first);
        self.broken = true;
        self.medium.append_durably(self.segment, self.offset, &self.packed)?;
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

/// Numbers the frames of a group and links them; answers the last link and the next number.
fn seal(
    key: &ChainKey,
    group: &mut [u8],
    mut chain: ChainValue,
    mut sequence: u64,
) -> (ChainValue, u64) {
    let mut rest = group;
    let mut kind = FrameKind::FirstRecord;
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
