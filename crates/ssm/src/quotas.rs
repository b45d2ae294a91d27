//! How many parameters there may be (AWS General Reference).

use bulla_plane::quotas::Resource;
use bulla_plane::{Call, Stop};

use crate::counts::Tally;
use crate::record::Tier;
use crate::{Ssm, fault, place};

/// Standard parameters in an account and region.
const STANDARD: Resource = Resource::new("standard-parameters", 10_000);
/// Advanced parameters in an account and region.
const ADVANCED: Resource = Resource::new("advanced-parameters", 100_000);

/// All resource quotas.
pub const RESOURCES: &[Resource] = &[STANDARD, ADVANCED];

/// The quota of a tier.
const fn of(tier: Tier) -> Resource {
    match tier {
        Tier::Standard => STANDARD,
        Tier::Advanced => ADVANCED,
    }
}

impl Ssm {
    /// Whether one more parameter of a tier may be made. Calls that run at the same time may go
    /// over by one each, as with AWS, whose quotas are no promise either.
    pub(crate) async fn has_room(&self, call: &Call, tier: Tier) -> Result<bool, Stop> {
        let home = place::home(call.account(), &call.region);
        let there_are = Tally(self.counts.total(&self.barrier, &home).await?).of(tier);
        let there_are = usize::try_from(there_are).unwrap_or(0);
        Ok(there_are < of(tier).limit(call))
    }

    /// Refuses one more parameter where there are as many as there may be. The text of the
    /// advanced tier is ours.
    pub(crate) async fn must_have_room(&self, call: &Call, tier: Tier) -> Result<(), Stop> {
        if self.has_room(call, tier).await? {
            return Ok(());
        }
        let limit = of(tier).limit(call);
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
