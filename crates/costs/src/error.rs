//! Why the meter is behind.

use std::{fmt, io};

use bulla_plane::Stop;
use bulla_store::{BarrierError, Space};
use tokio::task::JoinError;

/// Why the meter is behind.
#[derive(Debug)]
pub enum MeterError {
    /// The store failed.
    Store(BarrierError),
    /// The journal can't be read.
    Journal(io::Error),
    /// A row does not read: the space, and why.
    Row(Space, serde_json::Error),
    /// The task that reads the journal ended.
    Task(JoinError),
}

impl fmt::Display for MeterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => write!(f, "the store failed: {error}"),
            Self::Journal(error) => write!(f, "the journal can't be read: {error}"),
            Self::Row(space, error) => write!(f, "a row of {space} does not read: {error}"),
            Self::Task(error) => write!(f, "the reading of the journal ended: {error}"),
        }
    }
}

impl std::error::Error for MeterError {}

impl From<BarrierError> for MeterError {
    fn from(error: BarrierError) -> Self {
        Self::Store(error)
    }
}

impl From<MeterError> for Stop {
    fn from(error: MeterError) -> Self {
        tracing::error!(%error, "what was used can't be told");
        Self::Internal
    }
}
