//! The keyring of one key that is named (specification: `framework/aws-kms/aws-kms-keyring.md`
//! and `aws-kms-mrk-keyring.md`).

use std::sync::Arc;

use bulla_crypto::SecretBytes;

use super::arn::{KmsArn, is_key_id};
use super::{PROVIDER, unwrap_by};
use crate::data_key::EncryptedDataKey;
use crate::keyring::{Keyring, KeyringError, UnwrapTask, WrapTask};
use crate::kms::{Encrypt, GenerateDataKey, KmsClient};
use crate::materials::BoxFuture;

/// Has one key of AWS KMS draw, wrap and unwrap data keys. Nothing else unwraps: a message from
/// a stranger causes no call for keys of theirs.
pub struct AwsKmsKeyring {
    client: Arc<dyn KmsClient>,
    key_id: String,
    grant_tokens: Vec<String>,
    /// Whether replicas of a multi-Region key count as one.
    multi_region: bool,
}

impl AwsKmsKeyring {
    /// The keyring of this key: an ARN, or, to encrypt only, an id, an alias or its ARN. A client
    /// of the key's region is needed.
    ///
    /// # Errors
    /// [`KeyringError::Configuration`] for what can't name a key.
    pub fn strict(
        client: Arc<dyn KmsClient>,
        key_id: impl Into<String>,
    ) -> Result<Self, KeyringError> {
        Self::of(client, key_id.into(), false)
    }

    /// As [`Self::strict`], but unwraps what any replica of a multi-Region key wrapped, by the
    /// replica that is named.
    ///
    /// # Errors
    /// As [`Self::strict`].
    pub fn multi_region(
        client: Arc<dyn KmsClient>,
        key_id: impl Into<String>,
    ) -> Result<Self, KeyringError> {
        Self::of(client, key_id.into(), true)
    }

    fn of(
        client: Arc<dyn KmsClient>,
        key_id: String,
        multi_region: bool,
    ) -> Result<Self, KeyringError> {
        if !is_key_id(&key_id) {
            let text = format!("{key_id:?} names no key: give an ARN, an id or an alias");
            return Err(KeyringError::Configuration(text));
        }
        Ok(Self { client, key_id, grant_tokens: Vec::new(), multi_region })
    }

    /// Sends these grant tokens along.
    #[must_use]
    pub fn grant_tokens(mut self, tokens: Vec<String>) -> Self {
        self.grant_tokens = tokens;
        self
    }

    async fn wrap(&self, task: &mut WrapTask) -> Result<(), KeyringError> {
        let (key_id, grant_tokens) = (&*self.key_id, &*self.grant_tokens);
        let (arn, wrapped) = match task.data_key() {
            None => {
                let number_of_bytes = task.suite().data_key_len();
                let request = GenerateDataKey {
                    key_id,
                    number_of_bytes,
                    context: task.context(),
                    grant_tokens,
                };
                let drawn = self.client.generate_data_key(request).await?;
                task.set_data_key(drawn.plaintext)?;
                (drawn.key_id, drawn.ciphertext)
            }
            Some(key) => {
                let context = task.context();
                let request = Encrypt { key_id, plaintext: key.expose(), context, grant_tokens };
                let wrapped = self.client.encrypt(request).await?;
                (wrapped.key_id, wrapped.ciphertext)
            }
        };
        if KmsArn::of_key(arn.as_bytes()).is_none() {
            return Err(KeyringError::Answer(format!(
                "KMS calls the key {arn:?}, which is no ARN"
            )));
        }
        task.push_parts(PROVIDER, arn.into_bytes(), wrapped)
    }

    fn fits(&self, key: &EncryptedDataKey) -> bool {
        if key.provider_id() != PROVIDER {
            return false;
        }
        let Some(theirs) = KmsArn::of_key(key.provider_info()) else { return false };
        match KmsArn::parse(&self.key_id) {
            Some(own) if self.multi_region => own.matches(&theirs),
            _ => key.provider_info() == self.key_id.as_bytes(),
        }
    }

    async fn unwrap(&self, task: &UnwrapTask<'_>) -> Result<SecretBytes, KeyringError> {
        let mut failed = Vec::new();
        for key in task.keys().iter().filter(|key| self.fits(key)) {
            let opened =
                unwrap_by(&*self.client, &self.key_id, key, &self.grant_tokens, task).await;
            match opened {
                Ok(opened) => return Ok(opened),
                Err(error) => failed.push(error),
            }
        }
        Err(KeyringError::of(failed))
    }
}

impl Keyring for AwsKmsKeyring {
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
