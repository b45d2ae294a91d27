//! Everything that Secrets Manager can do, a row an operation.

use bulla_plane::scheduler::Job;
use bulla_plane::{BoxFuture, Call, Row, Rows, row, service};
use bulla_shapes::secretsmanager::{
    AssociateCrossAccountReplicaRequest, BatchGetSecretValueRequest, CancelRotateSecretRequest,
    CreateSecretRequest, DeleteResourcePolicyRequest, DeleteSecretRequest, DescribeSecretRequest,
    DisassociateCrossAccountReplicaRequest, GetRandomPasswordRequest, GetResourcePolicyRequest,
    GetSecretValueRequest, ListResourcePoliciesRequest, ListSecretVersionIdsRequest,
    ListSecretsRequest, PutResourcePolicyRequest, PutSecretValueRequest,
    RemoveRegionsFromReplicationRequest, ReplicateSecretToRegionsRequest, RestoreSecretRequest,
    RotateSecretRequest, StopReplicationToReplicaRequest, TagResourceRequest, UntagResourceRequest,
    UpdateSecretRequest, UpdateSecretVersionStageRequest, ValidateResourcePolicyRequest,
};
use bulla_shapes::{Fault, secretsmanager};

use crate::ops::{
    associate, batch, create, delete, describe, list, password, policy, put, read, replicate,
    rotate, stage, tags, update, versions,
};
use crate::{Secrets, due};

#[rustfmt::skip]
static ROWS: &[Row<Secrets>] = &[
    row!("CreateSecret", Write, false, "CreateSecret", CreateSecretRequest, create::create_secret),
    row!("GetSecretValue", Read, true, "GetSecretValue", GetSecretValueRequest, read::get_secret_value),
    row!("BatchGetSecretValue", List, true, "BatchGetSecretValue", BatchGetSecretValueRequest, batch::batch_get_secret_value),
    row!("PutSecretValue", Write, false, "PutSecretValue", PutSecretValueRequest, put::put_secret_value),
    row!("UpdateSecret", Write, false, "UpdateSecret", UpdateSecretRequest, update::update_secret),
    row!("UpdateSecretVersionStage", Write, false, "UpdateSecretVersionStage", UpdateSecretVersionStageRequest, stage::update_secret_version_stage),
    row!("DescribeSecret", Read, true, "DescribeSecret", DescribeSecretRequest, describe::describe_secret),
    row!("ListSecrets", List, true, "ListSecrets", ListSecretsRequest, list::list_secrets),
    row!("ListSecretVersionIds", Read, true, "ListSecretVersionIds", ListSecretVersionIdsRequest, versions::list_secret_version_ids),
    row!("DeleteSecret", Write, false, "DeleteSecret", DeleteSecretRequest, delete::delete_secret),
    row!("RestoreSecret", Write, false, "RestoreSecret", RestoreSecretRequest, delete::restore_secret),
    row!("GetRandomPassword", Read, true, "GetRandomPassword", GetRandomPasswordRequest, password::get_random_password),
    row!("RotateSecret", Write, false, "RotateSecret", RotateSecretRequest, rotate::rotate_secret),
    row!("CancelRotateSecret", Write, false, "CancelRotateSecret", CancelRotateSecretRequest, rotate::cancel_rotate_secret),
    row!("PutResourcePolicy", Permissions, false, "PutResourcePolicy", PutResourcePolicyRequest, policy::put_resource_policy),
    row!("GetResourcePolicy", Read, true, "GetResourcePolicy", GetResourcePolicyRequest, policy::get_resource_policy),
    row!("ListResourcePolicies", Read, true, "ListResourcePolicies", ListResourcePoliciesRequest, policy::list_resource_policies),
    row!("DeleteResourcePolicy", Permissions, false, "DeleteResourcePolicy", DeleteResourcePolicyRequest, policy::delete_resource_policy),
    row!("ValidateResourcePolicy", Permissions, true, "ValidateResourcePolicy", ValidateResourcePolicyRequest, policy::validate_resource_policy),
    row!("ReplicateSecretToRegions", Write, false, "ReplicateSecretToRegions", ReplicateSecretToRegionsRequest, replicate::replicate_secret_to_regions),
    row!("RemoveRegionsFromReplication", Write, false, "RemoveRegionsFromReplication", RemoveRegionsFromReplicationRequest, replicate::remove_regions_from_replication),
    row!("StopReplicationToReplica", Write, false, "StopReplicationToReplica", StopReplicationToReplicaRequest, replicate::stop_replication_to_replica),
    row!("AssociateCrossAccountReplica", Write, false, "AssociateCrossAccountReplica", AssociateCrossAccountReplicaRequest, associate::associate_cross_account_replica),
    row!("DisassociateCrossAccountReplica", Write, false, "DisassociateCrossAccountReplica", DisassociateCrossAccountReplicaRequest, associate::disassociate_cross_account_replica),
    row!("TagResource", Tagging, false, "TagResource", TagResourceRequest, tags::tag_resource),
    row!("UntagResource", Tagging, false, "UntagResource", UntagResourceRequest, tags::untag_resource),
];

impl Rows for Secrets {
    const MODEL: &'static bulla_shapes::Service = &secretsmanager::SERVICE;

    fn rows() -> &'static [Row<Self>] {
        ROWS
    }

    fn resource<'c>(&'c self, call: &'c Call, name: &'c str) -> service::Found<'c> {
        Box::pin(async move { Ok(Some(self.find(call, name).await?.boxed())) })
    }

    fn run_due<'c>(&'c self, job: &'c Job) -> BoxFuture<'c, Result<(), Fault>> {
        Box::pin(due::run(self, job))
    }

    fn forget(&self) {
        self.cache.clear();
        self.index.clear();
        self.accesses.clear();
        self.counts.forget();
    }

    fn wind_up(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.turns.wind_up().await;
            self.accesses.write().await;
        })
    }
}
