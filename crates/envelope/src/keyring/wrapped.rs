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
///
/// ```
/// use bulla_envelope::keyring::{Direction, KeyringError, Wrap, WrapKeyring};
/// use bulla_envelope::{BoxFuture, EncryptionContext, Envelope, SecretBytes};
///
/// /// Stands for a security module.
/// struct Module(bulla_crypto::GcmKey);
///
/// impl Wrap for Module {
///     fn turn<'a>(
///         &'a self,
///         direction: Direction,
///         key: &'a [u8],
///         context: &'a [u8],
///     ) -> BoxFuture<'a, Result<SecretBytes, KeyringError>> {
///         Box::pin(async move {
///             const NONCE: usize = 12;
///             if direction == Direction::Wrap {
///                 let nonce = bulla_crypto::Crypto::standard().random::<NONCE>()?;
///                 let mut sealed = vec![0; key.len() + 16];
///                 self.0.seal(&nonce, context, key, &mut sealed)?;
///                 return Ok(SecretBytes::new([&nonce[..], &sealed].concat()));
///             }
///             let cut = || KeyringError::Refused("that is no wrapped key".to_owned());
///             let (nonce, sealed) = key.split_first_chunk::<NONCE>().ok_or_else(cut)?;
///             let mut opened = SecretBytes::zeroed(sealed.len().saturating_sub(16));
///             self.0.open(nonce, context, sealed, opened.expose_mut())?;
///             Ok(opened)
///         })
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let module = Module(bulla_crypto::GcmKey::new(&[7; 32])?);
/// let envelope = Envelope::new(WrapKeyring::new("example", "key 1", module)?);
/// let none = EncryptionContext::new();
/// let message = envelope.encrypt(b"tokens", &none).await?;
/// assert_eq!(envelope.decrypt(&message, &none).await?.plaintext, b"tokens");
/// # Ok(())
/// # }
/// ```
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
