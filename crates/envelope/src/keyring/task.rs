//! What keyrings are given to do.

use bulla_crypto::{Crypto, SecretBytes};

use crate::data_key::EncryptedDataKey;
use crate::keyring::KeyringError;
use crate::{EncryptionContext, Suite};

/// A new message's data key in the making.
pub struct WrapTask {
    suite: Suite,
    context: EncryptionContext,
    context_bytes: Vec<u8>,
    crypto: Crypto,
    data_key: Option<SecretBytes>,
    keys: Vec<EncryptedDataKey>,
}

impl WrapTask {
    pub(crate) fn new(suite: Suite, context: EncryptionContext, crypto: Crypto) -> Self {
        let context_bytes = context.serialize();
        Self { suite, context, context_bytes, crypto, data_key: None, keys: Vec::new() }
    }

    /// The message's suite.
    #[must_use]
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// All pairs of the message.
    #[must_use]
    pub fn context(&self) -> &EncryptionContext {
        &self.context
    }

    /// The pairs as [`EncryptionContext::serialize`] gives them: what wrapping authenticates.
    #[must_use]
    pub fn context_bytes(&self) -> &[u8] {
        &self.context_bytes
    }

    /// The data key, if one was drawn.
    #[must_use]
    pub fn data_key(&self) -> Option<&SecretBytes> {
        self.data_key.as_ref()
    }

    /// The data key, drawn here if there is none yet.
    ///
    /// # Errors
    /// Those of the random source.
    pub fn data_key_or_drawn(&mut self) -> Result<&SecretBytes, KeyringError> {
        if self.data_key.is_none() {
            self.data_key = Some(self.crypto.random_secret(self.suite.data_key_len())?);
        }
        self.data_key.as_ref().ok_or(KeyringError::NoGenerator)
    }

    /// Takes a data key that was drawn elsewhere.
    ///
    /// # Errors
    /// [`KeyringError::KeyLength`] unless it is as long as the suite needs.
    pub fn set_data_key(&mut self, key: SecretBytes) -> Result<(), KeyringError> {
        if key.len() != self.suite.data_key_len() {
            return Err(KeyringError::KeyLength(key.len()));
        }
        self.data_key = Some(key);
        Ok(())
    }

    /// Adds the data key as it was wrapped.
    pub fn push(&mut self, key: EncryptedDataKey) {
        self.keys.push(key);
    }

    /// Adds the data key as it was wrapped, from its parts.
    ///
    /// # Errors
    /// [`KeyringError::TooLong`]
    pub fn push_parts(
        &mut self,
        provider_id: &str,
        provider_info: Vec<u8>,
        ciphertext: Vec<u8>,
    ) -> Result<(), KeyringError> {
        let key = EncryptedDataKey::new(provider_id, provider_info, ciphertext);
        self.keys.push(key.ok_or(KeyringError::TooLong)?);
        Ok(())
    }

    /// The primitives to wrap with.
    #[must_use]
    pub fn crypto(&self) -> &Crypto {
        &self.crypto
    }

    pub(crate) fn finish(
        self,
    ) -> Result<(EncryptionContext, SecretBytes, Vec<EncryptedDataKey>), KeyringError> {
        let data_key = self.data_key.ok_or(KeyringError::NoGenerator)?;
        if self.keys.is_empty() {
            return Err(KeyringError::NoGenerator);
        }
        Ok((self.context, data_key, self.keys))
    }
}

/// A message's data key that is to be found again.
#[derive(Clone, Copy)]
pub struct UnwrapTask<'a> {
    pub(crate) suite: Suite,
    pub(crate) context: &'a EncryptionContext,
    pub(crate) context_bytes: &'a [u8],
    pub(crate) keys: &'a [EncryptedDataKey],
}

impl<'a> UnwrapTask<'a> {
    /// The message's suite.
    #[must_use]
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// All pairs of the message.
    #[must_use]
    pub fn context(&self) -> &'a EncryptionContext {
        self.context
    }

    /// The pairs as [`EncryptionContext::serialize`] gives them.
    #[must_use]
    pub fn context_bytes(&self) -> &'a [u8] {
        self.context_bytes
    }

    /// The encrypted data keys, in the message's order.
    #[must_use]
    pub fn keys(&self) -> &'a [EncryptedDataKey] {
        self.keys
    }

    /// Tries those keys that fit, in order, until one opens to the suite's length.
    pub(crate) fn first_of(
        &self,
        fits: impl Fn(&EncryptedDataKey) -> bool,
        open: impl Fn(&EncryptedDataKey) -> Result<SecretBytes, KeyringError>,
    ) -> Result<SecretBytes, KeyringError> {
        let mut failed = Vec::new();
        for key in self.keys.iter().filter(|key| fits(key)) {
            match open(key) {
                Ok(opened) if opened.len() == self.suite.data_key_len() => return Ok(opened),
                Ok(opened) => failed.push(KeyringError::KeyLength(opened.len())),
                Err(error) => failed.push(error),
            }
        }
        Err(KeyringError::of(failed))
    }
}
