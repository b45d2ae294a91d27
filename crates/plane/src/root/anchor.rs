//! The anchor: a file beside the data directory that remembers how far its content had come.
//!
//! An old copy of the data directory is authentic in every byte. What gives it away is that the
//! anchor, which is not in the directory, has seen a later store revision or journal entry.
//! Whoever can also put back or remove the anchor is not stopped; who restores a backup on
//! purpose removes it. After a power cut it may lag behind, which refuses nothing that is right.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use bulla_crypto::{Crypto, CryptoError, SHA256_LEN, SecretKey, ct_eq, hex};
use serde::{Deserialize, Serialize};

use super::{RootKey, SealError, files};

/// The anchor's name is the data directory's with this behind.
const SUFFIX: &str = ".anchor";
const MODE: u32 = 0o600;
const FORMAT_VERSION: u64 = 1;
/// The longest anchor that is read, in bytes.
const MAX_LEN: u16 = 4096;
const LABEL: &[u8] = b"bulla/anchor/v1";

/// How far a data directory had come: the highest store revision and journal sequence number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Mark {
    revision: u64,
    journal_sequence: u64,
}

/// The anchor of an unsealed data directory. Can be shared between threads.
pub struct Anchor {
    crypto: Crypto,
    key: SecretKey,
    path: PathBuf,
    first: bool,
    highest: Mutex<Mark>,
}

impl Anchor {
    /// Opens the anchor beside `dir`. One that is missing, or empty as a power cut may leave it,
    /// has seen nothing.
    ///
    /// # Errors
    /// [`AnchorError::Altered`] when it is not one that this root key vouches for;
    /// [`AnchorError::File`] when it cannot be read.
    pub fn open(crypto: &Crypto, dir: &Path, root: &RootKey) -> Result<Self, AnchorError> {
        let path = files::beside(dir, SUFFIX)?;
        let key = root.derive(crypto, LABEL, root.id())?;
        let content = files::read(&path, MAX_LEN)?;
        let highest = match content.filter(|content| !content.bytes.is_empty()) {
            None => None,
            Some(content) => {
                let mark = parse(crypto, &key, content.bytes.expose());
                Some(mark.ok_or_else(|| AnchorError::Altered { path: path.clone() })?)
            }
        };
        Ok(Self {
            crypto: crypto.clone(),
            key,
            path,
            first: highest.is_none(),
            highest: Mutex::new(highest.unwrap_or_default()),
        })
    }

    /// Whether there was no anchor, so that [`Self::check`] had nothing to go by. The program
    /// should say so unless the directory is new.
    #[must_use]
    pub fn is_first(&self) -> bool {
        self.first
    }

    /// Holds the data directory, which has come as far as `revision` and `journal_sequence`,
    /// against what was seen before.
    ///
    /// # Errors
    /// [`AnchorError::RolledBack`] when it had come further already.
    pub fn check(&self, revision: u64, journal_sequence: u64) -> Result<(), AnchorError> {
        let seen = *self.highest.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = |what, found, seen| {
            Err(AnchorError::RolledBack { path: self.path.clone(), what, found, seen })
        };
        if revision < seen.revision {
            return refused("store revision", revision, seen.revision);
        }
        if journal_sequence < seen.journal_sequence {
            return refused("journal sequence", journal_sequence, seen.journal_sequence);
        }
        Ok(())
    }

    /// Remembers how far the data directory has come, once that is durable there. Does nothing
    /// if that was seen before; never goes back. It costs a small file, so a call every few
    /// seconds, and one at the end, is enough.
    ///
    /// # Errors
    /// [`AnchorError::File`] when it cannot be written; then nothing is remembered.
    pub fn record(&self, revision: u64, journal_sequence: u64) -> Result<(), AnchorError> {
        let mut highest = self.highest.lock().unwrap_or_else(PoisonError::into_inner);
        let mark = Mark {
            revision: revision.max(highest.revision),
            journal_sequence: journal_sequence.max(highest.journal_sequence),
        };
        if mark == *highest {
            return Ok(());
        }
        let text = render(&self.crypto, &self.key, mark);
        files::replace_lazily(&self.crypto, &self.path, text.as_bytes(), MODE)?;
        *highest = mark;
        Ok(())
    }
}

fn mac(crypto: &Crypto, key: &SecretKey, mark: Mark) -> [u8; SHA256_LEN] {
    let numbers = [FORMAT_VERSION, mark.revision, mark.journal_sequence].map(u64::to_be_bytes);
    crypto.hmac(key, &[numbers.as_flattened()])
}

fn render(crypto: &Crypto, key: &SecretKey, mark: Mark) -> String {
    let json = AnchorJson {
        version: FORMAT_VERSION,
        revision: mark.revision,
        journal_sequence: mark.journal_sequence,
        mac: hex::encode(&mac(crypto, key, mark)),
    };
    // Strings and numbers always have a JSON form.
    let mut text = serde_json::to_string_pretty(&json).unwrap_or_default();
    text.push('\n');
    text
}

/// The mark, if the text is an anchor and its MAC is right.
fn parse(crypto: &Crypto, key: &SecretKey, text: &[u8]) -> Option<Mark> {
    let json: AnchorJson = serde_json::from_slice(text).ok()?;
    let mark = Mark { revision: json.revision, journal_sequence: json.journal_sequence };
    let tag = hex::decode(&json.mac).ok()?;
    (json.version == FORMAT_VERSION && ct_eq(&tag, &mac(crypto, key, mark))).then_some(mark)
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AnchorJson {
    version: u64,
    revision: u64,
    journal_sequence: u64,
    mac: String,
}

/// Why a data directory is not accepted, or its anchor not kept.
#[derive(Debug)]
pub enum AnchorError {
    /// Someone's: the data directory had come further already.
    RolledBack {
        /// The anchor's file.
        path: PathBuf,
        /// Which count is too low.
        what: &'static str,
        /// How far the directory has come.
        found: u64,
        /// How far it had come.
        seen: u64,
    },
    /// Someone's: the anchor is not one that this root key vouches for.
    Altered {
        /// The anchor's file.
        path: PathBuf,
    },
    /// The environment: the file could not be read or written.
    File(SealError),
}

impl fmt::Display for AnchorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RolledBack { path, what, found, seen } => write!(
                f,
                "the data directory is an old copy: its {what} is {found}, but {seen} was seen \
                 before. If you restored a backup on purpose, remove {} and start again; \
                 otherwise put the latest data directory back",
                path.display()
            ),
            Self::Altered { path } => write!(
                f,
                "{} was altered, or belongs to another data directory: find out why; once you \
                 know that the data directory is the latest, remove the file and start again",
                path.display()
            ),
            Self::File(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for AnchorError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File(error) => Some(error),
            _ => None,
        }
    }
}

impl From<SealError> for AnchorError {
    fn from(error: SealError) -> Self {
        Self::File(error)
    }
}

impl From<CryptoError> for AnchorError {
    fn from(error: CryptoError) -> Self {
        Self::File(error.into())
    }
}
