//! What is kept of trails, and where the delivery of each stands.

use bulla_plane::Stop;
use bulla_store::{Opened, Space};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// One row a trail: `<account>/<home region>/<name>`.
pub(crate) const TRAILS: Space = Space::new("trail.trail");
/// How far each trail's delivery has come, under the trail's key. It outlives the trail until what
/// was recorded before the trail's end is delivered.
pub(crate) const DELIVERIES: Space = Space::new("trail.delivery");
/// One row for each log file that no digest has yet: `<trail's row>/<region>/<first record>`.
pub(crate) const FILES: Space = Space::new("trail.file");
/// One row for each chain of digests: `<trail's row>/<region>`.
pub(crate) const DIGESTS: Space = Space::new("trail.digest");
/// What is published of the keys that digests are signed with: `<region>/<from, 20 digits>`.
pub(crate) const KEYS: Space = Space::new("trail.key");
/// Their private halves in PKCS #8, under the same rows.
pub(crate) const SIGNERS: Space = Space::new("trail.signer");

/// A trail.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct TrailRecord {
    pub(crate) account: String,
    pub(crate) partition: String,
    pub(crate) home: String,
    pub(crate) name: String,
    pub(crate) bucket: String,
    pub(crate) prefix: Option<String>,
    /// Whether calls of services that have no region are in it.
    pub(crate) global: bool,
    pub(crate) multi_region: bool,
    /// Whether digests are made.
    pub(crate) validation: bool,
    pub(crate) kms_key: Option<String>,
    pub(crate) tags: Vec<(String, String)>,
    /// In the wire's form, as they were put.
    pub(crate) selectors: Option<Selectors>,
}

/// Which events a trail delivers, if not all.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Selectors {
    Basic(Vec<Basic>),
    Advanced(Vec<Advanced>),
}

/// A selector of the older kind.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Basic {
    /// `All`, `ReadOnly` or `WriteOnly`.
    pub(crate) kind: String,
    pub(crate) management: bool,
    pub(crate) excluded: Vec<String>,
}

/// A selector of the newer kind: all of its conditions must hold.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Advanced {
    pub(crate) name: Option<String>,
    pub(crate) fields: Vec<Field>,
}

/// A condition on one field. Each list that is not empty must be fulfilled.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Field {
    pub(crate) field: String,
    pub(crate) equals: Vec<String>,
    pub(crate) starts: Vec<String>,
    pub(crate) ends: Vec<String>,
    pub(crate) not_equals: Vec<String>,
    pub(crate) not_starts: Vec<String>,
    pub(crate) not_ends: Vec<String>,
}

impl TrailRecord {
    pub(crate) fn row(&self) -> String {
        row(&self.account, &self.home, &self.name)
    }

    pub(crate) fn arn(&self) -> String {
        crate::name::arn(&self.partition, &self.home, &self.account, &self.name)
    }
}

pub(crate) fn row(account: &str, region: &str, name: &str) -> String {
    format!("{account}/{region}/{name}")
}

/// How far the delivery of a trail has come.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Delivery {
    /// The trail as it was when it was last looked at: what goes on after its end needs it.
    pub(crate) trail: Option<TrailRecord>,
    /// What is to be delivered, oldest first: one stretch a time that logging was on.
    pub(crate) stretches: Vec<Stretch>,
    pub(crate) started_ms: Option<i64>,
    pub(crate) stopped_ms: Option<i64>,
    /// What is being written now.
    pub(crate) plan: Option<Plan>,
    pub(crate) delivered_ms: Option<i64>,
    pub(crate) attempted_ms: Option<i64>,
    pub(crate) error: Option<String>,
    pub(crate) digested_ms: Option<i64>,
    pub(crate) digest_error: Option<String>,
}

/// A stretch of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stretch {
    /// The first record that is not delivered yet.
    pub(crate) next: u64,
    /// The last one; none while logging is on.
    pub(crate) to: Option<u64>,
}

impl Stretch {
    pub(crate) fn is_done(self) -> bool {
        self.to.is_some_and(|to| to < self.next)
    }
}

impl Delivery {
    /// Whether events are recorded for the trail.
    pub(crate) fn is_logging(&self) -> bool {
        self.stretches.last().is_some_and(|stretch| stretch.to.is_none())
    }
}

/// Log files that are being written: the same after a crash as before, so that none is doubled.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// The first record of the journal.
    pub(crate) from: u64,
    /// The last one.
    pub(crate) to: u64,
    /// When it was made, which the files' names tell.
    pub(crate) time_ms: i64,
    pub(crate) bucket: String,
    pub(crate) prefix: Option<String>,
}

/// A log file that is there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FileRecord {
    pub(crate) key: String,
    pub(crate) bucket: String,
    /// SHA-256 of what is in it, uncompressed, in hex.
    pub(crate) hash: String,
    pub(crate) oldest_ms: i64,
    pub(crate) newest_ms: i64,
}

/// A chain of digests.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct DigestRecord {
    /// Where the next digest begins in time.
    pub(crate) start_ms: i64,
    pub(crate) previous: Option<Previous>,
    /// The digest that is being written.
    pub(crate) plan: Option<DigestPlan>,
}

/// A digest that is being written.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct DigestPlan {
    /// Its end in time, in whole seconds.
    pub(crate) end_ms: i64,
    /// The row of the last file in it.
    pub(crate) last: Option<String>,
    pub(crate) bucket: String,
    pub(crate) prefix: Option<String>,
    /// Whether it ends the chain: then no file came after its last.
    #[serde(default)]
    pub(crate) ends: bool,
}

/// The digest before.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Previous {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) hash: String,
    pub(crate) signature: String,
}

/// What is published of a pair of keys that digests of a region are signed with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct KeyRecord {
    /// PKCS #1.
    pub(crate) public: Vec<u8>,
    pub(crate) fingerprint: String,
    pub(crate) from_ms: i64,
    pub(crate) to_ms: i64,
}

/// A record as its row has it.
pub(crate) fn bytes<T: Serialize>(record: &T) -> Result<Vec<u8>, Stop> {
    serde_json::to_vec(record).map_err(|error| {
        tracing::error!(%error, "a record of CloudTrail does not serialize");
        Stop::Internal
    })
}

/// Reads what [`bytes`] wrote.
pub(crate) fn read<T: DeserializeOwned>(row: &Opened) -> Result<T, Stop> {
    serde_json::from_slice(row.value.expose()).map_err(|error| {
        tracing::error!(%error, "a record of CloudTrail does not read");
        Stop::Internal
    })
}
