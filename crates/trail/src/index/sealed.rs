//! The index of one segment that is complete: which of its records have which attribute.
//!
//! ```text
//! magic 8 | segment u64 | first ms i64 | last ms i64 | terms u32 | postings u32 | records u32
//! terms     hash u64 | first posting u32 | postings u32       (ascending by hash)
//! postings  number of a record u32                            (ascending within a term)
//! records   offset in the segment u32 | seconds since the first u32
//! ```
//! All integers are little-endian. A term is found by bisection in the file, so that nothing of it
//! has to stay in memory.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bulla_plane::journal::{Place, RecordRef};

use super::terms;

const MAGIC: [u8; 8] = *b"bulla-i1";
const HEAD_BYTES: usize = 44;
const TERM_BYTES: usize = 16;
const POSTING_BYTES: usize = 4;
const RECORD_BYTES: usize = 8;

/// The index of a segment, while it is made.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) segment: u64,
    /// Term and number of the record, in the order of the records.
    postings: Vec<(u64, u32)>,
    /// Offset and time.
    records: Vec<(u32, i64)>,
    scratch: Vec<u64>,
}

impl Draft {
    pub(super) fn new(segment: u64) -> Self {
        Self { segment, ..Self::default() }
    }

    /// Adds a record that stands behind those that were added before.
    pub(super) fn add(&mut self, offset: u64, record: &RecordRef<'_>) {
        let Ok(offset) = u32::try_from(offset) else { return };
        let Ok(number) = u32::try_from(self.records.len()) else { return };
        self.scratch.clear();
        terms::terms(record, &mut self.scratch);
        self.postings.extend(self.scratch.iter().map(|term| (*term, number)));
        self.records.push((offset, record.time_ms));
    }

    /// Where the records with this term stand whose time may be in the range, newest first.
    pub(super) fn places(&self, term: u64, range: Range) -> Vec<Place> {
        let numbers = self.postings.iter().rev().filter(|(known, _)| *known == term);
        let record = |(_, number): &(u64, u32)| {
            self.records.get(usize::try_from(*number).unwrap_or(usize::MAX))
        };
        let fits = |(_, time_ms): &&(u32, i64)| range.contains(*time_ms);
        let place =
            |(offset, _): &(u32, i64)| Place { segment: self.segment, offset: u64::from(*offset) };
        numbers.filter_map(record).filter(fits).map(place).collect()
    }

    /// The whole index.
    pub(super) fn seal(mut self) -> Vec<u8> {
        // Stable within a term, whose records come in their order.
        self.postings.sort_unstable();
        let times = self.records.iter().map(|(_, time_ms)| *time_ms);
        let (first_ms, last_ms) = (times.clone().min(), times.max());
        let mut terms: Vec<(u64, u32, u32)> = Vec::new();
        for (at, (term, _)) in (0_u32..).zip(&self.postings) {
            match terms.last_mut() {
                Some((known, _, count)) if known == term => *count += 1,
                _ => terms.push((*term, at, 1)),
            }
        }
        let mut out = Vec::new();
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&self.segment.to_le_bytes());
        out.extend_from_slice(&first_ms.unwrap_or(i64::MAX).to_le_bytes());
        out.extend_from_slice(&last_ms.unwrap_or(i64::MIN).to_le_bytes());
        for count in [terms.len(), self.postings.len(), self.records.len()] {
            out.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
        }
        for (term, at, count) in terms {
            out.extend_from_slice(&term.to_le_bytes());
            out.extend_from_slice(&at.to_le_bytes());
            out.extend_from_slice(&count.to_le_bytes());
        }
        for (_, number) in &self.postings {
            out.extend_from_slice(&number.to_le_bytes());
        }
        for (offset, time_ms) in &self.records {
            let seconds = time_ms.saturating_sub(first_ms.unwrap_or(0)).div_euclid(1000);
            out.extend_from_slice(&offset.to_le_bytes());
            out.extend_from_slice(&u32::try_from(seconds).unwrap_or(u32::MAX).to_le_bytes());
        }
        out
    }
}

/// Times, in milliseconds since 1970, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The earliest.
    pub from_ms: i64,
    /// The latest.
    pub to_ms: i64,
}

impl Range {
    pub(super) fn contains(self, time_ms: i64) -> bool {
        (self.from_ms..=self.to_ms).contains(&time_ms)
    }
}

/// Where an index lies.
#[derive(Debug)]
pub(super) enum Source {
    File(File),
    Memory(Arc<[u8]>),
}

