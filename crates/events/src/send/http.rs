//! Asking an API destination: the request of a delivery, and what the answer means.

use std::time::Duration;

use base64_simd::STANDARD as BASE64;
use bulla_plane::outgoing::Message;
use bulla_plane::{OutgoingError, Reply, Stop};
use serde_json::Value;

use super::{Sender, Trouble};
use crate::connection::{Access, ConnectionRecord, Extra, row_of};
use crate::delivery::{Delivery, Http};
use crate::destination::DestinationRecord;
use crate::records::{CONNECTIONS, DESTINATIONS, load};

/// How long a target may take (EventBridge user guide, "API destinations").
pub(super) const TIMEOUT: Duration = Duration::from_secs(5);
/// The longest answer that is read, in bytes. What it says makes no difference.
const MAX_ANSWER_BYTES: usize = 256 * 1024;
/// Headers that a rule or connection may not set: they are the connection's own (same page).
const OWN_HEADERS: [&str; 13] = [
    "content-length",
    "connection",
    "host",
    "keep-alive",
    "max-forwards",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
];

impl Trouble {
    /// What went wrong.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Later(_, text, _) | Self::Never(_, text) => text,
            Self::Busy(_) => "",
        }
    }
}

fn unread(_: Stop) -> Trouble {
    Trouble::Later("INTERNAL_ERROR", "the store can't be read".to_owned(), None)
}

impl Sender {
    /// Asks the API destination of a delivery.
    pub(super) async fn ask(&self, delivery: &Delivery) -> Result<(), Trouble> {
        let (destination, connection) = self.destination(&delivery.order.arn).await?;
        let per_second = destination.rate;
        let now_ms = self.clock.now_ms();
        self.rates.take(&destination.arn, per_second, now_ms).map_err(Trouble::Busy)?;
        let access = connection.access().map_err(unread)?;
        let auth = connection.auth().map_err(unread)?;
        let parameters = auth.as_ref().and_then(|auth| auth.invocation_http_parameters());
        let extra = Extra::of(parameters);
        let own = delivery.order.http.clone().unwrap_or_default();
        let url = url(&destination.endpoint, &own, &extra)?;
        let mut headers = headers(&url, &own, &extra);
        match &access {
            Access::Basic { name, password } => {
                let token = BASE64.encode_to_string(format!("{name}:{password}"));
                set(&mut headers, "authorization", format!("Basic {token}"));
            }
            Access::ApiKey { name, value } => set(&mut headers, name, value.clone()),
            Access::OAuth(oauth) => {
                let token = self.token(&connection, oauth).await?;
                let token = String::from_utf8_lossy(token.expose()).into_owned();
                set(&mut headers, "authorization", format!("Bearer {token}"));
            }
        }
        let message = Message {
            method: &destination.method,
            url: &url,
            headers: &headers,
            body: body(&delivery.payload, &extra),
            timeout: TIMEOUT,
            max_answer_bytes: MAX_ANSWER_BYTES,
        };
        let outcome = judged(self.outgoing.send(message).await);
        if matches!(&outcome, Err(Trouble::Later(code, ..)) if *code == UNAUTHORIZED) {
            self.drop_token(&connection);
        }
        outcome
    }

    /// An API destination and its connection, by the destination's ARN.
    async fn destination(
        &self,
        arn: &str,
    ) -> Result<(DestinationRecord, ConnectionRecord), Trouble> {
        let gone = |what: &str| Trouble::Never("NO_RESOURCE", format!("{what} does not exist"));
        let row = row_of(arn, "api-destination").ok_or_else(|| gone(arn))?;
        let view = self.barrier.view().await.map_err(|error| unread(error.into()))?;
        let found = load::<DestinationRecord>(&view, DESTINATIONS, &row).await.map_err(unread)?;
        let found = found.map(|stored| stored.record).filter(|found| found.arn == arn);
        let destination = found.ok_or_else(|| gone(arn))?;
        let named = destination.connection_arn.as_str();
        let row = row_of(named, "connection").ok_or_else(|| gone(named))?;
        let found = load::<ConnectionRecord>(&view, CONNECTIONS, &row).await.map_err(unread)?;
        let found = found.map(|stored| stored.record).filter(|found| found.arn == named);
        let connection = found.ok_or_else(|| gone(named))?;
        if !connection.is_usable() {
            let text = format!("{named} is deauthorized");
            return Err(Trouble::Later("CONNECTION_DEAUTHORIZED", text, None));
        }
        Ok((destination, connection))
    }
}

/// The code of refusals that a new token may heal.
const UNAUTHORIZED: &str = "UNAUTHORIZED";

/// What an answer means. Tried again are 401, 407, 409, 429 and 5xx (same page), and whatever is no
/// answer.
fn judged(sent: Result<Reply, OutgoingError>) -> Result<(), Trouble> {
    let reply = sent.map_err(|error| {
        let code = match &error {
            OutgoingError::Late => "TIMEOUT",
            _ => "SDK_CLIENT_ERROR",
        };
        Trouble::Later(code, error.to_string(), None)
    })?;
    let text = format!("the target answered with status {}", reply.status);
    match reply.status {
        200..=299 => Ok(()),
        401 | 407 => Err(Trouble::Later(UNAUTHORIZED, text, None)),
        409 | 429 | 500..=599 => {
            let seconds = reply.retry_after.as_deref().and_then(|text| text.trim().parse().ok());
            let wait_ms = seconds.map(|seconds: i64| seconds.saturating_mul(1_000));
            Err(Trouble::Later("ERROR_FROM_TARGET", text, wait_ms))
        }
        _ => Err(Trouble::Never("ERROR_FROM_TARGET", text)),
    }
}

