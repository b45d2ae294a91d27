//! The operations.

pub(crate) mod keys;
pub(crate) mod logging;
pub(crate) mod lookup;
pub(crate) mod selectors;
pub(crate) mod tags;
pub(crate) mod trails;

use bulla_plane::Stop;
use bulla_shapes::Record;

/// What a handler answers.
pub(crate) type Answer = Result<Option<Record<'static>>, Stop>;

/// CloudTrail's type of a trail.
pub(crate) const TRAIL_TYPE: &str = "AWS::CloudTrail::Trail";
