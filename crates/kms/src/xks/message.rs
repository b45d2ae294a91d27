//! The messages of the XKS proxy API, version 1 (XKS proxy specification).

use std::fmt;

use base64_simd::STANDARD as BASE64;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Bytes that stand in JSON as base64, strictly.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Base64(pub Vec<u8>);

impl fmt::Debug for Base64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode_to_string(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64.decode_to_vec(text).map(Self).map_err(|_| de::Error::custom("this is no base64"))
    }
}

/// For whom and why KMS asks. What is absent is not sent; what a newer KMS adds is passed over.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestMetadata {
    /// Who called KMS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws_principal_arn: Option<String>,
    /// The KMS key that is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key_arn: Option<String>,
    /// The operation of KMS.
    pub kms_operation: String,
    /// The id of the call to KMS.
    pub kms_request_id: String,
    /// The service through which KMS was called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_via_service: Option<String>,
}

/// A request of GetKeyMetadata and GetHealthStatus.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlainRequest {
    /// For whom and why.
    pub request_metadata: RequestMetadata,
}

/// An answer of GetKeyMetadata.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyMetadata {
    /// `AES_256`.
    pub key_spec: String,
    /// `ENCRYPT` and `DECRYPT` among others.
    pub key_usage: Vec<String>,
    /// `ENABLED` or `DISABLED`.
    pub key_status: String,
}

/// A request of Encrypt.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EncryptRequest {
    /// For whom and why.
    pub request_metadata: RequestMetadata,
    /// Up to 8,192 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub additional_authenticated_data: Option<Base64>,
    /// Up to 4,300 bytes.
    pub plaintext: Base64,
    /// `AES_GCM`.
    pub encryption_algorithm: String,
    /// `SHA_256`, where an integrity value is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ciphertext_data_integrity_value_algorithm: Option<String>,
}

/// An answer of Encrypt.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Encrypted {
    /// As long as the plaintext.
    pub ciphertext: Base64,
    /// Up to 20 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ciphertext_metadata: Option<Base64>,
    /// 12 or 16 bytes.
    pub initialization_vector: Base64,
    /// 16 bytes.
    pub authentication_tag: Base64,
    /// What [`integrity`] gives, where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ciphertext_data_integrity_value: Option<Base64>,
}

/// A request of Decrypt.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DecryptRequest {
    /// For whom and why.
    pub request_metadata: RequestMetadata,
    /// Up to 8,192 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub additional_authenticated_data: Option<Base64>,
    /// Up to 4,300 bytes.
    pub ciphertext: Base64,
    /// Up to 20 bytes, as Encrypt answered them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ciphertext_metadata: Option<Base64>,
    /// `AES_GCM`.
    pub encryption_algorithm: String,
    /// 12 or 16 bytes, as Encrypt answered them.
    pub initialization_vector: Base64,
    /// 16 bytes, as Encrypt answered them.
    pub authentication_tag: Base64,
}

/// An answer of Decrypt.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decrypted {
    /// As long as the ciphertext.
    pub plaintext: Base64,
}

/// An answer of GetHealthStatus.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// How many proxies there are: at least one.
    pub xks_proxy_fleet_size: u64,
    /// Who made the proxy.
    pub xks_proxy_vendor: String,
    /// Its name and version.
    pub xks_proxy_model: String,
    /// Who made the key managers.
    pub ekm_vendor: String,
    /// One to ten key managers.
    pub ekm_fleet_details: Vec<KeyManager>,
}

/// One key manager behind a proxy.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyManager {
    /// Its name among the others.
    pub id: String,
    /// Its product and version.
    pub model: String,
    /// `ACTIVE`, `DEGRADED` or `UNAVAILABLE`.
    pub health_status: String,
}

/// A refusal.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// One of the specification's names.
    pub error_name: String,
    /// Fewer than 512 characters of printable ASCII.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
}

/// The integrity value of what Encrypt answers (specification, appendix C).
#[must_use]
pub fn integrity(associated: &[u8], encrypted: &Encrypted) -> Vec<u8> {
    let metadata = encrypted.ciphertext_metadata.as_ref().map_or(&[][..], |bytes| &bytes.0);
    bulla_crypto::Hash::Sha256.digest(&[
        associated,
        metadata,
        &encrypted.initialization_vector.0,
        &encrypted.ciphertext.0,
        &encrypted.authentication_tag.0,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_integrity_value_is_that_of_the_specification() {
        // The example of appendix C.
        let encrypted: Encrypted = serde_json::from_str(
            r#"{ "authenticationTag": "vBxN2ncH1oEkR8WVXpmyYQ==",
                 "ciphertext": "ghxkK1txeDNn3q8Y",
                 "ciphertextDataIntegrityValue": "qHA/ImC9h5HsLRXqCyPmWgYx7tzyoTplzILbP0fPXsc=",
                 "ciphertextMetadata": "a2V5X3ZlcnNpb249MQ==",
                 "initializationVector": "HMrlRw85cAJUd5Ax" }"#,
        )
        .unwrap();
        let value = integrity(b"project=nile,department=marketing", &encrypted);
        assert_eq!(encrypted.ciphertext_data_integrity_value, Some(Base64(value)));
    }

    #[test]
    fn base64_is_read_strictly() {
        for wrong in ["\"YQ\"", "\"YQ=\"", "\"Y Q==\"", "\"YQ==\\n\"", "\"-_==\"", "1", "null"] {
            assert!(serde_json::from_str::<Base64>(wrong).is_err(), "{wrong}");
        }
        assert_eq!(serde_json::from_str::<Base64>("\"\"").unwrap(), Base64(Vec::new()));
    }
}
