//! Segments as files in a folder of their own: files 0600, the folder 0700, made ahead of need.
//!
//! A file is filled with zeros before it is used, so that an append overwrites blocks that the
//! file system has already given: the sync has no metadata to write and takes half the time, and a
//! disk that is full is noticed when the next segment is made, not amid a record.

use std::collections::HashMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use rustix::fs::{AtFlags, CWD, FallocateFlags, StatxFlags, statx};
use rustix::io::Errno;
use rustix::path::Arg;

use super::direct::Direct;
use super::medium::Medium;

/// What the names of segments end in; before that is the number, 20 digits.
const SUFFIX: &str = ".segment";
const NUMBER_DIGITS: usize = 20;
/// The file that becomes the next segment.
const SPARE: &str = "spare";
/// The file whose lock says that a process writes here.
const LOCK: &str = "lock";
/// The file that says before which segment all were dropped, and its length: the number, 20 digits,
/// a blank and what proves it, in hex.
const DROPPED: &str = "dropped";
const MAX_DROPPED_BYTES: usize = 256;
/// Zeros written at once while a file is made.
const ZERO_BYTES: usize = 1 << 20;
/// The most files that are kept open at once; all are closed when there are more.
const MAX_OPEN: usize = 64;

/// Segments as files in a folder.
pub struct Directory {
    folder: PathBuf,
    open: Mutex<HashMap<u64, Arc<Opened>>>,
    durable: Mutex<Durable>,
    /// Makes the next file, while there is a thread that does.
    maker: Mutex<Option<JoinHandle<io::Result<u64>>>>,
    /// Held for as long as this process writes; readers have none.
    writes: Option<File>,
}

/// A segment's file.
struct Opened {
    file: File,
    path: PathBuf,
    identity: Identity,
}

/// The segment that was appended to durably last: segments that are complete need nothing of it.
#[derive(Default)]
struct Durable {
    segment: Option<Arc<Opened>>,
    /// The way past the page cache, where there is one.
    direct: Option<Direct>,
    /// Room for what is on its way.
    room: Vec<u8>,
}

impl Durable {
    /// Goes on with a segment.
    fn turn_to(&mut self, opened: &Arc<Opened>) {
        if !self.segment.as_ref().is_some_and(|segment| Arc::ptr_eq(segment, opened)) {
            self.direct = Direct::open(&opened.path);
            self.segment = Some(Arc::clone(opened));
        }
    }
}

/// Which file it is: device and inode.
type Identity = (u32, u32, u64);

impl Opened {
    /// A file that was removed or moved away can be written and synced for ever.
    fn must_be_in_place(&self) -> io::Result<()> {
        if identity(CWD, &*self.path, AtFlags::empty())? == self.identity {
            Ok(())
        } else {
            Err(io::Error::new(io::ErrorKind::NotFound, "the segment was replaced"))
        }
    }
}

