//! What can be wrong with a journal, each by name: segment, place, and the records concerned.

use std::fmt;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// A segment is not there.
    MissingSegment,
    /// A segment has no header that holds: altered, of another journal, or of another number.
    Header,
    /// A segment was written by a program with another form of segments.
    Version,
    /// A segment does not go on where the one before ends.
    Joint,
    /// Records were altered, dropped, moved, or added: the chain does not hold here.
    Chain,
    /// Records that the next segment (or the anchor) builds on are not there.
    MissingRecords,
    /// Bytes that are no records stand behind the last record.
    Tail,
    /// The segment is larger than any that is written; what is beyond the limit was not read.
    Oversized,
    /// A record is not the one that the anchor knows under its number.
    Anchor,
    /// A record holds under the chain but can't be decoded: written by a newer program.
    Undecodable,
    /// A record holds under the chain, but what it refers to stood in one that is damaged.
    Texts,
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MissingSegment => "the segment is missing",
            Self::Header => "the segment's header does not hold",
            Self::Version => "the segment was written by another version of this program",
            Self::Joint => "the segment does not go on where the one before ends",
            Self::Chain => "the chain does not hold",
            Self::MissingRecords => "records are missing",
            Self::Tail => "bytes that are no records stand behind the last record",
            Self::Oversized => "the segment is larger than any that is written",
            Self::Anchor => "a record is not the one that is known under its number",
            Self::Undecodable => "a record can't be decoded",
            Self::Texts => "a record refers to what is damaged",
        })
    }
}

/// One fault of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub kind: FaultKind,
    /// In which segment.
    pub segment: u64,
    /// Where, in bytes from the start of the segment.
    pub offset: u64,
    /// The sequence number of the first record concerned, and of the last, if they are known.
    /// Every record from the first to the last is in doubt or gone; none outside is.
    pub records: Option<(u64, u64)>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "segment {}, byte {}: {}", self.segment, self.offset, self.kind)?;
        match self.records {
            Some((first, last)) if first == last => write!(f, " (record {first})"),
            Some((first, last)) => write!(f, " (records {first} to {last})"),
            None => Ok(()),
        }
    }
}

/// The records from `first` up to, not including, `next`; none if there is none.
pub(super) fn span(first: u64, next: u64) -> Option<(u64, u64)> {
    next.checked_sub(1).filter(|last| *last >= first).map(|last| (first, last))
}
