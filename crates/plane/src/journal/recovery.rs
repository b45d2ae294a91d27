//! Opens a journal: finds where it ends, cuts what was never acknowledged, and goes on from there.
//!
//! Only the last segment is read, so opening takes as long with a thousand segments as with one.
//! What a power cut left of the last group is cut off. Damage before that is another matter: it is
//! left as it is and named, for `verify` to look at.

use std::fmt;
use std::io;
use std::sync::Arc;

use super::chain::{
    ChainKey, ChainValue, FORMAT_VERSION, FrameKind, HEADER_FRAME_BYTES, Header, Reason,
};
use super::fault::{Fault, FaultKind, span};
use super::medium::Medium;
use super::retention;
use super::scan::{MAX_SEGMENT_BYTES, Scan, Step, read_from, read_header, stored_chain};
use super::tail::Tail;
use super::{MAX_FRAME_PAYLOAD_BYTES, MAX_GROUP_BYTES};

/// How often finding the end may go back one segment: those that a power cut left half begun.
const MAX_HALF_BEGUN: usize = 16;

/// Why a journal could not be opened.
#[derive(Debug)]
pub enum OpenError {
    /// The environment failed.
    Io {
        /// At which segment; 0 if at none.
        segment: u64,
        /// Its own answer.
        source: io::Error,
    },
    /// The last segment holds something, but nothing that was written under this key.
    Foreign {
        /// Which segment.
        segment: u64,
    },
    /// The last segment was written by a program with another form of segments.
    Version {
        /// Which segment.
        segment: u64,
        /// The version of its form.
        version: u16,
    },
    /// The thread that writes could not be started.
    Thread(io::Error),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { segment, source } => {
                write!(f, "the journal can't be opened, segment {segment}: {source}")
            }
            Self::Foreign { segment } => write!(
                f,
                "segment {segment} of the journal was not written under this key: check that the \
                 data and the seal belong together, or restore the segment"
            ),
            Self::Version { segment, version } => write!(
                f,
                "segment {segment} of the journal has format version {version}, this program reads \
                 and writes {FORMAT_VERSION} alone: open it with the program that wrote it, or move \
                 the journal away to begin another"
            ),
            Self::Thread(source) => write!(f, "the journal's thread can't be started: {source}"),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } | Self::Thread(source) => Some(source),
            Self::Foreign { .. } | Self::Version { .. } => None,
        }
    }
}

/// What was found when a journal was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// The sequence number the next record gets.
    pub next_sequence: u64,
    /// The segment that is written to.
    pub segment: u64,
    /// Bytes behind the last record that were cut off: a group that was never acknowledged.
    pub cut_bytes: u64,
    /// Damage to acknowledged records, as far as it was seen. To be said loudly.
    pub faults: Vec<Fault>,
}

/// Finds the end of the journal, and makes it ready to be written.
pub(super) fn recover(
    medium: &Arc<dyn Medium>,
    key: &Arc<ChainKey>,
    segment_bytes: u64,
) -> Result<(Tail, Recovery), OpenError> {
    let mut tail = Tail::new(Arc::clone(medium), Arc::clone(key), segment_bytes);
    let mut recovery = Recovery::default();
    let at = |segment| move |source| OpenError::Io { segment, source };
    let mut segments = medium.list().map_err(at(0))?;
    for _ in 0..MAX_HALF_BEGUN {
        let Some(last) = segments.last().copied() else { break };
        let bytes = read_from(&**medium, last, 0, MAX_SEGMENT_BYTES).map_err(at(last))?;
        let header = read_header(&**medium, last, key).map_err(at(last))?;
        if let Some(version) = Header::version(&bytes, key).filter(|it| *it != FORMAT_VERSION) {
            return Err(OpenError::Version { segment: last, version });
        }
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        if header.is_none() && used < HEADER_FRAME_BYTES {
            // The power failed while it was being begun: nothing in it was acknowledged.
            medium.remove(last).map_err(at(last))?;
            segments.pop();
            continue;
        }
        let end = find_end(key, &bytes, last, header, &mut recovery.faults)
            .ok_or(OpenError::Foreign { segment: last })?;
        tail.segment = last;
        tail.offset = end.offset as u64;
        tail.chain = end.chain;
        tail.next_sequence = end.next_sequence;
        tail.last_record = end.last_record;
        settle(&mut tail, &**medium, &bytes, used, &end, &mut recovery).map_err(at(last))?;
        break;
    }
    let oldest = retention::oldest(&**medium, key).map_err(at(0))?;
    missing_segments(&segments, oldest, &mut recovery.faults);
    if tail.segment == 0 {
        tail.begin(Reason::Full).map_err(at(1))?;
    }
    recovery.next_sequence = tail.next_sequence;
    recovery.segment = tail.segment;
    Ok((tail, recovery))
}

