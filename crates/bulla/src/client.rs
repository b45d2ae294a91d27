//! A client of a running Bulla, for commands that ask it something.
//!
//! It finds server and credentials where AWS's own clients find them, and signs as they do.

mod exchange;
mod settings;

use bulla_sigv4::{Credentials, RequestParts, SignOptions, sign_header};
use bytes::Bytes;
use serde_json::Value;

use crate::error::Error;

use exchange::Exchange;
pub(crate) use settings::Settings;

/// A JSON service, as its requests name it.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    /// The service that is signed for.
    pub(crate) service: &'static str,
    /// What stands before the operation in `X-Amz-Target`.
    pub(crate) prefix: &'static str,
}

/// A client of one server, with one caller's credentials.
pub(crate) struct Client {
    settings: Settings,
    exchange: Exchange,
}

impl Client {
    /// A client by the environment and AWS's shared files.
    pub(crate) fn from_environment() -> Result<Self, Error> {
        let settings = Settings::from_environment()?;
        let exchange = Exchange::new(&settings.endpoint, settings.ca_bundle.as_deref())?;
        Ok(Self { settings, exchange })
    }

    /// Calls an operation of AWS JSON 1.1.
    ///
    /// # Errors
    /// [`Error::Refused`] when the server answers with an error, else the environment's.
    pub(crate) async fn call(
        &self,
        target: Target,
        operation: &str,
        input: &Value,
    ) -> Result<Value, Error> {
        let body = input.to_string().into_bytes();
        let named = format!("{}.{operation}", target.prefix);
        let mut headers = vec![
            ("content-type".to_owned(), bulla_shapes::protocol::JSON_1_1.to_owned()),
            ("host".to_owned(), self.exchange.host().to_owned()),
            ("x-amz-target".to_owned(), named),
        ];
        let signed: Vec<(&str, &[u8])> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let parts = RequestParts {
            method: "POST",
            path: self.exchange.path(),
            query: "",
            headers: &signed,
            body: &body,
        };
        let now = bulla_plane::Clock::wall_ms().div_euclid(1000);
        let options = SignOptions::new(target.service, &self.settings.region, now);
        let credentials = Credentials {
            access_key_id: &self.settings.access_key_id,
            secret: self.settings.secret.expose(),
            token: self.settings.session_token.as_deref(),
        };
        let added = sign_header(&parts, &credentials, &options).map_err(|error| {
            Error::Usage(format!("a request can't be signed with these credentials: {error}"))
        })?;
        headers.extend(added);
        let (status, answer) = self.exchange.post(&headers, body).await?;
        // What answers nothing has no body at all.
        let answer = if answer.is_empty() { Bytes::from_static(b"null") } else { answer };
        let answer: Value = serde_json::from_slice(&answer).map_err(|_| {
            let host = self.exchange.host();
            Error::Usage(format!(
                "{host} answered {operation} with status {status} and no JSON: does AWS_ENDPOINT_URL \
                 name a Bulla?"
            ))
        })?;
        if (200..300).contains(&status) {
            return Ok(answer);
        }
        let text = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default();
        let message = if answer.get("message").is_some() { "message" } else { "Message" };
        Err(Error::Refused {
            operation: operation.to_owned(),
            code: text("__type").to_owned(),
            message: text(message).to_owned(),
        })
    }
}
