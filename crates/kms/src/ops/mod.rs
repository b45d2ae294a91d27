//! The operations, a file a family.

pub(crate) mod agree;
pub(crate) mod alias;
pub(crate) mod crypt;
pub(crate) mod custom_key;
pub(crate) mod datakey;
pub(crate) mod datakeypair;
pub(crate) mod describe;
pub(crate) mod grant;
pub(crate) mod grant_end;
pub(crate) mod grant_list;
pub(crate) mod import;
pub(crate) mod lifecycle;
pub(crate) mod mac;
pub(crate) mod own_key;
pub(crate) mod policy;
pub(crate) mod public;
pub(crate) mod random;
pub(crate) mod replicate;
pub(crate) mod rotation;
pub(crate) mod sign;
pub(crate) mod store;
pub(crate) mod store_connection;
pub(crate) mod tags;
pub(crate) mod using;

use bulla_plane::Stop;
use bulla_shapes::{Fault, Record};

use crate::fault;

/// What a handler answers.
pub(crate) type Answer = Result<Option<Record<'static>>, Stop>;

/// Ends a dry run, which has come to where the effect would be.
pub(crate) fn stop_if_dry(dry_run: Option<bool>) -> Result<(), Fault> {
    if dry_run == Some(true) { Err(fault::dry_run()) } else { Ok(()) }
}

/// CloudTrail's type of a key.
pub(crate) const KEY_TYPE: &str = "AWS::KMS::Key";
