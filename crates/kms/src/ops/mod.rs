//! The operations, a file a family.

pub(crate) mod alias;
pub(crate) mod crypt;
pub(crate) mod datakey;
pub(crate) mod describe;
pub(crate) mod lifecycle;
pub(crate) mod policy;
pub(crate) mod random;
pub(crate) mod rotation;
pub(crate) mod tags;

use bulla_plane::Stop;
use bulla_shapes::Record;

/// What a handler answers.
pub(crate) type Answer = Result<Option<Record<'static>>, Stop>;

/// CloudTrail's type of a key.
pub(crate) const KEY_TYPE: &str = "AWS::KMS::Key";
