//! How quotas are read, asked for and decided.

use super::On::{Account, Own};
use super::{Rule, rule};

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    rule("ListServices", Account, "{}"),
    rule("ListServiceQuotas", Account, r#"{"ServiceCode":"kms"}"#),
    rule("GetServiceQuota", Account, r#"{"ServiceCode":"kms","QuotaCode":"L-6E3AF000"}"#),
    rule("ListAWSDefaultServiceQuotas", Account, r#"{"ServiceCode":"kms"}"#),
    rule("GetAWSDefaultServiceQuota", Account, r#"{"ServiceCode":"kms","QuotaCode":"L-6E3AF000"}"#),
    rule("RequestServiceQuotaIncrease", Own("{quota}"), r#"{"ServiceCode":"kms","QuotaCode":"L-6E3AF000","DesiredValue":200000}"#),
    rule("GetRequestedServiceQuotaChange", Account, r#"{"RequestId":"none"}"#),
    rule("ListRequestedServiceQuotaChangeHistory", Account, "{}"),
    rule("ListRequestedServiceQuotaChangeHistoryByQuota", Account, r#"{"ServiceCode":"kms","QuotaCode":"L-6E3AF000"}"#),
];

/// What an operator decides; the actions are of Bulla's own service.
#[rustfmt::skip]
pub(super) const DECISIONS: &[Rule] = &[
    rule("SetServiceQuota", Own("{quota}"), r#"{"ServiceCode":"kms","QuotaCode":"L-6E3AF000","Value":5}"#),
    rule("DecideQuotaRequest", Account, r#"{"RequestId":"none","Approve":true}"#),
];
