//! What a function prints: its last lines for whoever calls, all of it in a file, both bounded.

use std::collections::VecDeque;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{ChildStderr, ChildStdout};
use tokio::task::JoinHandle;

use super::LOG_TAIL_BYTES;

/// The largest file of a function's log, in bytes; then it becomes the old one, and the old one
/// goes. So a function's log takes twice that at most.
const MAX_FILE_BYTES: u64 = 4 << 20;
/// How much one call may print, in bytes. The rest is read, so that the function does not stand
/// still, and dropped.
const MAX_CALL_BYTES: usize = 1 << 20;
/// How much is read at once, in bytes.
const READ_BYTES: usize = 16 << 10;
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
/// What stands in the log once for all that was dropped of a call.
const DROPPED: &[u8] = b"\n[more than 1 MiB printed: the rest of this call is dropped]\n";

/// The log of an environment.
pub(crate) struct Log(Mutex<State>);

struct State {
    file: Option<LogFile>,
    tail: VecDeque<u8>,
    left: usize,
}

struct LogFile {
    path: PathBuf,
    file: File,
    bytes: u64,
}

impl LogFile {
    fn open(path: PathBuf) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder)?;
        }
        let file = OpenOptions::new().append(true).create(true).mode(FILE_MODE).open(&path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { path, file, bytes })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if self.bytes > 0 && self.bytes.saturating_add(length) > MAX_FILE_BYTES {
            // Another environment of the function may have done so first: look at what is there.
            let there = self.path.metadata().map_or(0, |found| found.len());
            if there.saturating_add(length) > MAX_FILE_BYTES {
                std::fs::rename(&self.path, self.path.with_extension("old"))?;
            }
            *self = Self::open(self.path.clone())?;
        }
        self.file.write_all(bytes)?;
        self.bytes = self.bytes.saturating_add(length);
        Ok(())
    }
}

impl Log {
    /// The log of a function; in a file of that path, where there is one.
    pub(super) fn new(path: Option<&Path>) -> Self {
        let file = path.and_then(|path| {
            let opened = LogFile::open(path.to_owned());
            opened.inspect_err(told).ok()
        });
        Self(Mutex::new(State { file, tail: VecDeque::new(), left: MAX_CALL_BYTES }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a call's part.
    pub(super) fn begin(&self, line: &str) {
        let mut state = self.state();
        state.tail.clear();
        state.left = MAX_CALL_BYTES;
        state.keep(line.as_bytes());
    }

    /// Writes a line of Lambda's own, however much the function has printed.
    pub(super) fn write(&self, line: &str) {
        self.state().keep(line.as_bytes());
    }

    /// The end of a call's part.
    pub(super) fn tail(&self) -> Vec<u8> {
        self.state().tail.iter().copied().collect()
    }

    /// Closes the file.
    pub(super) fn close(&self) {
        self.state().file = None;
    }

    /// Lets those who read what the function printed come to their turn.
    pub(super) async fn settle(&self) {
        for _ in 0..4 {
            tokio::task::yield_now().await;
        }
    }

    /// Takes what the function printed.
    fn printed(&self, bytes: &[u8]) {
        let mut state = self.state();
        if state.left == 0 {
            return;
        }
        let taken = bytes.get(..state.left).unwrap_or(bytes);
        state.left = state.left.saturating_sub(bytes.len());
        state.keep(taken);
        if state.left == 0 {
            state.keep(DROPPED);
        }
    }
}

impl State {
    fn keep(&mut self, bytes: &[u8]) {
        self.tail.extend(bytes);
        let over = self.tail.len().saturating_sub(LOG_TAIL_BYTES);
        self.tail.drain(..over);
        if let Some(file) = &mut self.file
            && let Err(error) = file.write(bytes)
        {
            told(&error);
            self.file = None;
        }
    }
}

fn told(error: &io::Error) {
    tracing::error!(%error, "a function's log can't be written");
}

/// Reads what a function prints, to the end of both pipes.
pub(super) fn drain(
    log: &Arc<Log>,
    out: Option<ChildStdout>,
    error: Option<ChildStderr>,
) -> JoinHandle<()> {
    let (one, other) = (Arc::clone(log), Arc::clone(log));
    tokio::spawn(async move {
        tokio::join!(read(&one, out), read(&other, error));
    })
}

async fn read(log: &Log, pipe: Option<impl AsyncRead + Unpin>) {
    let Some(mut pipe) = pipe else { return };
    let mut buffer = vec![0; READ_BYTES];
    loop {
        match pipe.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(count) => log.printed(buffer.get(..count).unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn megabytes_stay_bounded_in_memory_and_on_disk() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a").join("f.log");
        let log = Log::new(Some(&path));
        let size = |name: &str| path.with_extension(name).metadata().map_or(0, |m| m.len());
        for _ in 0..12 {
            log.begin("START\n");
            for _ in 0..256 {
                log.printed(&[b'x'; 64 << 10]);
            }
            log.write("END\n");
            assert!(log.tail().len() <= LOG_TAIL_BYTES);
            assert!(log.tail().ends_with(b"dropped]\nEND\n"), "the end is always there");
            assert!(size("log") <= MAX_FILE_BYTES && size("old") <= MAX_FILE_BYTES);
        }
        assert!(size("old") > 0, "there was more than one file takes");
    }

    #[test]
    fn a_call_has_its_own_tail() {
        let log = Log::new(None);
        log.begin("START 1\n");
        log.printed(b"one\n");
        log.begin("START 2\n");
        log.printed(b"two\n");
        assert_eq!(log.tail(), b"START 2\ntwo\n");
    }
}
