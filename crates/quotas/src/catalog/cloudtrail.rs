//! CloudTrail's quotas (user guide, "Quotas in AWS CloudTrail").
//!
//! The rates are those that the guide has for reading and for writing.

use super::Quota;

#[rustfmt::skip]
pub(super) static CLOUDTRAIL: &[Quota] = &[
    Quota::other("L-1568E18E", "Trails per region", 5.0),
    Quota::other("L-9387CED7", "Event selectors", 5.0),
    Quota::other("L-71DEA5C6", "Data resources across all event selectors in a trail", 250.0),
    Quota::other("L-203ED99D", "Conditions across all advanced event selectors", 500.0),
    Quota::rate("L-0DE8FCE1", "Transactions per second (TPS) for the AddTags API", 1.0, &["AddTags"]),
    Quota::rate("L-C9DC023A", "Transactions per second (TPS) for the CreateTrail API", 1.0, &["CreateTrail"]),
    Quota::rate("L-866533BF", "Transactions per second (TPS) for the DeleteTrail API", 1.0, &["DeleteTrail"]),
    Quota::rate("L-7AC9FF3E", "Transactions per second (TPS) for the DescribeTrails API", 10.0, &["DescribeTrails"]),
    Quota::rate("L-262F8D6F", "Transactions per second (TPS) for the GetEventSelectors API", 10.0, &["GetEventSelectors"]),
    Quota::rate("L-9260AF5B", "Transactions per second (TPS) for the GetTrail API", 10.0, &["GetTrail"]),
    Quota::rate("L-5E4FC5D2", "Transactions per second (TPS) for the GetTrailStatus API", 10.0, &["GetTrailStatus"]),
    Quota::rate("L-62E172F7", "Transactions per second (TPS) for the ListPublicKeys API", 10.0, &["ListPublicKeys"]),
    Quota::rate("L-AD66B35A", "Transactions per second (TPS) for the ListTags API", 10.0, &["ListTags"]),
    Quota::rate("L-54F77C56", "Transactions per second (TPS) for the ListTrails API", 10.0, &["ListTrails"]),
    Quota::rate("L-6826A2E9", "Transactions per second (TPS) for the LookupEvents API", 2.0, &["LookupEvents"]),
    Quota::rate("L-2A4525B6", "Transactions per second (TPS) for the PutEventSelectors API", 1.0, &["PutEventSelectors"]),
    Quota::rate("L-EF071748", "Transactions per second (TPS) for the RemoveTags API", 1.0, &["RemoveTags"]),
    Quota::rate("L-773FB33E", "Transactions per second (TPS) for the StartLogging API", 1.0, &["StartLogging"]),
    Quota::rate("L-9552D44E", "Transactions per second (TPS) for the StopLogging API", 1.0, &["StopLogging"]),
    Quota::rate("L-865ADF4E", "Transactions per second (TPS) for the UpdateTrail API", 1.0, &["UpdateTrail"]),
];
