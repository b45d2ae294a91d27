//! Where code lies while it runs: a folder of this process, gone with it.
//!
//! ```text
//! <folder for temporary files>/bulla-functions-<random>/      0711, root's
//!   lock                  held as long as this process lives
//!   runtime/              the bootstraps, and certificates to trust
//!   code/<id>/            an archive, unpacked once                    0700
//!   run/<number>/         an environment, for its user alone           0750
//!     task/               the code: the same files, which it can't change
//!     tmp/                its own
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::bootstrap;
use crate::code::archive::{self, Refusal};
use crate::host::User;

/// What the names of such folders begin with.
const PREFIX: &str = "bulla-functions-";
const LOCK: &str = "lock";
/// Others may go through, but not look around.
const PASSAGE: u32 = 0o711;
const OPEN: u32 = 0o755;
const OURS: u32 = 0o700;
/// Its user's group may read and go in.
const GROUPS: u32 = 0o750;
const FILE_MODE: u32 = 0o644;
/// How many archives stay unpacked.
const MAX_UNPACKED: usize = 64;

/// The folder.
pub(super) struct Places {
    root: PathBuf,
    /// Whoever holds the lock lives.
    _lock: File,
    numbers: AtomicU64,
    /// The ids of the archives that are unpacked, the one used last at the end.
    unpacked: Mutex<Vec<String>>,
}

/// The folder of an environment, removed when dropped.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn task(&self) -> PathBuf {
        self.0.join("task")
    }

    pub(super) fn temporary(&self) -> PathBuf {
        self.0.join("tmp")
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, "the folder of an environment is left behind");
        }
    }
}

impl Places {
    /// A new folder, after those of processes that are gone were removed.
    pub(super) fn new(random: &str, authorities: Option<&[u8]>) -> io::Result<Self> {
        let parent = std::env::temp_dir();
        remove_stale(&parent);
        let root = parent.join(format!("{PREFIX}{random}"));
        folder(&root, PASSAGE)?;
        // Under another name until it is held: who sees it free takes the folder away.
        let lock = File::create_new(root.join("lock.new"))?;
        lock.lock()?;
        fs::rename(root.join("lock.new"), root.join(LOCK))?;
        let runtime = root.join("runtime");
        folder(&runtime, OPEN)?;
        for (name, text) in bootstrap::FILES {
            write(&runtime.join(name), text.as_bytes())?;
        }
        if let Some(authorities) = authorities {
            write(&runtime.join(bootstrap::AUTHORITIES), authorities)?;
        }
        folder(&root.join("code"), OURS)?;
        folder(&root.join("run"), PASSAGE)?;
        let (numbers, unpacked) = (AtomicU64::new(0), Mutex::default());
        Ok(Self { root, _lock: lock, numbers, unpacked })
    }

    /// The folder of the bootstraps.
    pub(super) fn runtime(&self) -> PathBuf {
        self.root.join("runtime")
    }

    fn code(&self, id: &str) -> PathBuf {
        self.root.join("code").join(id)
    }

    fn list(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.unpacked.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Whether code is unpacked.
    pub(super) fn has(&self, id: &str) -> bool {
        self.list().iter().any(|known| known == id)
    }

    /// Unpacks code. Takes long: not on a thread that others wait for.
    pub(super) fn unpack(&self, id: &str, bytes: &[u8]) -> Result<(), Refusal> {
        let mut unpacked = self.list();
        if unpacked.iter().any(|known| known == id) {
            return Ok(());
        }
        if unpacked.len() >= MAX_UNPACKED {
            let oldest = unpacked.remove(0);
            // Environments have links of their own to the files.
            fs::remove_dir_all(self.code(&oldest)).map_err(Refusal::Write)?;
        }
        let into = self.code(id);
        if into.exists() {
            // Half of it, from a try that failed.
            fs::remove_dir_all(&into).map_err(Refusal::Write)?;
        }
        folder(&into, OPEN).map_err(Refusal::Write)?;
        archive::unpack(bytes, &into)?;
        unpacked.push(id.to_owned());
        Ok(())
    }

    /// A new folder for an environment, with code that is unpacked.
    pub(super) fn environment(&self, id: &str, user: Option<User>) -> io::Result<Folder> {
        let mut unpacked = self.list();
        if let Some(at) = unpacked.iter().position(|known| known == id) {
            let used = unpacked.remove(at);
            unpacked.push(used);
        }
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let made = Folder(self.root.join("run").join(number.to_string()));
        folder(made.path(), GROUPS)?;
        link_all(&self.code(id), &made.task())?;
        drop(unpacked);
        folder(&made.temporary(), OURS)?;
        if let Some(User { uid, gid }) = user {
            chown(made.path(), None, Some(gid))?;
            chown(made.temporary(), Some(uid), Some(gid))?;
        }
        Ok(made)
    }
}

impl Drop for Places {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.root) {
            tracing::warn!(%error, "the folder of functions is left behind");
        }
    }
}

fn folder(path: &Path, mode: u32) -> io::Result<()> {
    DirBuilder::new().mode(mode).create(path)?;
    // Whatever the process takes away from new files' modes.
    fs::set_permissions(path, Permissions::from_mode(mode))
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path)?;
    file.write_all(bytes)?;
    fs::set_permissions(path, Permissions::from_mode(FILE_MODE))
}

/// Links all files of a folder into a new one. There are no links among them, and no deep nesting:
/// both are refused when an archive comes.
fn link_all(from: &Path, to: &Path) -> io::Result<()> {
    folder(to, OPEN)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            link_all(&entry.path(), &to)?;
        } else {
            fs::hard_link(entry.path(), to)?;
        }
    }
    Ok(())
}

/// Removes the folders of processes that were killed: their locks are free.
fn remove_stale(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    let ours = |entry: &fs::DirEntry| {
        entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX))
            && entry.file_type().is_ok_and(|kind| kind.is_dir())
    };
    for entry in entries.flatten().filter(ours) {
        let Ok(lock) = File::open(entry.path().join(LOCK)) else { continue };
        if lock.try_lock().is_ok()
            && let Err(error) = fs::remove_dir_all(entry.path())
        {
            tracing::debug!(%error, "an old folder of functions is not ours to remove");
        }
    }
}
