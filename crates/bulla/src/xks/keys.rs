//! External keys, made of keys for message authentication codes.
//!
//! An external key is a KMS key of the spec HMAC_256. Each message has an AES-256 key of its own,
//! the code of its IV, so that the KMS key itself never leaves its server, and the plaintext never
//! leaves the proxy. `docs/custom-key-stores.md` describes it for readers of other programs.

use base64_simd::STANDARD as BASE64;
use bulla_crypto::{Crypto, CryptoError, SecretBytes, SecretKey, ct_eq};
use bulla_kms::xks::message::{
    Base64, DecryptRequest, Decrypted, EncryptRequest, Encrypted, Health, KeyManager, KeyMetadata,
    integrity,
};
use bulla_kms::xks::{ALGORITHM, INTEGRITY_ALGORITHM, MAX_ASSOCIATED_BYTES, MAX_DATA_BYTES};
use serde_json::{Value, json};

use crate::client::{Client, Target};
use crate::error::Error;

use super::refusal::Refusal;

const KMS: Target = Target { service: "kms", prefix: "TrentService" };
/// The spec of keys that can be external keys.
const SPEC: &str = "HMAC_256";
const MAC_ALGORITHM: &str = "HMAC_SHA_256";
/// Domain separation: what stands before the IV in the message that the code is of.
const LABEL: &[u8] = b"bulla/xks/v1\0";
/// The version of all this, as ciphertext metadata.
const VERSION: [u8; 1] = [1];
const IV_BYTES: usize = 16;
const TAG_BYTES: usize = 16;
/// Each derived key seals one message, so that AES-GCM's own IV may be fixed.
const NONCE: [u8; 12] = [0; 12];
/// How many random bytes show that the key manager works.
const PROBE_BYTES: usize = 32;

const WHO: &str = "Bulla";
const MODEL: &str = concat!("Bulla ", env!("CARGO_PKG_VERSION"));

/// The keys of a running server.
pub(super) struct Keys {
    client: Client,
    crypto: Crypto,
    /// Keeps IVs apart should the random source repeat itself.
    hedge: SecretKey,
}

impl From<CryptoError> for Refusal {
    fn from(error: CryptoError) -> Self {
        tracing::error!(%error, "a primitive failed the proxy");
        Self::Internal
    }
}

impl Keys {
    pub(super) fn new(client: Client, crypto: Crypto) -> Result<Self, Error> {
        let hedge = crypto.generate_key()?;
        Ok(Self { client, crypto, hedge })
    }

    /// Whether the key manager does cryptography.
    pub(super) async fn health(&self) -> Result<Health, Refusal> {
        let probe = json!({ "NumberOfBytes": PROBE_BYTES });
        let status = match self.client.call(KMS, "GenerateRandom", &probe).await {
            Ok(_) => "ACTIVE",
            Err(error) => {
                tracing::error!(%error, "the key manager is not available");
                "UNAVAILABLE"
            }
        };
        Ok(Health {
            xks_proxy_fleet_size: 1,
            xks_proxy_vendor: WHO.to_owned(),
            xks_proxy_model: MODEL.to_owned(),
            ekm_vendor: WHO.to_owned(),
            ekm_fleet_details: vec![KeyManager {
                id: "bulla".to_owned(),
                model: MODEL.to_owned(),
                health_status: status.to_owned(),
            }],
        })
    }

    pub(super) async fn metadata(&self, key: &str) -> Result<KeyMetadata, Refusal> {
        let answer = self.client.call(KMS, "DescribeKey", &json!({ "KeyId": key })).await?;
        let text = |name: &str| {
            let value = answer.pointer(&format!("/KeyMetadata/{name}")).and_then(Value::as_str);
            value.ok_or(Refusal::Internal)
        };
        let status = if text("KeyState")? == "Enabled" { "ENABLED" } else { "DISABLED" };
        let (key_spec, key_usage) = match text("KeySpec")? {
            SPEC => ("AES_256".to_owned(), vec!["ENCRYPT".to_owned(), "DECRYPT".to_owned()]),
            other => (other.to_owned(), vec![text("KeyUsage")?.to_owned()]),
        };
        Ok(KeyMetadata { key_spec, key_usage, key_status: status.to_owned() })
    }

