//! How many parameters there are, of each tier.

use bulla_plane::Stop;
use bulla_plane::counts::{Counted, Counts};
use bulla_store::{Range, Space};

use crate::place::{self, PARAMETERS};
use crate::record::{ParameterRecord, Tier};

/// Rows whose sum is how many parameters an account has in a region.
pub(crate) const COUNTS: Space = Space::new("ssm.count");
/// Standard and advanced ones.
const TIERS: usize = 2;

/// What counts parameters.
pub(crate) type ParameterCounts = Counts<Parameters, TIERS>;

/// Parameters, as they are counted.
pub(crate) struct Parameters;

impl Counted<TIERS> for Parameters {
    const COUNTS: Space = COUNTS;
    const ROWS: Space = PARAMETERS;

    fn ranges(home: &str) -> Vec<Range> {
        vec![place::children(home, ""), place::descendants(home, "")]
    }

    fn tally(value: &[u8]) -> Result<[i64; TIERS], Stop> {
        Ok(Tally::default().with(ParameterRecord::read(value)?.newest.tier).0)
    }
}

/// How many parameters of each tier, or how many more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally(pub(crate) [i64; TIERS]);

impl Tally {
    /// This, with one parameter of a tier more.
    pub(crate) fn with(mut self, tier: Tier) -> Self {
        *self.of_mut(tier) += 1;
        self
    }

    /// This, with one parameter of a tier fewer.
    pub(crate) fn without(mut self, tier: Tier) -> Self {
        *self.of_mut(tier) -= 1;
        self
    }

    /// How many of a tier.
    pub(crate) fn of(mut self, tier: Tier) -> i64 {
        *self.of_mut(tier)
    }

    fn of_mut(&mut self, tier: Tier) -> &mut i64 {
        let [standard, advanced] = &mut self.0;
        match tier {
            Tier::Standard => standard,
            Tier::Advanced => advanced,
        }
    }
}
