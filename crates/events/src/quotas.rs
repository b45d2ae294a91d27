//! How much there may be (EventBridge user guide, "EventBridge quotas").

use bulla_plane::quotas::Resource;

/// Buses of an account in a region, the default one not counted.
pub(crate) const BUSES: Resource = Resource::new("event-buses", 100);
/// Rules on a bus.
pub(crate) const RULES_PER_BUS: Resource = Resource::new("rules-per-bus", 300);
/// Targets of a rule.
pub(crate) const TARGETS_PER_RULE: Resource = Resource::new("targets-per-rule", 5);
/// Bytes of an event pattern. The model takes 4,096, to which accounts can have it raised.
pub(crate) const PATTERN_BYTES: Resource = Resource::new("event-pattern-bytes", 2_048);
/// Connections of an account in a region.
pub(crate) const CONNECTIONS: Resource = Resource::new("connections", 3_000);
/// API destinations of an account in a region.
pub(crate) const API_DESTINATIONS: Resource = Resource::new("api-destinations", 3_000);
/// Tags of a bus or rule.
pub(crate) const TAGS: Resource = Resource::new("tags-per-event-resource", 50);
/// Bytes of a bus's policy.
pub(crate) const POLICY_BYTES: Resource = Resource::new("event-bus-policy-bytes", 10_240);

/// All resource quotas.
pub const RESOURCES: &[Resource] = &[
    BUSES,
    RULES_PER_BUS,
    TARGETS_PER_RULE,
    PATTERN_BYTES,
    CONNECTIONS,
    API_DESTINATIONS,
    TAGS,
    POLICY_BYTES,
];
