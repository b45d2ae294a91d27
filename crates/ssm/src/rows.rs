//! Everything that Parameter Store can do, a row an operation.

use bulla_plane::scheduler::Job;
use bulla_plane::{BoxFuture, Call, Row, Rows, row, service};
use bulla_shapes::ssm::{
    AddTagsToResourceRequest, DeleteParameterRequest, DeleteParametersRequest,
    DeleteResourcePolicyRequest, DescribeParametersRequest, GetParameterHistoryRequest,
    GetParameterRequest, GetParametersByPathRequest, GetParametersRequest,
    GetResourcePoliciesRequest, GetServiceSettingRequest, LabelParameterVersionRequest,
    ListTagsForResourceRequest, PutParameterRequest, PutResourcePolicyRequest,
    RemoveTagsFromResourceRequest, ResetServiceSettingRequest, UnlabelParameterVersionRequest,
    UpdateServiceSettingRequest,
};
use bulla_shapes::{Fault, ssm};

use crate::ops::{
    by_path, delete, describe, get, history, label, put, resource_policy, setting, tags,
};
use crate::{Ssm, due, name};

#[rustfmt::skip]
static ROWS: &[Row<Ssm>] = &[
    row!("PutParameter", Write, false, "PutParameter", PutParameterRequest, put::put_parameter),
    row!("GetParameter", Read, true, "GetParameter", GetParameterRequest, get::get_parameter),
    row!("GetParameters", Read, true, "GetParameters", GetParametersRequest, get::get_parameters),
    row!("GetParametersByPath", Read, true, "GetParametersByPath", GetParametersByPathRequest, by_path::get_parameters_by_path),
    row!("GetParameterHistory", Read, true, "GetParameterHistory", GetParameterHistoryRequest, history::get_parameter_history),
    row!("DescribeParameters", List, true, "DescribeParameters", DescribeParametersRequest, describe::describe_parameters),
    row!("DeleteParameter", Write, false, "DeleteParameter", DeleteParameterRequest, delete::delete_parameter),
    row!("DeleteParameters", Write, false, "DeleteParameters", DeleteParametersRequest, delete::delete_parameters),
    row!("LabelParameterVersion", Write, false, "LabelParameterVersion", LabelParameterVersionRequest, label::label_parameter_version),
    row!("UnlabelParameterVersion", Write, false, "UnlabelParameterVersion", UnlabelParameterVersionRequest, label::unlabel_parameter_version),
    row!("AddTagsToResource", Tagging, false, "AddTagsToResource", AddTagsToResourceRequest, tags::add_tags_to_resource),
    row!("RemoveTagsFromResource", Tagging, false, "RemoveTagsFromResource", RemoveTagsFromResourceRequest, tags::remove_tags_from_resource),
    row!("ListTagsForResource", Read, true, "ListTagsForResource", ListTagsForResourceRequest, tags::list_tags_for_resource),
    row!("PutResourcePolicy", Permissions, false, "PutResourcePolicy", PutResourcePolicyRequest, resource_policy::put_resource_policy),
    row!("GetResourcePolicies", Read, true, "GetResourcePolicies", GetResourcePoliciesRequest, resource_policy::get_resource_policies),
    row!("DeleteResourcePolicy", Permissions, false, "DeleteResourcePolicy", DeleteResourcePolicyRequest, resource_policy::delete_resource_policy),
    row!("GetServiceSetting", Read, true, "GetServiceSetting", GetServiceSettingRequest, setting::get_service_setting),
    row!("UpdateServiceSetting", Write, false, "UpdateServiceSetting", UpdateServiceSettingRequest, setting::update_service_setting),
    row!("ResetServiceSetting", Write, false, "ResetServiceSetting", ResetServiceSettingRequest, setting::reset_service_setting),
];

impl Rows for Ssm {
    const MODEL: &'static bulla_shapes::Service = &ssm::SERVICE;

    fn rows() -> &'static [Row<Self>] {
        ROWS
    }

    fn resource<'c>(&'c self, call: &'c Call, text: &'c str) -> service::Found<'c> {
        Box::pin(async move {
            let selected = name::of_any(call, text, "ssm:GetParameter")?;
            Ok(Some(self.find(call, &selected.name).await?.boxed()))
        })
    }

    fn run_due<'c>(&'c self, job: &'c Job) -> BoxFuture<'c, Result<(), Fault>> {
        Box::pin(due::run(self, job))
    }

    fn raised<'c>(&'c self, call: &'c Call, quota: &'static str) -> Option<service::Raised<'c>> {
        self.raised_rate(call, quota)
    }

    fn forget(&self) {
        self.cache.clear();
        self.settings.clear();
        self.counts.forget();
    }
}
