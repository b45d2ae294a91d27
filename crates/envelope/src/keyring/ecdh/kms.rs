//! The KMS ECDH keyring: agreement with a private key that KMS holds (specification:
//! `framework/aws-kms/aws-kms-ecdh-keyring.md`).

use std::sync::Arc;

use bulla_crypto::{Curve, SecretBytes, compressed_point, point_to_der};

use super::wrapping::{fixed_info, unwrap, wrap};
use super::{KMS_PROVIDER, Parties, point_of_pem};
use crate::data_key::EncryptedDataKey;
use crate::keyring::kms::arn::KmsArn;
use crate::keyring::{Keyring, KeyringError, UnwrapTask, WrapTask};
use crate::kms::{DeriveSharedSecret, GetPublicKey, KmsClient};
use crate::materials::BoxFuture;

/// Wraps with what a private key in KMS and another's public key agree on.
pub struct AwsKmsEcdhKeyring {
    client: Arc<dyn KmsClient>,
    curve: Curve,
    arn: String,
    /// The public half of what KMS holds.
    own: Vec<u8>,
    /// The other's; none for discovery.
    peer: Option<Vec<u8>>,
    grant_tokens: Vec<String>,
}

impl AwsKmsEcdhKeyring {
    /// Agreement of the key pair of this ARN with a peer's public key (PEM). Both wrap, and unwrap
    /// what either wrapped. KMS is asked for the public half, once.
    ///
    /// # Errors
    /// [`KeyringError::Configuration`] for what is no ARN of a key and no PEM;
    /// [`KeyringError::Crypto`] for what is no key on the curve; [`KeyringError::Kms`].
    pub async fn between(
        client: Arc<dyn KmsClient>,
        arn: impl Into<String>,
        curve: Curve,
        peer: &str,
    ) -> Result<Self, KeyringError> {
        let peer = point_of_pem(curve, peer)?;
        Self::of(client, arn.into(), curve, Some(peer)).await
    }

    /// Unwraps whatever anybody wrapped for the key pair of this ARN. That says nothing of who
    /// wrapped it.
    ///
    /// # Errors
    /// As [`Self::between`].
    pub async fn discovery(
        client: Arc<dyn KmsClient>,
        arn: impl Into<String>,
        curve: Curve,
    ) -> Result<Self, KeyringError> {
        Self::of(client, arn.into(), curve, None).await
    }

    async fn of(
        client: Arc<dyn KmsClient>,
        arn: String,
        curve: Curve,
        peer: Option<Vec<u8>>,
    ) -> Result<Self, KeyringError> {
        if KmsArn::of_key(arn.as_bytes()).is_none() {
            let text = format!("{arn:?} is not the ARN of a key");
            return Err(KeyringError::Configuration(text));
        }
        let answer =
            client.get_public_key(GetPublicKey { key_id: &arn, grant_tokens: &[] }).await?;
        let own = compressed_point(curve, &answer.ciphertext)?;
        Ok(Self { client, curve, arn, own, peer, grant_tokens: Vec::new() })
    }

    /// Sends these grant tokens along.
    #[must_use]
    pub fn grant_tokens(mut self, tokens: Vec<String>) -> Self {
        self.grant_tokens = tokens;
        self
    }

    async fn agree(&self, peer: &[u8]) -> Result<SecretBytes, KeyringError> {
        let public_key = point_to_der(self.curve, peer)?;
        let request = DeriveSharedSecret {
            key_id: &self.arn,
            public_key: &public_key,
            grant_tokens: &self.grant_tokens,
        };
        let agreed = self.client.derive_shared_secret(request).await?;
        if agreed.key_id != self.arn {
            let text = format!("KMS answered for {} instead of {}", agreed.key_id, self.arn);
            return Err(KeyringError::Answer(text));
        }
        Ok(agreed.plaintext)
    }

    async fn wrap(&self, task: &mut WrapTask) -> Result<(), KeyringError> {
        let peer = self.peer.as_ref().ok_or(KeyringError::DecryptOnly)?;
        let secret = self.agree(peer).await?;
        let parties = Parties { sender: &self.own, recipient: peer };
        let fixed = fixed_info(self.curve, parties, task.context_bytes());
        task.data_key_or_drawn()?;
        let key = task.data_key().ok_or(KeyringError::NoGenerator)?;
        let wrapped = wrap(task.crypto(), &secret, &fixed, key)?;
        task.push_parts(KMS_PROVIDER, parties.info(), wrapped)
    }

    fn fits(&self, parties: Parties<'_>) -> bool {
        match &self.peer {
            Some(peer) => parties.are(&self.own, peer),
            None => parties.recipient == self.own,
        }
    }

    async fn unwrap(&self, task: &UnwrapTask<'_>) -> Result<SecretBytes, KeyringError> {
        let mut failed = Vec::new();
        for key in task.keys() {
            let Some(parties) = Parties::of(key).filter(|parties| self.fits(*parties)) else {
                continue;
            };
            match self.unwrap_one(key, parties, task).await {
                Ok(opened) if opened.len() == task.suite().data_key_len() => return Ok(opened),
                Ok(opened) => failed.push(KeyringError::KeyLength(opened.len())),
                Err(error) => failed.push(error),
            }
        }
        Err(KeyringError::of(failed))
    }

    async fn unwrap_one(
        &self,
        key: &EncryptedDataKey,
        parties: Parties<'_>,
        task: &UnwrapTask<'_>,
    ) -> Result<SecretBytes, KeyringError> {
        let own = parties.recipient == self.own;
        let secret = self.agree(if own { parties.sender } else { parties.recipient }).await?;
        let fixed = fixed_info(self.curve, parties, task.context_bytes());
        unwrap(&secret, &fixed, key.ciphertext())
    }
}

impl Keyring for AwsKmsEcdhKeyring {
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
