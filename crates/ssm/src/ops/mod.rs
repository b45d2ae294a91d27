//! The operations, a file a family.

pub(crate) mod by_path;
pub(crate) mod delete;
pub(crate) mod describe;
pub(crate) mod get;
pub(crate) mod history;
pub(crate) mod label;
pub(crate) mod put;
pub(crate) mod resource_policy;
pub(crate) mod setting;
pub(crate) mod tags;

use bulla_plane::Stop;
use bulla_shapes::Record;

/// What a handler answers.
pub(crate) type Answer = Result<Option<Record<'static>>, Stop>;
