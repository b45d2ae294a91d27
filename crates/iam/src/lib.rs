//! Identity: the access keys that Bulla issued, and STS, which tells callers who they are.

mod access_key;
mod authenticate;
mod sts;

pub use access_key::{ACCESS_KEYS, AccessKeyError, AccessKeys, IssuedKey, is_account};
pub use authenticate::{MAX_CACHED_ANYONE, MAX_CACHED_SIGNING_KEYS};
pub use sts::Sts;
