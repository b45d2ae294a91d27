//! The audit record: append-only, hash-chained, group-committed.
//!
//! Every call becomes one [`RecordRef`], which [`Journal::append`] makes durable before the call
//! is answered. Records are numbered without gaps and joined by a chain of HMACs (`chain.rs`), so
//! that whatever is altered, dropped, moved or cut off is named by [`verify`]. If the journal
//! can't be written, appends fail, and with them the calls; it recovers by itself.
//!
//! Old segments are removed only by [`Journal::retain`], and [`verify`] tells what it removed from
//! what somebody else did.

mod ahead;
mod chain;
mod cloudtrail;
mod direct;
mod directory;
mod encoding;
mod fault;
mod feed;
#[cfg(test)]
mod fixtures;
mod group;
mod json;
mod keeper;
mod medium;
mod memory;
mod metrics;
mod outline;
mod pack;
mod reader;
mod record;
mod recovery;
mod retention;
mod scan;
mod session_key;
mod simulated;
mod tail;
mod texts;
mod together;
mod verify;
mod writer;

use std::time::Duration;

pub use chain::{CHAIN_BYTES, ChainKey, ChainValue, FORMAT_VERSION};
pub use directory::Directory;
pub use encoding::{DecodeError, ENCODING_VERSION};
pub use fault::{Fault, FaultKind};
pub use feed::{Extent, Feed, Follower, Heard, Listener, Pace};
pub use medium::Medium;
pub use memory::{MEMORY_BYTES, Memory};
pub use metrics::Metrics;
pub use reader::{Place, ReadError, Reader};
pub use record::{
    Category, EventType, Identity, MAX_ADDITIONAL_BYTES, MAX_ELEMENTS_BYTES, MAX_RESOURCES,
    MAX_TEXT_BYTES, Record, RecordRef, Resource, Session, SessionIssuer, Tls,
};
pub use recovery::{OpenError, Recovery};
pub use scan::MAX_SEGMENT_BYTES;
pub use session_key::{is_session_key, session_key_text};
pub use simulated::Simulated;
pub use texts::Fetch;
pub(crate) use together::Together;
pub use verify::{Anchor, MAX_FAULTS, Report, verify};
pub use writer::{Durability, Journal, JournalError, Options};

/// Bytes of a segment: 16 MiB, made ahead.
pub const SEGMENT_BYTES: u64 = 16 << 20;
/// Bytes of records that may wait for the next sync before appends wait for room: 1 MiB.
pub const PENDING_BYTES: usize = 1 << 20;
/// The most bytes of one encoded record: 640 KiB, more than all limits of its fields together.
pub const MAX_RECORD_BYTES: usize = 640 << 10;
/// The most records that are appended together: a call, and what services called within it.
pub const MAX_TOGETHER: usize = 32;
/// The longest a group may take to become durable before its records are answered as unavailable.
pub const STALL: Duration = Duration::from_millis(750);
/// How long after an answer its record is durable at the latest, where answers don't wait for that.
/// While a record is older and not durable, nothing more is answered.
pub const WITHIN: Duration = Duration::from_millis(5);
/// How often a journal that failed is tried again.
pub const RETRY: Duration = Duration::from_millis(250);

/// The most bytes of a record frame's payload: a record that could not be packed has one in front.
const MAX_FRAME_PAYLOAD_BYTES: usize = MAX_RECORD_BYTES + 1 + chain::SEQUENCE_BYTES;
/// The most bytes of a record's frame.
const MAX_FRAME_BYTES: usize = MAX_FRAME_PAYLOAD_BYTES + chain::FRAME_OVERHEAD;
/// The most bytes of a group: the room for those that wait, and what just fitted in.
const MAX_GROUP_BYTES: usize = PENDING_BYTES + MAX_TOGETHER * MAX_FRAME_BYTES;

#[cfg(test)]
mod tests;
