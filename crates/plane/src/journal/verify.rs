//! Checks a whole journal: every link, every joint between segments; one segment in memory.

use std::io;

use super::MAX_FRAME_PAYLOAD_BYTES;
use super::chain::{CHAIN_BYTES, ChainKey, ChainValue, HEADER_FRAME_BYTES, Header, Reason};
use super::encoding;
use super::fault::{Fault, FaultKind, span};
use super::medium::Medium;
use super::pack::{self, At, Unreadable};
use super::reader::Place;
use super::retention;
use super::scan::{
    MAX_SEGMENT_BYTES, Scan, Step, header_fault, read_from, read_header, stored_chain,
};
use super::texts::{Failure, Texts};

/// The most faults that are listed; more are only counted.
pub const MAX_FAULTS: usize = 1000;

/// A record that a journal is known to hold, kept elsewhere. Without one, a journal whose last
/// records were cut off cleanly looks like one that ended there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The record's sequence number; 0 for an empty journal.
    pub sequence: u64,
    /// Its chain value.
    pub chain: ChainValue,
}

/// What a check of a journal found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Segments that are there.
    pub segments: u64,
    /// Records that hold.
    pub records: u64,
    /// Records that hold but were never acknowledged: what was left by writes that failed.
    pub abandoned: u64,
    /// The last record that holds.
    pub last: Option<Anchor>,
    /// The time of the first record, in milliseconds since 1970.
    pub first_time_ms: Option<i64>,
    /// The time of the last record, in milliseconds since 1970.
    pub last_time_ms: Option<i64>,
    /// The first [`MAX_FAULTS`] faults, in the order of the journal.
    pub faults: Vec<Fault>,
    /// Faults beyond those.
    pub more_faults: u64,
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }
}

/// Checks a journal. While it is being written the last group may be seen half, as a
/// [`FaultKind::Tail`]; check again then.
///
/// # Errors
/// If the medium can't be read. What can be read and is wrong is in the report.
pub fn verify(medium: &dyn Medium, key: &ChainKey, anchor: Option<Anchor>) -> io::Result<Report> {
    let mut check = Check {
        medium,
        key,
        anchor,
        report: Report::default(),
        end: None,
        expected: 1,
        texts: Texts::default(),
    };
    let segments = medium.list()?;
    let mut number = retention::oldest(medium, key)?;
    // What was dropped on purpose is not asked for.
    let mut joined = number == 1;
    if joined {
        check.end = Some([0; CHAIN_BYTES]);
    }
    for (index, segment) in segments.iter().copied().enumerate() {
        let header = read_header(medium, segment, key)?;
        if segment > number {
            let next = header.as_ref().map_or(0, |(header, _)| header.first_sequence);
            check.fault(FaultKind::MissingSegment, number, 0, span(check.expected, next));
            check.end = None;
            check.expected = check.expected.max(next);
        } else if !joined {
            check.expected = header.as_ref().map_or(1, |(header, _)| header.first_sequence);
        }
        joined = true;
        let next = match segments.get(index + 1) {
            Some(next) if *next == segment + 1 => read_header(medium, *next, key)?,
            _ => None,
        };
        let is_last = index + 1 == segments.len();
        let next = next.map(|(header, _)| header);
        check.segment(segment, header, next.as_ref(), is_last)?;
        number = segment.saturating_add(1);
    }
    check.report.segments = segments.len() as u64;
    check.finish(number.saturating_sub(1));
    Ok(check.report)
}

struct Check<'a> {
    medium: &'a dyn Medium,
    key: &'a ChainKey,
    anchor: Option<Anchor>,
    report: Report,
    /// The chain value at the end of what was read, if that is known.
    end: Option<ChainValue>,
    /// The sequence number that comes next.
    expected: u64,
    texts: Texts,
}

