//! From the data key to the key that encrypts a message, and to what the header commits to
//! (specification: `framework/algorithm-suites.md`, key derivation).

use bulla_crypto::{GcmKey, Hash, HkdfKey, SecretBytes, ct_eq};

use crate::{Error, Suite, Version};

/// The length of a commitment, in bytes.
pub(crate) const COMMITMENT_LEN: usize = 32;

const DERIVE_LABEL: &[u8] = b"DERIVEKEY";
const COMMIT_LABEL: &[u8] = b"COMMITKEY";

/// What a commitment commits with.
pub(crate) type Commitment = [u8; COMMITMENT_LEN];

/// A message's own keys.
pub(crate) struct MessageKeys {
    pub(crate) cipher: GcmKey,
    pub(crate) commitment: Option<Commitment>,
}

impl MessageKeys {
    /// The keys of the message with this id. The message id has the length of its version.
    pub(crate) fn derive(
        suite: Suite,
        data_key: &SecretBytes,
        message_id: &[u8],
    ) -> Result<Self, Error> {
        let Some(hash) = suite.kdf() else {
            return Ok(Self { cipher: GcmKey::new(data_key.expose())?, commitment: None });
        };
        let id = suite.id().to_be_bytes();
        let mut key = SecretBytes::zeroed(suite.data_key_len());
        match suite.version() {
            Version::V1 => {
                let extracted = HkdfKey::extract(hash, b"", data_key.expose());
                extracted.expand(&[&id, message_id], key.expose_mut())?;
                Ok(Self { cipher: GcmKey::new(key.expose())?, commitment: None })
            }
            Version::V2 => {
                let extracted = HkdfKey::extract(Hash::Sha512, message_id, data_key.expose());
                extracted.expand(&[&id, DERIVE_LABEL], key.expose_mut())?;
                let mut commitment = [0; COMMITMENT_LEN];
                extracted.expand(&[COMMIT_LABEL], &mut commitment)?;
                let commitment = Some(commitment);
                Ok(Self { cipher: GcmKey::new(key.expose())?, commitment })
            }
        }
    }

    /// Compares in constant time what a header commits to.
    pub(crate) fn check(&self, stored: Option<&Commitment>) -> Result<(), Error> {
        match (&self.commitment, stored) {
            (None, None) => Ok(()),
            (Some(own), Some(stored)) if ct_eq(own, stored) => Ok(()),
            _ => Err(Error::Commitment),
        }
    }
}
