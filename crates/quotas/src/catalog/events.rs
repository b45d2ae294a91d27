//! EventBridge's quotas (user guide, "EventBridge quotas").

use super::Quota;

const CONTROL_PLANE: &[&str] = &[
    "CreateApiDestination",
    "CreateConnection",
    "CreateEventBus",
    "DeauthorizeConnection",
    "DeleteApiDestination",
    "DeleteConnection",
    "DeleteEventBus",
    "DeleteRule",
    "DescribeApiDestination",
    "DescribeConnection",
    "DescribeEventBus",
    "DescribeRule",
    "DisableRule",
    "EnableRule",
    "ListApiDestinations",
    "ListConnections",
    "ListEventBuses",
    "ListRuleNamesByTarget",
    "ListRules",
    "ListTagsForResource",
    "ListTargetsByRule",
    "PutPermission",
    "PutRule",
    "PutTargets",
    "RemovePermission",
    "RemoveTargets",
    "TagResource",
    "TestEventPattern",
    "UntagResource",
    "UpdateApiDestination",
    "UpdateConnection",
    "UpdateEventBus",
];

#[rustfmt::skip]
pub(super) static EVENTBRIDGE: &[Quota] = &[
    Quota::other("L-FB1C3A6D", "Api destinations", 3_000.0).adjustable(),
    Quota::other("L-595D6D42", "Connections", 3_000.0).adjustable(),
    Quota::other("L-EAC9A2AC", "Endpoints", 100.0).adjustable(),
    Quota::other("L-FC354966", "Event bus policy size", 10_240.0).adjustable(),
    Quota::other("L-658A4FD9", "Event buses", 100.0).adjustable(),
    Quota::other("L-664C5505", "Event pattern size", 2_048.0).adjustable(),
    Quota::other("L-5540C5E3", "Invocations throttle limit in transactions per second", 750.0).adjustable().in_regions(&[("us-east-1", 18_750.0), ("us-east-2", 4_500.0), ("us-west-1", 2_250.0), ("us-west-2", 18_750.0), ("ap-east-1", 1_100.0), ("ap-northeast-1", 2_250.0), ("ap-northeast-2", 1_100.0), ("ap-south-1", 1_100.0), ("ap-southeast-1", 2_250.0), ("ap-southeast-2", 2_250.0), ("ca-central-1", 1_100.0), ("eu-central-1", 4_500.0), ("eu-north-1", 1_100.0), ("eu-south-2", 4_500.0), ("eu-west-1", 18_750.0), ("eu-west-2", 2_250.0), ("eu-west-3", 1_100.0), ("sa-east-1", 1_100.0)]),
    Quota::other("L-244521F2", "Number of rules", 300.0).adjustable().in_regions(&[("af-south-1", 100.0), ("eu-south-1", 100.0)]),
    Quota::rate("L-9B653E91", "PutEvents throttle limit in transactions per second", 400.0, &["PutEvents"]).adjustable().in_regions(&[("us-east-1", 10_000.0), ("us-east-2", 2_400.0), ("us-west-1", 1_200.0), ("us-west-2", 10_000.0), ("ap-east-1", 600.0), ("ap-northeast-1", 1_200.0), ("ap-northeast-2", 600.0), ("ap-south-1", 600.0), ("ap-southeast-1", 1_200.0), ("ap-southeast-2", 1_200.0), ("ca-central-1", 600.0), ("eu-central-1", 2_400.0), ("eu-north-1", 600.0), ("eu-south-2", 2_400.0), ("eu-west-1", 10_000.0), ("eu-west-2", 1_200.0), ("eu-west-3", 600.0), ("sa-east-1", 600.0)]),
    Quota::other("L-755FD01C", "Rate of invocations per API destination", 300.0).adjustable(),
    Quota::other("L-388D1D08", "Targets per rule", 5.0),
    Quota::rate("L-3C47459F", "Throttle limit in transactions per second for control plane APIs only, API name must be specified in the request (do not use for PutEvents)", 50.0, CONTROL_PLANE).of_each(),
];
