//! The client as keyrings need it.

use base64_simd::STANDARD;
use bulla_crypto::SecretBytes;
use serde_json::{Map, Value, json};

use super::{Client, ClientError, KMS};
use crate::kms::{
    DataKey, Decrypt, Decrypted, DeriveSharedSecret, Encrypt, Encrypted, GenerateDataKey,
    GetPublicKey, KmsClient, KmsError, ReEncrypt,
};
use crate::{BoxFuture, EncryptionContext};

impl Client {
    async fn kms(
        &self,
        operation: &'static str,
        input: Map<String, Value>,
    ) -> Result<Answer, KmsError> {
        match self.call(KMS, operation, &Value::Object(input)).await {
            Ok(value) => Ok(Answer { operation, value }),
            Err(ClientError::Refused { code, message, .. }) => {
                Err(KmsError::Service { operation, code, message })
            }
            Err(other) => Err(KmsError::Transport(other.to_string())),
        }
    }
}

/// An answer, and what was asked.
struct Answer {
    operation: &'static str,
    value: Value,
}

impl Answer {
    fn text(&self, member: &str) -> Result<&str, KmsError> {
        let text = self.value.get(member).and_then(Value::as_str);
        text.ok_or_else(|| {
            KmsError::Transport(format!("the answer to {} has no {member}", self.operation))
        })
    }

    fn key_id(&self) -> Result<String, KmsError> {
        Ok(self.text("KeyId")?.to_owned())
    }

    fn bytes(&self, member: &str) -> Result<Vec<u8>, KmsError> {
        STANDARD.decode_to_vec(self.text(member)?).map_err(|_| {
            let operation = self.operation;
            KmsError::Transport(format!("{member} in the answer to {operation} is not base64"))
        })
    }

    /// A member that is a secret: its text is wiped once it is read.
    fn secret(&mut self, member: &str) -> Result<SecretBytes, KmsError> {
        let bytes = self.bytes(member)?;
        if let Some(Value::String(text)) = self.value.get_mut(member).map(Value::take) {
            drop(SecretBytes::new(text.into_bytes()));
        }
        Ok(SecretBytes::new(bytes))
    }
}

/// An input with these members; those that are null are left out.
fn input(members: Value, grant_tokens: &[String]) -> Map<String, Value> {
    let mut input = match members {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    input.retain(|_, value| !value.is_null());
    if !grant_tokens.is_empty() {
        input.insert("GrantTokens".to_owned(), grant_tokens.into());
    }
    input
}

/// The pairs, or null for none.
fn pairs(context: &EncryptionContext) -> Value {
    if context.is_empty() {
        return Value::Null;
    }
    context.iter().map(|(key, value)| (key.to_owned(), Value::from(value))).collect()
}

fn encoded(bytes: &[u8]) -> Value {
    STANDARD.encode_to_string(bytes).into()
}

impl KmsClient for Client {
    fn generate_data_key<'a>(
        &'a self,
        request: GenerateDataKey<'a>,
    ) -> BoxFuture<'a, Result<DataKey, KmsError>> {
        Box::pin(async move {
            let members = json!({
                "KeyId": request.key_id,
                "NumberOfBytes": request.number_of_bytes,
                "EncryptionContext": pairs(request.context),
            });
            let mut answer =
                self.kms("GenerateDataKey", input(members, request.grant_tokens)).await?;
            Ok(DataKey {
                key_id: answer.key_id()?,
                plaintext: answer.secret("Plaintext")?,
                ciphertext: answer.bytes("CiphertextBlob")?,
            })
        })
    }

    fn encrypt<'a>(&'a self, request: Encrypt<'a>) -> BoxFuture<'a, Result<Encrypted, KmsError>> {
        Box::pin(async move {
            let members = json!({
                "KeyId": request.key_id,
                "Plaintext": encoded(request.plaintext),
                "EncryptionContext": pairs(request.context),
            });
            let answer = self.kms("Encrypt", input(members, request.grant_tokens)).await?;
            Ok(Encrypted { key_id: answer.key_id()?, ciphertext: answer.bytes("CiphertextBlob")? })
        })
    }

    fn decrypt<'a>(&'a self, request: Decrypt<'a>) -> BoxFuture<'a, Result<Decrypted, KmsError>> {
        Box::pin(async move {
            let members = json!({
                "KeyId": request.key_id,
                "CiphertextBlob": encoded(request.ciphertext),
                "EncryptionContext": pairs(request.context),
                "EncryptionAlgorithm": request.algorithm,
            });
            let mut answer = self.kms("Decrypt", input(members, request.grant_tokens)).await?;
            Ok(Decrypted { key_id: answer.key_id()?, plaintext: answer.secret("Plaintext")? })
        })
    }

    fn derive_shared_secret<'a>(
        &'a self,
        request: DeriveSharedSecret<'a>,
    ) -> BoxFuture<'a, Result<Decrypted, KmsError>> {
        Box::pin(async move {
            let members = json!({
                "KeyId": request.key_id,
                "KeyAgreementAlgorithm": "ECDH",
                "PublicKey": encoded(request.public_key),
            });
            let mut answer =
                self.kms("DeriveSharedSecret", input(members, request.grant_tokens)).await?;
            Ok(Decrypted { key_id: answer.key_id()?, plaintext: answer.secret("SharedSecret")? })
        })
    }

    fn get_public_key<'a>(
        &'a self,
        request: GetPublicKey<'a>,
    ) -> BoxFuture<'a, Result<Encrypted, KmsError>> {
        Box::pin(async move {
            let members = json!({ "KeyId": request.key_id });
            let answer = self.kms("GetPublicKey", input(members, request.grant_tokens)).await?;
            Ok(Encrypted { key_id: answer.key_id()?, ciphertext: answer.bytes("PublicKey")? })
        })
    }

    fn generate_data_key_without_plaintext<'a>(
        &'a self,
        request: GenerateDataKey<'a>,
    ) -> BoxFuture<'a, Result<Encrypted, KmsError>> {
        Box::pin(async move {
            let members = json!({
                "KeyId": request.key_id,
                "NumberOfBytes": request.number_of_bytes,
                "EncryptionContext": pairs(request.context),
            });
            let input = input(members, request.grant_tokens);
            let answer = self.kms("GenerateDataKeyWithoutPlaintext", input).await?;
            Ok(Encrypted { key_id: answer.key_id()?, ciphertext: answer.bytes("CiphertextBlob")? })
        })
    }

    fn re_encrypt<'a>(
        &'a self,
        request: ReEncrypt<'a>,
    ) -> BoxFuture<'a, Result<Encrypted, KmsError>> {
        Box::pin(async move {
            let members = json!({
                "SourceKeyId": request.key_id,
                "DestinationKeyId": request.key_id,
                "CiphertextBlob": encoded(request.ciphertext),
                "SourceEncryptionContext": pairs(request.source_context),
                "DestinationEncryptionContext": pairs(request.destination_context),
            });
            let answer = self.kms("ReEncrypt", input(members, request.grant_tokens)).await?;
            Ok(Encrypted { key_id: answer.key_id()?, ciphertext: answer.bytes("CiphertextBlob")? })
        })
    }
}