    pub(super) async fn encrypt(
        &self,
        key: &str,
        request: EncryptRequest,
    ) -> Result<Encrypted, Refusal> {
        known_algorithm(&request.encryption_algorithm)?;
        let wants_integrity = match request.ciphertext_data_integrity_value_algorithm.as_deref() {
            None => false,
            Some(INTEGRITY_ALGORITHM) => true,
            Some(_) => return Err(Refusal::Validation("SHA_256 is the only hash function.")),
        };
        let associated = request.additional_authenticated_data.unwrap_or_default().0;
        let plaintext = request.plaintext.0;
        within_limits(plaintext.len(), associated.len())?;
        let iv =
            self.crypto.hedged_nonce(&self.hedge, &[key.as_bytes(), &associated, &plaintext])?;
        let message_key = self.message_key(key, &iv).await?;
        let aad = framed(&associated)?;
        let mut sealed = Vec::with_capacity(plaintext.len().saturating_add(TAG_BYTES));
        self.crypto.seal(&message_key, &NONCE, &aad, &plaintext, &mut sealed)?;
        let at = sealed.len().saturating_sub(TAG_BYTES);
        let tag = sealed.split_off(at);
        let mut encrypted = Encrypted {
            ciphertext: Base64(sealed),
            ciphertext_metadata: Some(Base64(VERSION.to_vec())),
            initialization_vector: Base64(iv.to_vec()),
            authentication_tag: Base64(tag),
            ciphertext_data_integrity_value: None,
        };
        if wants_integrity {
            // First the value, then the proof that what it is of decrypts (specification,
            // appendix C): so the value never vouches for anything else.
            let value = integrity(&associated, &encrypted);
            let opened = self.open(key, &associated, &encrypted).await?;
            if !ct_eq(opened.expose(), &plaintext) {
                return Err(Refusal::Internal);
            }
            encrypted.ciphertext_data_integrity_value = Some(Base64(value));
        }
        Ok(encrypted)
    }

    pub(super) async fn decrypt(
        &self,
        key: &str,
        request: DecryptRequest,
    ) -> Result<Decrypted, Refusal> {
        known_algorithm(&request.encryption_algorithm)?;
        let associated = request.additional_authenticated_data.unwrap_or_default().0;
        within_limits(request.ciphertext.0.len(), associated.len())?;
        let sealed = Encrypted {
            ciphertext: request.ciphertext,
            ciphertext_metadata: request.ciphertext_metadata,
            initialization_vector: request.initialization_vector,
            authentication_tag: request.authentication_tag,
            ciphertext_data_integrity_value: None,
        };
        let plaintext = self.open(key, &associated, &sealed).await?;
        Ok(Decrypted { plaintext: Base64(plaintext.into_vec()) })
    }

    async fn open(
        &self,
        key: &str,
        associated: &[u8],
        sealed: &Encrypted,
    ) -> Result<SecretBytes, Refusal> {
        let iv: [u8; IV_BYTES] = (&*sealed.initialization_vector.0)
            .try_into()
            .map_err(|_| Refusal::InvalidCiphertext)?;
        let version = sealed.ciphertext_metadata.as_ref().map(|metadata| &*metadata.0);
        if version != Some(&VERSION) || sealed.authentication_tag.0.len() != TAG_BYTES {
            return Err(Refusal::InvalidCiphertext);
        }
        let message_key = self.message_key(key, &iv).await?;
        let whole = [&*sealed.ciphertext.0, &*sealed.authentication_tag.0].concat();
        match self.crypto.open(&message_key, &NONCE, &framed(associated)?, &whole) {
            Err(CryptoError::Unauthentic) => Err(Refusal::InvalidCiphertext),
            opened => Ok(opened?),
        }
    }

    /// The key of the one message that has this IV.
    async fn message_key(&self, key: &str, iv: &[u8; IV_BYTES]) -> Result<SecretKey, Refusal> {
        let message = BASE64.encode_to_string([LABEL, iv].concat());
        let input = json!({ "KeyId": key, "Message": message, "MacAlgorithm": MAC_ALGORITHM });
        let answer = self.client.call(KMS, "GenerateMac", &input).await?;
        let text = answer.get("Mac").and_then(Value::as_str).ok_or(Refusal::Internal)?;
        let mac = BASE64.decode_to_vec(text).map_err(|_| Refusal::Internal)?;
        Ok(SecretKey::from_slice(SecretBytes::new(mac).expose())?)
    }
}

fn known_algorithm(name: &str) -> Result<(), Refusal> {
    if name == ALGORITHM {
        return Ok(());
    }
    Err(Refusal::Validation("AES_GCM is the only algorithm."))
}

fn within_limits(data: usize, associated: usize) -> Result<(), Refusal> {
    if data > MAX_DATA_BYTES || associated > MAX_ASSOCIATED_BYTES {
        return Err(Refusal::TooLarge);
    }
    Ok(())
}

/// What AES-GCM authenticates: associated data and metadata, each led by its length.
fn framed(associated: &[u8]) -> Result<Vec<u8>, Refusal> {
    let length = u16::try_from(associated.len()).map_err(|_| Refusal::TooLarge)?;
    Ok([&length.to_be_bytes(), associated, &[1], &VERSION].concat())
}
