//! The raw RSA keyring: a key pair of your own wraps (specification:
//! `framework/raw-rsa-keyring.md`).

use bulla_crypto::{RsaDecryptionKey, RsaEncryptionKey, RsaPadding, SecretBytes};

use crate::keyring::pem;
use crate::keyring::raw_aes::checked_namespace;
use crate::keyring::{Keyring, KeyringError, UnwrapTask, WrapTask};
use crate::materials::BoxFuture;

/// Wraps with an RSA public key, unwraps with the private one. Nothing binds the wrapped key to
/// the encryption context; the message's own tags do.
///
/// ```
/// use bulla_envelope::keyring::RawRsaKeyring;
/// use bulla_envelope::{EncryptionContext, Envelope, RsaPadding};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let private_pem =
/// #     include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/rsa-private.pem"));
/// # let public_pem =
/// #     include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/rsa-public.pem"));
/// let padding = RsaPadding::OaepSha256;
/// let sealing = RawRsaKeyring::public("example", "key 1", padding, public_pem)?;
/// let opening = RawRsaKeyring::private("example", "key 1", padding, private_pem)?;
/// let none = EncryptionContext::new();
/// let message = Envelope::new(sealing).encrypt(b"tokens", &none).await?;
/// assert_eq!(Envelope::new(opening).decrypt(&message, &none).await?.plaintext, b"tokens");
/// # Ok(())
/// # }
/// ```
pub struct RawRsaKeyring {
    namespace: String,
    name: String,
    padding: RsaPadding,
    public: RsaEncryptionKey,
    private: Option<RsaDecryptionKey>,
}

impl RawRsaKeyring {
    /// A keyring of the private key in a PEM file's text (PKCS #8): it wraps and unwraps.
    ///
    /// # Errors
    /// [`KeyringError::Configuration`] for a namespace that begins with `aws-kms` and for what is
    /// no such PEM; [`KeyringError::Crypto`] for what is no RSA key in it.
    pub fn private(
        namespace: impl Into<String>,
        name: impl Into<String>,
        padding: RsaPadding,
        text: &str,
    ) -> Result<Self, KeyringError> {
        let der = pem::read(text, "PRIVATE KEY")?;
        let private = RsaDecryptionKey::from_pkcs8(der.expose())?;
        Ok(Self {
            namespace: checked_namespace(namespace.into())?,
            name: name.into(),
            padding,
            public: private.public_key(),
            private: Some(private),
        })
    }

    /// A keyring of the public key in a PEM file's text: it only wraps.
    ///
    /// # Errors
    /// As [`Self::private`].
    pub fn public(
        namespace: impl Into<String>,
        name: impl Into<String>,
        padding: RsaPadding,
        text: &str,
    ) -> Result<Self, KeyringError> {
        let der = pem::read(text, "PUBLIC KEY")?;
        Ok(Self {
            namespace: checked_namespace(namespace.into())?,
            name: name.into(),
            padding,
            public: RsaEncryptionKey::from_der(der.expose())?,
            private: None,
        })
    }

    fn wrap(&self, task: &mut WrapTask) -> Result<(), KeyringError> {
        let key = task.data_key_or_drawn()?;
        let sealed = self.public.encrypt(self.padding, key.expose())?;
        task.push_parts(&self.namespace, self.name.clone().into_bytes(), sealed)
    }

    fn unwrap(&self, task: &UnwrapTask<'_>) -> Result<SecretBytes, KeyringError> {
        let private = self.private.as_ref().ok_or(KeyringError::EncryptOnly)?;
        task.first_of(
            |key| {
                key.provider_id() == self.namespace && key.provider_info() == self.name.as_bytes()
            },
            |key| Ok(private.decrypt(self.padding, key.ciphertext())?),
        )
    }
}

impl Keyring for RawRsaKeyring {
    fn wrap_key<'a>(&'a self, task: &'a mut WrapTask) -> BoxFuture<'a, Result<(), KeyringError>> {
        Box::pin(async move { self.wrap(task) })
    }

    fn unwrap_key<'a>(
        &'a self,
        task: &'a UnwrapTask<'a>,
    ) -> BoxFuture<'a, Result<SecretBytes, KeyringError>> {
        Box::pin(async move { self.unwrap(task) })
    }
}
