//! EventBridge's operations, one line each.

use bulla_plane::scheduler::Job;
use bulla_plane::{BoxFuture, Row, Rows, row};
use bulla_shapes::Fault;
use bulla_shapes::events::{
    CreateApiDestinationRequest, CreateConnectionRequest, CreateEventBusRequest,
    DeauthorizeConnectionRequest, DeleteApiDestinationRequest, DeleteConnectionRequest,
    DeleteEventBusRequest, DeleteRuleRequest, DescribeApiDestinationRequest,
    DescribeConnectionRequest, DescribeEventBusRequest, DescribeRuleRequest, DisableRuleRequest,
    EnableRuleRequest, ListApiDestinationsRequest, ListConnectionsRequest, ListEventBusesRequest,
    ListRuleNamesByTargetRequest, ListRulesRequest, ListTagsForResourceRequest,
    ListTargetsByRuleRequest, PutEventsRequest, PutPermissionRequest, PutRuleRequest,
    PutTargetsRequest, RemovePermissionRequest, RemoveTargetsRequest, SERVICE, TagResourceRequest,
    TestEventPatternRequest, UntagResourceRequest, UpdateApiDestinationRequest,
    UpdateConnectionRequest, UpdateEventBusRequest,
};

use crate::ops::{
    buses, connections, destinations, permissions, put_events, rules, tags, targets, test_pattern,
};
use crate::{Events, deliver};

#[rustfmt::skip]
static ROWS: &[Row<Events>] = &[
    row!("CreateEventBus",         Write,       false, "CreateEventBus",         CreateEventBusRequest,         buses::create_event_bus),
    row!("UpdateEventBus",         Write,       false, "UpdateEventBus",         UpdateEventBusRequest,         buses::update_event_bus),
    row!("DescribeEventBus",       Read,        true,  "DescribeEventBus",       DescribeEventBusRequest,       buses::describe_event_bus),
    row!("ListEventBuses",         List,        true,  "ListEventBuses",         ListEventBusesRequest,         buses::list_event_buses),
    row!("DeleteEventBus",         Write,       false, "DeleteEventBus",         DeleteEventBusRequest,         buses::delete_event_bus),
    row!("PutPermission",          Permissions, false, "PutPermission",          PutPermissionRequest,          permissions::put_permission),
    row!("RemovePermission",       Permissions, false, "RemovePermission",       RemovePermissionRequest,       permissions::remove_permission),
    row!("PutRule",                Write,       false, "PutRule",                PutRuleRequest,                rules::put_rule),
    row!("DescribeRule",           Read,        true,  "DescribeRule",           DescribeRuleRequest,           rules::describe_rule),
    row!("ListRules",              List,        true,  "ListRules",              ListRulesRequest,              rules::list_rules),
    row!("ListRuleNamesByTarget",  List,        true,  "ListRuleNamesByTarget",  ListRuleNamesByTargetRequest,  rules::list_rule_names_by_target),
    row!("EnableRule",             Write,       false, "EnableRule",             EnableRuleRequest,             rules::enable_rule),
    row!("DisableRule",            Write,       false, "DisableRule",            DisableRuleRequest,            rules::disable_rule),
    row!("DeleteRule",             Write,       false, "DeleteRule",             DeleteRuleRequest,             rules::delete_rule),
    row!("PutTargets",             Write,       false, "PutTargets",             PutTargetsRequest,             targets::put_targets),
    row!("RemoveTargets",          Write,       false, "RemoveTargets",          RemoveTargetsRequest,          targets::remove_targets),
    row!("ListTargetsByRule",      List,        true,  "ListTargetsByRule",      ListTargetsByRuleRequest,      targets::list_targets_by_rule),
    row!("PutEvents",              Write,       false, "PutEvents",              PutEventsRequest,              put_events::put_events),
    row!("TestEventPattern",       Read,        true,  "TestEventPattern",       TestEventPatternRequest,       test_pattern::test_event_pattern),
    row!("TagResource",            Tagging,     false, "TagResource",            TagResourceRequest,            tags::tag_resource),
    row!("UntagResource",          Tagging,     false, "UntagResource",          UntagResourceRequest,          tags::untag_resource),
    row!("ListTagsForResource",    List,        true,  "ListTagsForResource",    ListTagsForResourceRequest,    tags::list_tags_for_resource),
    row!("CreateConnection",       Write,       false, "CreateConnection",       CreateConnectionRequest,       connections::create_connection),
    row!("UpdateConnection",       Write,       false, "UpdateConnection",       UpdateConnectionRequest,       connections::update_connection),
    row!("DescribeConnection",     Read,        true,  "DescribeConnection",     DescribeConnectionRequest,     connections::describe_connection),
    row!("ListConnections",        List,        true,  "ListConnections",        ListConnectionsRequest,        connections::list_connections),
    row!("DeauthorizeConnection",  Write,       false, "DeauthorizeConnection",  DeauthorizeConnectionRequest,  connections::deauthorize_connection),
    row!("DeleteConnection",       Write,       false, "DeleteConnection",       DeleteConnectionRequest,       connections::delete_connection),
    row!("CreateApiDestination",   Write,       false, "CreateApiDestination",   CreateApiDestinationRequest,   destinations::create_api_destination),
    row!("UpdateApiDestination",   Write,       false, "UpdateApiDestination",   UpdateApiDestinationRequest,   destinations::update_api_destination),
    row!("DescribeApiDestination", Read,        true,  "DescribeApiDestination", DescribeApiDestinationRequest, destinations::describe_api_destination),
    row!("ListApiDestinations",    List,        true,  "ListApiDestinations",    ListApiDestinationsRequest,    destinations::list_api_destinations),
    row!("DeleteApiDestination",   Write,       false, "DeleteApiDestination",   DeleteApiDestinationRequest,   destinations::delete_api_destination),
];

impl Rows for Events {
    const MODEL: &'static bulla_shapes::Service = &SERVICE;

    fn rows() -> &'static [Row<Self>] {
        ROWS
    }

    fn run_due<'c>(&'c self, job: &'c Job) -> BoxFuture<'c, Result<(), Fault>> {
        Box::pin(deliver::run(self, job))
    }

    fn run_due_together<'c>(&'c self, jobs: &'c [Job]) -> Option<BoxFuture<'c, Result<(), Fault>>> {
        deliver::run_together(self, jobs)
    }

    fn forget(&self) {
        self.compiled.clear();
        self.sender.forget();
    }

    fn wind_up(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.sender.wind_up())
    }
}
