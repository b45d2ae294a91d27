//! Service-linked roles: made for a service, changed by nobody, deleted in a task of its own.

use bulla_plane::Call;
use bulla_policy::Context;
use bulla_shapes::View;
use bulla_shapes::iam::{
    CreateServiceLinkedRoleRequest, CreateServiceLinkedRoleResponse,
    DeleteServiceLinkedRoleRequest, DeleteServiceLinkedRoleResponse,
    GetServiceLinkedRoleDeletionStatusRequest, GetServiceLinkedRoleDeletionStatusResponse,
};
use bulla_store::{Expected, SealedBatch};
use serde::{Deserialize, Serialize};

use super::gate::{On, permit, permit_arn};
use super::lifetime::New;
use super::usage::Use;
use super::{Answer, Iam, answer, fault};
use crate::records::{DELETIONS, Kind, RolePart, arn, bytes, load, row, version_of};

/// Longest sessions of service-linked roles, as AWS makes them.
const SESSION_SECONDS: i64 = 3600;

/// A service that has a role of its own in each account.
struct Linked {
    service: &'static str,
    role: &'static str,
    /// The ARN of what the role may do.
    policy: &'static str,
}

/// The services of this plane.
const LINKED: &[Linked] = &[
    Linked {
        service: "cks.kms.amazonaws.com",
        role: "AWSServiceRoleForKeyManagementServiceCustomKeyStores",
        policy: "arn:aws:iam::aws:policy/aws-service-role/\
                 AWSKeyManagementServiceCustomKeyStoresServiceRolePolicy",
    },
    // Ours: what the rotators of the house act as. AWS's functions have roles of their own.
    Linked {
        service: "rotation.secretsmanager.amazonaws.com",
        role: "AWSServiceRoleForSecretsManagerRotation",
        policy: "arn:aws:iam::aws:policy/aws-service-role/\
                 BullaSecretsRotationServiceRolePolicy",
    },
    Linked {
        service: "mrk.kms.amazonaws.com",
        role: "AWSServiceRoleForKeyManagementServiceMultiRegionKeys",
        policy: "arn:aws:iam::aws:policy/aws-service-role/\
                 AWSKeyManagementServiceMultiRegionKeysServiceRolePolicy",
    },
];

/// A deletion that was carried out.
#[derive(Debug, Serialize, Deserialize)]
struct Deletion {
    account: String,
    role_arn: String,
}

pub(crate) async fn create_service_linked_role(
    iam: &Iam,
    call: &mut Call,
    input: &CreateServiceLinkedRoleRequest<'_>,
) -> Answer {
    let service = input.aws_service_name();
    let linked = LINKED.iter().find(|linked| linked.service == service);
    let path = format!("/aws-service-role/{service}/");
    let name = linked.map_or("AWSServiceRoleFor", |linked| linked.role);
    let role_arn = arn("role", call.account(), &path, name);
    let keys = Context::new().with("iam:AWSServiceName", service);
    permit_arn(call, "iam:CreateServiceLinkedRole", &role_arn, &keys)?;
    let Some(linked) = linked else {
        // The text is ours; AWS's is not recorded.
        let text = format!("The service {service} has no service-linked role here.");
        return Err(fault::invalid_input(text).into());
    };
    if input.custom_suffix().is_some() {
        let text = format!("Custom suffix is not allowed for {service}");
        return Err(fault::invalid_input(text).into());
    }
    let view = iam.principals.barrier.view().await?;
    let taken = version_of(&view, Kind::Role.space(), &row(call.account(), name)).await?;
    drop(view);
    if taken.is_some() {
        return Err(fault::invalid_input(format!(
            "Service role name {name} has been taken in this account, please try a different \
             suffix."
        ))
        .into());
    }
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":["{service}"]}},"Action":["sts:AssumeRole"]}}]}}"#
    );
    let role = RolePart {
        trust: trust.clone(),
        bindings: Vec::new(),
        description: input.description().map(str::to_owned),
        max_session_seconds: SESSION_SECONDS,
        profiles: Vec::new(),
        service: Some(service.to_owned()),
    };
    let new = New { kind: Kind::Role, path: &path, name, tags: Vec::new(), role: Some(role) };
    let mut entity = iam.fresh(call, new)?;
    entity.attached.push(linked.policy.to_owned());
    let batch = iam.used(&entity, linked.policy, Use::Attached, SealedBatch::new()).await?;
    iam.add(&entity, batch).await?;
    let role = answer::new_role(&entity, &trust);
    let answer = CreateServiceLinkedRoleResponse::new().with_role(role);
    call.responded(answer.record());
    Ok(Some(answer.into_record()))
}

