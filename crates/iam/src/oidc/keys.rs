//! An issuer's keys: its JSON Web Key Set (RFC 7517), and when it is fetched.
//!
//! A stranger can make a server look for keys, so that one issuer is asked at most once in
//! [`LEAST_PAUSE_MS`], whatever comes of it, and by one call at a time.

use std::sync::Arc;

use bulla_crypto::{Curve, PublicKey};
use bulla_plane::BoxFuture;
use quick_cache::sync::Cache;
use serde::Deserialize;
use tokio::sync::Mutex;

use super::jwt::decode;

/// How many issuers' keys are kept.
const MAX_CACHED_ISSUERS: usize = 256;
/// The most keys that are read of one issuer.
const MAX_KEYS: usize = 100;
/// How long an issuer's keys are used without asking again, in milliseconds. The choice is ours.
const KEPT_MS: i64 = 60 * 60 * 1000;
/// The shortest time between two requests to one issuer, in milliseconds. The choice is ours.
const LEAST_PAUSE_MS: i64 = 30 * 1000;
/// Where an issuer describes itself (OpenID Connect Discovery 1.0, section 4).
const DISCOVERY: &str = "/.well-known/openid-configuration";

/// Gets documents from issuers. The program implements it; tests bring their own.
pub trait Fetcher: Send + Sync {
    /// The body of a successful answer to `GET url`. Where the system does not trust the server's
    /// certificate, one of `thumbprints` (SHA-1, hexadecimal) must be of its chain.
    ///
    /// # Errors
    /// [`FetchError`] says what went wrong.
    fn get<'a>(
        &'a self,
        url: &'a str,
        thumbprints: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<u8>, FetchError>>;
}

/// Why a document was not fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchError {
    /// The server's certificate is neither trusted nor one of those that are pinned.
    Thumbprint,
    /// The address is not one that is asked, or what it answered is no use; for the log.
    Failed(String),
}

/// The keys of one issuer, by their id.
type Keys = Vec<(Option<String>, PublicKey)>;

/// What is known of one issuer.
#[derive(Default)]
struct Known {
    keys: Option<Arc<Keys>>,
    fetched_ms: i64,
    asked_ms: Option<i64>,
    failed: Option<FetchError>,
}

/// The keys of all issuers.
pub(crate) struct Issuers {
    fetcher: Arc<dyn Fetcher>,
    known: Cache<String, Arc<Mutex<Known>>>,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Key>,
}

#[derive(Deserialize)]
struct Key {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Issuers {
    pub(crate) fn new(fetcher: Arc<dyn Fetcher>) -> Self {
        Self { fetcher, known: Cache::new(MAX_CACHED_ISSUERS) }
    }

    /// The keys of an issuer that may have signed a token: the one of that id, or all where the
    /// token names none. They are fetched when there are none, when they are old, and when the
    /// one that is named is not among them. `place` is whose issuer it is.
    pub(crate) async fn keys(
        &self,
        place: &str,
        issuer: &str,
        thumbprints: &[String],
        key_id: Option<&str>,
        now_ms: i64,
    ) -> Result<Vec<PublicKey>, FetchError> {
        let known = self.known.get_or_insert_with(place, || {
            Ok::<_, std::convert::Infallible>(Arc::new(Mutex::new(Known::default())))
        });
        let Ok(known) = known;
        let mut known = known.lock().await;
        let fresh = now_ms < known.fetched_ms.saturating_add(KEPT_MS);
        let found = known.keys.as_ref().map(|keys| pick(keys, key_id)).unwrap_or_default();
        if fresh && !found.is_empty() {
            return Ok(found);
        }
        let pause = known.asked_ms.is_some_and(|at| now_ms < at.saturating_add(LEAST_PAUSE_MS));
        if pause {
            return known.failed.clone().map_or(Ok(found), Err);
        }
        known.asked_ms = Some(now_ms);
        match self.fetch(issuer, thumbprints).await {
            Ok(keys) => {
                let found = pick(&keys, key_id);
                known.keys = Some(Arc::new(keys));
                known.fetched_ms = now_ms;
                known.failed = None;
                Ok(found)
            }
            Err(error) => {
                tracing::warn!(issuer, ?error, "the keys of an identity provider were not fetched");
                // Old keys are not used any longer: the issuer may have withdrawn them.
                known.keys = None;
                known.failed = Some(error.clone());
                Err(error)
            }
        }
    }

    async fn fetch(&self, issuer: &str, thumbprints: &[String]) -> Result<Keys, FetchError> {
        let failed = |text: &str| FetchError::Failed(text.to_owned());
        let address = format!("{}{DISCOVERY}", issuer.trim_end_matches('/'));
        let document = self.fetcher.get(&address, thumbprints).await?;
        let discovery: Discovery = serde_json::from_slice(&document)
            .map_err(|_| failed("its description is not one of OpenID Connect"))?;
        if discovery.issuer != issuer {
            return Err(failed("its description names another issuer"));
        }
        let document = self.fetcher.get(&discovery.jwks_uri, thumbprints).await?;
        let set: KeySet = serde_json::from_slice(&document)
            .map_err(|_| failed("its key set is not one of JSON Web Keys"))?;
        Ok(set.keys.into_iter().take(MAX_KEYS).filter_map(Key::read).collect())
    }

    /// Forgets all keys.
    pub(crate) fn forget(&self) {
        self.known.clear();
    }

    /// Forgets the keys of one issuer, whose record has changed.
    pub(crate) fn forget_one(&self, place: &str) {
        self.known.remove(place);
    }
}

fn pick(keys: &Keys, key_id: Option<&str>) -> Vec<PublicKey> {
    let named = |id: &Option<String>| key_id.is_none() || id.as_deref() == key_id;
    keys.iter().filter(|(id, _)| named(id)).map(|(_, key)| key.clone()).collect()
}

impl Key {
    /// A key that signs and that this program knows; others are passed over.
    fn read(self) -> Option<(Option<String>, PublicKey)> {
        if self.purpose.is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        let part = |text: Option<String>| decode(&text?);
        let key = match self.kty.as_str() {
            "RSA" => PublicKey::Rsa { n: part(self.n)?, e: part(self.e)? },
            "EC" => {
                let curve = match self.crv?.as_str() {
                    "P-256" => Curve::P256,
                    "P-384" => Curve::P384,
                    "P-521" => Curve::P521,
                    _ => return None,
                };
                PublicKey::Ec { curve, x: part(self.x)?, y: part(self.y)? }
            }
            _ => return None,
        };
        Some((self.kid, key))
    }
}
