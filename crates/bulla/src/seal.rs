//! Which seal the root key is under, and where its secret comes from.

use std::io::Read;
use std::path::Path;

use bulla_crypto::{Crypto, MAX_PASSPHRASE_LEN, SecretBytes};
use bulla_plane::root::{self, KeyFileSeal, PassphraseSeal, RootKey, Seal, SealKind};

use crate::cli::SealOption;
use crate::config::Data;
use crate::error::Error;

/// Where the passphrase stands; else it is read from standard input.
const PASSPHRASE_VARIABLE: &str = "BULLA_PASSPHRASE";

/// What opens the root key.
pub(crate) enum Opener {
    KeyFile(KeyFileSeal),
    Passphrase(SecretBytes),
}

impl Opener {
    /// For a new data directory.
    pub(crate) fn new(data: &Data, seal: SealOption) -> Result<Self, Error> {
        match seal {
            SealOption::Keyfile => Self::key_file(data),
            SealOption::Passphrase => Ok(Self::Passphrase(passphrase()?)),
        }
    }

    /// For a data directory that is sealed, as its header says.
    pub(crate) fn of(data: &Data) -> Result<Self, Error> {
        match root::kind_of(&data.directory)? {
            SealKind::KeyFile => Self::key_file(data),
            SealKind::Passphrase => Ok(Self::Passphrase(passphrase()?)),
        }
    }

    fn key_file(data: &Data) -> Result<Self, Error> {
        Ok(Self::KeyFile(match &data.key_file {
            Some(path) => KeyFileSeal::at(path.clone()),
            None => KeyFileSeal::beside(&data.directory)?,
        }))
    }

    fn with<T>(&self, run: impl FnOnce(&dyn Seal) -> T) -> T {
        match self {
            Self::KeyFile(seal) => run(seal),
            Self::Passphrase(secret) => run(&PassphraseSeal::new(secret)),
        }
    }

    /// Makes a root key and seals it.
    pub(crate) fn create(&self, crypto: &Crypto, directory: &Path) -> Result<RootKey, Error> {
        Ok(self.with(|seal| root::create(crypto, directory, seal))?)
    }

    /// Opens the root key.
    pub(crate) fn unseal(&self, crypto: &Crypto, directory: &Path) -> Result<RootKey, Error> {
        Ok(self.with(|seal| root::unseal(crypto, directory, seal))?)
    }
}

fn passphrase() -> Result<SecretBytes, Error> {
    if let Some(text) = std::env::var_os(PASSPHRASE_VARIABLE) {
        return Ok(SecretBytes::new(text.into_encoded_bytes()));
    }
    // One byte more than is taken, and room for all of it at once.
    let mut room = SecretBytes::zeroed(MAX_PASSPHRASE_LEN + 2);
    let mut filled = 0;
    let mut input = std::io::stdin().lock();
    while let Some(rest) = room.expose_mut().get_mut(filled..).filter(|rest| !rest.is_empty()) {
        let read = input.read(rest);
        match read.map_err(|cause| Error::io("read the passphrase", cause))? {
            0 => break,
            read => filled += read,
        }
        let so_far = room.expose().get(..filled).unwrap_or_default();
        if so_far.contains(&b'\n') {
            break;
        }
    }
    let text = room.expose().get(..filled).unwrap_or_default();
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.is_empty() {
        return Err(Error::Usage(format!(
            "there is no passphrase: set {PASSPHRASE_VARIABLE}, or write it to standard input"
        )));
    }
    Ok(SecretBytes::from_slice(line))
}
