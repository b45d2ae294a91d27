//! Where the records of a journal stand in its files, as the journal's own reader tells it.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bulla_plane::journal::{ChainKey, Directory, Medium, Reader};

use crate::random::Random;
use crate::run::{demand, say};

/// A segment's file and its records.
pub(super) struct Segment {
    pub(super) file: PathBuf,
    /// The number of its first record.
    pub(super) first: u64,
    /// Where each record stands, in bytes from the start of the file.
    pub(super) records: Vec<Range<usize>>,
}

impl Segment {
    pub(super) fn read(&self) -> Result<Vec<u8>, String> {
        fs::read(&self.file).map_err(say)
    }

    pub(super) fn write(&self, bytes: &[u8]) -> Result<(), String> {
        fs::write(&self.file, bytes).map_err(say)
    }
}

/// The segments that hold records, in order.
pub(super) fn layout(folder: &Path, key: &Arc<ChainKey>) -> Result<Vec<Segment>, String> {
    let medium: Arc<dyn Medium> = Arc::new(Directory::open_to_read(folder).map_err(say)?);
    let (numbers, files) = (medium.list().map_err(say)?, files(folder)?);
    demand(numbers.len() == files.len(), || "a segment is not a file".into())?;
    let mut segments: Vec<(u64, Segment)> = Vec::new();
    let mut reader = Reader::from_sequence(medium, Arc::clone(key), 1).map_err(say)?;
    while let Some(record) = reader.next() {
        let first = record.map_err(say)?.sequence();
        let place = reader.place();
        let start = usize::try_from(place.offset).map_err(say)?;
        if segments.last().is_none_or(|(number, _)| *number != place.segment) {
            let at = numbers.iter().position(|number| *number == place.segment);
            let file = at.and_then(|at| files.get(at)).ok_or("a segment without a file")?;
            let segment = Segment { file: file.clone(), first, records: Vec::new() };
            segments.push((place.segment, segment));
        }
        if let Some((_, segment)) = segments.last_mut() {
            if let Some(last) = segment.records.last_mut() {
                last.end = start;
            }
            segment.records.push(start..start);
        }
    }
    for (_, segment) in &mut segments {
        // Behind the last record are the zeros of room made ahead.
        let bytes = segment.read()?;
        let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        if let Some(last) = segment.records.last_mut() {
            last.end = end.max(last.start);
        }
    }
    Ok(segments.into_iter().map(|(_, segment)| segment).collect())
}

/// So many segments that follow each other, from any on.
pub(super) fn some<'s>(all: &'s [Segment], most: usize, random: &mut Random) -> Vec<&'s Segment> {
    let skipped = random.below(all.len().saturating_sub(most) + 1);
    all.iter().skip(skipped).take(most).collect()
}

/// The files of the segments, in their order.
fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(say)? {
        let path = entry.map_err(say)?.path();
        if path.extension().is_some_and(|ending| ending == "segment") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
