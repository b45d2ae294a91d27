//! Keys of KMS that the options name: where they are, and what is said of one that can't be used.

use base64_simd::STANDARD;
use bulla_envelope::client::{Client, ClientError, KMS};
use bulla_envelope::keyring::KeyringError;
use bulla_envelope::kms::{GetPublicKey, KmsClient, KmsError};
use serde_json::{Value, json};

use crate::error::Error;
use crate::message_error::MessageError;

/// A client of the region that a key's ARN names.
pub(super) fn in_region_of(client: &Client, key: &str) -> Result<Client, Error> {
    let region = key.strip_prefix("arn:").and_then(|rest| rest.split(':').nth(2));
    Ok(match region {
        Some(region) if region != client.region() => client.in_region(region)?,
        _ => client.clone(),
    })
}

/// A key's ARN, and a client of its region. KMS is asked about ids and aliases.
pub(super) async fn found(client: &Client, key: &str) -> Result<(Client, String), Error> {
    let client = in_region_of(client, key)?;
    if key.starts_with("arn:") && !key.contains(":alias/") {
        return Ok((client, key.to_owned()));
    }
    let answer = client.call(KMS, "DescribeKey", &json!({ "KeyId": key })).await;
    let answer = answer.map_err(|error| match error {
        ClientError::Refused { code, message, .. } => {
            unusable(key, KmsError::Service { operation: "DescribeKey", code, message }.into())
        }
        other => other.into(),
    })?;
    let arn = answer.pointer("/KeyMetadata/Arn").and_then(Value::as_str);
    let none = || Error::Usage(format!("DescribeKey gave no ARN for {key:?}"));
    Ok((client, arn.ok_or_else(none)?.to_owned()))
}

/// The public half of a key pair of KMS, as PEM.
pub(super) async fn public_key(client: &Client, arn: &str) -> Result<String, Error> {
    let request = GetPublicKey { key_id: arn, grant_tokens: &[] };
    let answer = client.get_public_key(request).await;
    let der = answer.map_err(|error| unusable(arn, error.into()))?.ciphertext;
    let digits = STANDARD.encode_to_string(der);
    Ok(format!("-----BEGIN PUBLIC KEY-----\n{digits}\n-----END PUBLIC KEY-----\n"))
}

/// A keyring that was asked for in the wrong way.
pub(super) fn usage(error: KeyringError) -> Error {
    Error::Usage(error.to_string())
}

/// A key, by what it is called, that can't be used.
pub(super) fn unusable(key: &str, error: KeyringError) -> Error {
    let error = bulla_envelope::Error::Keyring(error);
    Error::Message(key.to_owned(), Box::new(MessageError::Envelope(error)))
}
