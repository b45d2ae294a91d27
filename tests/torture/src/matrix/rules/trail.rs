//! How CloudTrail's operations are authorized: on the trail itself; lists, lookups and public keys
//! on nothing in particular.

use super::On::{Account, Own};
use super::{Rule, rule};

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    // Of something that never happened: what did happen names other accounts too.
    rule("LookupEvents", Account, r#"{"LookupAttributes":[{"AttributeKey":"EventName","AttributeValue":"Nothing"}]}"#),
    rule("CreateTrail", Own("{new_trail}"), r#"{"Name":"{new_trail.name}","S3BucketName":"trail-bkt"}"#),
    rule("GetTrail", Own("{trail}"), r#"{"Name":"{trail.name}"}"#),
    rule("DescribeTrails", Account, "{}"),
    rule("ListTrails", Account, "{}"),
    rule("UpdateTrail", Own("{trail}"), r#"{"Name":"{trail.name}","S3BucketName":"other-bkt"}"#),
    rule("DeleteTrail", Own("{trail}"), r#"{"Name":"{trail.name}"}"#),
    rule("StartLogging", Own("{trail}"), r#"{"Name":"{trail.name}"}"#),
    rule("StopLogging", Own("{trail}"), r#"{"Name":"{trail.name}"}"#),
    rule("GetTrailStatus", Own("{trail}"), r#"{"Name":"{trail.name}"}"#),
    rule("PutEventSelectors", Own("{trail}"), r#"{"TrailName":"{trail.name}","EventSelectors":[{"ReadWriteType":"WriteOnly"}]}"#),
    rule("GetEventSelectors", Own("{trail}"), r#"{"TrailName":"{trail.name}"}"#),
    rule("AddTags", Own("{trail}"), r#"{"ResourceId":"{trail}","TagsList":[{"Key":"k","Value":"v"}]}"#),
    rule("RemoveTags", Own("{trail}"), r#"{"ResourceId":"{trail}","TagsList":[{"Key":"k"}]}"#),
    rule("ListTags", Own("{trail}"), r#"{"ResourceIdList":["{trail}"]}"#),
    rule("ListPublicKeys", Account, "{}"),
];
