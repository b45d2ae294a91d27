//! What is kept: uses by the hour, lives, and how far the journal was read.

use std::collections::BTreeMap;

use bulla_store::Space;
use serde::{Deserialize, Serialize};

use crate::calendar::Hour;

/// A row a day's uses of one kind: `<account>/<day>/<region>/<item>/<operation>/<digest>`, the
/// digest being that of what was used and by whom.
pub(crate) const USES: Space = Space::new("costs.use");
/// A row a life: `<account>/<ARN>`.
pub(crate) const LIVES: Space = Space::new("costs.life");
/// One row: how far the journal was read. It outlives a reset, as the journal does.
pub(crate) const POSITION: Space = Space::new("costs.position");
/// The key of that row.
pub(crate) const POSITION_ROW: &str = "journal";

/// A day's uses of one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cell {
    pub(crate) resource: String,
    pub(crate) principal: String,
    /// By the hour of the day.
    pub(crate) hours: BTreeMap<u8, u64>,
}

impl Cell {
    pub(crate) fn new(resource: &str, principal: &str) -> Self {
        let (resource, principal) = (resource.to_owned(), principal.to_owned());
        Self { resource, principal, hours: BTreeMap::new() }
    }

    pub(crate) fn add(&mut self, hour: Hour, units: u64) {
        self.add_at(hour.of_day(), units);
    }

    /// Adds another's uses.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (hour, units) in &other.hours {
            self.add_at(*hour, *units);
        }
    }

    fn add_at(&mut self, hour: u8, units: u64) {
        let count = self.hours.entry(hour).or_default();
        *count = count.saturating_add(units);
    }
}
