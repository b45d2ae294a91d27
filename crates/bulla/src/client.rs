//! The client of a running Bulla, for commands that ask it something: that of the envelope, which
//! finds server and credentials where AWS's own clients find them.

use bulla_envelope::client::Settings;
pub(crate) use bulla_envelope::client::{Client, ClientError, Target};

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
