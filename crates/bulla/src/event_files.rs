//! What EventBridge writes of events: a file for each log group and queue, a line an event.
//!
//! ```text
//! <data directory>/events/logs/<account>/<region>/<log group>.jsonl
//! <data directory>/events/queues/<account>/<region>/<queue>.jsonl
//! ```
//! A name is written so that it can't leave its folder. Files are for their owner alone; they hold
//! events in clear, which is what they are for. Nothing here makes them shorter: whoever reads
//! them may move them away at any time, since each line opens its file anew. A server without a
//! data directory prints the lines.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bulla_events::sink::{Kind, Sink, Store};
use bulla_plane::BoxFuture;

/// The folder in the data directory.
const FOLDER: &str = "events";
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
/// The longest name that a file gets, in bytes; file systems take 255.
const MAX_NAME_BYTES: usize = 240;

/// Writes events.
pub(crate) struct EventFiles {
    /// The data directory; none where nothing outlives the process.
    root: Option<PathBuf>,
    /// Held by whoever writes.
    writing: Arc<Mutex<()>>,
}

impl EventFiles {
    pub(crate) fn new(data: Option<&Path>) -> Self {
        Self { root: data.map(|data| data.join(FOLDER)), writing: Arc::default() }
    }
}

impl Sink for EventFiles {
    fn append<'a>(&'a self, store: &'a Store, line: String) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(async move {
            let kind = match store.kind {
                Kind::Log => "logs",
                Kind::Queue => "queues",
            };
            let Some(root) = &self.root else {
                return writeln!(io::stdout().lock(), "{kind} {}: {line}", store.name);
            };
            let name = file_name(&store.name)
                .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "too long a name"))?;
            let folder = [kind, &store.account, &store.region]
                .iter()
                .try_fold(root.clone(), |folder, part| Some(folder.join(file_name(part)?)));
            let folder = folder.ok_or(io::ErrorKind::InvalidInput)?;
            let writing = Arc::clone(&self.writing);
            let written = tokio::task::spawn_blocking(move || {
                // Whoever fell over under this lock left at worst half a line.
                let _alone = writing.lock().unwrap_or_else(PoisonError::into_inner);
                append(&folder, &format!("{name}.jsonl"), &line)
            });
            written.await.map_err(io::Error::other)?
        })
    }
}

/// A name that is one part of a path: all but letters, digits, `-` and `_`, and dots within, is
/// written in hexadecimal after a `%`.
fn file_name(name: &str) -> Option<String> {
    let mut written = String::with_capacity(name.len());
    for (at, byte) in name.bytes().enumerate() {
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if plain || byte == b'.' && at > 0 {
            written.push(char::from(byte));
        } else {
            written.push('%');
            written.push_str(&bulla_crypto::hex::encode(&[byte]));
        }
    }
    (!written.is_empty() && written.len() <= MAX_NAME_BYTES).then_some(written)
}

/// Appends a line durably. What a crash left of a line before is ended first.
fn append(folder: &Path, name: &str, line: &str) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder)?;
    let path = folder.join(name);
    let is_new = !path.exists();
    let mut file =
        OpenOptions::new().create(true).read(true).append(true).mode(FILE_MODE).open(&path)?;
    let mut bytes = Vec::with_capacity(line.len() + 2);
    if file.seek(SeekFrom::End(0))? > 0 {
        file.seek(SeekFrom::End(-1))?;
        let mut last = [0];
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            bytes.push(b'\n');
        }
    }
    bytes.extend_from_slice(line.as_bytes());
    bytes.push(b'\n');
    file.write_all(&bytes)?;
    file.sync_data()?;
    if is_new {
        // The name must be as durable as the line.
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn names_stay_in_their_folder() {
        for (name, written) in [
            ("orders", "orders"),
            ("/aws/events/x", "%2faws%2fevents%2fx"),
            ("..", "%2e."),
            ("a.b", "a.b"),
            ("a\0b", "a%00b"),
        ] {
            assert_eq!(file_name(name).as_deref(), Some(written));
        }
        assert_eq!(file_name(""), None);
        assert_eq!(file_name(&"/".repeat(100)), None);
    }

    #[tokio::test]
    async fn lines_are_appended_whole_and_for_their_owner_alone() {
        let data = tempfile::tempdir().unwrap();
        let files = EventFiles::new(Some(data.path()));
        let store = Store {
            kind: Kind::Queue,
            account: "111122223333".into(),
            region: "us-east-1".into(),
            name: "dead".into(),
        };
        files.append(&store, "one".into()).await.unwrap();
        let path = data.path().join("events/queues/111122223333/us-east-1/dead.jsonl");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, FILE_MODE);
        // A crash in the middle of a line.
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"tw").unwrap();
        files.append(&store, "three".into()).await.unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntw\nthree\n");
    }
}
