//! External key stores: what KMS asks a proxy, by the XKS proxy API (XKS proxy specification,
//! version 1).
//!
//! Each request is signed with the credential that the store's owner agreed upon with the proxy,
//! and nothing that it answers is believed before it was checked.

pub mod message;
mod trouble;

use std::time::Duration;

use bulla_crypto::ct_eq;
use bulla_plane::pipeline::id_text;
use bulla_plane::{Call, Clock, Message};
use bulla_sigv4::{Credentials, RequestParts, SignOptions, sign_header};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Kms;
use crate::outer::{IV_LENS, MAX_METADATA_BYTES, Outer, TAG_BYTES};
use crate::stores::Proxy;

use message::{
    Base64, DecryptRequest, Decrypted, EncryptRequest, Encrypted, Health, KeyMetadata,
    PlainRequest, Refusal, RequestMetadata, integrity,
};
pub(crate) use trouble::Trouble;

/// The service name of the signatures.
pub const SIGNING_NAME: &str = "kms-xks-proxy";
/// The one algorithm of version 1.
pub const ALGORITHM: &str = "AES_GCM";
/// The one hash function of integrity values.
pub const INTEGRITY_ALGORITHM: &str = "SHA_256";
/// The longest plaintext and ciphertext, in bytes.
pub const MAX_DATA_BYTES: usize = 4_300;
/// The most associated data, in bytes.
pub const MAX_ASSOCIATED_BYTES: usize = 8_192;
/// How long a proxy may take.
const TIMEOUT: Duration = Duration::from_millis(250);
/// The longest answer that is read, in bytes: the longest of the specification has some 6,000.
const MAX_ANSWER_BYTES: usize = 32 * 1024;
/// How many key managers a proxy may tell of.
const MAX_KEY_MANAGERS: usize = 10;
/// How many usages a key may have.
const MAX_USAGES: usize = 10;
/// How many characters of a proxy's own words reach the log.
const MAX_LOGGED_CHARS: usize = 512;

/// One key of a proxy, and for whom it is used.
pub(crate) struct Asked<'a> {
    pub(crate) call: &'a Call,
    pub(crate) proxy: &'a Proxy,
    /// The external key.
    pub(crate) external: &'a str,
    /// The ARN of the KMS key.
    pub(crate) arn: &'a str,
    /// The operation of KMS.
    pub(crate) operation: &'a str,
}

impl Asked<'_> {
    fn metadata(&self) -> RequestMetadata {
        let mut metadata = metadata(self.call, self.operation);
        metadata.aws_principal_arn = Some(self.call.principal().arn.clone());
        metadata.kms_key_arn = Some(self.arn.to_owned());
        metadata.kms_via_service =
            self.call.via.map(|via| format!("{}.{}.amazonaws.com", via.service, self.call.region));
        metadata
    }
}

fn metadata(call: &Call, operation: &str) -> RequestMetadata {
    RequestMetadata {
        kms_operation: operation.to_owned(),
        kms_request_id: id_text(call.request_id),
        ..RequestMetadata::default()
    }
}

impl Kms {
    /// Asks a proxy whether it is there, and able to work.
    pub(crate) async fn proxy_health(
        &self,
        call: &Call,
        proxy: &Proxy,
        operation: &str,
    ) -> Result<(), Trouble> {
        let request = PlainRequest { request_metadata: metadata(call, operation) };
        let health: Health = self.ask_proxy(call, proxy, "/health", &request).await?;
        let managers = &health.ekm_fleet_details;
        let status = |manager: &message::KeyManager| manager.health_status.clone();
        let known = |status: &str| matches!(status, "ACTIVE" | "DEGRADED" | "UNAVAILABLE");
        let formed = health.xks_proxy_fleet_size > 0
            && (1..=MAX_KEY_MANAGERS).contains(&managers.len())
            && managers.iter().all(|manager| known(&status(manager)));
        if !formed {
            return Err(Trouble::Malformed);
        }
        if managers.iter().all(|manager| status(manager) == "UNAVAILABLE") {
            return Err(Trouble::Unhealthy);
        }
        Ok(())
    }

    /// What a proxy tells of an external key, for which a KMS key is to be made.
    pub(crate) async fn external_key(
        &self,
        call: &Call,
        proxy: &Proxy,
        external: &str,
    ) -> Result<KeyMetadata, Trouble> {
        let mut request_metadata = metadata(call, "CreateKey");
        request_metadata.aws_principal_arn = Some(call.principal().arn.clone());
        let request = PlainRequest { request_metadata };
        let path = format!("/keys/{external}/metadata");
        let found: KeyMetadata = self.ask_proxy(call, proxy, &path, &request).await?;
        let status = matches!(&*found.key_status, "ENABLED" | "DISABLED");
        if !status || found.key_usage.len() > MAX_USAGES {
            return Err(Trouble::Malformed);
        }
        Ok(found)
    }

