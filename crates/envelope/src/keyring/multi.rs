//! The multi-keyring: one message for several wrapping keys (specification:
//! `framework/multi-keyring.md`).

use bulla_crypto::SecretBytes;

use crate::keyring::{Keyring, KeyringError, UnwrapTask, WrapTask};
use crate::materials::BoxFuture;

/// A generator draws the data key; it and all children wrap it. Any of them unwraps it.
///
/// ```
/// use bulla_envelope::keyring::{MultiKeyring, RawAesKeyring};
/// use bulla_envelope::{EncryptionContext, Envelope, SecretBytes};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let key = |byte| {
///     RawAesKeyring::new("example", format!("key {byte}"), &SecretBytes::from_slice(&[byte; 32]))
/// };
/// let none = EncryptionContext::new();
/// let both = Envelope::new(MultiKeyring::new(key(1)?).with(key(2)?));
/// let message = both.encrypt(b"tokens", &none).await?;
/// for one in [1, 2] {
///     assert_eq!(Envelope::new(key(one)?).decrypt(&message, &none).await?.plaintext, b"tokens");
/// }
/// # Ok(())
/// # }
/// ```
pub struct MultiKeyring {
    generator: Option<Box<dyn Keyring>>,
    children: Vec<Box<dyn Keyring>>,
}

impl MultiKeyring {
    /// A keyring that draws data keys by `generator`.
    #[must_use]
    pub fn new(generator: impl Keyring + 'static) -> Self {
        Self { generator: Some(Box::new(generator)), children: Vec::new() }
    }

    /// A keyring that only unwraps, by the children that are added.
    #[must_use]
    pub fn without_generator() -> Self {
        Self { generator: None, children: Vec::new() }
    }

    /// Adds a child, which wraps what the generator drew.
    #[must_use]
    pub fn with(mut self, child: impl Keyring + 'static) -> Self {
        self.children.push(Box::new(child));
        self
    }

    async fn wrap(&self, task: &mut WrapTask) -> Result<(), KeyringError> {
        match &self.generator {
            Some(generator) => generator.wrap_key(task).await?,
            None if task.data_key().is_none() => return Err(KeyringError::NoGenerator),
            None => {}
        }
        if task.data_key().is_none() {
            return Err(KeyringError::NoGenerator);
        }
        for child in &self.children {
            child.wrap_key(task).await?;
        }
        Ok(())
    }

    async fn unwrap(&self, task: &UnwrapTask<'_>) -> Result<SecretBytes, KeyringError> {
        let mut failed = Vec::new();
        for keyring in self.generator.iter().chain(&self.children) {
            match keyring.unwrap_key(task).await {
                Ok(key) => return Ok(key),
                Err(KeyringError::NothingFits) => {}
                Err(error) => failed.push(error),
            }
        }
        Err(KeyringError::of(failed))
    }
}

impl Keyring for MultiKeyring {
    fn wrap_key<'a>(&'a self, task: &'a mut WrapTask) -> BoxFuture<'a, Result<(), KeyringError>> {
        Box::pin(self.wrap(task))
    }

    fn unwrap_key<'a>(
        &'a self,
        task: &'a UnwrapTask<'a>,
    ) -> BoxFuture<'a, Result<SecretBytes, KeyringError>> {
        Box::pin(self.unwrap(task))
    }
}
