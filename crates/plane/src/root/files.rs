//! Small files that are wholly there or not at all, and never more than their limit is read.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use bulla_crypto::{Crypto, SecretBytes, hex};

use super::SealError;

/// A file's bytes, and its permission bits.
pub(super) struct Content {
    pub(super) bytes: SecretBytes,
    pub(super) mode: u32,
}

/// A write that failed; `in_place` tells whether the new content may be seen in spite of that.
pub(super) struct WriteError {
    pub(super) source: SealError,
    pub(super) in_place: bool,
}

impl From<SealError> for WriteError {
    fn from(source: SealError) -> Self {
        Self { source, in_place: false }
    }
}

/// The path beside `dir` that is named like it with `suffix` behind.
pub(super) fn beside(dir: &Path, suffix: &str) -> Result<PathBuf, SealError> {
    // `.` and `..` have no name of their own.
    let named = match dir.file_name() {
        Some(_) => dir.to_path_buf(),
        None => fs::canonicalize(dir).map_err(|e| unreadable(dir, "find", e))?,
    };
    let Some(name) = named.file_name() else {
        return Err(SealError::NoPlaceBeside { dir: dir.to_path_buf() });
    };
    let mut name = OsString::from(name);
    name.push(suffix);
    Ok(named.with_file_name(name))
}

pub(super) fn exists(path: &Path) -> Result<bool, SealError> {
    // Even a dangling link is something that must not be overwritten.
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(unreadable(path, "look at", error)),
    }
}

/// The content of `path`, or nothing if it is not there. It must be a regular file of at most
/// `limit` bytes.
pub(super) fn read(path: &Path, limit: u16) -> Result<Option<Content>, SealError> {
    let refused = |error| unreadable(path, "read", error);
    // Not blocking, so that a pipe in the file's place cannot hold up the start.
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = match OpenOptions::new().read(true).custom_flags(nonblocking).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        outcome => outcome.map_err(refused)?,
    };
    let metadata = file.metadata().map_err(refused)?;
    let limit = u64::from(limit);
    if !metadata.is_file() || metadata.len() > limit {
        let why = format!("it is no regular file of at most {limit} bytes");
        return Err(refused(io::Error::new(io::ErrorKind::InvalidData, why)));
    }
    // One byte to spare, so that reading to the end does not grow the vector.
    let mut bytes = Vec::with_capacity(limit as usize + 1);
    let outcome = file.take(limit).read_to_end(&mut bytes);
    let bytes = SecretBytes::new(bytes);
    outcome.map_err(refused)?;
    Ok(Some(Content { bytes, mode: metadata.mode() & 0o7777 }))
}

/// Writes `path`, which must not exist, durably.
pub(super) fn write_new(
    crypto: &Crypto,
    path: &Path,
    bytes: &[u8],
    mode: u32,
) -> Result<(), WriteError> {
    let draft = Draft::write(crypto, path, bytes, mode, true)?;
    // A link, unlike a rename, fails if the name is taken.
    fs::hard_link(&draft.0, path).map_err(|e| unreadable(path, "create", e))?;
    drop(draft);
    sync_parent(path).map_err(|source| {
        // Not known to be durable, so nothing must rely on it.
        let in_place = fs::remove_file(path).is_err();
        WriteError { source, in_place }
    })
}

/// Writes `path` over what is there, durably.
pub(super) fn replace(
    crypto: &Crypto,
    path: &Path,
    bytes: &[u8],
    mode: u32,
) -> Result<(), WriteError> {
    let draft = Draft::write(crypto, path, bytes, mode, true)?;
    draft.rename(path)?;
    sync_parent(path).map_err(|source| WriteError { source, in_place: true })
}

/// Writes `path` over what is there. After a power cut the old content may be back.
pub(super) fn replace_lazily(
    crypto: &Crypto,
    path: &Path,
    bytes: &[u8],
    mode: u32,
) -> Result<(), SealError> {
    Draft::write(crypto, path, bytes, mode, false)?.rename(path)
}

/// A new file beside the one that it becomes, removed again when dropped.
struct Draft(PathBuf);

impl Draft {
    fn write(
        crypto: &Crypto,
        path: &Path,
        bytes: &[u8],
        mode: u32,
        durably: bool,
    ) -> Result<Self, SealError> {
        let random: [u8; 8] = crypto.random()?;
        let mut name = OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        name.push(format!(".{}.tmp", hex::encode(&random)));
        let at = path.with_file_name(name);
        let refused = |error| unreadable(&at, "write", error);
        let opened = OpenOptions::new().write(true).create_new(true).mode(mode).open(&at);
        let mut file = opened.map_err(refused)?;
        let draft = Self(at.clone());
        file.write_all(bytes).map_err(refused)?;
        if durably {
            file.sync_all().map_err(refused)?;
        }
        Ok(draft)
    }

    fn rename(self, path: &Path) -> Result<(), SealError> {
        fs::rename(&self.0, path).map_err(|e| unreadable(path, "replace", e))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After a rename there is nothing to remove; otherwise a leftover does no harm, since its
        // name is never used again.
        let _removed = fs::remove_file(&self.0);
    }
}

fn sync_parent(path: &Path) -> Result<(), SealError> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(parent)
        .and_then(|dir| dir.sync_all())
        .map_err(|e| unreadable(parent, "make durable", e))
}

pub(super) fn unreadable(path: &Path, action: &'static str, source: io::Error) -> SealError {
    SealError::Unreadable { path: path.to_path_buf(), action, source }
}