/// The address of a request: each `*` of the endpoint stands for a value of the target.
fn url(endpoint: &str, own: &Http, extra: &Extra) -> Result<String, Trouble> {
    let wrong = || {
        Trouble::Never(
            "INVALID_PARAMETER",
            "the endpoint has more `*` than the target \
        has values for"
                .to_owned(),
        )
    };
    let (path, query) = endpoint.split_once('?').unwrap_or((endpoint, ""));
    let mut pieces = path.split('*');
    let mut url = pieces.next().unwrap_or_default().to_owned();
    let mut values = own.path.iter();
    for piece in pieces {
        percent(values.next().ok_or_else(wrong)?, &mut url);
        url.push_str(piece);
    }
    let mut pairs = own.query.clone();
    for (name, value) in &extra.query {
        set_exact(&mut pairs, name, value.clone());
    }
    let more = encoded(&pairs);
    let parts = [query, more.as_str()].into_iter().filter(|part| !part.is_empty());
    let query = parts.collect::<Vec<_>>().join("&");
    if !query.is_empty() {
        url.push('?');
        url.push_str(&query);
    }
    Ok(url)
}

fn headers(url: &str, own: &Http, extra: &Extra) -> Vec<(String, String)> {
    let mut headers =
        vec![("content-type".to_owned(), "application/json; charset=utf-8".to_owned())];
    for (name, value) in own.headers.iter().chain(&extra.headers) {
        if !OWN_HEADERS.iter().any(|own| own.eq_ignore_ascii_case(name)) {
            set(&mut headers, name, value.clone());
        }
    }
    headers.push(("host".to_owned(), host(url).to_owned()));
    headers
}

/// Sets a header, in place of one of the same name.
fn set(headers: &mut Vec<(String, String)>, name: &str, value: String) {
    headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    headers.push((name.to_owned(), value));
}

fn set_exact(pairs: &mut Vec<(String, String)>, name: &str, value: String) {
    pairs.retain(|(known, _)| known != name);
    pairs.push((name.to_owned(), value));
}

/// The body: the payload, with the connection's own members where it is an object.
fn body(payload: &str, extra: &Extra) -> Vec<u8> {
    if extra.body.is_empty() {
        return payload.as_bytes().to_vec();
    }
    match serde_json::from_str(payload) {
        Ok(Value::Object(mut members)) => {
            for (name, value) in &extra.body {
                members.insert(name.clone(), Value::String(value.clone()));
            }
            Value::Object(members).to_string().into_bytes()
        }
        _ => payload.as_bytes().to_vec(),
    }
}

/// Host and port of an address.
pub(super) fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// Pairs as a query or form has them.
pub(super) fn encoded(pairs: &[(String, String)]) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        if !text.is_empty() {
            text.push('&');
        }
        percent(name, &mut text);
        text.push('=');
        percent(value, &mut text);
    }
    text
}

/// RFC 3986, section 2: all but unreserved characters are encoded.
fn percent(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push_str(&bulla_crypto::hex::encode(&[byte]).to_ascii_uppercase());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
        all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn an_address_is_made_of_its_parts() {
        let own = Http {
            path: vec!["a/b".into(), "ü".into()],
            query: pairs(&[("q", "1 2"), ("r", "x")]),
            ..Http::default()
        };
        let extra = Extra { query: pairs(&[("r", "y&z")]), ..Extra::default() };
        let made = url("https://h.example:8443/v1/*/x/*?k=v", &own, &extra).unwrap();
        assert_eq!(made, "https://h.example:8443/v1/a%2Fb/x/%C3%BC?k=v&q=1%202&r=y%26z");
        assert_eq!(host(&made), "h.example:8443");
        assert!(url("https://h/*", &Http::default(), &Extra::default()).is_err());
    }

    #[test]
    fn headers_of_the_connection_come_last_and_none_steers_the_transport() {
        let own = Http {
            headers: pairs(&[("X-A", "own"), ("Host", "evil"), ("Content-Length", "0")]),
            ..Http::default()
        };
        let extra = Extra { headers: pairs(&[("x-a", "theirs")]), ..Extra::default() };
        let made = headers("https://h/", &own, &extra);
        let find = |name: &str| made.iter().filter(|(known, _)| known == name).count();
        assert_eq!((find("X-A"), find("x-a"), find("Host"), find("host")), (0, 1, 0, 1));
    }

    #[test]
    fn answers_say_whether_to_try_again() {
        let reply = |status, retry_after: Option<&str>| {
            let retry_after = retry_after.map(str::to_owned);
            judged(Ok(Reply { status, retry_after, body: Vec::new() }))
        };
        assert_eq!(reply(204, None), Ok(()));
        for status in [401, 407, 409, 429, 500, 503] {
            assert!(matches!(reply(status, None), Err(Trouble::Later(..))), "{status}");
        }
        for status in [301, 400, 403, 404, 413] {
            assert!(matches!(reply(status, None), Err(Trouble::Never(..))), "{status}");
        }
        let asked = reply(429, Some("7"));
        assert!(matches!(asked, Err(Trouble::Later(_, _, Some(7_000)))), "{asked:?}");
        let late = judged(Err(OutgoingError::Late));
        assert!(matches!(late, Err(Trouble::Later("TIMEOUT", ..))), "{late:?}");
    }

    #[test]
    fn the_connections_members_go_into_objects() {
        let extra = Extra { body: pairs(&[("k", "v")]), ..Extra::default() };
        assert_eq!(body(r#"{"a":1}"#, &extra), br#"{"a":1,"k":"v"}"#);
        assert_eq!(body("[1]", &extra), b"[1]");
    }
}
