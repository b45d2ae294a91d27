//! The seal by key file: 32 random bytes as hexadecimal digits, readable by their owner alone.
//!
//! Its default place is beside the data directory, so that a copy of the directory is of no use.

use std::{
    fs,
    path::{Path, PathBuf},
};

use bulla_crypto::{Crypto, KEY_LEN, SecretBytes, SecretKey, hex};

use super::{Parameters, SALT_LEN, Seal, SealError, SealHeader, SealKind, files};

/// The default key file's name is the data directory's with this behind.
const SUFFIX: &str = ".key";
const MODE: u32 = 0o400;
/// Permission bits of group and others: none may be set.
const OTHERS: u32 = 0o077;
/// The most that is read, in bytes: the digits and some white space.
const MAX_LEN: u16 = 256;

/// A seal by key file.
pub struct KeyFileSeal {
    path: PathBuf,
}

impl KeyFileSeal {
    /// By the key file `path`, anywhere, such as where a secret is mounted.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// By the key file beside the data directory: `<data dir>.key`.
    ///
    /// # Errors
    /// [`SealError::NoPlaceBeside`] for the root of a file system; [`SealError::Unreadable`] for
    /// `.` when it cannot be found.
    pub fn beside(dir: &Path) -> Result<Self, SealError> {
        files::beside(dir, SUFFIX).map(Self::at)
    }

    /// Where the key file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Seal for KeyFileSeal {
    fn kind(&self) -> SealKind {
        SealKind::KeyFile
    }

    fn establish(
        &self,
        crypto: &Crypto,
        _: &[u8; SALT_LEN],
    ) -> Result<(SecretKey, Parameters), SealError> {
        if files::exists(&self.path)? {
            return Err(SealError::KeyFileExists { path: self.path.clone() });
        }
        let key = crypto.generate_key()?;
        // The digits and a line's end, in full length at once: they are as secret as the key.
        let mut text = String::with_capacity(2 * KEY_LEN + 1);
        hex::encode_into(key.expose(), &mut text);
        text.push('\n');
        let text = SecretBytes::new(text.into_bytes());
        files::write_new(crypto, &self.path, text.expose(), MODE).map_err(|e| e.source)?;
        Ok((key, Parameters::KeyFile))
    }

    fn retract(&self) {
        // Nothing was sealed with it. If it stays, the next attempt says so.
        let _removed = fs::remove_file(&self.path);
    }

    fn open(&self, _: &Crypto, _: &SealHeader) -> Result<SecretKey, SealError> {
        let path = || self.path.clone();
        let content = files::read(&self.path, MAX_LEN)?;
        let content = content.ok_or_else(|| SealError::MissingKeyFile { path: path() })?;
        if content.mode & OTHERS != 0 {
            return Err(SealError::OpenToOthers { path: path(), mode: content.mode });
        }
        let digits = content.bytes.expose().trim_ascii();
        SecretKey::try_fill(|key| {
            hex::decode_into(digits, key).map_err(|_| SealError::MalformedKeyFile { path: path() })
        })
    }

    fn refused(&self) -> SealError {
        SealError::WrongKey { path: self.path.clone() }
    }
}
