//! Permissions boundaries of users and roles.

use bulla_plane::{Call, Stop};
use bulla_policy::Context;
use bulla_shapes::iam::{
    DeleteRolePermissionsBoundaryRequest, DeleteUserPermissionsBoundaryRequest,
    PutRolePermissionsBoundaryRequest, PutUserPermissionsBoundaryRequest,
};
use bulla_store::SealedBatch;

use super::gate::On;
use super::usage::Use;
use super::{Answer, Iam, fault};
use crate::records::Entity;

pub(crate) async fn put_user_permissions_boundary(
    iam: &Iam,
    call: &mut Call,
    input: &PutUserPermissionsBoundaryRequest<'_>,
) -> Answer {
    let on = On::user(input.user_name(), "iam:PutUserPermissionsBoundary");
    put(iam, call, on, input.permissions_boundary()).await
}

pub(crate) async fn put_role_permissions_boundary(
    iam: &Iam,
    call: &mut Call,
    input: &PutRolePermissionsBoundaryRequest<'_>,
) -> Answer {
    let on = On::role(input.role_name(), "iam:PutRolePermissionsBoundary");
    put(iam, call, on, input.permissions_boundary()).await
}

async fn put(iam: &Iam, call: &mut Call, on: On<'_>, arn: &str) -> Answer {
    let keys = Context::new().with("iam:PermissionsBoundary", arn);
    let live = iam.changeable(call, on, keys).await?;
    let policy = iam.attachable(call, arn).await?;
    if live.record.boundary.as_deref() == Some(arn) {
        return Ok(None);
    }
    let mut record = live.record.clone();
    let batch = iam.unbound(&record, policy.expected(SealedBatch::new())).await?;
    record.boundary = Some(arn.to_owned());
    let batch = iam.used(&record, arn, Use::Boundary, batch).await?;
    iam.save(&live, &record, batch).await?;
    Ok(None)
}

pub(crate) async fn delete_user_permissions_boundary(
    iam: &Iam,
    call: &mut Call,
    input: &DeleteUserPermissionsBoundaryRequest<'_>,
) -> Answer {
    delete(iam, call, On::user(input.user_name(), "iam:DeleteUserPermissionsBoundary")).await
}

pub(crate) async fn delete_role_permissions_boundary(
    iam: &Iam,
    call: &mut Call,
    input: &DeleteRolePermissionsBoundaryRequest<'_>,
) -> Answer {
    delete(iam, call, On::role(input.role_name(), "iam:DeleteRolePermissionsBoundary")).await
}

async fn delete(iam: &Iam, call: &mut Call, on: On<'_>) -> Answer {
    let live = iam.changeable(call, on, Context::new()).await?;
    if live.record.boundary.is_none() {
        // The text is ours; AWS's is not recorded.
        let text = format!("{} {} has no permissions boundary.", on.kind.word(), on.name);
        return Err(fault::not_found(text).into());
    }
    let mut record = live.record.clone();
    let batch = iam.unbound(&record, SealedBatch::new()).await?;
    record.boundary = None;
    iam.save(&live, &record, batch).await?;
    Ok(None)
}

impl Iam {
    /// Gives a new entity its boundary, and adds that to the batch that makes it.
    pub(crate) async fn bound(
        &self,
        call: &Call,
        entity: &mut Entity,
        arn: Option<&str>,
        batch: SealedBatch,
    ) -> Result<SealedBatch, Stop> {
        let Some(arn) = arn else { return Ok(batch) };
        let policy = self.attachable(call, arn).await?;
        entity.boundary = Some(arn.to_owned());
        self.used(entity, arn, Use::Boundary, policy.expected(batch)).await
    }

    /// Adds to a batch that an entity's boundary, if it has one, is not used by it any more.
    pub(crate) async fn unbound(
        &self,
        entity: &Entity,
        batch: SealedBatch,
    ) -> Result<SealedBatch, Stop> {
        match &entity.boundary {
            Some(arn) => self.unused(entity, arn, Use::Boundary, batch).await,
            None => Ok(batch),
        }
    }
}
