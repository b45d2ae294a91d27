//! Keyrings by key agreement: two parties wrap with a secret that both can compute
//! (specification: `framework/raw-ecdh-keyring.md`, `framework/key-agreement-schemas.md`).

mod kms;
mod raw;
mod wrapping;

use bulla_crypto::Curve;

use crate::data_key::EncryptedDataKey;
use crate::keyring::KeyringError;
use crate::wire::Reader;

pub use bulla_crypto::EcdhKey;
pub use kms::AwsKmsEcdhKeyring;
pub use raw::RawEcdhKeyring;

/// The version of provider info and derivation.
const VERSION: u8 = 1;

const RAW_PROVIDER: &str = "raw-ecdh";
const KMS_PROVIDER: &str = "aws-kms-ecdh";

/// Who wrapped for whom: two public keys, as compressed points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Parties<'a> {
    sender: &'a [u8],
    recipient: &'a [u8],
}

impl<'a> Parties<'a> {
    /// The parties of an encrypted data key that was wrapped by agreement.
    fn of(key: &'a EncryptedDataKey) -> Option<Self> {
        if ![RAW_PROVIDER, KMS_PROVIDER].contains(&key.provider_id()) {
            return None;
        }
        let mut reader = Reader(key.provider_info());
        if reader.u8()? != VERSION {
            return None;
        }
        let mut point = || {
            let len = usize::try_from(reader.u32()?).ok()?;
            reader.take(len)
        };
        let (recipient, sender) = (point()?, point()?);
        reader.0.is_empty().then_some(Self { sender, recipient })
    }

    fn info(&self) -> Vec<u8> {
        let mut info = vec![VERSION];
        for point in [self.recipient, self.sender] {
            // Points are some dozens of bytes.
            info.extend_from_slice(&(point.len() as u32).to_be_bytes());
            info.extend_from_slice(point);
        }
        info
    }

    /// Whether these are the same two, whoever wrapped.
    fn are(&self, one: &[u8], other: &[u8]) -> bool {
        (self.sender == one && self.recipient == other)
            || (self.sender == other && self.recipient == one)
    }
}

/// A peer's public key, from PEM, as a compressed point.
fn point_of_pem(curve: Curve, text: &str) -> Result<Vec<u8>, KeyringError> {
    let der = crate::keyring::pem::read(text, "PUBLIC KEY")?;
    Ok(bulla_crypto::compressed_point(curve, der.expose())?)
}
