//! What is kept of quotas: the values that were set, and the requests for other ones.

use bulla_plane::Stop;
use bulla_store::Space;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::fault;

/// A row a value that was set: `<account>/<region>/<service>/<code>`.
pub(crate) const SET: Space = Space::new("quotas.set");
/// A row a request: `<account>/<region>/<id>`.
pub(crate) const REQUESTS: Space = Space::new("quotas.request");

/// A value that was set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Applied {
    pub(crate) value: f64,
    pub(crate) set_ms: i64,
    /// Who set it, by ARN.
    pub(crate) by: String,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Status {
    Pending,
    Approved,
    Denied,
}

/// A request for another value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) id: String,
    pub(crate) service: String,
    pub(crate) code: String,
    pub(crate) desired: f64,
    pub(crate) status: Status,
    pub(crate) created_ms: i64,
    pub(crate) updated_ms: i64,
    /// Who asked, by account and ARN.
    pub(crate) requester: String,
}

impl Status {
    /// AWS's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Approved => "APPROVED",
            Self::Denied => "DENIED",
        }
    }
}

/// A place in the rows: everything of an account and region begins so.
pub(crate) fn home(account: &str, region: &str) -> String {
    format!("{account}/{region}/")
}

pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Stop> {
    serde_json::from_slice(bytes).map_err(|error| unreadable(&error))
}

pub(crate) fn written<T: Serialize>(record: &T) -> Result<Vec<u8>, Stop> {
    serde_json::to_vec(record).map_err(|error| unreadable(&error))
}

fn unreadable(error: &serde_json::Error) -> Stop {
    tracing::error!(%error, "a stored record of a quota does not read");
    fault::internal().into()
}
