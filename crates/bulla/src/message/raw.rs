//! Keys of one's own: a file with an AES key, or a PEM file with an RSA key.

use std::fs;
use std::path::Path;

use bulla_envelope::keyring::{Keyring, RawAesKeyring, RawRsaKeyring};
use bulla_envelope::{RsaPadding, SecretBytes};

use crate::cli::message::{Padding, WrappingKeys};
use crate::error::Error;

/// The largest key file that is read, in bytes.
const MAX_KEY_FILE: u64 = 64 << 10;

/// The keyring of `--raw-key`, if it is given.
pub(super) fn keyring(keys: &WrappingKeys) -> Result<Option<Box<dyn Keyring>>, Error> {
    let Some(path) = &keys.raw_key else { return Ok(None) };
    let name = keys.raw_name.as_ref().ok_or_else(|| {
        Error::Usage("--raw-key: give --raw-name, which is what messages call the key".to_owned())
    })?;
    let (namespace, name) = name.split_once('/').ok_or_else(|| {
        Error::Usage(format!("--raw-name {name:?} is not written as NAMESPACE/NAME"))
    })?;
    let bytes = read(path)?;
    let refused = |error| Error::Usage(format!("{}: {error}", path.display()));
    let Some(pem) = pem(bytes.expose()) else {
        let keyring = RawAesKeyring::new(namespace, name, &bytes).map_err(refused)?;
        return Ok(Some(Box::new(keyring)));
    };
    let padding = padding(keys.rsa_padding);
    let keyring = if pem.contains("PRIVATE KEY") {
        RawRsaKeyring::private(namespace, name, padding, pem)
    } else {
        RawRsaKeyring::public(namespace, name, padding, pem)
    };
    Ok(Some(Box::new(keyring.map_err(refused)?)))
}

/// What a key file has.
pub(super) fn read(path: &Path) -> Result<SecretBytes, Error> {
    let failed = |cause| Error::io(format!("read {}", path.display()), cause);
    let len = fs::metadata(path).map_err(failed)?.len();
    if len > MAX_KEY_FILE {
        return Err(Error::Usage(format!("{} is too large for a key", path.display())));
    }
    Ok(SecretBytes::new(fs::read(path).map_err(failed)?))
}

/// The text of a PEM file; nothing for other bytes.
pub(super) fn pem(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| text.contains("-----BEGIN "))
}

fn padding(padding: Padding) -> RsaPadding {
    match padding {
        Padding::Pkcs1 => RsaPadding::Pkcs1,
        Padding::OaepSha1 => RsaPadding::OaepSha1,
        Padding::OaepSha256 => RsaPadding::OaepSha256,
        Padding::OaepSha384 => RsaPadding::OaepSha384,
        Padding::OaepSha512 => RsaPadding::OaepSha512,
    }
}
