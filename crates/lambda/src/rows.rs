//! Everything that Lambda can do, a row an operation.

use bulla_plane::scheduler::Job;
use bulla_plane::{BoxFuture, Call, Row, Rows, row, service};
use bulla_shapes::lambda::{
    AddPermissionRequest, CreateAliasRequest, CreateFunctionRequest, DeleteAliasRequest,
    DeleteFunctionConcurrencyRequest, DeleteFunctionRequest, GetAccountSettingsRequest,
    GetAliasRequest, GetFunctionCodeSigningConfigRequest, GetFunctionConcurrencyRequest,
    GetFunctionConfigurationRequest, GetFunctionRequest, GetPolicyRequest, InvocationRequest,
    ListAliasesRequest, ListFunctionsRequest, ListTagsRequest, ListVersionsByFunctionRequest,
    PublishVersionRequest, PutFunctionConcurrencyRequest, RemovePermissionRequest,
    TagResourceRequest, UntagResourceRequest, UpdateAliasRequest, UpdateFunctionCodeRequest,
    UpdateFunctionConfigurationRequest,
};
use bulla_shapes::{Fault, lambda};

use crate::identifier::Identifier;
use crate::ops::{
    aliases, concurrency, create, delete, invoke, list, permissions, read, tags, update, versions,
};
use crate::run::MAX_PAYLOAD_BYTES;
use crate::{Lambda, due};

/// The largest body that brings code, in bytes, as AWS's own text has it: an archive in base64, and
/// what else there is.
pub(crate) const MAX_UPLOAD_BYTES: usize = 70_167_211;
/// The largest body of a call: a little more than a payload may have, so that Lambda's own refusal
/// is heard.
const MAX_INVOKE_BYTES: usize = MAX_PAYLOAD_BYTES + (256 << 10);

#[rustfmt::skip]
static ROWS: &[Row<Lambda>] = &[
    row!("CreateFunction", Write, false, "CreateFunction", CreateFunctionRequest, create::create_function),
    row!("GetFunction", Read, true, "GetFunction", GetFunctionRequest, read::get_function),
    row!("GetFunctionConfiguration", Read, true, "GetFunctionConfiguration", GetFunctionConfigurationRequest, read::get_function_configuration),
    row!("GetFunctionCodeSigningConfig", Read, true, "GetFunctionCodeSigningConfig", GetFunctionCodeSigningConfigRequest, read::get_function_code_signing_config),
    row!("ListFunctions", List, true, "ListFunctions", ListFunctionsRequest, list::list_functions),
    row!("UpdateFunctionCode", Write, false, "UpdateFunctionCode", UpdateFunctionCodeRequest, update::update_function_code),
    row!("UpdateFunctionConfiguration", Write, false, "UpdateFunctionConfiguration", UpdateFunctionConfigurationRequest, update::update_function_configuration),
    row!("DeleteFunction", Write, false, "DeleteFunction", DeleteFunctionRequest, delete::delete_function),
    row!("Invoke", Write, false, "Invoke", InvocationRequest, invoke::invoke),
    row!("AddPermission", Permissions, false, "AddPermission", AddPermissionRequest, permissions::add_permission),
    row!("RemovePermission", Permissions, false, "RemovePermission", RemovePermissionRequest, permissions::remove_permission),
    row!("GetPolicy", Read, true, "GetPolicy", GetPolicyRequest, permissions::get_policy),
    row!("PublishVersion", Write, false, "PublishVersion", PublishVersionRequest, versions::publish_version),
    row!("ListVersionsByFunction", List, true, "ListVersionsByFunction", ListVersionsByFunctionRequest, list::list_versions_by_function),
    row!("CreateAlias", Write, false, "CreateAlias", CreateAliasRequest, aliases::create_alias),
    row!("GetAlias", Read, true, "GetAlias", GetAliasRequest, aliases::get_alias),
    row!("UpdateAlias", Write, false, "UpdateAlias", UpdateAliasRequest, aliases::update_alias),
    row!("DeleteAlias", Write, false, "DeleteAlias", DeleteAliasRequest, aliases::delete_alias),
    row!("ListAliases", List, true, "ListAliases", ListAliasesRequest, aliases::list_aliases),
    row!("PutFunctionConcurrency", Write, false, "PutFunctionConcurrency", PutFunctionConcurrencyRequest, concurrency::put_function_concurrency),
    row!("GetFunctionConcurrency", Read, true, "GetFunctionConcurrency", GetFunctionConcurrencyRequest, concurrency::get_function_concurrency),
    row!("DeleteFunctionConcurrency", Write, false, "DeleteFunctionConcurrency", DeleteFunctionConcurrencyRequest, concurrency::delete_function_concurrency),
    row!("GetAccountSettings", Read, true, "GetAccountSettings", GetAccountSettingsRequest, read::get_account_settings),
    row!("TagResource", Tagging, false, "TagResource", TagResourceRequest, tags::tag_resource),
    row!("UntagResource", Tagging, false, "UntagResource", UntagResourceRequest, tags::untag_resource),
    row!("ListTags", Read, true, "ListTags", ListTagsRequest, tags::list_tags),
];

impl Rows for Lambda {
    const MODEL: &'static bulla_shapes::Service = &lambda::SERVICE;

    fn rows() -> &'static [Row<Self>] {
        ROWS
    }

    fn resource<'c>(&'c self, call: &'c Call, name: &'c str) -> service::Found<'c> {
        Box::pin(async move {
            let named = Identifier::of(call, name, None)?;
            Ok(Some(self.find(named).await?.boxed()))
        })
    }

    fn run_due<'c>(&'c self, job: &'c Job) -> BoxFuture<'c, Result<(), Fault>> {
        Box::pin(due::run(self, job))
    }

    fn large_body(&self, operation: &str) -> Option<usize> {
        self.runner.as_ref()?;
        match operation {
            "CreateFunction" | "UpdateFunctionCode" => Some(MAX_UPLOAD_BYTES),
            "Invoke" => Some(MAX_INVOKE_BYTES),
            _ => None,
        }
    }

    fn forget(&self) {
        if let Some(runner) = &self.runner {
            runner.forget(None);
        }
    }

    fn wind_up(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if let Some(runner) = &self.runner {
                runner.wind_up().await;
            }
        })
    }
}
