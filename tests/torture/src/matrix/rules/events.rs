//! How EventBridge's operations are authorized: on the bus, rule, connection or API destination
//! itself; lists on nothing in particular.

use super::On::{Account, Own};
use super::{Rule, rule};

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    rule("CreateEventBus", Own("{new_bus}"), r#"{"Name":"{new_bus.name}"}"#),
    rule("UpdateEventBus", Own("{bus}"), r#"{"Name":"{bus.name}","Description":"d"}"#),
    rule("DescribeEventBus", Own("{bus}"), r#"{"Name":"{bus.name}"}"#),
    rule("ListEventBuses", Account, "{}"),
    rule("DeleteEventBus", Own("{bus}"), r#"{"Name":"{bus.name}"}"#),
    rule("PutPermission", Own("{bus}"), r#"{"EventBusName":"{bus.name}","Action":"events:PutEvents","Principal":"*","StatementId":"s"}"#),
    rule("RemovePermission", Own("{bus}"), r#"{"EventBusName":"{bus.name}","RemoveAllPermissions":true}"#),
    rule("PutRule", Own("{new_rule}"), r#"{"Name":"{new_rule.name}","EventPattern":"{event_pattern}"}"#),
    rule("DescribeRule", Own("{rule}"), r#"{"Name":"{rule.name}"}"#),
    rule("ListRules", Account, "{}"),
    rule("ListRuleNamesByTarget", Account, r#"{"TargetArn":"arn:aws:sqs:us-east-1:111122223333:q"}"#),
    rule("EnableRule", Own("{rule}"), r#"{"Name":"{rule.name}"}"#),
    rule("DisableRule", Own("{rule}"), r#"{"Name":"{rule.name}"}"#),
    rule("DeleteRule", Own("{rule}"), r#"{"Name":"{rule.name}"}"#),
    rule("PutTargets", Own("{rule}"), r#"{"Rule":"{rule.name}","Targets":[{"Id":"t","Arn":"arn:aws:sqs:us-east-1:111122223333:q"}]}"#),
    rule("RemoveTargets", Own("{rule}"), r#"{"Rule":"{rule.name}","Ids":["t"]}"#),
    rule("ListTargetsByRule", Own("{rule}"), r#"{"Rule":"{rule.name}"}"#),
    rule("PutEvents", Own("{bus}"), r#"{"Entries":[{"Source":"s","DetailType":"d","Detail":"{}","EventBusName":"{bus.name}"}]}"#),
    rule("TestEventPattern", Account, r#"{"EventPattern":"{event_pattern}","Event":"{}"}"#),
    rule("TagResource", Own("{rule}"), r#"{"ResourceARN":"{rule}","Tags":[{"Key":"k","Value":"v"}]}"#).own_arns(),
    rule("UntagResource", Own("{rule}"), r#"{"ResourceARN":"{rule}","TagKeys":["k"]}"#).own_arns(),
    rule("ListTagsForResource", Own("{rule}"), r#"{"ResourceARN":"{rule}"}"#).own_arns(),
    rule("CreateConnection", Own("{new_connection}"), r#"{"Name":"{new_connection.name}","AuthorizationType":"API_KEY","AuthParameters":{"ApiKeyAuthParameters":{"ApiKeyName":"k","ApiKeyValue":"v"}}}"#),
    rule("UpdateConnection", Own("{connection}"), r#"{"Name":"{connection.name}","Description":"d"}"#),
    rule("DescribeConnection", Own("{connection}"), r#"{"Name":"{connection.name}"}"#),
    rule("ListConnections", Account, "{}"),
    rule("DeauthorizeConnection", Own("{connection}"), r#"{"Name":"{connection.name}"}"#),
    rule("DeleteConnection", Own("{connection}"), r#"{"Name":"{connection.name}"}"#),
    rule("CreateApiDestination", Own("{new_destination}"), r#"{"Name":"{new_destination.name}","ConnectionArn":"{connection.arn}","InvocationEndpoint":"https://hooks.example","HttpMethod":"POST"}"#),
    rule("UpdateApiDestination", Own("{destination}"), r#"{"Name":"{destination.name}","Description":"d"}"#),
    rule("DescribeApiDestination", Own("{destination}"), r#"{"Name":"{destination.name}"}"#),
    rule("ListApiDestinations", Account, "{}"),
    rule("DeleteApiDestination", Own("{destination}"), r#"{"Name":"{destination.name}"}"#),
];
