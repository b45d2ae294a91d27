//! API destinations: addresses that events are sent to.

use serde::{Deserialize, Serialize};

/// How often a destination may be asked unless it says so (EventBridge user guide).
pub(crate) const RATE: i64 = 300;

/// An API destination.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct DestinationRecord {
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) description: Option<String>,
    pub(crate) connection_arn: String,
    pub(crate) endpoint: String,
    pub(crate) method: String,
    /// How often it may be asked, in requests a second.
    pub(crate) rate: i64,
    pub(crate) created_ms: i64,
    pub(crate) modified_ms: i64,
}