impl Check<'_> {
    fn fault(&mut self, kind: FaultKind, segment: u64, offset: u64, records: Option<(u64, u64)>) {
        if self.report.faults.len() < MAX_FAULTS {
            self.report.faults.push(Fault { kind, segment, offset, records });
        } else {
            self.report.more_faults += 1;
        }
    }

    fn segment(
        &mut self,
        segment: u64,
        header: Option<(Header, ChainValue)>,
        next: Option<&Header>,
        is_last: bool,
    ) -> io::Result<()> {
        let bytes = read_from(self.medium, segment, 0, MAX_SEGMENT_BYTES)?;
        if self.medium.size(segment)? > MAX_SEGMENT_BYTES {
            self.fault(FaultKind::Oversized, segment, MAX_SEGMENT_BYTES, None);
        }
        let holds = header.is_some();
        match &header {
            Some((header, _)) => self.joint(header),
            None => self.fault(header_fault(&bytes, self.key), segment, 0, None),
        }
        let body = bytes.get(HEADER_FRAME_BYTES..).unwrap_or_default();
        let chain = header.map_or_else(|| stored_chain(&bytes), |(_, chain)| chain);
        let mut scan = Scan::new(self.key, body, chain, self.expected, MAX_FRAME_PAYLOAD_BYTES);
        if !holds {
            scan = scan.resuming();
        }
        self.walk(scan, segment, next, is_last)
    }

    /// Does this segment go on where the one before ended?
    fn joint(&mut self, header: &Header) {
        let joined = self.end.is_none_or(|end| end == header.previous);
        if header.first_sequence != self.expected || !joined {
            let missing = span(self.expected, header.first_sequence);
            // What the damage that was named already took is not named twice.
            let named = missing.is_some_and(|missing| {
                self.report.faults.last().is_some_and(|last| last.records == Some(missing))
            });
            if !named {
                let kind =
                    if missing.is_some() { FaultKind::MissingRecords } else { FaultKind::Joint };
                self.fault(kind, header.segment, 0, missing);
            }
        }
        self.end = Some(header.previous);
        self.expected = header.first_sequence;
    }

    fn walk(
        &mut self,
        mut scan: Scan<'_>,
        segment: u64,
        next: Option<&Header>,
        is_last: bool,
    ) -> io::Result<()> {
        let limit = next.map(|next| next.first_sequence);
        let broken = next.is_some_and(|next| next.reason == Reason::Broken);
        let mut damage: Option<(u64, u64)> = None;
        loop {
            match scan.step() {
                Step::Damage { offset, .. } => {
                    damage = Some(((HEADER_FRAME_BYTES + offset) as u64, self.expected));
                }
                Step::Record { sequence, .. }
                    if limit.is_some_and(|limit| sequence >= limit) && broken =>
                {
                    self.report.abandoned += 1;
                }
                Step::Record { sequence, offset, bytes, .. } => {
                    if let Some((at, first)) = damage.take() {
                        self.fault(FaultKind::Chain, segment, at, span(first, sequence));
                    }
                    let at = (HEADER_FRAME_BYTES + offset) as u64;
                    let place = Place { segment, offset: at };
                    self.record(place, sequence, scan.previous(), bytes)?;
                }
                Step::End { .. } => break,
            }
        }
        let Some((at, first)) = damage else { return Ok(()) };
        match limit {
            // A write that failed left it behind what was acknowledged.
            Some(limit) if first >= limit && broken => {}
            Some(limit) if first < limit => {
                self.fault(FaultKind::Chain, segment, at, span(first, limit));
            }
            None if is_last => self.fault(FaultKind::Tail, segment, at, Some((first, first))),
            _ => self.fault(FaultKind::Tail, segment, at, None),
        }
        Ok(())
    }

    fn record(
        &mut self,
        place: Place,
        sequence: u64,
        chain: ChainValue,
        packed: &[u8],
    ) -> io::Result<()> {
        let Place { segment, offset } = place;
        self.report.records += 1;
        self.report.last = Some(Anchor { sequence, chain });
        self.end = Some(chain);
        self.expected = sequence.saturating_add(1);
        if let Some(time_ms) = pack::time_ms(packed) {
            self.report.first_time_ms.get_or_insert(time_ms);
            self.report.last_time_ms = Some(time_ms);
        }
        let at = At { sequence, offset };
        let record = self.texts.unpack((self.medium, self.key), (segment, at), packed);
        self.texts.pass(segment, at);
        match record {
            Ok(record) if encoding::decode(&record).is_ok() => {}
            Err(Failure::Io(error)) => return Err(error),
            Err(Failure::Unreadable(Unreadable::Lost)) => self.lost(place, sequence),
            Ok(_) | Err(Failure::Unreadable(Unreadable::Malformed)) => {
                self.fault(FaultKind::Undecodable, segment, offset, Some((sequence, sequence)));
            }
        }
        if self.anchor.is_some_and(|known| known.sequence == sequence && known.chain != chain) {
            self.fault(FaultKind::Anchor, segment, offset, Some((sequence, sequence)));
        }
        Ok(())
    }

    /// A record that refers to a damaged one. Those that follow each other are one fault.
    fn lost(&mut self, place: Place, sequence: u64) {
        let before = sequence.saturating_sub(1);
        match self.report.faults.last_mut() {
            Some(Fault { kind: FaultKind::Texts, segment, records: Some((_, last)), .. })
                if *segment == place.segment && *last == before =>
            {
                *last = sequence;
            }
            _ => {
                let records = Some((sequence, sequence));
                self.fault(FaultKind::Texts, place.segment, place.offset, records);
            }
        }
    }

    fn finish(&mut self, last_segment: u64) {
        let Some(anchor) = self.anchor else { return };
        if let Some(missing) = span(self.expected, anchor.sequence.saturating_add(1)) {
            self.fault(FaultKind::MissingRecords, last_segment, 0, Some(missing));
        }
    }
}
