//! Costs and quantities, added up by time and by what was asked for.

use std::collections::BTreeMap;

use crate::exact::Exact;
use crate::facet::Facet;
use crate::filter::Filter;
use crate::report::Line;

/// How many groups a report has at most, over all times.
pub(crate) const MAX_GROUPS: usize = 100_000;

/// What a group comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sum {
    /// In dollars.
    pub cost: Exact,
    /// Of what is counted.
    pub quantity: Exact,
    unit: Unit,
}

/// What a quantity is of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Unit {
    #[default]
    Nothing,
    One(&'static str),
    Several,
}

impl Sum {
    fn add(&mut self, line: &Line<'_>) {
        self.cost += line.cost;
        self.quantity += line.quantity;
        self.unit = match self.unit {
            Unit::Nothing => Unit::One(line.item.unit),
            Unit::One(unit) if unit == line.item.unit => Unit::One(unit),
            _ => Unit::Several,
        };
    }

    /// What the quantity is of: Cost Explorer has a word for quantities of several things.
    #[must_use]
    pub fn unit(&self) -> &'static str {
        match self.unit {
            Unit::One(unit) => unit,
            Unit::Nothing | Unit::Several => "N/A",
        }
    }
}

/// The sums of a report.
pub(crate) struct Sums<'q> {
    by: &'q [Facet],
    filter: Option<&'q Filter>,
    pub(crate) groups: BTreeMap<(usize, Vec<String>), Sum>,
    pub(crate) is_over: bool,
}

impl<'q> Sums<'q> {
    pub(crate) fn new(by: &'q [Facet], filter: Option<&'q Filter>) -> Self {
        Self { by, filter, groups: BTreeMap::new(), is_over: false }
    }

    pub(crate) fn add(&mut self, line: &Line<'_>) {
        if self.filter.is_some_and(|filter| !filter.takes(line)) {
            return;
        }
        let keys = self.by.iter().map(|facet| facet.key(line)).collect();
        let key = (line.time, keys);
        if self.groups.len() >= MAX_GROUPS && !self.groups.contains_key(&key) {
            self.is_over = true;
            return;
        }
        self.groups.entry(key).or_default().add(line);
    }
}
