//! The quotas of Service Quotas itself.

use super::Quota;

#[rustfmt::skip]
pub(super) static SERVICE_QUOTAS: &[Quota] = &[
    Quota::rate("L-71DCD22A", "Throttle rate for ListAWSDefaultServiceQuotas", 10.0, &["ListAWSDefaultServiceQuotas"]),
    Quota::rate("L-027D2B0A", "Throttle rate for GetRequestedServiceQuotaChange", 5.0, &["GetRequestedServiceQuotaChange"]),
    Quota::rate("L-0E18483E", "Throttle rate for ListRequestedServiceQuotaChangeHistoryByQuota", 5.0, &["ListRequestedServiceQuotaChangeHistoryByQuota"]),
    Quota::rate("L-65470577", "Throttle rate for ListServiceQuotas", 10.0, &["ListServiceQuotas"]),
    Quota::rate("L-09C84CC6", "Throttle rate for GetServiceQuota", 5.0, &["GetServiceQuota"]),
    Quota::rate("L-A53F603E", "Throttle rate for GetAWSDefaultServiceQuota", 5.0, &["GetAWSDefaultServiceQuota"]),
    Quota::rate("L-C7624166", "Throttle rate for ListRequestedServiceQuotaChangeHistory", 5.0, &["ListRequestedServiceQuotaChangeHistory"]),
    Quota::rate("L-61010047", "Throttle rate for RequestServiceQuotaIncrease", 3.0, &["RequestServiceQuotaIncrease"]),
    Quota::rate("L-E3924FE5", "Throttle rate for ListServices", 10.0, &["ListServices"]),
    Quota::rate("L-BF40C7E2", "Throttle rate for UntagResource", 10.0, &["UntagResource"]),
    Quota::other("L-36BDD542", "Active requests per quota", 1.0),
];