/// Names the segments that are not there.
pub(super) fn missing_segments(segments: &[u64], oldest: u64, faults: &mut Vec<Fault>) {
    let mut expected = oldest;
    for segment in segments {
        if *segment > expected {
            // One fault for a whole run: its number is the first that is missing.
            faults.push(Fault {
                kind: FaultKind::MissingSegment,
                segment: expected,
                offset: 0,
                records: None,
            });
        }
        expected = segment.saturating_add(1);
    }
}

/// Where the records of the last segment end.
struct End {
    offset: usize,
    /// The chain value of the last frame, and of the last record.
    chain: ChainValue,
    last_record: ChainValue,
    next_sequence: u64,
}

/// Walks the last segment. Damage is that of what was not synced when the power was cut, unless a
/// record behind it proves that it had been: then it is damage to acknowledged records. `None` if
/// nothing in the segment holds.
fn find_end(
    key: &ChainKey,
    bytes: &[u8],
    segment: u64,
    header: Option<(Header, ChainValue)>,
    faults: &mut Vec<Fault>,
) -> Option<End> {
    let headless = header.is_none();
    let mut last_record = header.as_ref().map_or([0; 32], |(header, _)| header.previous);
    let (chain, first) = header
        .map_or_else(|| (stored_chain(bytes), 1), |(header, chain)| (chain, header.first_sequence));
    let body = bytes.get(HEADER_FRAME_BYTES..).unwrap_or_default();
    let mut scan = Scan::new(key, body, chain, first, MAX_FRAME_PAYLOAD_BYTES);
    let mut torn: Option<End> = None;
    let mut marked = false;
    let mut records = 0_u64;
    if headless {
        scan = scan.resuming();
        let kind = FaultKind::Header;
        faults.push(Fault { kind, segment, offset: 0, records: None });
    }
    loop {
        let before = End {
            offset: HEADER_FRAME_BYTES + scan.position(),
            chain: scan.previous(),
            last_record,
            next_sequence: scan.expected(),
        };
        match scan.step() {
            Step::End { .. } if headless && records == 0 => return None,
            Step::End { .. } => return Some(torn.unwrap_or(before)),
            Step::Damage { .. } => {
                marked &= torn.is_some();
                torn = torn.or(Some(before));
            }
            Step::Record { sequence, kind, .. } => {
                records += 1;
                last_record = scan.previous();
                let proves = match kind {
                    FrameKind::FirstRecord => true,
                    // The first one behind the damage; the next proves what is before this one.
                    FrameKind::MarkedRecord => std::mem::replace(&mut marked, true),
                    FrameKind::Record | FrameKind::Header => false,
                };
                if let Some(damage) = torn.take_if(|_| proves) {
                    let records = span(damage.next_sequence, sequence);
                    let offset = damage.offset as u64;
                    faults.push(Fault { kind: FaultKind::Chain, segment, offset, records });
                }
            }
        }
    }
}

/// Makes the end of the journal so that it can be written behind it.
///
/// The last group is written once more: after a sync that failed, a system may show as written
/// what never reached the disk, and the process before may have ended on that.
fn settle(
    tail: &mut Tail,
    medium: &dyn Medium,
    bytes: &[u8],
    used: usize,
    end: &End,
    recovery: &mut Recovery,
) -> io::Result<()> {
    let behind = used.saturating_sub(end.offset);
    if behind > MAX_GROUP_BYTES {
        // More than one group can have left: kept, for somebody to look at.
        let (segment, offset) = (tail.segment, tail.offset);
        recovery.faults.push(Fault { kind: FaultKind::Tail, segment, offset, records: None });
        return tail.begin(Reason::Broken);
    }
    let from = end.offset.saturating_sub(MAX_GROUP_BYTES);
    let mut again = bytes.get(from..end.offset).unwrap_or_default().to_vec();
    again.resize(again.len() + behind, 0);
    medium.append(tail.segment, from as u64, &again)?;
    medium.sync(tail.segment)?;
    recovery.cut_bytes = behind as u64;
    Ok(())
}
