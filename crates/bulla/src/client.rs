//! The client of a running Bulla, for commands that ask it something: that of the envelope, which
//! finds server and credentials where AWS's own clients find them.

use std::path::PathBuf;
use std::sync::Arc;

use bulla_crypto::SecretBytes;
pub(crate) use bulla_envelope::client::{Client, ClientError, Target};
use bulla_envelope::client::{RetryPolicy, Settings};

use crate::error::Error;

/// Where `bulla dev` and `bulla serve` listen when nothing is said.
const DEFAULT_ENDPOINT: &str = "http://127.0.0.1:4566";

/// A client by the environment and AWS's shared files, of the server beside us unless another is
/// named.
pub(crate) fn of_bulla() -> Result<Client, Error> {
    let mut settings = Settings::from_environment()?;
    if settings.endpoint.is_none() {
        settings.endpoint = DEFAULT_ENDPOINT.parse().ok();
    }
    Ok(Client::new(settings)?)
}

/// A client that asks only for what needs no signature, of the same server.
pub(crate) fn of_anybody() -> Result<Client, Error> {
    let endpoint =
        std::env::var("AWS_ENDPOINT_URL").unwrap_or_else(|_| DEFAULT_ENDPOINT.to_owned());
    let ca_bundle = std::env::var_os("AWS_CA_BUNDLE").map(PathBuf::from);
    let endpoint = endpoint.parse().map_err(|_| {
        Error::Usage(format!("AWS_ENDPOINT_URL={endpoint:?} is no address of a server"))
    })?;
    Ok(Client::new(Settings {
        endpoint: Some(endpoint),
        region: String::new(),
        access_key_id: String::new(),
        secret: Arc::new(SecretBytes::new(Vec::new())),
        session_token: None,
        ca_bundle,
        retries: RetryPolicy::default(),
    })?)
}

/// A client of a service by the environment and AWS's shared files: of AWS's own unless another
/// endpoint is named. `id` is the service's in `AWS_ENDPOINT_URL_…`.
pub(crate) fn of_service(id: &str, target: Target) -> Result<Client, Error> {
    Ok(Client::of(target.service, Settings::for_service(id)?)?)
}

impl From<ClientError> for Error {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Settings(text) => Self::Usage(text),
            ClientError::Refused { operation, code, message, .. } => {
                Self::Refused { operation, code, message }
            }
            ClientError::Io(attempt, cause) => Self::Io(attempt, cause),
            other => Self::Usage(other.to_string()),
        }
    }
}