/// Nothing in this plane holds on to a service-linked role, so that the deletion is done when the
/// call answers; its task is kept for those who ask.
pub(crate) async fn delete_service_linked_role(
    iam: &Iam,
    call: &mut Call,
    input: &DeleteServiceLinkedRoleRequest<'_>,
) -> Answer {
    let name = input.role_name();
    let on = On::role(name, "iam:DeleteServiceLinkedRole");
    let live = iam.entity(call, on, Context::new()).await?;
    let role = &live.record;
    let Some(service) = role.role.as_ref().and_then(|part| part.service.as_deref()) else {
        // The text is ours; AWS's is not recorded.
        let text = format!("The role {name} is not a service-linked role.");
        return Err(fault::invalid_input(text).into());
    };
    let mut id = iam.principals.crypto.random::<16>()?;
    // Version 4, variant 1 (RFC 9562, section 5.4).
    let [_, _, _, _, _, _, version, _, variant, ..] = &mut id;
    *version = (*version & 0x0f) | 0x40;
    *variant = (*variant & 0x3f) | 0x80;
    let task = format!("task/aws-service-role/{service}/{}/{}", role.name, uuid(id));
    let deletion = Deletion { account: role.account.clone(), role_arn: live.arn.clone() };
    let mut batch = SealedBatch::new().put(
        DELETIONS,
        format!("{}/{task}", role.account),
        Expected::Absent,
        bytes(&deletion)?,
    );
    for policy in &role.attached {
        batch = iam.unused(role, policy, Use::Attached, batch).await?;
    }
    iam.remove(&live, batch).await?;
    let answer = DeleteServiceLinkedRoleResponse::new().with_deletion_task_id(task);
    call.responded(answer.record());
    Ok(Some(answer.into_record()))
}

fn uuid(bytes: [u8; 16]) -> String {
    let hex = bulla_crypto::hex::encode(&bytes);
    let part = |range| hex.get(range).unwrap_or_default();
    let (a, b, c, d, e) = (part(0..8), part(8..12), part(12..16), part(16..20), part(20..32));
    format!("{a}-{b}-{c}-{d}-{e}")
}

pub(crate) async fn get_service_linked_role_deletion_status(
    iam: &Iam,
    call: &mut Call,
    input: &GetServiceLinkedRoleDeletionStatusRequest<'_>,
) -> Answer {
    let task = input.deletion_task_id();
    let view = iam.principals.barrier.view().await?;
    let row = format!("{}/{task}", call.account());
    let found = load::<Deletion>(&view, DELETIONS, &row).await?;
    drop(view);
    let arn = found.as_ref().map_or("*", |found| found.record.role_arn.as_str());
    let action = "iam:GetServiceLinkedRoleDeletionStatus";
    permit(call, action, arn, arn, &Context::new())?;
    if found.is_none() {
        let text = format!("The deletion task {task} cannot be found.");
        return Err(fault::not_found(text).into());
    }
    let answer = GetServiceLinkedRoleDeletionStatusResponse::new().with_status("SUCCEEDED");
    Ok(Some(answer.into_record()))
}