impl Directory {
    /// The folder at `folder`, to write to; it is made if it is not there. No other process can
    /// write there meanwhile.
    ///
    /// # Errors
    /// `WouldBlock` if another process writes there; `PermissionDenied` if the folder is open to
    /// others; whatever else the environment answers.
    pub fn open(folder: impl Into<PathBuf>) -> io::Result<Self> {
        let folder = folder.into();
        make_folder(&folder)?;
        let lock = create_options().truncate(false).create(true).open(folder.join(LOCK))?;
        lock.try_lock().map_err(|error| match error {
            std::fs::TryLockError::WouldBlock => io::Error::new(
                io::ErrorKind::WouldBlock,
                format!("{} is being written by another process", folder.display()),
            ),
            std::fs::TryLockError::Error(error) => error,
        })?;
        match std::fs::remove_file(folder.join(SPARE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        Ok(Self::of(folder, Some(lock)))
    }

    /// The folder at `folder`, to read only, also while another process writes there.
    ///
    /// # Errors
    /// `NotFound` if there is none.
    pub fn open_to_read(folder: impl Into<PathBuf>) -> io::Result<Self> {
        let folder = folder.into();
        std::fs::read_dir(&folder)?;
        Ok(Self::of(folder, None))
    }

    fn of(folder: PathBuf, writes: Option<File>) -> Self {
        let (open, durable, maker) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { folder, open, durable, maker, writes }
    }

    fn path(&self, segment: u64) -> PathBuf {
        self.folder.join(format!("{segment:0NUMBER_DIGITS$}{SUFFIX}"))
    }

    fn opened(&self) -> MutexGuard<'_, HashMap<u64, Arc<Opened>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn segment(&self, segment: u64) -> io::Result<Arc<Opened>> {
        let mut open = self.opened();
        if let Some(file) = open.get(&segment) {
            return Ok(Arc::clone(file));
        }
        let writes = self.writes.is_some();
        let path = self.path(segment);
        let file = OpenOptions::new().read(true).write(writes).open(&path)?;
        let identity = identity(&file, c"", AtFlags::EMPTY_PATH)?;
        if open.len() >= MAX_OPEN {
            open.clear();
        }
        let opened = Arc::new(Opened { file, path, identity });
        open.insert(segment, Arc::clone(&opened));
        Ok(opened)
    }

    fn may_write(&self) -> io::Result<()> {
        if self.writes.is_some() { Ok(()) } else { Err(io::ErrorKind::PermissionDenied.into()) }
    }

    /// Waits for the thread that makes the next file; `true` if that has now `capacity` bytes.
    fn spare_is_ready(&self, capacity: u64) -> io::Result<bool> {
        let maker = self.maker.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(maker) = maker else { return Ok(false) };
        let made = maker.join().map_err(|_| io::Error::other("making a file ahead panicked"))??;
        Ok(made == capacity && self.folder.join(SPARE).exists())
    }
}

impl Medium for Directory {
    fn list(&self) -> io::Result<Vec<u64>> {
        let mut segments = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(SUFFIX));
            let number = number.filter(|digits| digits.len() == NUMBER_DIGITS);
            segments.extend(number.and_then(|digits| digits.parse::<u64>().ok()));
        }
        segments.sort_unstable();
        Ok(segments)
    }

    fn create(&self, segment: u64, capacity: u64) -> io::Result<()> {
        self.may_write()?;
        let path = self.path(segment);
        if path.exists() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        // It may have been removed under us: what is recorded from now on needs it all the same.
        make_folder(&self.folder)?;
        let spare = self.folder.join(SPARE);
        if !self.spare_is_ready(capacity).unwrap_or(false) {
            make_file(&spare, capacity)?;
        }
        self.opened().remove(&segment);
        std::fs::rename(&spare, &path)?;
        File::open(&self.folder)?.sync_all()
    }

    fn prepare(&self, capacity: u64) {
        let mut maker = self.maker.lock().unwrap_or_else(PoisonError::into_inner);
        if self.writes.is_none() || maker.is_some() {
            return;
        }
        let spare = self.folder.join(SPARE);
        let make = move || make_file(&spare, capacity).map(|()| capacity);
        // Without a thread the file is made when it is needed, which only takes longer.
        *maker = std::thread::Builder::new().name("journal-ahead".to_owned()).spawn(make).ok();
    }

    fn size(&self, segment: u64) -> io::Result<u64> {
        Ok(self.segment(segment)?.file.metadata()?.len())
    }

    fn read(&self, segment: u64, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        self.segment(segment)?.file.read_at(out, offset)
    }

    fn append(&self, segment: u64, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.segment(segment)?.file.write_all_at(bytes, offset)
    }

    fn sync(&self, segment: u64) -> io::Result<()> {
        let segment = self.segment(segment)?;
        segment.file.sync_data()?;
        segment.must_be_in_place()
    }

    fn append_durably(&self, segment: u64, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let opened = self.segment(segment)?;
        {
            let mut durable = self.durable.lock().unwrap_or_else(PoisonError::into_inner);
            durable.turn_to(&opened);
            let Durable { direct, room, .. } = &mut *durable;
            if let Some(writer) = direct {
                if writer.append(&opened.file, offset, bytes, room)? {
                    return opened.must_be_in_place();
                }
                *direct = None;
            }
        }
        self.append(segment, offset, bytes)?;
        self.sync(segment)
    }

    fn remove(&self, segment: u64) -> io::Result<()> {
        self.may_write()?;
        self.opened().remove(&segment);
        std::fs::remove_file(self.path(segment))
    }

    fn drop_before(&self, segment: u64, proof: &[u8]) -> io::Result<()> {
        self.may_write()?;
        let path = self.folder.join(DROPPED);
        let unfinished = path.with_extension("new");
        let mut file = create_options().create(true).truncate(true).open(&unfinished)?;
        let proof = bulla_crypto::hex::encode(proof);
        file.write_all(format!("{segment:0NUMBER_DIGITS$} {proof}").as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&unfinished, &path)?;
        File::open(&self.folder)?.sync_all()?;
        for old in self.list()?.into_iter().filter(|old| *old < segment) {
            self.remove(old)?;
        }
        Ok(())
    }

    fn dropped(&self) -> io::Result<Option<(u64, Vec<u8>)>> {
        let bytes = match std::fs::read(self.folder.join(DROPPED)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            bytes => bytes?,
        };
        let text = std::str::from_utf8(&bytes).ok().filter(|_| bytes.len() <= MAX_DROPPED_BYTES);
        let parsed = text.and_then(|text| {
            let (number, proof) = text.split_once(' ')?;
            Some((number.parse().ok()?, bulla_crypto::hex::decode(proof).ok()?))
        });
        // What does not read proves nothing.
        Ok(Some(parsed.unwrap_or_default()))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // The lock must not be given back while a thread of ours still writes. What it made is
        // not needed: the next to open makes it anew.
        let _ = self.spare_is_ready(0);
    }
}

