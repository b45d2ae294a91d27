//! How many parameters there may be (AWS General Reference), and how many there are.

use std::sync::{Mutex, PoisonError};

use bulla_plane::{Call, Stop};
use bulla_store::Range;
use quick_cache::sync::Cache as Lru;

use crate::place::{self, PARAMETERS};
use crate::record::{ParameterRecord, Tier};
use crate::{Ssm, fault};

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

/// How many accounts' parameters are remembered to be so many.
const MAX_COUNTED: usize = 4_096;
/// How many parameters one look at the store counts.
const PARAMETERS_A_LOOK: usize = 1_000;

/// How many parameters of each tier there are.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    standard: usize,
    advanced: usize,
}

impl Count {
    fn of(&mut self, tier: Tier) -> &mut usize {
        match tier {
            Tier::Standard => &mut self.standard,
            Tier::Advanced => &mut self.advanced,
        }
    }
}

/// How many parameters accounts have in a region, as far as they were counted.
pub(crate) struct Counts {
    known: Lru<String, Count>,
    /// Held while a number changes, so that no change is lost.
    changes: Mutex<()>,
}

impl Counts {
    pub(crate) fn new() -> Self {
        Self { known: Lru::new(MAX_COUNTED), changes: Mutex::default() }
    }

    pub(crate) fn forget(&self) {
        self.known.clear();
    }

    /// Notes that there is one parameter more, or one fewer.
    pub(crate) fn changed(&self, home: &str, tier: Tier, more: bool) {
        // Nothing that can fail runs under this lock.
        let _changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut count) = self.known.get(home) {
            let number = count.of(tier);
            *number = if more { number.saturating_add(1) } else { number.saturating_sub(1) };
            self.known.insert(home.to_owned(), count);
        }
    }
}

impl Ssm {
    /// Whether one more parameter of a tier may be made. Parameters are counted once in the life of
    /// a process, then kept count of. Calls that run at the same time may go over by one each, as
    /// with AWS, whose quotas are no promise either.
    pub(crate) async fn has_room(&self, call: &Call, tier: Tier) -> Result<bool, Stop> {
        let home = place::home(call.account(), &call.region);
        let mut count = match self.counts.known.get(&home) {
            Some(count) => count,
            None => self.count(home).await?,
        };
        Ok(*count.of(tier) < self.quotas.of(tier))
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

    async fn count(&self, home: String) -> Result<Count, Stop> {
        let view = self.barrier.view().await?;
        let mut count = Count::default();
        for range in [place::children(&home, ""), place::descendants(&home, "")] {
            let mut range: Range = range;
            loop {
                let page = view.range(PARAMETERS, &range, PARAMETERS_A_LOOK).await?;
                for (_, opened) in &page.rows {
                    let record = ParameterRecord::read(opened.value.expose())?;
                    let number = count.of(record.newest.tier);
                    *number = number.saturating_add(1);
                }
                let Some(next) = page.next else { break };
                range.from = next;
            }
        }
        self.counts.known.insert(home, count);
        Ok(count)
    }
}
