//! The raw AES keyring: a key of your own wraps by AES-GCM (specification:
//! `framework/raw-aes-keyring.md`).

use bulla_crypto::{GcmKey, NONCE_LEN, SecretBytes, TAG_LEN};

use crate::keyring::{Keyring, KeyringError, UnwrapTask, WrapTask};
use crate::materials::BoxFuture;

/// What namespaces of one's own may not be called: that is how AWS KMS's keys are known.
pub(super) const KMS_PREFIX: &str = "aws-kms";

/// The lengths of tag, in bits, and nonce, in bytes, as they are written behind the key's name.
const LENGTHS: [u8; 8] = [0, 0, 0, TAG_LEN as u8 * 8, 0, 0, 0, NONCE_LEN as u8];

/// Wraps by AES-GCM under a key of 128, 192 or 256 bits. Nonces are random: after 2^32 messages
/// take another key.
pub struct RawAesKeyring {
    namespace: String,
    name: String,
    key: GcmKey,
}

impl RawAesKeyring {
    /// A keyring of the key that is called `name` within `namespace`.
    ///
    /// # Errors
    /// [`KeyringError::Configuration`] for a namespace that begins with `aws-kms`, and
    /// [`KeyringError::Crypto`] unless the key has 16, 24 or 32 bytes.
    pub fn new(
        namespace: impl Into<String>,
        name: impl Into<String>,
        key: &SecretBytes,
    ) -> Result<Self, KeyringError> {
        let namespace = checked_namespace(namespace.into())?;
        Ok(Self { namespace, name: name.into(), key: GcmKey::new(key.expose())? })
    }

    fn wrap(&self, task: &mut WrapTask) -> Result<(), KeyringError> {
        let nonce = task.crypto().random::<NONCE_LEN>()?;
        let info = [self.name.as_bytes(), &LENGTHS, &nonce].concat();
        task.data_key_or_drawn()?;
        let key = task.data_key().ok_or(KeyringError::NoGenerator)?;
        let mut sealed = vec![0; key.len() + TAG_LEN];
        self.key.seal(&nonce, task.context_bytes(), key.expose(), &mut sealed)?;
        task.push_parts(&self.namespace, info, sealed)
    }

    /// The nonce at the end of a provider info of this key; nothing if it is of another.
    fn nonce_in<'a>(&self, info: &'a [u8]) -> Option<&'a [u8; NONCE_LEN]> {
        let rest = info.strip_prefix(self.name.as_bytes())?;
        rest.strip_prefix(&LENGTHS)?.try_into().ok()
    }

    fn unwrap(&self, task: &UnwrapTask<'_>) -> Result<SecretBytes, KeyringError> {
        let fits = |provider: &str, info: &[u8]| {
            provider == self.namespace && self.nonce_in(info).is_some()
        };
        task.first_of(
            |key| fits(key.provider_id(), key.provider_info()),
            |key| {
                let nonce = self.nonce_in(key.provider_info()).ok_or(KeyringError::NothingFits)?;
                let sealed = key.ciphertext();
                let mut opened = SecretBytes::zeroed(sealed.len().saturating_sub(TAG_LEN));
                self.key.open(nonce, task.context_bytes(), sealed, opened.expose_mut())?;
                Ok(opened)
            },
        )
    }
}

impl Keyring for RawAesKeyring {
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

/// A namespace that can't be taken for one of AWS KMS's.
pub(super) fn checked_namespace(namespace: String) -> Result<String, KeyringError> {
    if namespace.starts_with(KMS_PREFIX) {
        let text = format!("a key's namespace can't begin with {KMS_PREFIX}: choose another");
        return Err(KeyringError::Configuration(text));
    }
    Ok(namespace)
}