impl Source {
    fn bytes(&self) -> io::Result<u64> {
        match self {
            Self::File(file) => Ok(file.metadata()?.len()),
            Self::Memory(bytes) => Ok(bytes.len() as u64),
        }
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        match self {
            Self::File(file) => file.read_exact_at(out, offset),
            Self::Memory(bytes) => {
                let from = usize::try_from(offset).map_err(io::Error::other)?;
                let rest = bytes.get(from..).and_then(|rest| rest.get(..out.len()));
                out.copy_from_slice(rest.ok_or(io::ErrorKind::UnexpectedEof)?);
                Ok(())
            }
        }
    }
}

/// The index of a segment.
#[derive(Debug)]
pub(super) struct Sealed {
    source: Source,
    segment: u64,
    first_ms: i64,
    last_ms: i64,
    terms: u64,
    postings: u64,
}

impl Sealed {
    /// Opens an index; `None` if it is none, or not whole, or of another form.
    pub(super) fn open(source: Source, segment: u64) -> io::Result<Option<Self>> {
        let mut head = [0; HEAD_BYTES];
        let bytes = source.bytes()?;
        if bytes < HEAD_BYTES as u64 {
            return Ok(None);
        }
        source.read(0, &mut head)?;
        let mut head = Fields(&head);
        if head.take::<8>() != MAGIC || u64::from_le_bytes(head.take()) != segment {
            return Ok(None);
        }
        let first_ms = i64::from_le_bytes(head.take());
        let last_ms = i64::from_le_bytes(head.take());
        let [terms, postings, records] =
            std::array::from_fn(|_| u64::from(u32::from_le_bytes(head.take())));
        let whole = HEAD_BYTES as u64
            + terms * TERM_BYTES as u64
            + postings * POSTING_BYTES as u64
            + records * RECORD_BYTES as u64;
        let sealed = Self { source, segment, first_ms, last_ms, terms, postings };
        Ok((bytes == whole).then_some(sealed))
    }

    /// Where the records with this term stand whose time may be in the range, newest first. Times
    /// are compared in whole seconds.
    pub(super) fn places(&self, term: u64, range: Range) -> io::Result<Vec<Place>> {
        if range.to_ms < self.first_ms || range.from_ms > self.last_ms {
            return Ok(Vec::new());
        }
        let Some((at, count)) = self.find(term)? else { return Ok(Vec::new()) };
        let postings = HEAD_BYTES as u64 + self.terms * TERM_BYTES as u64;
        let records = postings + self.postings * POSTING_BYTES as u64;
        let mut numbers = vec![0; usize::try_from(count).unwrap_or(0) * POSTING_BYTES];
        self.source.read(postings + at * POSTING_BYTES as u64, &mut numbers)?;
        let seconds = |ms: i64| ms.saturating_sub(self.first_ms).div_euclid(1000);
        let (from, to) = (seconds(range.from_ms), seconds(range.to_ms));
        let mut places = Vec::new();
        let (numbers, _) = numbers.as_chunks::<POSTING_BYTES>();
        for number in numbers.iter().rev() {
            let mut record = [0; RECORD_BYTES];
            let at = u64::from(u32::from_le_bytes(*number));
            self.source.read(records + at * RECORD_BYTES as u64, &mut record)?;
            let mut record = Fields(&record);
            let offset = u64::from(u32::from_le_bytes(record.take()));
            let time = i64::from(u32::from_le_bytes(record.take()));
            if (from..=to).contains(&time) {
                places.push(Place { segment: self.segment, offset });
            }
        }
        Ok(places)
    }

    /// The first posting of a term, and how many there are.
    fn find(&self, term: u64) -> io::Result<Option<(u64, u64)>> {
        let (mut low, mut high) = (0, self.terms);
        while low < high {
            let middle = low.midpoint(high);
            let mut entry = [0; TERM_BYTES];
            self.source.read(HEAD_BYTES as u64 + middle * TERM_BYTES as u64, &mut entry)?;
            let mut entry = Fields(&entry);
            match u64::from_le_bytes(entry.take()).cmp(&term) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => {
                    let at = u64::from(u32::from_le_bytes(entry.take()));
                    let count = u64::from(u32::from_le_bytes(entry.take()));
                    return Ok((at + count <= self.postings).then_some((at, count)));
                }
            }
        }
        Ok(None)
    }
}

/// Fields of a fixed length, one after the other.
struct Fields<'b>(&'b [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        match self.0.split_first_chunk() {
            Some((field, rest)) => {
                self.0 = rest;
                *field
            }
            None => [0; N],
        }
    }
}
