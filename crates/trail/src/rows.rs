//! Everything that CloudTrail can do, a row an operation.

use bulla_plane::{Row, Rows, row};
use bulla_shapes::cloudtrail::{
    self, AddTagsRequest, CreateTrailRequest, DeleteTrailRequest, DescribeTrailsRequest,
    GetEventSelectorsRequest, GetTrailRequest, GetTrailStatusRequest, ListPublicKeysRequest,
    ListTagsRequest, ListTrailsRequest, LookupEventsRequest, PutEventSelectorsRequest,
    RemoveTagsRequest, StartLoggingRequest, StopLoggingRequest, UpdateTrailRequest,
};

use crate::Trail;
use crate::ops::{keys, logging, lookup, selectors, tags, trails};

#[rustfmt::skip]
static ROWS: &[Row<Trail>] = &[
    row!("LookupEvents", List, true, "LookupEvents", LookupEventsRequest, lookup::lookup_events),
    row!("CreateTrail", Write, false, "CreateTrail", CreateTrailRequest, trails::create_trail),
    row!("GetTrail", Read, true, "GetTrail", GetTrailRequest, trails::get_trail),
    row!("DescribeTrails", Read, true, "DescribeTrails", DescribeTrailsRequest, trails::describe_trails),
    row!("ListTrails", List, true, "ListTrails", ListTrailsRequest, trails::list_trails),
    row!("UpdateTrail", Write, false, "UpdateTrail", UpdateTrailRequest, trails::update_trail),
    row!("DeleteTrail", Write, false, "DeleteTrail", DeleteTrailRequest, trails::delete_trail),
    row!("StartLogging", Write, false, "StartLogging", StartLoggingRequest, logging::start_logging),
    row!("StopLogging", Write, false, "StopLogging", StopLoggingRequest, logging::stop_logging),
    row!("GetTrailStatus", Read, true, "GetTrailStatus", GetTrailStatusRequest, logging::get_trail_status),
    row!("PutEventSelectors", Write, false, "PutEventSelectors", PutEventSelectorsRequest, selectors::put_event_selectors),
    row!("GetEventSelectors", Read, true, "GetEventSelectors", GetEventSelectorsRequest, selectors::get_event_selectors),
    row!("AddTags", Tagging, false, "AddTags", AddTagsRequest, tags::add_tags),
    row!("RemoveTags", Tagging, false, "RemoveTags", RemoveTagsRequest, tags::remove_tags),
    row!("ListTags", Read, true, "ListTags", ListTagsRequest, tags::list_tags),
    row!("ListPublicKeys", Read, true, "ListPublicKeys", ListPublicKeysRequest, keys::list_public_keys),
];

impl Rows for Trail {
    const MODEL: &'static bulla_shapes::Service = &cloudtrail::SERVICE;

    fn rows() -> &'static [Row<Self>] {
        ROWS
    }

    fn forget(&self) {}
}