    /// Has a proxy encrypt under an external key.
    pub(crate) async fn proxy_encrypt(
        &self,
        asked: &Asked<'_>,
        associated: &[u8],
        plaintext: Vec<u8>,
    ) -> Result<Outer, Trouble> {
        let length = plaintext.len();
        let request = EncryptRequest {
            request_metadata: asked.metadata(),
            additional_authenticated_data: Some(Base64(associated.to_vec())),
            plaintext: Base64(plaintext),
            encryption_algorithm: ALGORITHM.to_owned(),
            ciphertext_data_integrity_value_algorithm: Some(INTEGRITY_ALGORITHM.to_owned()),
        };
        let path = format!("/keys/{}/encrypt", asked.external);
        let answer: Encrypted = self.ask_proxy(asked.call, asked.proxy, &path, &request).await?;
        let value = answer.ciphertext_data_integrity_value.as_ref().ok_or(Trouble::Malformed)?;
        let is_whole = ct_eq(&value.0, &integrity(associated, &answer));
        let metadata = answer.ciphertext_metadata.map(|bytes| bytes.0).unwrap_or_default();
        let fits = answer.ciphertext.0.len() == length
            && IV_LENS.contains(&answer.initialization_vector.0.len())
            && metadata.len() <= MAX_METADATA_BYTES;
        let tag: [u8; TAG_BYTES] =
            answer.authentication_tag.0.try_into().map_err(|_| Trouble::Malformed)?;
        if !(is_whole && fits) {
            return Err(Trouble::Malformed);
        }
        let (iv, ciphertext) = (answer.initialization_vector.0, answer.ciphertext.0);
        Ok(Outer { metadata, iv, tag, ciphertext })
    }

    /// Has a proxy decrypt under an external key.
    pub(crate) async fn proxy_decrypt(
        &self,
        asked: &Asked<'_>,
        associated: &[u8],
        sealed: Outer,
    ) -> Result<Vec<u8>, Trouble> {
        let length = sealed.ciphertext.len();
        let metadata = Some(sealed.metadata).filter(|metadata| !metadata.is_empty());
        let request = DecryptRequest {
            request_metadata: asked.metadata(),
            additional_authenticated_data: Some(Base64(associated.to_vec())),
            ciphertext: Base64(sealed.ciphertext),
            ciphertext_metadata: metadata.map(Base64),
            encryption_algorithm: ALGORITHM.to_owned(),
            initialization_vector: Base64(sealed.iv),
            authentication_tag: Base64(sealed.tag.to_vec()),
        };
        let path = format!("/keys/{}/decrypt", asked.external);
        let answer: Decrypted = self.ask_proxy(asked.call, asked.proxy, &path, &request).await?;
        if answer.plaintext.0.len() != length {
            return Err(Trouble::Malformed);
        }
        Ok(answer.plaintext.0)
    }

    /// One request to a proxy.
    async fn ask_proxy<B: Serialize, A: DeserializeOwned>(
        &self,
        call: &Call,
        proxy: &Proxy,
        path: &str,
        body: &B,
    ) -> Result<A, Trouble> {
        let body = serde_json::to_vec(body).map_err(|_| Trouble::Malformed)?;
        let path = format!("{}{path}", proxy.path);
        let headers = signed(call, proxy, &path, &body)?;
        let url = format!("{}{path}", proxy.endpoint);
        let sent = self.outgoing.send(Message {
            method: "POST",
            url: &url,
            headers: &headers,
            body,
            timeout: TIMEOUT,
            max_answer_bytes: MAX_ANSWER_BYTES,
        });
        let reply = sent.await.inspect_err(|error| {
            tracing::warn!(proxy = proxy.host(), ?error, "an external key store's proxy failed");
        })?;
        if reply.status == 200 {
            return serde_json::from_slice(&reply.body).map_err(|_| Trouble::Malformed);
        }
        let refusal: Refusal =
            serde_json::from_slice(&reply.body).map_err(|_| Trouble::Malformed)?;
        let words: String = refusal.error_message.unwrap_or_default();
        let words: String = words.chars().take(MAX_LOGGED_CHARS).collect();
        let trouble = Trouble::named(&refusal.error_name);
        tracing::warn!(proxy = proxy.host(), ?trouble, words, "a proxy refused a request");
        Err(trouble)
    }
}

/// The headers of a request, with its signature.
fn signed(
    call: &Call,
    proxy: &Proxy,
    path: &str,
    body: &[u8],
) -> Result<Vec<(String, String)>, Trouble> {
    let mut lines = vec![
        ("host".to_owned(), proxy.host().to_owned()),
        ("content-type".to_owned(), "application/json".to_owned()),
    ];
    let headers: Vec<(&str, &[u8])> = lines.iter().map(|(k, v)| (&**k, v.as_bytes())).collect();
    let parts = RequestParts { method: "POST", path, query: "", headers: &headers, body };
    let secret = proxy.secret.expose().as_bytes();
    let credentials = Credentials { access_key_id: &proxy.access_key_id, secret, token: None };
    let now = Clock::wall_ms().div_euclid(1000);
    let options = SignOptions::new(SIGNING_NAME, &call.region, now);
    let added = sign_header(&parts, &credentials, &options).map_err(|error| {
        tracing::error!(%error, "a request to a proxy can't be signed");
        Trouble::Malformed
    })?;
    lines.extend(added);
    Ok(lines)
}
