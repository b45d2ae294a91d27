//! The proxy's addresses: which path, which key, who signed, and the answer.

use std::sync::Arc;
use std::time::Duration;

use bulla_kms::xks::message::{PlainRequest, RequestMetadata};
use bulla_plane::Clock;
use bulla_sigv4::RequestParts;
use http::header::{ALLOW, HOST};
use http::request::Parts;
use http::{HeaderValue, Method, Request, StatusCode};
use hyper::body::Incoming;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::answer::{Answer, json};
use crate::connection::{Peer, Site};
use crate::request;

use super::door::Door;
use super::keys::Keys;
use super::refusal::Refusal;

/// How long the key manager may take; AWS waits for a proxy 250 ms in all.
const KEY_MANAGER_TIMEOUT: Duration = Duration::from_millis(220);
/// The most characters of a key's id.
const MAX_ID_CHARS: usize = 128;
/// Where load balancers ask whether the proxy is there.
const ALIVE: &str = "/_bulla/health";

/// The proxy.
pub(crate) struct Proxy {
    doors: Vec<Door>,
    keys: Keys,
}

/// What is asked for.
enum Wanted<'a> {
    Health,
    Metadata(&'a str),
    Encrypt(&'a str),
    Decrypt(&'a str),
}

impl Site for Proxy {
    async fn answer(self: Arc<Self>, request: Request<Incoming>, _peer: Peer) -> Answer {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path();
        if path == ALIVE && parts.method == Method::GET {
            return json(StatusCode::OK, r#"{"status":"ready"}"#.to_owned());
        }
        let Ok(body) = request::read(body).await else {
            return Refusal::Validation("The body can't be read.").answer();
        };
        let Some((door, wanted)) = self.route(path) else {
            return Refusal::InvalidPath.answer();
        };
        if parts.method != Method::POST {
            let mut answer = json(StatusCode::METHOD_NOT_ALLOWED, "{}".to_owned());
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            return answer;
        }
        if !self.is_signed(door, &parts, &body) {
            return Refusal::Authentication.answer();
        }
        let done = tokio::time::timeout(KEY_MANAGER_TIMEOUT, self.serve(wanted, &body)).await;
        match done {
            Ok(Ok(body)) => json(StatusCode::OK, body),
            Ok(Err(refusal)) => refusal.answer(),
            Err(_) => Refusal::Timeout.answer(),
        }
    }
}

impl Proxy {
    pub(super) fn new(doors: Vec<Door>, keys: Keys) -> Self {
        Self { doors, keys }
    }

    /// The path of the door that is knocked at, and what is asked for behind it.
    fn route<'p>(&self, path: &'p str) -> Option<(&str, Wanted<'p>)> {
        self.doors.iter().find_map(|door| {
            let rest = path.strip_prefix(door.path.as_str())?;
            Some((door.path.as_str(), wanted(rest)?))
        })
    }

    fn is_signed(&self, door: &str, parts: &Parts, body: &[u8]) -> bool {
        let mut headers: Vec<(&str, &[u8])> =
            parts.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        // HTTP/2 has `:authority` in place of `Host`, and clients sign it as `host`.
        let authority = parts.uri.authority().map(http::uri::Authority::as_str);
        if let (false, Some(authority)) = (parts.headers.contains_key(HOST), authority) {
            headers.push(("host", authority.as_bytes()));
        }
        let signed = RequestParts {
            method: parts.method.as_str(),
            path: parts.uri.path(),
            query: parts.uri.query().unwrap_or_default(),
            headers: &headers,
            body,
        };
        let now = Clock::wall_ms().div_euclid(1000);
        match Door::open(&self.doors, door, &signed, now) {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(%error, "a request to the proxy is not signed as it must be");
                false
            }
        }
    }

    async fn serve(&self, wanted: Wanted<'_>, body: &[u8]) -> Result<String, Refusal> {
        match wanted {
            Wanted::Health => {
                let request: PlainRequest = read(body)?;
                note("health", "", &request.request_metadata);
                write(&self.keys.health().await?)
            }
            Wanted::Metadata(key) => {
                let request: PlainRequest = read(body)?;
                note("metadata", key, &request.request_metadata);
                write(&self.keys.metadata(key).await?)
            }
            Wanted::Encrypt(key) => {
                let request: bulla_kms::xks::message::EncryptRequest = read(body)?;
                note("encrypt", key, &request.request_metadata);
                write(&self.keys.encrypt(key, request).await?)
            }
            Wanted::Decrypt(key) => {
                let request: bulla_kms::xks::message::DecryptRequest = read(body)?;
                note("decrypt", key, &request.request_metadata);
                write(&self.keys.decrypt(key, request).await?)
            }
        }
    }
}

fn wanted(rest: &str) -> Option<Wanted<'_>> {
    if rest == "/health" {
        return Some(Wanted::Health);
    }
    let (key, operation) = rest.strip_prefix("/keys/")?.split_once('/')?;
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if key.is_empty() || key.len() > MAX_ID_CHARS || !key.chars().all(known) {
        return None;
    }
    match operation {
        "metadata" => Some(Wanted::Metadata(key)),
        "encrypt" => Some(Wanted::Encrypt(key)),
        "decrypt" => Some(Wanted::Decrypt(key)),
        _ => None,
    }
}

/// For whom a key was used. The key manager's own record has what was done with it.
fn note(operation: &str, key: &str, metadata: &RequestMetadata) {
    let RequestMetadata { kms_operation, kms_request_id, aws_principal_arn, kms_key_arn, .. } =
        metadata;
    tracing::info!(
        operation,
        key,
        ?kms_operation,
        ?kms_request_id,
        ?aws_principal_arn,
        ?kms_key_arn,
        "asked"
    );
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body)
        .map_err(|_| Refusal::Validation("The body is not the JSON that this operation takes."))
}

fn write<T: Serialize>(answer: &T) -> Result<String, Refusal> {
    serde_json::to_string(answer).map_err(|_| Refusal::Internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_operations_and_nowhere_else() {
        assert!(matches!(wanted("/health"), Some(Wanted::Health)));
        assert!(matches!(wanted("/keys/a-b_c.1/encrypt"), Some(Wanted::Encrypt("a-b_c.1"))));
        assert!(matches!(wanted("/keys/a/decrypt"), Some(Wanted::Decrypt("a"))));
        assert!(matches!(wanted("/keys/a/metadata"), Some(Wanted::Metadata("a"))));
        let long = format!("/keys/{}/encrypt", "a".repeat(129));
        for wrong in [
            "",
            "/",
            "/health/",
            "/keys/a",
            "/keys//encrypt",
            "/keys/a/encrypt/",
            "/keys/a/sign",
            "/keys/a%2Fb/encrypt",
            "/keys/ä/encrypt",
            "/KEYS/a/encrypt",
            &long,
        ] {
            assert!(wanted(wrong).is_none(), "{wrong}");
        }
    }
}
