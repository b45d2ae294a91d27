//! The keyring of an RSA key of AWS KMS: wraps here with the public key, unwraps there
//! (specification: `framework/aws-kms/aws-kms-rsa-keyring.md`).

use std::sync::Arc;

use bulla_crypto::{Hash, RsaEncryptionKey, RsaPadding, SecretBytes, ct_eq};

use super::arn::KmsArn;
use crate::EncryptionContext;
use crate::data_key::EncryptedDataKey;
use crate::keyring::{Keyring, KeyringError, UnwrapTask, WrapTask, pem};
use crate::kms::{Decrypt, KmsClient};
use crate::materials::BoxFuture;

const PROVIDER: &str = "aws-kms-rsa";

/// The hash of the encryption context, which is wrapped in front of the data key: RSA has no
/// associated data.
const CONTEXT_HASH: Hash = Hash::Sha384;

/// How data keys are padded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KmsRsaPadding {
    /// `RSAES_OAEP_SHA_1`
    OaepSha1,
    /// `RSAES_OAEP_SHA_256`
    OaepSha256,
}

impl KmsRsaPadding {
    fn name(self) -> &'static str {
        match self {
            Self::OaepSha1 => "RSAES_OAEP_SHA_1",
            Self::OaepSha256 => "RSAES_OAEP_SHA_256",
        }
    }

    fn padding(self) -> RsaPadding {
        match self {
            Self::OaepSha1 => RsaPadding::OaepSha1,
            Self::OaepSha256 => RsaPadding::OaepSha256,
        }
    }
}

/// Wraps with the public half of a key pair in AWS KMS, without a call; has KMS unwrap. Only for
/// suites without signature.
pub struct AwsKmsRsaKeyring {
    arn: String,
    padding: KmsRsaPadding,
    public: Option<RsaEncryptionKey>,
    client: Option<Arc<dyn KmsClient>>,
    grant_tokens: Vec<String>,
}

impl AwsKmsRsaKeyring {
    /// The keyring of the key pair of this ARN. Give its public key, as PEM, to wrap, and a client
    /// of its region to unwrap.
    ///
    /// # Errors
    /// [`KeyringError::Configuration`] for what is no ARN of a key, what is no PEM, and when
    /// neither is given; [`KeyringError::Crypto`] for what is no RSA key.
    pub fn new(
        arn: impl Into<String>,
        padding: KmsRsaPadding,
        public_key: Option<&str>,
        client: Option<Arc<dyn KmsClient>>,
    ) -> Result<Self, KeyringError> {
        let arn = arn.into();
        if KmsArn::of_key(arn.as_bytes()).is_none() {
            let text = format!("{arn:?} is not the ARN of a key");
            return Err(KeyringError::Configuration(text));
        }
        if public_key.is_none() && client.is_none() {
            let text = "give a public key to encrypt, or a KMS client to decrypt".to_owned();
            return Err(KeyringError::Configuration(text));
        }
        let public = public_key.map(|text| {
            let der = pem::read(text, "PUBLIC KEY")?;
            Ok::<_, KeyringError>(RsaEncryptionKey::from_der(der.expose())?)
        });
        let public = public.transpose()?;
        Ok(Self { arn, padding, public, client, grant_tokens: Vec::new() })
    }

    /// Sends these grant tokens along.
    #[must_use]
    pub fn grant_tokens(mut self, tokens: Vec<String>) -> Self {
        self.grant_tokens = tokens;
        self
    }

    fn wrap(&self, task: &mut WrapTask) -> Result<(), KeyringError> {
        if task.suite().signature().is_some() {
            return Err(KeyringError::Suite(task.suite()));
        }
        let public = self.public.as_ref().ok_or(KeyringError::DecryptOnly)?;
        let digest = CONTEXT_HASH.digest(&[task.context_bytes()]);
        let key = task.data_key_or_drawn()?;
        let mut joined = Vec::with_capacity(digest.len() + key.len());
        joined.extend_from_slice(&digest);
        joined.extend_from_slice(key.expose());
        let joined = SecretBytes::new(joined);
        let wrapped = public.encrypt(self.padding.padding(), joined.expose())?;
        task.push_parts(PROVIDER, self.arn.clone().into_bytes(), wrapped)
    }

    async fn unwrap(&self, task: &UnwrapTask<'_>) -> Result<SecretBytes, KeyringError> {
        if task.suite().signature().is_some() {
            return Err(KeyringError::Suite(task.suite()));
        }
        let client = self.client.as_ref().ok_or(KeyringError::EncryptOnly)?;
        let digest = CONTEXT_HASH.digest(&[task.context_bytes()]);
        let mut failed = Vec::new();
        for key in task.keys().iter().filter(|key| self.fits(key)) {
            match self.unwrap_one(&**client, key, &digest, task.suite().data_key_len()).await {
                Ok(opened) => return Ok(opened),
                Err(error) => failed.push(error),
            }
        }
        Err(KeyringError::of(failed))
    }

    fn fits(&self, key: &EncryptedDataKey) -> bool {
        key.provider_id() == PROVIDER && key.provider_info() == self.arn.as_bytes()
    }

    async fn unwrap_one(
        &self,
        client: &dyn KmsClient,
        key: &EncryptedDataKey,
        digest: &[u8],
        len: usize,
    ) -> Result<SecretBytes, KeyringError> {
        let request = Decrypt {
            key_id: &self.arn,
            ciphertext: key.ciphertext(),
            context: &EncryptionContext::new(),
            algorithm: Some(self.padding.name()),
            grant_tokens: &self.grant_tokens,
        };
        let opened = client.decrypt(request).await?;
        let opened = super::checked(opened, &self.arn, digest.len() + len)?;
        match opened.expose().split_at_checked(digest.len()) {
            Some((wrapped, data_key)) if ct_eq(wrapped, digest) => {
                Ok(SecretBytes::from_slice(data_key))
            }
            _ => Err(KeyringError::ContextDigest),
        }
    }
}

impl Keyring for AwsKmsRsaKeyring {
    fn wrap_key<'a>(&'a self, task: &'a mut WrapTask) -> BoxFuture<'a, Result<(), KeyringError>> {
        Box::pin(async move { self.wrap(task) })
    }

    fn unwrap_key<'a>(
        &'a self,
        task: &'a UnwrapTask<'a>,
    ) -> BoxFuture<'a, Result<SecretBytes, KeyringError>> {
        Box::pin(self.unwrap(task))
    }
}
