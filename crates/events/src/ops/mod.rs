//! The operations, a file a family.

pub(crate) mod buses;
pub(crate) mod connections;
pub(crate) mod destinations;
pub(crate) mod permissions;
pub(crate) mod put_events;
pub(crate) mod rules;
pub(crate) mod tags;
pub(crate) mod targets;
pub(crate) mod test_pattern;

use bulla_plane::Stop;
use bulla_shapes::Record;

/// What a handler answers.
pub(crate) type Answer = Result<Option<Record<'static>>, Stop>;

/// CloudTrail's types of what operations touch.
pub(crate) const BUS_TYPE: &str = "AWS::Events::EventBus";
pub(crate) const RULE_TYPE: &str = "AWS::Events::Rule";
pub(crate) const CONNECTION_TYPE: &str = "AWS::Events::Connection";
pub(crate) const DESTINATION_TYPE: &str = "AWS::Events::ApiDestination";
