//! A lean client of AWS's JSON services, and so of KMS: hyper, rustls, Signature Version 4.
//!
//! It finds endpoint and credentials where AWS's own clients find them ([`Settings`]), keeps
//! connections, and repeats what may be repeated ([`RetryPolicy`]).

mod connection;
mod error;
mod kms;
mod profile;
mod retry;
mod settings;
mod tls;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bulla_sigv4::{Credentials, RequestParts, SignOptions, sign_header};
use bytes::Bytes;
use serde_json::Value;

use connection::{Exchange, Reply};
use retry::Retries;

pub use error::ClientError;
pub use retry::{DEFAULT_ATTEMPTS, RetryPolicy};
pub use settings::Settings;

/// The media type of AWS JSON 1.1.
const JSON: &str = "application/x-amz-json-1.1";

/// A JSON service, as its requests name it.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The service that is signed for.
    pub service: &'static str,
    /// What stands before the operation in `X-Amz-Target`.
    pub prefix: &'static str,
}

/// KMS.
pub const KMS: Target = Target { service: "kms", prefix: "TrentService" };

/// A client of one endpoint, with one caller's credentials. Cloning it is cheap; clones share
/// connections.
///
/// ```no_run
/// use std::sync::Arc;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use bulla_envelope::client::Client;
/// use bulla_envelope::keyring::{AwsKmsDiscoveryKeyring, AwsKmsKeyring, DiscoveryFilter};
/// use bulla_envelope::{EncryptionContext, Envelope};
///
/// let kms = Arc::new(Client::from_environment()?);
/// let envelope = Envelope::new(AwsKmsKeyring::strict(kms.clone(), "alias/app")?);
/// let message = envelope.encrypt(b"tokens", &EncryptionContext::new()).await?;
///
/// let filter = DiscoveryFilter {
///     partition: "aws".to_owned(),
///     accounts: vec!["111122223333".to_owned()],
/// };
/// let reader = Envelope::new(AwsKmsDiscoveryKeyring::new(kms, Some(filter))?);
/// let opened = reader.decrypt(&message, &EncryptionContext::new()).await?;
/// assert_eq!(opened.plaintext, b"tokens");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    service: &'static str,
    settings: Arc<Settings>,
    exchange: Arc<Exchange>,
    retries: Arc<Retries>,
}

impl Client {
    /// A client of KMS by the environment and AWS's shared files.
    ///
    /// # Errors
    /// [`ClientError::Settings`]
    pub fn from_environment() -> Result<Self, ClientError> {
        Self::new(Settings::from_environment()?)
    }

    /// A client of KMS by these settings.
    ///
    /// # Errors
    /// [`ClientError::Settings`] for an endpoint or certificates that can't be used.
    pub fn new(settings: Settings) -> Result<Self, ClientError> {
        Self::of(KMS.service, settings)
    }

    /// A client by these settings, of the service that endpoints and signatures call so. Where an
    /// endpoint is named, all services that stand there can be called.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of(service: &'static str, settings: Settings) -> Result<Self, ClientError> {
        let endpoint = settings.endpoint_of(service)?;
        let exchange = Exchange::new(&endpoint, settings.ca_bundle.as_deref())?;
        let retries = Retries::new(settings.retries);
        Ok(Self {
            service,
            settings: Arc::new(settings),
            exchange: Arc::new(exchange),
            retries: Arc::new(retries),
        })
    }

    /// The same caller in another region: at the same endpoint if one was named.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn in_region(&self, region: &str) -> Result<Self, ClientError> {
        let mut settings = Settings::clone(&self.settings);
        region.clone_into(&mut settings.region);
        if settings.endpoint.is_none() {
            return Self::of(self.service, settings);
        }
        Ok(Self { settings: Arc::new(settings), ..self.clone() })
    }

    /// The region that is signed for.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.settings.region
    }

    /// Calls an operation of AWS JSON 1.1. What may be repeated is, with waits between.
    ///
    /// # Errors
    /// [`ClientError::Refused`] when the service answers with an error, else what the last attempt
    /// failed with.
    pub async fn call(
        &self,
        target: Target,
        operation: &str,
        input: &Value,
    ) -> Result<Value, ClientError> {
        let body = Bytes::from(input.to_string());
        self.retries.run(|| self.attempt(target, operation, body.clone())).await
    }

    /// Gets what stands at a path of the same server, unsigned and once: its status, and its body.
    ///
    /// # Errors
    /// [`ClientError::Io`]
    pub async fn get(&self, path: &str) -> Result<(u16, Bytes), ClientError> {
        let Reply { status, body, .. } = self.exchange.get(path).await?;
        Ok((status, body))
    }

    async fn attempt(
        &self,
        target: Target,
        operation: &str,
        body: Bytes,
    ) -> Result<Value, ClientError> {
        let headers = self.headers(target, operation, &body)?;
        let Reply { status, retry_after, body: answer } =
            self.exchange.post(&headers, body).await?;
        // What answers nothing has no body at all.
        let answer = if answer.is_empty() { Bytes::from_static(b"null") } else { answer };
        let answer: Value = serde_json::from_slice(&answer).map_err(|_| ClientError::NoAnswer {
            host: self.exchange.host().to_owned(),
            operation: operation.to_owned(),
            status,
        })?;
        if (200..300).contains(&status) {
            return Ok(answer);
        }
        let text = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default();
        let message = if answer.get("message").is_some() { "message" } else { "Message" };
        // Some services write a namespace before the code.
        let code = text("__type").rsplit('#').next().unwrap_or_default();
        Err(ClientError::Refused {
            operation: operation.to_owned(),
            status,
            code: code.to_owned(),
            message: text(message).to_owned(),
            retry_after,
        })
    }

    fn headers(
        &self,
        target: Target,
        operation: &str,
        body: &[u8],
    ) -> Result<Vec<(String, String)>, ClientError> {
        let mut headers = vec![
            ("content-type".to_owned(), JSON.to_owned()),
            ("host".to_owned(), self.exchange.host().to_owned()),
            ("x-amz-target".to_owned(), format!("{}.{operation}", target.prefix)),
        ];
        let signed: Vec<(&str, &[u8])> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let parts = RequestParts {
            method: "POST",
            path: self.exchange.path(),
            query: "",
            headers: &signed,
            body,
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        let options = SignOptions::new(target.service, &self.settings.region, now);
        let credentials = Credentials {
            access_key_id: &self.settings.access_key_id,
            secret: self.settings.secret.expose(),
            token: self.settings.session_token.as_deref(),
        };
        let added = sign_header(&parts, &credentials, &options).map_err(|error| {
            ClientError::Settings(format!(
                "a request can't be signed with these credentials: {error}"
            ))
        })?;
        headers.extend(added);
        Ok(headers)
    }
}
