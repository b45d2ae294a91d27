//! Where the indexes of segments are kept: files in a folder of their own, or memory.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::draft::Draft;
use super::postings::Postings;
use super::sealed::{Sealed, Source};

/// What the names of indexes end in; before that is the segment's number, 20 digits.
const SUFFIX: &str = ".index";
/// What the name of an index ends in while it is written.
const UNFINISHED: &str = ".new";

/// How much of an index is written at once.
const WRITE_BYTES: usize = 64 << 10;

/// Where indexes are kept.
pub(super) struct Shelf {
    folder: Option<PathBuf>,
    memory: Mutex<BTreeMap<u64, Arc<[u8]>>>,
    /// Where indexes are put together, one at a time.
    room: Mutex<Postings>,
}

impl Shelf {
    pub(super) fn new(folder: Option<PathBuf>) -> Self {
        Self { folder, memory: Mutex::default(), room: Mutex::default() }
    }

    fn memory(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<[u8]>>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The index of a segment, if there is one.
    pub(super) fn get(&self, segment: u64) -> io::Result<Option<Sealed>> {
        let source = match &self.folder {
            None => self.memory().get(&segment).cloned().map(Source::Memory),
            Some(folder) => match File::open(path(folder, segment)) {
                Ok(file) => Some(Source::File(file)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(error) => return Err(error),
            },
        };
        source.map_or(Ok(None), |source| Sealed::open(source, segment))
    }

    fn room(&self) -> MutexGuard<'_, Postings> {
        // What is in it counts for nothing when the next index is put together.
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the index of a segment. It is there whole, or not at all.
    pub(super) fn put(&self, draft: &Draft) -> io::Result<()> {
        let Some(folder) = &self.folder else {
            let mut index = Vec::new();
            draft.seal(&mut self.room(), &mut index)?;
            self.memory().insert(draft.segment, index.into());
            return Ok(());
        };
        match DirBuilder::new().mode(0o700).create(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let path = path(folder, draft.segment);
        let unfinished = path.with_extension(format!("index{UNFINISHED}"));
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = BufWriter::with_capacity(WRITE_BYTES, options.open(&unfinished)?);
        draft.seal(&mut self.room(), &mut file)?;
        file.flush()?;
        // Else the name could outlive what it names.
        file.get_ref().sync_data()?;
        std::fs::rename(&unfinished, &path)
    }

    /// Drops the indexes of segments that are gone.
    pub(super) fn retain(&self, segments: &[u64]) -> io::Result<()> {
        let Some(folder) = &self.folder else {
            self.memory().retain(|segment, _| segments.binary_search(segment).is_ok());
            return Ok(());
        };
        let entries = match std::fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(SUFFIX));
            let gone = number
                .and_then(|number| number.parse::<u64>().ok())
                .is_some_and(|segment| segments.binary_search(&segment).is_err());
            if gone {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

fn path(folder: &Path, segment: u64) -> PathBuf {
    folder.join(format!("{segment:020}{SUFFIX}"))
}
