//! The raw RSA keyring: a key pair of your own wraps (specification:
//! `framework/raw-rsa-keyring.md`).

use bulla_crypto::{RsaDecryptionKey, RsaEncryptionKey, RsaPadding, SecretBytes};

use crate::keyring::pem;
use crate::keyring::raw_aes::checked_namespace;
use crate::keyring::{Keyring, KeyringError, UnwrapTask, WrapTask};
use crate::materials::BoxFuture;

/// Wraps with an RSA public key, unwraps with the private one. Nothing binds the wrapped key to
/// the encryption context; the message's own tags do.
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
