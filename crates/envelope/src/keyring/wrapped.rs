//! The seam for wrapping keys of one's own: a security module, another cloud's service.

use bulla_crypto::SecretBytes;

use crate::keyring::raw_aes::checked_namespace;
use crate::keyring::{Keyring, KeyringError, UnwrapTask, WrapTask};
use crate::materials::BoxFuture;

/// Which way a key goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From a data key to its wrapped form.
    Wrap,
    /// Back again.
    Unwrap,
}

/// Somebody who holds a wrapping key.
pub trait Wrap: Send + Sync {
    /// Wraps or unwraps `key`. `context` is to be authenticated with it where that can be done:
    /// what was wrapped with one context must then not unwrap with another.
    ///
    /// # Errors
    /// [`KeyringError::Refused`], with what the holder says.
    fn turn<'a>(
        &'a self,
        direction: Direction,
        key: &'a [u8],
        context: &'a [u8],
    ) -> BoxFuture<'a, Result<SecretBytes, KeyringError>>;
}

/// The keyring of a [`Wrap`].
pub struct WrapKeyring<W> {
    namespace: String,
    name: String,
    holder: W,
}

impl<W: Wrap> WrapKeyring<W> {
    /// A keyring of the holder's key, which messages call `name` within `namespace`.
    ///
    /// # Errors
    /// [`KeyringError::Configuration`] for a namespace that begins with `aws-kms`.
    pub fn new(
        namespace: impl Into<String>,
        name: impl Into<String>,
        holder: W,
    ) -> Result<Self, KeyringError> {
        let namespace = checked_namespace(namespace.into())?;
        Ok(Self { namespace, name: name.into(), holder })
    }

    async fn wrap(&self, task: &mut WrapTask) -> Result<(), KeyringError> {
        task.data_key_or_drawn()?;
        let key = task.data_key().ok_or(KeyringError::NoGenerator)?;
        let wrapped = self.holder.turn(Direction::Wrap, key.expose(), task.context_bytes());
        let wrapped = wrapped.await?.into_vec();
        task.push_parts(&self.namespace, self.name.clone().into_bytes(), wrapped)
    }

    async fn unwrap(&self, task: &UnwrapTask<'_>) -> Result<SecretBytes, KeyringError> {
        let fitting = task.keys().iter().filter(|key| {
            key.provider_id() == self.namespace && key.provider_info() == self.name.as_bytes()
        });
        let mut failed = Vec::new();
        for key in fitting {
            let opened =
                self.holder.turn(Direction::Unwrap, key.ciphertext(), task.context_bytes());
            match opened.await {
                Ok(opened) if opened.len() == task.suite().data_key_len() => return Ok(opened),
                Ok(opened) => failed.push(KeyringError::KeyLength(opened.len())),
                Err(error) => failed.push(error),
            }
        }
        Err(KeyringError::of(failed))
    }
}

impl<W: Wrap> Keyring for WrapKeyring<W> {
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
