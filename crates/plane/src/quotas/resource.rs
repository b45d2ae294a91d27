//! What accounts may have only so much of, as the service that has it names and counts it.

use crate::Call;

/// A resource quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resource {
    /// The service's name for it, which no other service has: also that of `bulla dev --quota`.
    pub name: &'static str,
    /// AWS's default, where [`Quotas`](super::Quotas) know no other.
    pub default: usize,
}

impl Resource {
    /// A quota of this name and default.
    #[must_use]
    pub const fn new(name: &'static str, default: usize) -> Self {
        Self { name, default }
    }

    /// How much the caller's account may have in the region of the call.
    #[must_use]
    pub fn limit(&self, call: &Call) -> usize {
        self.limit_in(call, &call.region)
    }

    /// How much the caller's account may have in a region.
    #[must_use]
    pub fn limit_in(&self, call: &Call, region: &str) -> usize {
        call.quotas.limit_in(call, region, self.name).unwrap_or(self.default)
    }
}
