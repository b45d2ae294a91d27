//! Costs: what the same use would cost in AWS, by list price, and Cost Explorer over it.
//!
//! [`Meter`] counts what the journal has. Calls are counted by the hour, account, region,
//! operation, resource and principal; keys, secrets and advanced parameters by the hours that they
//! are there.
//! [`prices`] says what AWS charges for which; a report multiplies. It is an estimate and no
//! bill: nobody pays Bulla for any of it.

mod calendar;
mod changes;
mod draft;
mod error;
mod exact;
mod facet;
mod fault;
mod filter;
mod inbox;
mod ledger;
mod lives;
mod marks;
mod meter;
mod name;
mod ops;
pub mod prices;
mod prune;
mod record;
mod report;
mod rows;
mod sums;
mod uses;

use std::sync::Arc;

use bulla_store::Space;

pub use calendar::{Hour, Span};
pub use error::MeterError;
pub use exact::Exact;
pub use facet::PRINCIPAL;
pub use meter::Meter;
pub use sums::Sum;

/// The spaces that a reset empties.
pub const SPACES: &[Space] = &[record::USES, record::LIVES];

/// Cost Explorer, as AWS has it.
pub struct CostExplorer {
    meter: Arc<Meter>,
}

impl CostExplorer {
    /// The service over a meter.
    #[must_use]
    pub fn new(meter: Arc<Meter>) -> Self {
        Self { meter }
    }
}

/// By what costs are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Service and usage type.
    Service,
    /// The account that pays.
    Account,
    /// The key, secret, parameter or other resource.
    Key,
    /// Who called.
    Principal,
}

impl Meter {
    /// What a month came to so far, for everybody, group by group.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn costs(
        &self,
        month: Span,
        by: By,
        now_ms: i64,
    ) -> Result<Vec<(Vec<String>, Sum)>, MeterError> {
        let dimension = facet::Facet::Dimension;
        let facets = match by {
            By::Service => {
                vec![dimension(facet::Dimension::Service), dimension(facet::Dimension::UsageType)]
            }
            By::Account => vec![dimension(facet::Dimension::LinkedAccount)],
            By::Key => vec![dimension(facet::Dimension::ResourceId)],
            By::Principal => vec![facet::Facet::Category(PRINCIPAL.to_owned())],
        };
        let mut sums = sums::Sums::new(&facets, None);
        let asked = report::Asked { account: None, times: &[month], now_ms };
        self.report(&asked, &mut |line| sums.add(line)).await?;
        Ok(sums.groups.into_iter().map(|((_, keys), sum)| (keys, sum)).collect())
    }
}
