//! KMS as another service uses it, on behalf of whoever called that service.
//!
//! The caller needs permission for the key as if it had called KMS itself; policies see
//! `kms:ViaService` and the encryption context. Disable the key, and what leans on it stops.

use std::sync::Arc;

use bulla_crypto::SecretBytes;
use bulla_shapes::kms::{
    self, DecryptRequest, DecryptResponse, DescribeKeyRequest, DescribeKeyResponse, EncryptRequest,
    EncryptResponse, GenerateDataKeyRequest, GenerateDataKeyResponse,
    GenerateDataKeyWithoutPlaintextRequest, GenerateDataKeyWithoutPlaintextResponse,
};
use bulla_shapes::{Fault, Record, View};

use crate::stop::internal;
use crate::{Call, Neighbours, Via};

/// The names and values that a ciphertext is bound to.
pub type Context<'c> = &'c [(&'c str, &'c str)];

/// KMS, as one service calls it.
#[derive(Clone)]
pub struct KeyService {
    neighbours: Arc<Neighbours>,
    via: Via,
}

/// A data key and its ciphertext.
pub struct DataKey {
    /// The key.
    pub plaintext: SecretBytes,
    /// The key under the KMS key.
    pub ciphertext: Vec<u8>,
    /// The KMS key's ARN.
    pub key_arn: String,
}

/// A ciphertext, and the ARN of the KMS key that made it.
pub struct Encrypted {
    /// The ciphertext.
    pub ciphertext: Vec<u8>,
    /// The KMS key's ARN.
    pub key_arn: String,
}

/// What KMS tells of a key.
pub struct Described {
    /// The key's ARN.
    pub arn: String,
    /// Whether it encrypts, and symmetrically.
    pub is_symmetric: bool,
    /// KMS's name of its state: `Enabled`, or why it can't be used.
    pub state: String,
}

impl KeyService {
    /// KMS among these neighbours, called as `via`.
    #[must_use]
    pub fn new(neighbours: Arc<Neighbours>, via: Via) -> Self {
        Self { neighbours, via }
    }

    /// Encrypts up to 4,096 bytes under a key, which is named by id, ARN, alias or alias ARN.
    ///
    /// # Errors
    /// KMS's, in KMS's words.
    pub async fn encrypt(
        &self,
        call: &mut Call,
        key: &str,
        context: Context<'_>,
        plaintext: &[u8],
    ) -> Result<Encrypted, Fault> {
        let request = EncryptRequest::new()
            .with_key_id(key)
            .with_plaintext(plaintext)
            .with_encryption_context(context.iter().copied());
        let answer = self.ask(call, "Encrypt", request.into_record()).await?;
        let answer = EncryptResponse::from_record(answer);
        let ciphertext = given(answer.ciphertext_blob())?.to_vec();
        Ok(Encrypted { ciphertext, key_arn: given(answer.key_id())?.to_owned() })
    }

    /// Decrypts what [`encrypt`](Self::encrypt) or [`data_key`](Self::data_key) gave.
    ///
    /// # Errors
    /// KMS's, in KMS's words.
    pub async fn decrypt(
        &self,
        call: &mut Call,
        context: Context<'_>,
        ciphertext: &[u8],
    ) -> Result<SecretBytes, Fault> {
        let request = DecryptRequest::new()
            .with_ciphertext_blob(ciphertext)
            .with_encryption_context(context.iter().copied());
        let answer = self.ask(call, "Decrypt", request.into_record()).await?;
        let answer = DecryptResponse::from_record(answer);
        Ok(SecretBytes::new(given(answer.plaintext())?.to_vec()))
    }

    /// A new data key of 256 bits.
    ///
    /// # Errors
    /// KMS's, in KMS's words.
    pub async fn data_key(
        &self,
        call: &mut Call,
        key: &str,
        context: Context<'_>,
    ) -> Result<DataKey, Fault> {
        let request = GenerateDataKeyRequest::new()
            .with_key_id(key)
            .with_key_spec("AES_256")
            .with_encryption_context(context.iter().copied());
        let answer = self.ask(call, "GenerateDataKey", request.into_record()).await?;
        let answer = GenerateDataKeyResponse::from_record(answer);
        Ok(DataKey {
            plaintext: SecretBytes::new(given(answer.plaintext())?.to_vec()),
            ciphertext: given(answer.ciphertext_blob())?.to_vec(),
            key_arn: given(answer.key_id())?.to_owned(),
        })
    }

