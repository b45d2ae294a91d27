//! Access tokens of connections with client credentials (RFC 6749, section 4.4), kept while they
//! are valid.

use bulla_crypto::SecretBytes;
use bulla_plane::outgoing::Message;
use quick_cache::sync::Cache;
use serde::Deserialize;

use super::http::{TIMEOUT, encoded, host};
use super::{Sender, Trouble};
use crate::connection::{ConnectionRecord, OAuth};

/// How many connections' tokens are kept.
const MAX_TOKENS: usize = 1_024;
/// How long a token is taken to be valid whose server does not say, in seconds.
const ASSUMED_LIFE_S: i64 = 300;
/// How long before its end a token is no longer used, in seconds.
const MARGIN_S: i64 = 30;
/// The longest answer that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// What is kept, by the connection's ARN and edition.
pub(super) struct Tokens(Cache<(String, i64), Kept>);

#[derive(Clone)]
struct Kept {
    token: std::sync::Arc<SecretBytes>,
    until_ms: i64,
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    expires_in: Option<i64>,
}

impl Tokens {
    pub(super) fn new() -> Self {
        Self(Cache::new(MAX_TOKENS))
    }

    pub(super) fn clear(&self) {
        self.0.clear();
    }
}

impl Sender {
    /// Forgets the token of a connection that its target refused.
    pub(super) fn drop_token(&self, connection: &ConnectionRecord) {
        self.tokens.0.remove(&(connection.arn.clone(), connection.modified_ms));
    }

    /// A connection's token, kept or new.
    pub(super) async fn token(
        &self,
        connection: &ConnectionRecord,
        oauth: &OAuth,
    ) -> Result<std::sync::Arc<SecretBytes>, Trouble> {
        let key = (connection.arn.clone(), connection.modified_ms);
        let now_ms = self.clock.now_ms();
        if let Some(kept) = self.tokens.0.get(&key).filter(|kept| kept.until_ms > now_ms) {
            return Ok(kept.token);
        }
        let answer = self.fetch_token(oauth).await?;
        let life_s = answer.expires_in.unwrap_or(ASSUMED_LIFE_S).max(0);
        let kept = Kept {
            token: std::sync::Arc::new(SecretBytes::new(answer.access_token.into_bytes())),
            until_ms: now_ms.saturating_add(life_s.saturating_sub(MARGIN_S).saturating_mul(1_000)),
        };
        self.tokens.0.insert(key, kept.clone());
        Ok(kept.token)
    }

    /// Asks for a token: the client's id and secret, and what else the connection names, as a
    /// form. Which form AWS sends is not recorded; this one is what RFC 6749 has.
    async fn fetch_token(&self, oauth: &OAuth) -> Result<Answer, Trouble> {
        let failed = |text: String| Trouble::Later("CONNECTION_AUTH_FAILURE", text, None);
        let mut form = oauth.extra.body.clone();
        let mut add = |name: &str, value: &str| {
            if !form.iter().any(|(known, _)| known == name) {
                form.push((name.to_owned(), value.to_owned()));
            }
        };
        add("grant_type", "client_credentials");
        add("client_id", &oauth.client_id);
        add("client_secret", &oauth.client_secret);
        let mut url = oauth.endpoint.clone();
        let form = encoded(&form);
        let mut query = encoded(&oauth.extra.query);
        let by_query = oauth.method == "GET";
        if by_query {
            query = if query.is_empty() { form.clone() } else { format!("{query}&{form}") };
        }
        if !query.is_empty() {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(&query);
        }
        let mut headers = vec![
            ("host".to_owned(), host(&url).to_owned()),
            ("accept".to_owned(), "application/json".to_owned()),
        ];
        if !by_query {
            let kind = "application/x-www-form-urlencoded";
            headers.push(("content-type".to_owned(), kind.to_owned()));
        }
        headers.extend(oauth.extra.headers.iter().cloned());
        let message = Message {
            method: &oauth.method,
            url: &url,
            headers: &headers,
            body: if by_query { Vec::new() } else { form.into_bytes() },
            timeout: TIMEOUT,
            max_answer_bytes: MAX_ANSWER_BYTES,
        };
        let reply = self.outgoing.send(message).await;
        let reply = reply.map_err(|error| failed(format!("no token was given: {error}")))?;
        if reply.status != 200 {
            return Err(failed(format!("no token was given: status {}", reply.status)));
        }
        serde_json::from_slice(&reply.body)
            .map_err(|_| failed("what was given is no token".to_owned()))
    }
}
