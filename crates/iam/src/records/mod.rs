//! IAM's records as they stand in the store: users, groups, roles, policies, and what finds them.

mod entity;
mod policy;

use bulla_plane::Stop;
use bulla_store::{Opened, Space, Version, View};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use entity::{Entity, Kind, RolePart, arn};
pub(crate) use policy::PolicyRecord;

/// The partition that all of IAM lives in.
pub(crate) const PARTITION: &str = "aws";

/// One row a user: `<account>/<name in lower case>`. Groups and roles likewise.
pub(crate) const USERS: Space = Space::new("iam.user");
pub(crate) const GROUPS: Space = Space::new("iam.group");
pub(crate) const ROLES: Space = Space::new("iam.role");
/// One row a customer managed policy: `<account>/<name in lower case>`.
pub(crate) const POLICIES: Space = Space::new("iam.policy");
/// One row a unique id: who has it. Gone with its holder, and never made again.
pub(crate) const IDS: Space = Space::new("iam.id");
/// One row a user or role, under its ARN; for lists over all accounts.
pub(crate) const ARNS: Space = Space::new("iam.arn");
/// One row an account's root user: its access keys.
pub(crate) const ROOTS: Space = Space::new("iam.root");

/// Whom a unique id belongs to.
#[derive(Debug, Clone, Serialize, serde::Deserialize)]
pub(crate) struct Holder {
    pub(crate) kind: Kind,
    pub(crate) account: String,
    pub(crate) name: String,
}

/// What an account's root user has.
#[derive(Debug, Clone, Default, Serialize, serde::Deserialize)]
pub(crate) struct RootRecord {
    /// The ids of its access keys.
    pub(crate) keys: Vec<String>,
}

/// A record, and the version of its row.
#[derive(Debug, Clone)]
pub(crate) struct Stored<T> {
    pub(crate) record: T,
    pub(crate) version: Version,
}

/// The row of a name within an account. Names are unique without regard to letter case.
pub(crate) fn row(account: &str, name: &str) -> String {
    format!("{account}/{}", name.to_ascii_lowercase())
}

/// Reads a record.
pub(crate) async fn load<T: DeserializeOwned>(
    view: &View<'_>,
    space: Space,
    key: &str,
) -> Result<Option<Stored<T>>, Stop> {
    view.get(space, key.as_bytes()).await?.map(read).transpose()
}

/// Reads a row that was opened.
pub(crate) fn read<T: DeserializeOwned>(opened: Opened) -> Result<Stored<T>, Stop> {
    let record = serde_json::from_slice(opened.value.expose()).map_err(|error| {
        tracing::error!(%error, "a stored record of IAM does not read");
        Stop::Internal
    })?;
    Ok(Stored { record, version: opened.version })
}

/// A record's bytes.
pub(crate) fn bytes(record: &impl Serialize) -> Result<Vec<u8>, Stop> {
    serde_json::to_vec(record).map_err(|error| {
        tracing::error!(%error, "a record of IAM does not serialize");
        Stop::Internal
    })
}
