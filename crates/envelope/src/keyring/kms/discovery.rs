//! Keyrings that decrypt with whichever key a message names (specification:
//! `framework/aws-kms/aws-kms-discovery-keyring.md` and `aws-kms-mrk-discovery-keyring.md`).

use std::sync::Arc;

use bulla_crypto::SecretBytes;

use super::arn::KmsArn;
use super::{PROVIDER, unwrap_by};
use crate::data_key::EncryptedDataKey;
use crate::keyring::{Keyring, KeyringError, UnwrapTask, WrapTask};
use crate::kms::KmsClient;
use crate::materials::BoxFuture;

/// Whose keys are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiscoveryFilter {
    /// The partition: `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: String,
    /// The accounts, each of twelve digits.
    pub accounts: Vec<String>,
}

/// Unwraps with whichever key of AWS KMS a message names, if the caller may use it. Only decrypts.
/// Prefer [`super::AwsKmsKeyring`] where the key is known; else give a filter.
pub struct AwsKmsDiscoveryKeyring {
    client: Arc<dyn KmsClient>,
    filter: Option<DiscoveryFilter>,
    grant_tokens: Vec<String>,
    /// For multi-Region keys: the region of the client, which is the only one that is asked.
    region: Option<String>,
}

impl AwsKmsDiscoveryKeyring {
    /// A keyring of all keys that pass the filter.
    ///
    /// # Errors
    /// [`KeyringError::Configuration`] for a filter that nothing passes.
    pub fn new(
        client: Arc<dyn KmsClient>,
        filter: Option<DiscoveryFilter>,
    ) -> Result<Self, KeyringError> {
        let empty = |filter: &DiscoveryFilter| {
            filter.partition.is_empty()
                || filter.accounts.is_empty()
                || filter.accounts.iter().any(String::is_empty)
        };
        if filter.as_ref().is_some_and(empty) {
            let text = "a discovery filter needs a partition and accounts".to_owned();
            return Err(KeyringError::Configuration(text));
        }
        Ok(Self { client, filter, grant_tokens: Vec::new(), region: None })
    }

    /// As [`Self::new`] for the client's region alone, where replicas of multi-Region keys stand
    /// for those of others.
    ///
    /// # Errors
    /// As [`Self::new`], and for an empty region.
    pub fn multi_region(
        client: Arc<dyn KmsClient>,
        region: impl Into<String>,
        filter: Option<DiscoveryFilter>,
    ) -> Result<Self, KeyringError> {
        let region = region.into();
        if region.is_empty() {
            let text = "discovery of multi-Region keys needs the client's region".to_owned();
            return Err(KeyringError::Configuration(text));
        }
        Ok(Self { region: Some(region), ..Self::new(client, filter)? })
    }

    /// Sends these grant tokens along.
    #[must_use]
    pub fn grant_tokens(mut self, tokens: Vec<String>) -> Self {
        self.grant_tokens = tokens;
        self
    }

    /// The ARN to ask for, if the key passes.
    fn arn_for(&self, key: &EncryptedDataKey) -> Option<String> {
        if key.provider_id() != PROVIDER {
            return None;
        }
        let arn = KmsArn::of_key(key.provider_info())?;
        if let Some(DiscoveryFilter { partition, accounts }) = &self.filter {
            let passes =
                arn.partition == partition && accounts.iter().any(|one| one == arn.account);
            if !passes {
                return None;
            }
        }
        match &self.region {
            Some(region) if arn.is_multi_region() || arn.region == region => {
                Some(arn.in_region(region))
            }
            Some(_) => None,
            None => Some(arn.in_region(arn.region)),
        }
    }

    async fn unwrap(&self, task: &UnwrapTask<'_>) -> Result<SecretBytes, KeyringError> {
        let mut failed = Vec::new();
        for key in task.keys() {
            let Some(arn) = self.arn_for(key) else { continue };
            match unwrap_by(&*self.client, &arn, key, &self.grant_tokens, task).await {
                Ok(opened) => return Ok(opened),
                Err(error) => failed.push(error),
            }
        }
        Err(KeyringError::of(failed))
    }
}

impl Keyring for AwsKmsDiscoveryKeyring {
    fn wrap_key<'a>(&'a self, _: &'a mut WrapTask) -> BoxFuture<'a, Result<(), KeyringError>> {
        Box::pin(async { Err(KeyringError::DecryptOnly) })
    }

    fn unwrap_key<'a>(
        &'a self,
        task: &'a UnwrapTask<'a>,
    ) -> BoxFuture<'a, Result<SecretBytes, KeyringError>> {
        Box::pin(self.unwrap(task))
    }
}