/// Asks for nothing but the identity: a file system with fine-grained times must give a file whose
/// times were looked at new ones at the next write, and the sync then takes 40 µs more.
fn identity(dir: impl AsFd, path: impl Arg, flags: AtFlags) -> io::Result<Identity> {
    let found = statx(dir, path, flags | AtFlags::SYMLINK_NOFOLLOW, StatxFlags::INO)?;
    Ok((found.stx_dev_major, found.stx_dev_minor, found.stx_ino))
}

fn create_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    options
}

/// Makes the folder if it is not there; refuses one that others can look into.
fn make_folder(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => {
            let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
            File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let mode = std::fs::metadata(folder)?.permissions().mode();
            if mode & 0o077 == 0 {
                return Ok(());
            }
            Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                format!(
                    "{} is open to others (mode {:o}): chmod 700",
                    folder.display(),
                    mode & 0o777
                ),
            ))
        }
        Err(error) => Err(error),
    }
}

/// Makes a file of `capacity` zeros, durably; none is left if that fails.
fn make_file(path: &Path, capacity: u64) -> io::Result<()> {
    let made = fill(path, capacity);
    if made.is_err() {
        // The room it took may be what is missing; the first error is the one that tells.
        let _ = std::fs::remove_file(path);
    }
    made
}

fn fill(path: &Path, capacity: u64) -> io::Result<()> {
    let file = create_options().create(true).truncate(true).open(path)?;
    // Asks for the room first: a disk that is full says so at once, and not megabytes later.
    match rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, capacity) {
        Ok(()) | Err(Errno::OPNOTSUPP) => {}
        Err(error) => return Err(error.into()),
    }
    let zeros = vec![0; ZERO_BYTES];
    let mut offset = 0;
    while offset < capacity {
        let rest = usize::try_from(capacity - offset).unwrap_or(usize::MAX);
        let part = zeros.get(..rest.min(ZERO_BYTES)).unwrap_or(&zeros);
        file.write_all_at(part, offset)?;
        offset += part.len() as u64;
    }
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_append_reaches_the_segment_that_it_is_for() {
        let folder = tempfile::tempdir().unwrap();
        let directory = Directory::open(folder.path().join("journal")).unwrap();
        let mut expected = [Vec::new(), Vec::new()];
        for segment in [1, 2] {
            directory.create(segment, 64 << 10).unwrap();
        }
        for turn in 1..=20_u8 {
            let which = usize::from(turn % 3 == 0);
            let bytes = vec![turn; usize::from(turn) * 131];
            let offset = expected[which].len() as u64;
            directory.append_durably(which as u64 + 1, offset, &bytes).unwrap();
            expected[which].extend(bytes);
        }
        for (segment, expected) in (1..).zip(expected) {
            let mut found = vec![0xff; expected.len()];
            assert_eq!(directory.read(segment, 0, &mut found).unwrap(), found.len());
            assert!(found == expected, "segment {segment}");
        }
    }
}
