//! Identity: IAM with its users, groups, roles and policies; access keys; and STS, which tells
//! callers who they are.
//!
//! Three services share the [`Principals`]: what they know of users, roles and accounts, compiled
//! into authorities and kept in memory until the account changes.

mod access_key;
mod authenticate;
mod iam;
mod ids;
mod managed;
mod principals;
mod records;
mod sts;

pub use access_key::{ACCESS_KEYS, AccessKeyError, AccessKeys, IssuedKey, is_account};
pub use iam::Iam;
pub use ids::account_of_key;
pub use principals::{
    Bounds, Guardrails, MAX_CACHED_AUTHORITIES, MAX_CACHED_SIGNING_KEYS, Principals, Role,
    SessionOf,
};
pub use records::SPACES;
pub use sts::Sts;
