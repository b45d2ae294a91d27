//! Materials: what a message is encrypted or decrypted with, and where they come from
//! (specification: `framework/cmm-interface.md`; there the source is a materials manager).

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;

use bulla_crypto::{Curve, EcdsaKeyPair, SecretBytes};

use crate::data_key::{EncryptedDataKey, MAX_KEYS};
use crate::wire::put_counted;
use crate::{ContextError, EncryptionContext, Error, Suite};

/// A future on the heap, so that traits with asynchronous methods can be objects.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where materials come from: [`crate::DefaultSource`], or what wraps it.
pub trait MaterialsSource: Send + Sync {
    /// The materials for a new message.
    ///
    /// # Errors
    /// Those of keyrings and contexts.
    fn encryption<'a>(
        &'a self,
        request: EncryptionRequest<'a>,
    ) -> BoxFuture<'a, Result<Arc<EncryptionMaterials>, Error>>;

    /// The materials for a message that is there.
    ///
    /// # Errors
    /// Those of keyrings and contexts.
    fn decryption<'a>(
        &'a self,
        request: DecryptionRequest<'a>,
    ) -> BoxFuture<'a, Result<Arc<DecryptionMaterials>, Error>>;
}

impl<S: MaterialsSource + ?Sized> MaterialsSource for Arc<S> {
    fn encryption<'a>(
        &'a self,
        request: EncryptionRequest<'a>,
    ) -> BoxFuture<'a, Result<Arc<EncryptionMaterials>, Error>> {
        (**self).encryption(request)
    }

    fn decryption<'a>(
        &'a self,
        request: DecryptionRequest<'a>,
    ) -> BoxFuture<'a, Result<Arc<DecryptionMaterials>, Error>> {
        (**self).decryption(request)
    }
}

impl<S: MaterialsSource + ?Sized> MaterialsSource for Box<S> {
    fn encryption<'a>(
        &'a self,
        request: EncryptionRequest<'a>,
    ) -> BoxFuture<'a, Result<Arc<EncryptionMaterials>, Error>> {
        (**self).encryption(request)
    }

    fn decryption<'a>(
        &'a self,
        request: DecryptionRequest<'a>,
    ) -> BoxFuture<'a, Result<Arc<DecryptionMaterials>, Error>> {
        (**self).decryption(request)
    }
}

/// What a new message is to be.
#[derive(Clone, Copy, Debug)]
pub struct EncryptionRequest<'a> {
    /// The suite.
    pub suite: Suite,
    /// The caller's pairs.
    pub context: &'a EncryptionContext,
    /// Keys of pairs that are authenticated but not stored in the message.
    pub required: &'a BTreeSet<String>,
    /// The length of the plaintext in bytes, where it is known.
    pub plaintext_len: Option<u64>,
}

/// What a message that is there says of itself, and what its reader expects.
#[derive(Clone, Copy, Debug)]
pub struct DecryptionRequest<'a> {
    /// The suite.
    pub suite: Suite,
    /// The pairs that the message stores.
    pub stored: &'a EncryptionContext,
    /// The encrypted data keys.
    pub keys: &'a [EncryptedDataKey],
    /// The pairs that the reader gives: each must be stored and the same, or not be stored at all
    /// and have been required when the message was made.
    pub expected: &'a EncryptionContext,
}

/// What a message is encrypted with. Shared by messages only where the suite derives a key for
/// each ([`Suite::cacheable`]).
pub struct EncryptionMaterials {
    pub(crate) suite: Suite,
    pub(crate) data_key: SecretBytes,
    pub(crate) signing: Option<EcdsaKeyPair>,
    /// Context and encrypted data keys as the header has them.
    pub(crate) sections: Vec<u8>,
    /// The required pairs that are not stored, as they are authenticated.
    pub(crate) required: Vec<u8>,
    context: EncryptionContext,
    keys: Vec<EncryptedDataKey>,
}

impl EncryptionMaterials {
    /// Joins what keyrings made.
    ///
    /// # Errors
    /// [`Error::ContextMissing`] for a required pair that is not there, [`Error::TooManyKeys`].
    pub(crate) fn new(
        suite: Suite,
        context: EncryptionContext,
        required: &BTreeSet<String>,
        data_key: SecretBytes,
        keys: Vec<EncryptedDataKey>,
        signing: Option<EcdsaKeyPair>,
    ) -> Result<Self, Error> {
        if let Some(missing) = required.iter().find(|key| context.get(key).is_none()) {
            return Err(Error::ContextMissing(missing.clone()));
        }
        let too_many = Error::TooManyKeys { got: keys.len(), limit: MAX_KEYS };
        let count = u16::try_from(keys.len()).map_err(|_| too_many)?;
        let stored = context.filtered(|key| !required.contains(key)).serialize();
        let mut sections = Vec::new();
        if !put_counted(&mut sections, &stored) {
            return Err(ContextError::TooLong.into());
        }
        sections.extend_from_slice(&count.to_be_bytes());
        for key in &keys {
            key.put(&mut sections);
        }
        let required = context.filtered(|key| required.contains(key)).serialize();
        Ok(Self { suite, data_key, signing, sections, required, context, keys })
    }

    /// The suite.
    #[must_use]
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// All pairs, stored or not, and the public key of a signed message.
    #[must_use]
    pub fn context(&self) -> &EncryptionContext {
        &self.context
    }

    /// The encrypted data keys.
    #[must_use]
    pub fn encrypted_data_keys(&self) -> &[EncryptedDataKey] {
        &self.keys
    }
}

/// What a message is decrypted with.
pub struct DecryptionMaterials {
    pub(crate) data_key: SecretBytes,
    /// The required pairs that are not stored, as they are authenticated.
    pub(crate) required: Vec<u8>,
    /// Curve and point of the key that verifies.
    pub(crate) verification: Option<(Curve, Vec<u8>)>,
    context: EncryptionContext,
}

impl DecryptionMaterials {
    pub(crate) fn new(
        data_key: SecretBytes,
        context: EncryptionContext,
        required: &EncryptionContext,
        verification: Option<(Curve, Vec<u8>)>,
    ) -> Self {
        Self { data_key, required: required.serialize(), verification, context }
    }

    /// All pairs, stored or not.
    #[must_use]
    pub fn context(&self) -> &EncryptionContext {
        &self.context
    }
}
