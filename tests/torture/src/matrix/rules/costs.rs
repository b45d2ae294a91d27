//! How costs are asked for.

use super::On::Account;
use super::{Rule, rule};

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    rule("GetCostAndUsage", Account, r#"{"TimePeriod":{"Start":"2026-11-01","End":"2026-12-01"},"Granularity":"MONTHLY","Metrics":["UnblendedCost"]}"#),
    rule("GetCostAndUsageWithResources", Account, r#"{"TimePeriod":{"Start":"2026-11-01","End":"2026-12-01"},"Granularity":"MONTHLY","Metrics":["UnblendedCost"],"Filter":{"Dimensions":{"Key":"REGION","Values":["eu-west-1"]}}}"#),
    rule("GetDimensionValues", Account, r#"{"TimePeriod":{"Start":"2026-11-01","End":"2026-12-01"},"Dimension":"SERVICE"}"#),
];
