//! Encrypted data keys, as headers list them (specification: `framework/structures.md`).

use crate::FormatError;
use crate::wire::{Reader, put_counted};

/// The most encrypted data keys that a message can have.
pub const MAX_KEYS: usize = u16::MAX as usize;

/// A data key as somebody's wrapping key wrapped it. Each part has at most 65,535 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EncryptedDataKey {
    provider_id: String,
    provider_info: Vec<u8>,
    ciphertext: Vec<u8>,
}

impl EncryptedDataKey {
    /// A wrapped key of these parts; nothing if one of them is too long.
    #[must_use]
    pub fn new(
        provider_id: impl Into<String>,
        provider_info: Vec<u8>,
        ciphertext: Vec<u8>,
    ) -> Option<Self> {
        let provider_id = provider_id.into();
        let fits = [provider_id.len(), provider_info.len(), ciphertext.len()]
            .into_iter()
            .all(|len| u16::try_from(len).is_ok());
        fits.then_some(Self { provider_id, provider_info, ciphertext })
    }

    /// Which kind of keyring wrapped it, such as `aws-kms`.
    #[must_use]
    pub fn provider_id(&self) -> &str {
        &self.provider_id
    }

    /// Which key wrapped it, such as a key's ARN, and what else unwrapping takes.
    #[must_use]
    pub fn provider_info(&self) -> &[u8] {
        &self.provider_info
    }

    /// The wrapped key.
    #[must_use]
    pub fn ciphertext(&self) -> &[u8] {
        &self.ciphertext
    }

    /// Appends the key as headers have it.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        for part in [self.provider_id.as_bytes(), &self.provider_info, &self.ciphertext] {
            // The lengths were checked when it was made.
            let _fits = put_counted(out, part);
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, FormatError> {
        let mut part = || reader.counted().ok_or(FormatError::Truncated);
        let (id, info, ciphertext) = (part()?, part()?, part()?);
        let id = std::str::from_utf8(id).map_err(|_| FormatError::ProviderId)?;
        Ok(Self {
            provider_id: id.to_owned(),
            provider_info: info.to_vec(),
            ciphertext: ciphertext.to_vec(),
        })
    }
}
