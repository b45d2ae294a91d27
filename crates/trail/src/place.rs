//! Where files are delivered to: a folder that is laid out as the bucket would be.

use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use bulla_plane::BoxFuture;
use serde_json::{Map, Value};

/// What the names of files end in that hold an object's metadata.
const METADATA: &str = ".metadata";

/// An object that is to be put: a gzip file of JSON.
#[derive(Debug)]
pub struct Object {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// The user metadata, without `x-amz-meta-`.
    pub metadata: Vec<(&'static str, String)>,
    /// The ARN of the KMS key that it is to be encrypted under.
    pub kms_key: Option<String>,
    /// The bytes: as they are, or already encrypted where the place does not.
    pub body: Vec<u8>,
}

/// Why an object was not put. The text is for the trail's owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutError(pub String);

impl fmt::Display for PutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PutError {}

/// Where files are delivered to.
pub trait Place: Send + Sync {
    /// Puts an object, over what may be there under its key: durably, and whole or not at all.
    ///
    /// # Errors
    /// [`PutError`]; it is tried again later.
    fn put(&self, object: Object) -> BoxFuture<'_, Result<(), PutError>>;

    /// Whether it encrypts an object under the key that it names, as S3 does.
    fn encrypts(&self) -> bool {
        false
    }
}

/// No place at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nowhere;

impl Place for Nowhere {
    fn put(&self, _object: Object) -> BoxFuture<'_, Result<(), PutError>> {
        let refused = PutError("this server has no folder for the files of trails".to_owned());
        Box::pin(std::future::ready(Err(refused)))
    }
}

/// A folder: `<folder>/<bucket>/<key>`, and beside an object with metadata a file
/// `<key>.metadata` with these as JSON. Files are for their owner alone.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// A folder, which is made with the first object.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }

    fn put_now(folder: &Path, object: &Object) -> io::Result<()> {
        let mut at = folder.to_owned();
        let steps = std::iter::once(object.bucket.as_str()).chain(object.key.split('/'));
        for step in steps {
            if matches!(step, "" | "." | "..") {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "a key names no file"));
            }
            make_folder(&at)?;
            at.push(step);
        }
        if !object.metadata.is_empty() {
            let pairs = object.metadata.iter();
            let pairs: Map<String, Value> =
                pairs.map(|(name, value)| ((*name).to_owned(), Value::from(&**value))).collect();
            // Before the object, so that none is there without its metadata.
            write(&with_suffix(&at, METADATA), Value::Object(pairs).to_string().as_bytes())?;
        }
        write(&at, &object.body)
    }
}

impl Place for Folder {
    fn put(&self, object: Object) -> BoxFuture<'_, Result<(), PutError>> {
        let folder = self.0.clone();
        Box::pin(async move {
            let told = folder.display().to_string();
            let put = tokio::task::spawn_blocking(move || Self::put_now(&folder, &object)).await;
            let put = put.unwrap_or_else(|error| Err(io::Error::other(error)));
            put.map_err(|error| PutError(format!("nothing can be written to {told}: {error}")))
        })
    }
}

fn make_folder(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = with_suffix(path, ".new");
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)?;
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}
