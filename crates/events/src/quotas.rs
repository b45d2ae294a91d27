//! How much there may be (EventBridge user guide, "EventBridge quotas").

/// A quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quota {
    /// Buses of an account in a region, the default one not counted.
    Buses,
    /// Rules on a bus.
    RulesPerBus,
    /// Targets of a rule.
    TargetsPerRule,
    /// Bytes of an event pattern.
    PatternBytes,
    /// Connections of an account in a region.
    Connections,
    /// API destinations of an account in a region.
    ApiDestinations,
    /// Tags of a bus or rule.
    Tags,
    /// Bytes of a bus's policy.
    PolicyBytes,
}

/// What is known of a quota: itself, its name for the command line, and AWS's default.
const ALL: [(Quota, &str, usize); 8] = [
    (Quota::Buses, "event-buses", 100),
    (Quota::RulesPerBus, "rules-per-bus", 300),
    (Quota::TargetsPerRule, "targets-per-rule", 5),
    // The model takes 4,096; the guide speaks of 2,048 that can be raised.
    (Quota::PatternBytes, "event-pattern-bytes", 4_096),
    (Quota::Connections, "connections", 3_000),
    (Quota::ApiDestinations, "api-destinations", 3_000),
    (Quota::Tags, "tags-per-event-resource", 50),
    (Quota::PolicyBytes, "event-bus-policy-bytes", 10_240),
];

/// The quotas that hold.
#[derive(Debug, Clone)]
pub struct Quotas([(Quota, &'static str, usize); 8]);

impl Default for Quotas {
    /// AWS's defaults.
    fn default() -> Self {
        Self(ALL)
    }
}

impl Quotas {
    /// Sets the quota of this name; tells whether there is one.
    #[must_use]
    pub fn set(&mut self, name: &str, value: usize) -> bool {
        match self.0.iter_mut().find(|(_, known, _)| *known == name) {
            Some((_, _, limit)) => {
                *limit = value;
                true
            }
            None => false,
        }
    }

    /// The names of all quotas.
    pub fn names() -> impl Iterator<Item = &'static str> {
        ALL.into_iter().map(|(_, name, _)| name)
    }

    /// The limit of a quota. None is missing from the table.
    pub(crate) fn get(&self, quota: Quota) -> usize {
        self.0.iter().find(|(known, ..)| *known == quota).map_or(0, |(_, _, limit)| *limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_quota_has_its_default_and_can_be_set_by_name() {
        let mut quotas = Quotas::default();
        for (quota, name, default) in ALL {
            assert_eq!(quotas.get(quota), default);
            assert!(quotas.set(name, 2));
            assert_eq!(quotas.get(quota), 2);
        }
        assert!(!quotas.set("wishes", 3));
        assert_eq!(Quotas::names().count(), ALL.len());
    }
}
