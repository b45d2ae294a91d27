//! The operations, a file a family.

pub(crate) mod associate;
pub(crate) mod batch;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod describe;
pub(crate) mod list;
pub(crate) mod password;
pub(crate) mod policy;
pub(crate) mod put;
pub(crate) mod read;
pub(crate) mod replicate;
pub(crate) mod rotate;
pub(crate) mod stage;
pub(crate) mod tags;
pub(crate) mod update;
pub(crate) mod versions;

use bulla_crypto::SecretBytes;
use bulla_plane::Stop;
use bulla_shapes::{Fault, Record};

use crate::fault;
use crate::sealing::{Kind, Value};

/// What a handler answers.
pub(crate) type Answer = Result<Option<Record<'static>>, Stop>;

/// The value that a request brings, if it brings one.
pub(crate) fn value(text: Option<&str>, binary: Option<&[u8]>) -> Result<Option<Value>, Fault> {
    let of = |kind, bytes: &[u8]| Value { kind, bytes: SecretBytes::from_slice(bytes) };
    match (text, binary) {
        (None, None) => Ok(None),
        (Some(text), None) => Ok(Some(of(Kind::Text, text.as_bytes()))),
        (None, Some(binary)) => Ok(Some(of(Kind::Binary, binary))),
        // AWS's text is not recorded; this one is ours.
        (Some(_), Some(_)) => Err(fault::invalid_parameter(
            "You can't specify both a binary secret value and a string secret value in the same \
             secret.",
        )),
    }
}

/// The key that a request names; none for the AWS managed one, and for an empty name.
pub(crate) fn key_name(named: Option<&str>) -> Option<String> {
    named.filter(|key| !key.is_empty() && *key != crate::record::DEFAULT_KEY).map(str::to_owned)
}
