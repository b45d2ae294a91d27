//! The KMS client of AWS's SDK for Rust, as keyrings need it.

use std::collections::HashMap;

use aws_sdk_kms::Client;
use aws_sdk_kms::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{EncryptionAlgorithmSpec, KeyAgreementAlgorithmSpec};
use bulla_crypto::SecretBytes;

use crate::kms::{
    DataKey, Decrypt, Decrypted, DeriveSharedSecret, Encrypt, Encrypted, GenerateDataKey,
    GetPublicKey, KmsClient, KmsError, ReEncrypt,
};
use crate::{BoxFuture, EncryptionContext};

/// The pairs; none for an empty context.
fn pairs(context: &EncryptionContext) -> Option<HashMap<String, String>> {
    let pairs = context.iter().map(|(key, value)| (key.to_owned(), value.to_owned()));
    (!context.is_empty()).then(|| pairs.collect())
}

fn tokens(tokens: &[String]) -> Option<Vec<String>> {
    (!tokens.is_empty()).then(|| tokens.to_vec())
}

/// The length of a data key as the SDK takes it. Data keys are some dozens of bytes.
fn count(bytes: usize) -> Result<i32, KmsError> {
    i32::try_from(bytes).map_err(|_| KmsError::Transport(format!("no key has {bytes} bytes")))
}

/// Why a call failed: what the service says, or why there was no answer.
fn failed<E, R>(operation: &'static str) -> impl Fn(SdkError<E, R>) -> KmsError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    move |error| match error.as_service_error() {
        Some(service) => KmsError::Service {
            operation,
            code: service.code().unwrap_or_default().to_owned(),
            message: service.message().unwrap_or_default().to_owned(),
        },
        None => KmsError::Transport(format!("{operation}: {}", DisplayErrorContext(&error))),
    }
}

/// A member that every answer has.
fn member<T>(operation: &'static str, name: &'static str, value: Option<T>) -> Result<T, KmsError> {
    let missing = || KmsError::Transport(format!("the answer to {operation} has no {name}"));
    value.ok_or_else(missing)
}

fn bytes(
    operation: &'static str,
    name: &'static str,
    value: Option<Blob>,
) -> Result<Vec<u8>, KmsError> {
    member(operation, name, value).map(Blob::into_inner)
}

