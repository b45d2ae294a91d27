//! IAM's records as they stand in the store: users, groups, roles, policies, and what finds them.

mod entity;
mod policy;
mod profile;

use bulla_plane::Stop;
use bulla_store::{Opened, Space, Version, View};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use entity::{Entity, Inline, Kind, RolePart, TrustBinding, arn};
pub(crate) use policy::{PolicyRecord, PolicyVersion};
pub(crate) use profile::ProfileRecord;

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
/// One row an instance profile: `<account>/<name in lower case>`.
pub(crate) const PROFILES: Space = Space::new("iam.profile");
/// One row a membership: `<account>/<group's id>/<user's id>`.
pub(crate) const MEMBERS: Space = Space::new("iam.member");
/// One row for each entity that uses a managed policy:
/// `<account>/<ARN>/<a or b>/<entity's id>`.
pub(crate) const USES: Space = Space::new("iam.use");
/// One row a managed policy that is in use: `<account>/<ARN>`; how often.
pub(crate) const USAGES: Space = Space::new("iam.usage");
/// One row an account: how many of each kind it has.
pub(crate) const CENSUS: Space = Space::new("iam.census");
/// One row a deletion of a service-linked role: `<account>/<task>`.
pub(crate) const DELETIONS: Space = Space::new("iam.deletion");
/// One row an account alias: whose it is.
pub(crate) const ALIASES: Space = Space::new("iam.alias");
/// One row an account that has an alias: which.
pub(crate) const ACCOUNT_ALIASES: Space = Space::new("iam.aliasof");
/// One row an access key that was used: when last, and for what.
pub(crate) const KEY_USES: Space = Space::new("iam.keyuse");
/// One row an access key of a user, under its id.
pub(crate) const USER_KEYS: Space = Space::new("iam.userkey");
/// One row an account's root user: its access keys.
pub(crate) const ROOTS: Space = Space::new("iam.root");

/// The spaces that a reset empties. Root users' access keys stay: whoever holds one could not get
/// in any more.
pub const SPACES: &[Space] = &[
    USERS,
    GROUPS,
    ROLES,
    POLICIES,
    PROFILES,
    MEMBERS,
    USES,
    USAGES,
    CENSUS,
    DELETIONS,
    ALIASES,
    ACCOUNT_ALIASES,
    KEY_USES,
    IDS,
    ARNS,
    USER_KEYS,
    crate::oidc::PROVIDERS,
];

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

/// The version of a row, if there is one.
pub(crate) async fn version_of(
    view: &View<'_>,
    space: Space,
    key: &str,
) -> Result<Option<Version>, Stop> {
    Ok(view.get(space, key.as_bytes()).await?.map(|opened| opened.version))
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
