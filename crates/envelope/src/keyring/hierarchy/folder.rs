//! Records of branch keys in a folder: a file each, replaced at once.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bulla_crypto::{Crypto, hex};

use super::record::{ACTIVE, BranchKeyRecord, BranchKeyRecords, ID, TYPE};
use crate::keyring::KeyringError;
use crate::materials::BoxFuture;

/// The largest record that is read, in bytes.
const MAX_RECORD_BYTES: u64 = 64 << 10;
/// The line that has the ciphertext; attributes have other names.
const CIPHERTEXT: &str = "enc";

/// A folder of records, each of lines `NAME VALUE`, both in hexadecimal. Writers of several
/// processes must not write the same branch key at the same time.
pub struct FolderRecords(PathBuf);

impl FolderRecords {
    /// The records in `folder`, which must be there.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }

    fn path(&self, id: &str, kind: &str) -> PathBuf {
        self.0.join(format!("{}.{}", hex::encode(id.as_bytes()), hex::encode(kind.as_bytes())))
    }

    fn read(&self, id: &str, kind: &str) -> Result<Option<BranchKeyRecord>, KeyringError> {
        let path = self.path(id, kind);
        let len = match fs::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("read", &path, &error)),
        };
        if len > MAX_RECORD_BYTES {
            return Err(no_record(&path));
        }
        let text = fs::read_to_string(&path).map_err(|error| failed("read", &path, &error))?;
        parse(&text).map(Some).ok_or_else(|| no_record(&path))
    }

    fn write(&self, record: &BranchKeyRecord, replace: bool) -> Result<(), KeyringError> {
        let path = self.path(record.get(ID)?, record.get(TYPE)?);
        let random = Crypto::standard().random::<8>()?;
        let temporary = self.0.join(format!(".{}", hex::encode(&random)));
        let written = fs::File::create_new(&temporary)
            .and_then(|mut file| {
                file.write_all(told(record).as_bytes())?;
                file.sync_all()
            })
            .and_then(|()| match replace {
                true => fs::rename(&temporary, &path),
                // Unlike a rename, a link fails where something is.
                false => fs::hard_link(&temporary, &path),
            });
        // After a rename there is nothing left to remove.
        let _gone = fs::remove_file(&temporary);
        written.map_err(|error| failed("write", &path, &error))?;
        let synced = fs::File::open(&self.0).and_then(|folder| folder.sync_all());
        synced.map_err(|error| failed("write", &self.0, &error))
    }

    fn put_both(
        &self,
        version: &BranchKeyRecord,
        active: &BranchKeyRecord,
        replaced: Option<&BranchKeyRecord>,
    ) -> Result<(), KeyringError> {
        let id = active.get(ID)?;
        if self.read(id, ACTIVE)?.as_ref() != replaced {
            let text = format!("the branch key {id:?} was made or rotated by somebody else");
            return Err(KeyringError::Refused(text));
        }
        // The version first: one that nobody names does no harm.
        self.write(version, false)?;
        self.write(active, replaced.is_some())
    }
}

fn told(record: &BranchKeyRecord) -> String {
    let mut text = String::new();
    let attributes = record.attributes.iter().map(|(name, value)| (&**name, value.as_bytes()));
    for (name, value) in attributes.chain([(CIPHERTEXT, &*record.ciphertext)]) {
        text.push_str(&hex::encode(name.as_bytes()));
        text.push(' ');
        text.push_str(&hex::encode(value));
        text.push('\n');
    }
    text
}

fn parse(text: &str) -> Option<BranchKeyRecord> {
    let (mut attributes, mut ciphertext) = (BTreeMap::new(), None);
    for line in text.lines() {
        let (name, value) = line.split_once(' ')?;
        let (name, value) =
            (String::from_utf8(hex::decode(name).ok()?).ok()?, hex::decode(value).ok()?);
        if name == CIPHERTEXT {
            ciphertext = Some(value);
        } else {
            attributes.insert(name, String::from_utf8(value).ok()?);
        }
    }
    Some(BranchKeyRecord { attributes, ciphertext: ciphertext? })
}

fn failed(verb: &str, path: &Path, cause: &io::Error) -> KeyringError {
    KeyringError::Refused(format!("could not {verb} {}: {cause}", path.display()))
}

fn no_record(path: &Path) -> KeyringError {
    KeyringError::Refused(format!("{} is no record of a branch key", path.display()))
}

impl BranchKeyRecords for FolderRecords {
    fn get<'a>(
        &'a self,
        id: &'a str,
        kind: &'a str,
    ) -> BoxFuture<'a, Result<Option<BranchKeyRecord>, KeyringError>> {
        Box::pin(async move { self.read(id, kind) })
    }

    fn put<'a>(
        &'a self,
        version: &'a BranchKeyRecord,
        active: &'a BranchKeyRecord,
        replaced: Option<&'a BranchKeyRecord>,
    ) -> BoxFuture<'a, Result<(), KeyringError>> {
        Box::pin(async move { self.put_both(version, active, replaced) })
    }
}
