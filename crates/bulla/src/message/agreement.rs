//! Key agreement: a peer's public key, and a private key of KMS or of one's own.

use std::path::Path;
use std::sync::Arc;

use bulla_envelope::client::Client;
use bulla_envelope::keyring::{AwsKmsEcdhKeyring, Keyring, KeyringError, RawEcdhKeyring};
use bulla_envelope::{Curve, SecretBytes};

use super::{kms_keys, raw};
use crate::cli::message::WrappingKeys;
use crate::error::Error;

/// The curves that keys of KMS and of one's own can be on.
const CURVES: [Curve; 3] = [Curve::P256, Curve::P384, Curve::P521];

/// The keyring of `--agree-with` and `--agree-with-any`, if one of them is given.
pub(super) async fn keyring(keys: &WrappingKeys) -> Result<Option<Box<dyn Keyring>>, Error> {
    let peer = keys.agreement.agree_with.as_deref().map(pem).transpose()?;
    if peer.is_none() && !keys.agreement.agree_with_any {
        return Ok(None);
    }
    let own = keys.raw_key.as_deref().map(pem).transpose()?;
    let (own, peer) = (own.as_ref().map(text), peer.as_ref().map(text));
    let keyring: Box<dyn Keyring> = match (&*keys.key, own, peer) {
        ([], None, Some(peer)) => {
            Box::new(on_any_curve(|curve| RawEcdhKeyring::for_recipient(curve, peer))?)
        }
        ([], Some(own), Some(peer)) => {
            Box::new(on_any_curve(|curve| RawEcdhKeyring::between(curve, own, peer))?)
        }
        ([], Some(own), None) => {
            Box::new(on_any_curve(|curve| RawEcdhKeyring::discovery(curve, own))?)
        }
        ([key], None, peer) => Box::new(of_kms(key, peer).await?),
        _ => {
            let text = "key agreement takes one key pair: name it by --key or by --raw-key";
            return Err(Error::Usage(text.to_owned()));
        }
    };
    Ok(Some(keyring))
}

async fn of_kms(key: &str, peer: Option<&str>) -> Result<AwsKmsEcdhKeyring, Error> {
    let (client, arn) = kms_keys::found(&Client::from_environment()?, key).await?;
    let public = match peer {
        Some(peer) => peer.to_owned(),
        None => kms_keys::public_key(&client, &arn).await?,
    };
    let curve = on_any_curve(|curve| RawEcdhKeyring::for_recipient(curve, &public).map(|_| curve))?;
    let client = Arc::new(client);
    let keyring = match peer {
        Some(peer) => AwsKmsEcdhKeyring::between(client, arn, curve, peer).await,
        None => AwsKmsEcdhKeyring::discovery(client, arn, curve).await,
    };
    keyring.map_err(|error| kms_keys::unusable(key, error))
}

/// What succeeds on one of the curves.
fn on_any_curve<T>(build: impl Fn(Curve) -> Result<T, KeyringError>) -> Result<T, Error> {
    let mut refused = None;
    for curve in CURVES {
        match build(curve) {
            Ok(built) => return Ok(built),
            Err(error) => refused = Some(error),
        }
    }
    let why = refused.map_or(String::new(), |error| error.to_string());
    Err(Error::Usage(format!("no keys on one and the same of P-256, P-384 and P-521: {why}")))
}

/// The content of a PEM file, which may be a private key.
fn pem(path: &Path) -> Result<SecretBytes, Error> {
    let bytes = raw::read(path)?;
    match raw::pem(bytes.expose()) {
        Some(_) => Ok(bytes),
        None => Err(Error::Usage(format!("{} is no PEM file", path.display()))),
    }
}

/// The text of what [`pem`] gave.
fn text(pem: &SecretBytes) -> &str {
    raw::pem(pem.expose()).unwrap_or_default()
}
