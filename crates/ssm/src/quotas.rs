//! How many parameters there may be (AWS General Reference).

use bulla_plane::{Call, Stop};

use crate::record::Tier;
use crate::{Ssm, fault, place};

/// A resource quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quota {
    /// Standard parameters in an account and region.
    Standard,
    /// Advanced parameters in an account and region.
    Advanced,
}

/// What is known of a quota: itself, its name for the command line, and AWS's default.
const ALL: [(Quota, &str, usize); 2] = [
    (Quota::Standard, "standard-parameters", 10_000),
    (Quota::Advanced, "advanced-parameters", 100_000),
];

/// The quotas that hold.
#[derive(Debug, Clone)]
pub struct Quotas([(Quota, &'static str, usize); 2]);

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

    /// The limit of a tier. None is missing from the table.
    fn of(&self, tier: Tier) -> usize {
        let quota = match tier {
            Tier::Standard => Quota::Standard,
            Tier::Advanced => Quota::Advanced,
        };
        self.0.iter().find(|(known, ..)| *known == quota).map_or(0, |(_, _, limit)| *limit)
    }
}

impl Ssm {
    /// Whether one more parameter of a tier may be made. Calls that run at the same time may go
    /// over by one each, as with AWS, whose quotas are no promise either.
    pub(crate) async fn has_room(&self, call: &Call, tier: Tier) -> Result<bool, Stop> {
        let home = place::home(call.account(), &call.region);
        let there_are = self.counts.total(&self.barrier, &home).await?.of(tier);
        let there_are = usize::try_from(there_are).unwrap_or(0);
        Ok(there_are < self.quotas.of(tier))
    }

    /// Refuses one more parameter where there are as many as there may be. The text of the
    /// advanced tier is ours.
    pub(crate) async fn must_have_room(&self, call: &Call, tier: Tier) -> Result<(), Stop> {
        if self.has_room(call, tier).await? {
            return Ok(());
        }
        let limit = self.quotas.of(tier);
        let text = match tier {
            Tier::Standard => format!(
                "You have reached the maximum number of standard parameters for this AWS account \
                 and Region ({limit}). To add more parameters, either delete existing parameters \
                 or upgrade to the advanced-parameter tier (charges apply)."
            ),
            Tier::Advanced => format!(
                "You have reached the maximum number of advanced parameters for this AWS account \
                 and Region ({limit}). To add more parameters, delete existing parameters."
            ),
        };
        Err(fault::named("ParameterLimitExceeded", text).into())
    }
}
