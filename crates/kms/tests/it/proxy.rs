//! An XKS proxy in memory, written from the specification alone, and how it misbehaves.

use std::collections::HashMap;
use std::sync::Mutex;

use base64_simd::STANDARD as BASE64;
use bulla_crypto::{Crypto, SecretKey, sha256};
use bulla_plane::{BoxFuture, Message, Outgoing, OutgoingError, Reply};
use bulla_sigv4::{Regions, RequestParts, ServiceRules, SigningKey, parse};
use serde_json::{Value, json};

pub(crate) const ID: &str = "ABCDEFGHIJKLMNOPQRST";
pub(crate) const SECRET: &str = "0123456789012345678901234567890123456789012";

/// What the proxy does instead of its work.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Mood {
    Well,
    /// The request does not arrive, or its answer does not.
    Out(OutgoingError),
    /// It answers with this status and body.
    Says(u16, String),
    /// A member of a good answer is another.
    Member(&'static str, Value),
}

/// The proxy.
pub(crate) struct Proxy {
    crypto: Crypto,
    keys: HashMap<&'static str, SecretKey>,
    pub(crate) mood: Mutex<Mood>,
    /// Operation and body of all requests.
    pub(crate) seen: Mutex<Vec<(String, Value)>>,
}

impl Proxy {
    pub(crate) fn new() -> Self {
        let keys = ["one", "two"].map(|id| (id, SecretKey::from_slice(&sha256(id.as_bytes()))));
        let keys = keys.into_iter().map(|(id, key)| (id, key.unwrap())).collect();
        let (mood, seen) = (Mutex::new(Mood::Well), Mutex::default());
        Self { crypto: Crypto::standard(), keys, mood, seen }
    }

    pub(crate) fn is(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// A refusal by its name.
    pub(crate) fn refuses(&self, name: &str) {
        self.is(Mood::Says(400, json!({ "errorName": name, "errorMessage": "no" }).to_string()));
    }

    pub(crate) fn last(&self) -> (String, Value) {
        self.seen.lock().unwrap().last().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    fn work(&self, path: &str, body: &Value) -> (u16, Value) {
        let bytes =
            |name: &str| BASE64.decode_to_vec(body[name].as_str().unwrap_or_default()).unwrap();
        let text = |bytes: &[u8]| Value::from(BASE64.encode_to_string(bytes));
        if path == "/kms/xks/v1/health" {
            return (
                200,
                json!({
                    "xksProxyFleetSize": 1, "xksProxyVendor": "v", "xksProxyModel": "m",
                    "ekmVendor": "v",
                    "ekmFleetDetails": [{ "id": "1", "model": "m", "healthStatus": "DEGRADED" }],
                }),
            );
        }
        let Some(rest) = path.strip_prefix("/kms/xks/v1/keys/") else {
            return (404, json!({ "errorName": "InvalidUriPathException" }));
        };
        let (id, operation) = rest.split_once('/').unwrap();
        let Some(key) = self.keys.get(id) else {
            return (404, json!({ "errorName": "KeyNotFoundException" }));
        };
        let aad = bytes("additionalAuthenticatedData");
        match operation {
            "metadata" => (
                200,
                json!({ "keySpec": "AES_256", "keyUsage": ["ENCRYPT", "DECRYPT", "WRAP"],
                        "keyStatus": "ENABLED" }),
            ),
            "encrypt" => {
                assert_eq!(body["encryptionAlgorithm"], "AES_GCM");
                assert_eq!(body["ciphertextDataIntegrityValueAlgorithm"], "SHA_256");
                let iv = self.crypto.random::<12>().unwrap();
                let mut sealed = Vec::new();
                let plain = bytes("plaintext");
                self.crypto.seal(key, &iv, &aad, &plain, &mut sealed).unwrap();
                let tag = sealed.split_off(plain.len());
                let value = sha256(&[&aad[..], &iv, &sealed, &tag].concat());
                (
                    200,
                    json!({ "ciphertext": text(&sealed), "initializationVector": text(&iv),
                            "authenticationTag": text(&tag),
                            "ciphertextDataIntegrityValue": text(&value) }),
                )
            }
            _ => {
                let iv: [u8; 12] = bytes("initializationVector").try_into().unwrap();
                let sealed = [bytes("ciphertext"), bytes("authenticationTag")].concat();
                match self.crypto.open(key, &iv, &aad, &sealed) {
                    Ok(plain) => (200, json!({ "plaintext": text(plain.expose()) })),
                    Err(_) => (400, json!({ "errorName": "InvalidCiphertextException" })),
                }
            }
        }
    }
}

/// Whether a request is signed as the specification wants it.
fn signed(post: &Message<'_>, path: &str) -> bool {
    let headers: Vec<_> = post.headers.iter().map(|(k, v)| (k.as_str(), v.as_bytes())).collect();
    let parts =
        RequestParts { method: "POST", path, query: "", headers: &headers, body: &post.body };
    let rules = ServiceRules { regions: Regions::Any, ..ServiceRules::new("kms-xks-proxy", "") };
    let now = bulla_plane::Clock::wall_ms() / 1000;
    let claim = parse(&parts, now, &rules).unwrap();
    let (date, region) = (claim.scope_date(), claim.region());
    let key = SigningKey::derive(SECRET.as_bytes(), date, region, "kms-xks-proxy");
    claim.access_key_id() == ID && claim.verify(&parts, &key).is_ok()
}

impl Outgoing for Proxy {
    fn send<'a>(&'a self, post: Message<'a>) -> BoxFuture<'a, Result<Reply, OutgoingError>> {
        Box::pin(async move {
            assert_eq!(post.timeout.as_millis(), 250);
            let path = post.url.strip_prefix("https://proxy.example").unwrap();
            let body: Value = serde_json::from_slice(&post.body).unwrap();
            self.seen.lock().unwrap().push((path.to_owned(), body.clone()));
            if !signed(&post, path) {
                let body = json!({ "errorName": "AuthenticationFailedException" }).to_string();
                return Ok(Reply { status: 401, retry_after: None, body: body.into_bytes() });
            }
            let mood = self.mood.lock().unwrap().clone();
            let (status, body) = match mood {
                Mood::Out(error) => return Err(error),
                Mood::Says(status, body) => (status, body),
                Mood::Well => {
                    let (status, body) = self.work(path, &body);
                    (status, body.to_string())
                }
                Mood::Member(name, value) => {
                    let (status, mut body) = self.work(path, &body);
                    if value.is_null() {
                        body.as_object_mut().unwrap().remove(name);
                    } else {
                        body[name] = value;
                    }
                    (status, body.to_string())
                }
            };
            Ok(Reply { status, retry_after: None, body: body.into_bytes() })
        })
    }
}
