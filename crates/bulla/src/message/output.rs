//! Where output goes: to a file that appears whole or not at all, or to standard output.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use bulla_crypto::{Crypto, hex};
use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::files::Place;
use crate::message_error::MessageError;

/// The mode of plaintext: for its owner alone. Messages get what is usual.
const PRIVATE: u32 = 0o600;
const USUAL: u32 = 0o666;

/// Output in the making. Dropped before [`Self::publish`], nothing of it is left.
pub(super) struct Output {
    file: Option<File>,
    temporary: Option<PathBuf>,
    target: Target,
}

enum Target {
    /// A file; whether it may replace one.
    File(PathBuf, bool),
    /// Standard output, as it comes.
    Now,
    /// Standard output, once all is known to be good.
    Later,
}

impl Output {
    /// Output to `place`. With `whole`, nothing comes out before [`Self::publish`]: that is always
    /// so with files.
    pub(super) fn create(
        place: &Place,
        overwrite: bool,
        private: bool,
        whole: bool,
    ) -> Result<Self, MessageError> {
        let mode = if private { PRIVATE } else { USUAL };
        match place {
            Place::Pipe if !whole => Ok(Self { file: None, temporary: None, target: Target::Now }),
            Place::Pipe => {
                let path = beside(&std::env::temp_dir().join("message"))?;
                let file = open(&path, PRIVATE, true)?;
                // Without a name, it is gone with this process, whatever happens.
                fs::remove_file(&path).map_err(|cause| failed("remove", &path, cause))?;
                Ok(Self { file: Some(file), temporary: None, target: Target::Later })
            }
            Place::File(path) => {
                if !overwrite && path.symlink_metadata().is_ok() {
                    return Err(MessageError::Exists(path.display().to_string()));
                }
                if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty())
                {
                    fs::create_dir_all(folder)
                        .map_err(|cause| failed("make the folder", folder, cause))?;
                }
                let temporary = beside(path)?;
                let file = open(&temporary, mode, false)?;
                let target = Target::File(path.clone(), overwrite);
                Ok(Self { file: Some(file), temporary: Some(temporary), target })
            }
        }
    }

    /// Lets the output appear.
    pub(super) fn publish(mut self) -> Result<(), MessageError> {
        match (&self.target, self.file.take()) {
            (Target::File(path, overwrite), Some(file)) => {
                file.sync_all().map_err(|cause| failed("write", path, cause))?;
                drop(file);
                let Some(temporary) = self.temporary.take() else { return Ok(()) };
                let renamed = rename(&temporary, path, *overwrite);
                if renamed.is_err() {
                    self.temporary = Some(temporary);
                }
                renamed
            }
            (Target::Later, Some(mut file)) => {
                let mut out = io::stdout().lock();
                let copied = file.rewind().and_then(|()| io::copy(&mut file, &mut out));
                copied
                    .and_then(|_| out.flush())
                    .map_err(|cause| MessageError::io("write to standard output", cause))
            }
            _ => io::stdout()
                .flush()
                .map_err(|cause| MessageError::io("write to standard output", cause)),
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.file {
            Some(file) => file.write(bytes),
            None => io::stdout().lock().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.file {
            Some(file) => file.flush(),
            None => io::stdout().lock().flush(),
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Some(path) = self.temporary.take() {
            // Whatever is told of the failure that led here is more use than this one.
            let _gone = fs::remove_file(path);
        }
    }
}

fn rename(from: &Path, to: &Path, overwrite: bool) -> Result<(), MessageError> {
    let renamed = if overwrite {
        fs::rename(from, to)
    } else {
        renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE).map_err(io::Error::from)
    };
    renamed.map_err(|cause| match cause.kind() {
        io::ErrorKind::AlreadyExists => MessageError::Exists(to.display().to_string()),
        _ => failed("write", to, cause),
    })
}

/// A name in the same folder that nobody has.
fn beside(path: &Path) -> Result<PathBuf, MessageError> {
    let random = Crypto::standard().random::<8>().map_err(bulla_envelope::Error::Crypto)?;
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.partial", hex::encode(&random)));
    Ok(path.with_file_name(name))
}

fn open(path: &Path, mode: u32, read: bool) -> Result<File, MessageError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).read(read).mode(mode);
    options.open(path).map_err(|cause| failed("make", path, cause))
}

fn failed(verb: &str, path: &Path, cause: io::Error) -> MessageError {
    MessageError::io(format!("{verb} {}", path.display()), cause)
}