    /// The ciphertext of a new data key of 256 bits, which nobody has seen.
    ///
    /// # Errors
    /// KMS's, in KMS's words.
    pub async fn sealed_data_key(
        &self,
        call: &mut Call,
        key: &str,
        context: Context<'_>,
    ) -> Result<Vec<u8>, Fault> {
        let request = GenerateDataKeyWithoutPlaintextRequest::new()
            .with_key_id(key)
            .with_key_spec("AES_256")
            .with_encryption_context(context.iter().copied());
        let operation = "GenerateDataKeyWithoutPlaintext";
        let answer = self.ask(call, operation, request.into_record()).await?;
        let answer = GenerateDataKeyWithoutPlaintextResponse::from_record(answer);
        Ok(given(answer.ciphertext_blob())?.to_vec())
    }

    /// What KMS tells of a key, which is named by id, ARN, alias or alias ARN.
    ///
    /// # Errors
    /// KMS's, in KMS's words.
    pub async fn describe(&self, call: &mut Call, key: &str) -> Result<Described, Fault> {
        let request = DescribeKeyRequest::new().with_key_id(key);
        let answer = self.ask(call, "DescribeKey", request.into_record()).await?;
        let answer = DescribeKeyResponse::from_record(answer);
        let told = given(answer.key_metadata())?;
        let symmetric = (Some("SYMMETRIC_DEFAULT"), Some("ENCRYPT_DECRYPT"));
        Ok(Described {
            arn: given(told.arn())?.to_owned(),
            is_symmetric: (told.key_spec(), told.key_usage()) == symmetric,
            state: given(told.key_state())?.to_owned(),
        })
    }

    /// Whether the caller could [`encrypt`](Self::encrypt): all that KMS checks, and nothing done.
    ///
    /// # Errors
    /// KMS's, in KMS's words, where it would not.
    pub async fn could_encrypt(
        &self,
        call: &mut Call,
        key: &str,
        context: Context<'_>,
    ) -> Result<(), Fault> {
        let request = EncryptRequest::new()
            .with_key_id(key)
            .with_plaintext([0_u8].as_slice())
            .with_encryption_context(context.iter().copied())
            .with_dry_run(true);
        dry(self.ask(call, "Encrypt", request.into_record()).await)
    }

    /// Whether the caller could [`decrypt`](Self::decrypt) this.
    ///
    /// # Errors
    /// KMS's, in KMS's words, where it would not.
    pub async fn could_decrypt(
        &self,
        call: &mut Call,
        context: Context<'_>,
        ciphertext: &[u8],
    ) -> Result<(), Fault> {
        let request = DecryptRequest::new()
            .with_ciphertext_blob(ciphertext)
            .with_encryption_context(context.iter().copied())
            .with_dry_run(true);
        dry(self.ask(call, "Decrypt", request.into_record()).await)
    }

    async fn ask(
        &self,
        call: &mut Call,
        operation: &str,
        request: Record<'_>,
    ) -> Result<Record<'static>, Fault> {
        let answer = self.neighbours.call(call, self.via, &kms::SERVICE, operation, request);
        given(answer.await?)
    }
}

/// What a dry run says: it succeeds by an error of its own, and by nothing else.
fn dry(answer: Result<Record<'static>, Fault>) -> Result<(), Fault> {
    match answer {
        Err(fault) if fault.code == "DryRunOperationException" => Ok(()),
        Err(fault) => Err(fault),
        Ok(_) => given(None),
    }
}

/// What KMS always answers.
fn given<T>(member: Option<T>) -> Result<T, Fault> {
    member.ok_or_else(|| {
        tracing::error!("an answer of KMS lacks what it always has");
        internal(&kms::SERVICE)
    })
}
