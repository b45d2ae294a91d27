//! Keyrings of AWS KMS (specification: `framework/aws-kms/`).

pub(crate) mod arn;
mod discovery;
mod rsa;
mod strict;

use bulla_crypto::SecretBytes;

use crate::data_key::EncryptedDataKey;
use crate::keyring::{KeyringError, UnwrapTask};
use crate::kms::{Decrypt, Decrypted, KmsClient};

pub use discovery::{AwsKmsDiscoveryKeyring, DiscoveryFilter};
pub use rsa::{AwsKmsRsaKeyring, KmsRsaPadding};
pub use strict::AwsKmsKeyring;

/// The provider id of symmetric keys.
pub(crate) const PROVIDER: &str = "aws-kms";

/// Has KMS unwrap one data key with the key of this ARN, and checks that it was that key.
async fn unwrap_by(
    client: &dyn KmsClient,
    arn: &str,
    key: &EncryptedDataKey,
    grant_tokens: &[String],
    task: &UnwrapTask<'_>,
) -> Result<SecretBytes, KeyringError> {
    let request = Decrypt {
        key_id: arn,
        ciphertext: key.ciphertext(),
        context: task.context(),
        algorithm: None,
        grant_tokens,
    };
    let opened = client.decrypt(request).await?;
    checked(opened, arn, task.suite().data_key_len())
}

/// The plaintext of an answer that is as long, and of the key, as it must be.
fn checked(opened: Decrypted, arn: &str, len: usize) -> Result<SecretBytes, KeyringError> {
    if opened.key_id != arn {
        let text = format!("Decrypt answered for {} instead of {arn}", opened.key_id);
        return Err(KeyringError::Answer(text));
    }
    if opened.plaintext.len() != len {
        return Err(KeyringError::KeyLength(opened.plaintext.len()));
    }
    Ok(opened.plaintext)
}
