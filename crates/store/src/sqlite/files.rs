//! The data directory: who may use it, and what is in it.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Seek, Write},
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};

use crate::StoreError;

/// The database's name in the data directory. SQLite keeps a `-wal` and a `-shm` file beside it.
pub const DATABASE_FILE: &str = "bulla.db";
/// The name of the file by whose lock a process owns the data directory.
pub const LOCK_FILE: &str = "lock";

/// What the name of the database's log ends in.
const LOG_SUFFIX: &str = "-wal";
/// How much of the log is written anew at once.
const SETTLED_BYTES: usize = 1 << 20;

const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;
const MAX_PID_DIGITS: u64 = 10;

/// A data directory that this process owns for as long as this lives.
pub(super) struct Files {
    pub(super) database: PathBuf,
    /// The system releases the lock when this is closed, however the process ends.
    _lock: File,
}

impl Files {
    /// Makes the directory if there is none and takes its lock.
    pub(super) fn lock(directory: &Path) -> Result<Self, StoreError> {
        if !directory.is_dir() {
            let made = DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(directory);
            made.map_err(failed("make the data directory", directory))?;
        }
        let path = directory.join(LOCK_FILE);
        let mut lock = open(&path)?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let (directory, pid) = (directory.to_path_buf(), read_pid(&mut lock));
                return Err(StoreError::InUse { directory, pid });
            }
            Err(error) => return Err(failed("lock", &path)(error.into())),
        }
        write_pid(&mut lock).map_err(failed("write", &path))?;
        let database = directory.join(DATABASE_FILE);
        // Made here, not by SQLite, for its mode, which SQLite gives its other files too.
        open(&database)?;
        sync_directory(directory).map_err(failed("sync the data directory", directory))?;
        if let Some(parent) = directory.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            // A parent that may not be read cannot be synced either, and was there before.
            match sync_directory(parent) {
                Err(error) if error.kind() != io::ErrorKind::PermissionDenied => {
                    return Err(failed("sync the directory", parent)(error));
                }
                _ => {}
            }
        }
        Ok(Self { database, _lock: lock })
    }

    /// Writes what the log holds once more, and syncs it. After a sync that failed a system may
    /// show as written what never reached the disk, and the process before may have ended on that:
    /// all that is committed behind it would be lost with it when the power goes.
    pub(super) fn settle_log(&self) -> Result<(), StoreError> {
        let mut path = self.database.clone().into_os_string();
        path.push(LOG_SUFFIX);
        let path = PathBuf::from(path);
        match settle(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(failed("write anew", &path)(error))
            }
            _ => Ok(()),
        }
    }

    /// The first bytes of the database; fewer when it is shorter.
    pub(super) fn database_head(&self, len: u64) -> Result<Vec<u8>, StoreError> {
        let mut head = Vec::new();
        File::open(&self.database)
            .and_then(|file| file.take(len).read_to_end(&mut head))
            .map_err(failed("read", &self.database))?;
        Ok(head)
    }
}

fn open(path: &Path) -> Result<File, StoreError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(FILE_MODE);
    options.open(path).map_err(failed("open", path))
}

fn settle(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut bytes = vec![0; SETTLED_BYTES];
    let mut offset = 0;
    loop {
        let count = file.read_at(&mut bytes, offset)?;
        let Some(read) = bytes.get(..count).filter(|read| !read.is_empty()) else { break };
        file.write_all_at(read, offset)?;
        offset += read.len() as u64;
    }
    file.sync_all()
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    fs::File::open(directory)?.sync_all()
}

fn read_pid(lock: &mut File) -> Option<u32> {
    let mut text = String::new();
    lock.take(MAX_PID_DIGITS).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn write_pid(lock: &mut File) -> io::Result<()> {
    lock.set_len(0)?;
    lock.rewind()?;
    writeln!(lock, "{}", std::process::id())
}

fn failed(verb: &str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let attempt = format!("{verb} {}", path.display());
    move |error| StoreError::Io { attempt, cause: error.to_string() }
}
