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

use bulla_plane::journal::Place;

pub(super) const MAGIC: [u8; 8] = *b"bulla-i1";
pub(super) const HEAD_BYTES: usize = 44;
const TERM_BYTES: usize = 16;
const POSTING_BYTES: usize = 4;
const RECORD_BYTES: usize = 8;
/// How many entries are read at once.
const BLOCK_ENTRIES: u64 = 512;

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
    records: u64,
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
        let sealed = Self { source, segment, first_ms, last_ms, terms, postings, records };
        Ok((bytes == whole).then_some(sealed))
    }

    /// Where the records with this term stand whose time may be in the range, newest first, those
    /// behind `from` left out; at most so many. Times are compared in whole seconds.
    pub(super) fn places(
        &self,
        term: u64,
        range: Range,
        from: u64,
        most: usize,
    ) -> io::Result<Vec<Place>> {
        if range.to_ms < self.first_ms || range.from_ms > self.last_ms {
            return Ok(Vec::new());
        }
        let Some((at, count)) = self.find(term)? else { return Ok(Vec::new()) };
        let postings = HEAD_BYTES as u64 + self.terms * TERM_BYTES as u64;
        let records = postings + self.postings * POSTING_BYTES as u64;
        let mut postings =
            Column::<POSTING_BYTES>::new(&self.source, postings + at * POSTING_BYTES as u64, count);
        let mut records = Column::<RECORD_BYTES>::new(&self.source, records, self.records);
        let seconds = |ms: i64| ms.saturating_sub(self.first_ms).div_euclid(1000);
        let (earliest, latest) = (seconds(range.from_ms), seconds(range.to_ms));
        // Records stand in their order: those behind `from` are the last ones.
        let behind = records.first_that(|record| u64::from(offset_and_time(record).0) > from)?;
        let behind =
            postings.first_that(|number| u64::from(u32::from_le_bytes(number)) >= behind)?;
        let mut places = Vec::new();
        for at in (0..behind).rev() {
            let number = u64::from(u32::from_le_bytes(postings.get(at)?));
            let (offset, time) = offset_and_time(records.get(number)?);
            if (earliest..=latest).contains(&i64::from(time)) {
                places.push(Place { segment: self.segment, offset: u64::from(offset) });
            }
            if places.len() >= most {
                break;
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

/// Entries of a fixed length, which are read by the block: neighbours are asked for together.
struct Column<'s, const N: usize> {
    source: &'s Source,
    start: u64,
    count: u64,
    /// Which block is in `bytes`; [`u64::MAX`] for none.
    block: u64,
    bytes: Vec<u8>,
}

impl<'s, const N: usize> Column<'s, N> {
    fn new(source: &'s Source, start: u64, count: u64) -> Self {
        Self { source, start, count, block: u64::MAX, bytes: Vec::new() }
    }

    fn get(&mut self, at: u64) -> io::Result<[u8; N]> {
        let (block, within) = (at / BLOCK_ENTRIES, at % BLOCK_ENTRIES);
        if at >= self.count {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if block != self.block {
            let first = block * BLOCK_ENTRIES;
            let entries = BLOCK_ENTRIES.min(self.count - first);
            let length = usize::try_from(entries * N as u64).map_err(io::Error::other)?;
            self.block = u64::MAX;
            self.bytes.resize(length, 0);
            self.source.read(self.start + first * N as u64, &mut self.bytes)?;
            self.block = block;
        }
        let (entries, _) = self.bytes.as_chunks::<N>();
        let entry = usize::try_from(within).ok().and_then(|within| entries.get(within));
        entry.copied().ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// Where the first entry stands that is such, where all behind it are too.
    fn first_that(&mut self, is_such: impl Fn([u8; N]) -> bool) -> io::Result<u64> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low.midpoint(high);
            if is_such(self.get(middle)?) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        Ok(low)
    }
}

/// A record's entry: where it stands, and the seconds since the first.
fn offset_and_time(record: [u8; RECORD_BYTES]) -> (u32, u32) {
    let mut fields = Fields(&record);
    (u32::from_le_bytes(fields.take()), u32::from_le_bytes(fields.take()))
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
