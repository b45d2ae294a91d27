//! Identity: IAM with its users, groups, roles and policies; access keys; and STS, which tells
//! callers who they are.
//!
//! Three services share the [`Principals`]: what they know of users, roles and accounts, compiled
//! into authorities and kept in memory until the account changes.

mod access_key;
mod authenticate;
mod compact;
mod iam;
mod ids;
mod managed;
mod oidc;
mod organizations;
mod principals;
mod records;
mod sts;

pub use access_key::{ACCESS_KEYS, AccessKeyError, AccessKeys, IssuedKey, is_account};
pub use iam::Iam;
pub use ids::account_of_key;
pub use oidc::{FetchError, Fetcher, Providers};
pub use organizations::{
    Organizations, SPACES as ORGANIZATION_SPACES, draw_account, record_account,
};
pub use principals::{
    Bounds, Guardrails, MAX_CACHED_AUTHORITIES, MAX_CACHED_SIGNING_KEYS, Principals, Role,
};
pub use records::SPACES;
pub use sts::{Assumption, MAX_CACHED_SESSIONS, Messages, ServiceCredentials, Sessions, Sts};
