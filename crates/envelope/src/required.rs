//! Pairs that every reader must know, and that messages do not store (specification:
//! `framework/required-encryption-context-cmm.md`).

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::context::PUBLIC_KEY_FIELD;
use crate::materials::{
    BoxFuture, DecryptionMaterials, DecryptionRequest, EncryptionMaterials, EncryptionRequest,
    MaterialsSource,
};
use crate::{ContextError, Error};

/// A source whose messages are authenticated with certain pairs, but do not store them.
///
/// ```
/// use bulla_envelope::keyring::RawAesKeyring;
/// use bulla_envelope::{
///     DefaultSource, EncryptionContext, Envelope, Error, RequiredContext, SecretBytes,
/// };
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let keyring = RawAesKeyring::new("example", "key 1", &SecretBytes::from_slice(&[7; 32]))?;
/// let source = RequiredContext::new(["tenant"], DefaultSource::new(keyring))?;
/// let envelope = Envelope::from_source(source);
/// let tenant = EncryptionContext::from_pairs([("tenant", "a")])?;
/// let message = envelope.encrypt(b"tokens", &tenant).await?;
/// let opened = envelope.decrypt(&message, &tenant).await?;
/// let told = (opened.header.context().get("tenant"), opened.context().get("tenant"));
/// assert_eq!(told, (None, Some("a")));
/// let unknown = envelope.decrypt(&message, &EncryptionContext::new()).await;
/// assert!(matches!(unknown, Err(Error::ContextMissing(key)) if key == "tenant"));
/// # Ok(())
/// # }
/// ```
pub struct RequiredContext<S> {
    keys: BTreeSet<String>,
    inner: S,
}

impl<S: MaterialsSource> RequiredContext<S> {
    /// Requires a pair for each of `keys`.
    ///
    /// # Errors
    /// [`ContextError::Reserved`] for the reserved key, which must be stored.
    pub fn new<K: Into<String>>(
        keys: impl IntoIterator<Item = K>,
        inner: S,
    ) -> Result<Self, ContextError> {
        let keys: BTreeSet<String> = keys.into_iter().map(Into::into).collect();
        if keys.contains(PUBLIC_KEY_FIELD) {
            return Err(ContextError::Reserved);
        }
        Ok(Self { keys, inner })
    }

    fn check(&self, has: impl Fn(&str) -> bool) -> Result<(), Error> {
        match self.keys.iter().find(|key| !has(key)) {
            Some(missing) => Err(Error::ContextMissing(missing.clone())),
            None => Ok(()),
        }
    }
}

impl<S: MaterialsSource> MaterialsSource for RequiredContext<S> {
    fn encryption<'a>(
        &'a self,
        request: EncryptionRequest<'a>,
    ) -> BoxFuture<'a, Result<Arc<EncryptionMaterials>, Error>> {
        Box::pin(async move {
            self.check(|key| request.context.get(key).is_some())?;
            let required = request.required.union(&self.keys).cloned().collect();
            self.inner.encryption(EncryptionRequest { required: &required, ..request }).await
        })
    }

    fn decryption<'a>(
        &'a self,
        request: DecryptionRequest<'a>,
    ) -> BoxFuture<'a, Result<Arc<DecryptionMaterials>, Error>> {
        Box::pin(async move {
            self.check(|key| request.expected.get(key).is_some())?;
            self.inner.decryption(request).await
        })
    }
}