/// The secret is wiped here; what the SDK copied on the way to it is not.
impl KmsClient for Client {
    fn generate_data_key<'a>(
        &'a self,
        request: GenerateDataKey<'a>,
    ) -> BoxFuture<'a, Result<DataKey, KmsError>> {
        const NAME: &str = "GenerateDataKey";
        Box::pin(async move {
            let call = self.generate_data_key().key_id(request.key_id);
            let call = call.number_of_bytes(count(request.number_of_bytes)?);
            let call = call.set_encryption_context(pairs(request.context));
            let answer = call.set_grant_tokens(tokens(request.grant_tokens)).send().await;
            let answer = answer.map_err(failed(NAME))?;
            Ok(DataKey {
                key_id: member(NAME, "KeyId", answer.key_id)?,
                plaintext: SecretBytes::new(bytes(NAME, "Plaintext", answer.plaintext)?),
                ciphertext: bytes(NAME, "CiphertextBlob", answer.ciphertext_blob)?,
            })
        })
    }

    fn encrypt<'a>(&'a self, request: Encrypt<'a>) -> BoxFuture<'a, Result<Encrypted, KmsError>> {
        const NAME: &str = "Encrypt";
        Box::pin(async move {
            let call = self.encrypt().key_id(request.key_id);
            let call = call.plaintext(Blob::new(request.plaintext));
            let call = call.set_encryption_context(pairs(request.context));
            let answer = call.set_grant_tokens(tokens(request.grant_tokens)).send().await;
            let answer = answer.map_err(failed(NAME))?;
            Ok(Encrypted {
                key_id: member(NAME, "KeyId", answer.key_id)?,
                ciphertext: bytes(NAME, "CiphertextBlob", answer.ciphertext_blob)?,
            })
        })
    }

    fn decrypt<'a>(&'a self, request: Decrypt<'a>) -> BoxFuture<'a, Result<Decrypted, KmsError>> {
        const NAME: &str = "Decrypt";
        Box::pin(async move {
            let call = self.decrypt().key_id(request.key_id);
            let call = call.ciphertext_blob(Blob::new(request.ciphertext));
            let call = call.set_encryption_context(pairs(request.context));
            let algorithm = request.algorithm.map(EncryptionAlgorithmSpec::from);
            let call = call.set_encryption_algorithm(algorithm);
            let answer = call.set_grant_tokens(tokens(request.grant_tokens)).send().await;
            let answer = answer.map_err(failed(NAME))?;
            Ok(Decrypted {
                key_id: member(NAME, "KeyId", answer.key_id)?,
                plaintext: SecretBytes::new(bytes(NAME, "Plaintext", answer.plaintext)?),
            })
        })
    }

    fn derive_shared_secret<'a>(
        &'a self,
        request: DeriveSharedSecret<'a>,
    ) -> BoxFuture<'a, Result<Decrypted, KmsError>> {
        const NAME: &str = "DeriveSharedSecret";
        Box::pin(async move {
            let call = self.derive_shared_secret().key_id(request.key_id);
            let call = call.key_agreement_algorithm(KeyAgreementAlgorithmSpec::Ecdh);
            let call = call.public_key(Blob::new(request.public_key));
            let answer = call.set_grant_tokens(tokens(request.grant_tokens)).send().await;
            let answer = answer.map_err(failed(NAME))?;
            Ok(Decrypted {
                key_id: member(NAME, "KeyId", answer.key_id)?,
                plaintext: SecretBytes::new(bytes(NAME, "SharedSecret", answer.shared_secret)?),
            })
        })
    }

    fn get_public_key<'a>(
        &'a self,
        request: GetPublicKey<'a>,
    ) -> BoxFuture<'a, Result<Encrypted, KmsError>> {
        const NAME: &str = "GetPublicKey";
        Box::pin(async move {
            let call = self.get_public_key().key_id(request.key_id);
            let answer = call.set_grant_tokens(tokens(request.grant_tokens)).send().await;
            let answer = answer.map_err(failed(NAME))?;
            Ok(Encrypted {
                key_id: member(NAME, "KeyId", answer.key_id)?,
                ciphertext: bytes(NAME, "PublicKey", answer.public_key)?,
            })
        })
    }

    fn generate_data_key_without_plaintext<'a>(
        &'a self,
        request: GenerateDataKey<'a>,
    ) -> BoxFuture<'a, Result<Encrypted, KmsError>> {
        const NAME: &str = "GenerateDataKeyWithoutPlaintext";
        Box::pin(async move {
            let call = self.generate_data_key_without_plaintext().key_id(request.key_id);
            let call = call.number_of_bytes(count(request.number_of_bytes)?);
            let call = call.set_encryption_context(pairs(request.context));
            let answer = call.set_grant_tokens(tokens(request.grant_tokens)).send().await;
            let answer = answer.map_err(failed(NAME))?;
            Ok(Encrypted {
                key_id: member(NAME, "KeyId", answer.key_id)?,
                ciphertext: bytes(NAME, "CiphertextBlob", answer.ciphertext_blob)?,
            })
        })
    }

    fn re_encrypt<'a>(
        &'a self,
        request: ReEncrypt<'a>,
    ) -> BoxFuture<'a, Result<Encrypted, KmsError>> {
        const NAME: &str = "ReEncrypt";
        Box::pin(async move {
            let call = self.re_encrypt().source_key_id(request.key_id);
            let call = call.destination_key_id(request.key_id);
            let call = call.ciphertext_blob(Blob::new(request.ciphertext));
            let call = call.set_source_encryption_context(pairs(request.source_context));
            let call = call.set_destination_encryption_context(pairs(request.destination_context));
            let answer = call.set_grant_tokens(tokens(request.grant_tokens)).send().await;
            let answer = answer.map_err(failed(NAME))?;
            Ok(Encrypted {
                key_id: member(NAME, "KeyId", answer.key_id)?,
                ciphertext: bytes(NAME, "CiphertextBlob", answer.ciphertext_blob)?,
            })
        })
    }
}
