//! Roles.

use bulla_plane::{Call, Stop};
use bulla_policy::Context;
use bulla_shapes::View;
use bulla_shapes::iam::{
    CreateRoleRequest, CreateRoleResponse, DeleteRoleRequest, GetRoleRequest, GetRoleResponse,
    ListRolesRequest, ListRolesResponse, UpdateAssumeRolePolicyRequest,
    UpdateRoleDescriptionRequest, UpdateRoleDescriptionResponse, UpdateRoleRequest,
    UpdateRoleResponse,
};
use bulla_store::SealedBatch;

use super::gate::{Live, On, permit_arn};
use super::lifetime::New;
use super::page;
use super::users::permit_list;
use super::{Answer, Iam, answer, fault, tags};
use crate::records::{Entity, Kind, ROLES, RolePart, arn};

/// The longest session where the maker of a role names none.
const DEFAULT_SESSION_SECONDS: i64 = 3600;

pub(crate) async fn create_role(
    iam: &Iam,
    call: &mut Call,
    input: &CreateRoleRequest<'_>,
) -> Answer {
    let (name, path) = (input.role_name(), input.path().unwrap_or("/"));
    let tags = tags::given(input.tags());
    let mut keys = tags::keys(Context::new(), &tags);
    if let Some(boundary) = input.permissions_boundary() {
        keys = keys.with("iam:PermissionsBoundary", boundary);
    }
    permit_arn(call, "iam:CreateRole", &arn("role", call.account(), path, name), &keys)?;
    tags::check(&tags)?;
    let trust = input.assume_role_policy_document();
    let bindings = iam.check_trust(trust).await?;
    let role = RolePart {
        trust: trust.to_owned(),
        bindings,
        description: input.description().map(str::to_owned),
        max_session_seconds: input.max_session_duration().unwrap_or(DEFAULT_SESSION_SECONDS),
        profiles: Vec::new(),
        service: None,
    };
    let new = New { kind: Kind::Role, path, name, tags, role: Some(role) };
    let mut entity = iam.fresh(call, new)?;
    let batch =
        iam.bound(call, &mut entity, input.permissions_boundary(), SealedBatch::new()).await?;
    iam.add(&entity, batch).await?;
    let answer = CreateRoleResponse::new().with_role(answer::new_role(&entity, trust));
    call.responded(answer.record());
    Ok(Some(answer.into_record()))
}

pub(crate) async fn get_role(iam: &Iam, call: &mut Call, input: &GetRoleRequest<'_>) -> Answer {
    let on = On::role(input.role_name(), "iam:GetRole");
    let live = iam.entity(call, on, Context::new()).await?;
    let trust = iam.shown_trust(part(&live.record)?).await?;
    let last = iam.principals.last_use(&live.record.id).await?;
    let answer = GetRoleResponse::new().with_role(answer::role(&live.record, &trust, last));
    Ok(Some(answer.into_record()))
}

/// What a role has that others have not.
pub(crate) fn part(role: &Entity) -> Result<&RolePart, Stop> {
    role.role.as_ref().ok_or_else(|| {
        tracing::error!(id = role.id, "a role without a trust policy is stored");
        Stop::Internal
    })
}

fn part_mut(role: &mut Entity) -> Result<&mut RolePart, Stop> {
    part(role)?;
    role.role.as_mut().ok_or(Stop::Internal)
}

pub(crate) async fn list_roles(iam: &Iam, call: &mut Call, input: &ListRolesRequest<'_>) -> Answer {
    let wanted = page::wanted(input.max_items(), input.marker())?;
    let prefix = input.path_prefix().unwrap_or("/").to_owned();
    permit_list(call, "iam:ListRoles", "role", &prefix)?;
    let rows = format!("{}/", call.account());
    let take = |role: &Entity| role.path.starts_with(&prefix);
    let page = iam.page(ROLES, &rows, &wanted, take).await?;
    let mut roles = Vec::with_capacity(page.entries.len());
    for role in &page.entries {
        roles.push(answer::listed_role(role, &iam.shown_trust(part(role)?).await?));
    }
    let answer = ListRolesResponse::new()
        .with_roles(roles)
        .with_is_truncated(page.next.is_some())
        .with_some(page.marker(), ListRolesResponse::with_marker);
    Ok(Some(answer.into_record()))
}

pub(crate) async fn update_role(
    iam: &Iam,
    call: &mut Call,
    input: &UpdateRoleRequest<'_>,
) -> Answer {
    let on = On::role(input.role_name(), "iam:UpdateRole");
    let live = iam.changeable(call, on, Context::new()).await?;
    let mut record = live.record.clone();
    let role = part_mut(&mut record)?;
    if let Some(description) = input.description() {
        role.description = Some(description.to_owned());
    }
    if let Some(seconds) = input.max_session_duration() {
        role.max_session_seconds = seconds;
    }
    iam.save(&live, &record, SealedBatch::new()).await?;
    Ok(Some(UpdateRoleResponse::new().into_record()))
}

pub(crate) async fn update_role_description(
    iam: &Iam,
    call: &mut Call,
    input: &UpdateRoleDescriptionRequest<'_>,
) -> Answer {
    let on = On::role(input.role_name(), "iam:UpdateRoleDescription");
    let live = iam.changeable(call, on, Context::new()).await?;
    let mut record = live.record.clone();
    part_mut(&mut record)?.description = Some(input.description().to_owned());
    iam.save(&live, &record, SealedBatch::new()).await?;
    let trust = iam.shown_trust(part(&record)?).await?;
    let last = iam.principals.last_use(&record.id).await?;
    let role = answer::role(&record, &trust, last);
    let answer = UpdateRoleDescriptionResponse::new().with_role(role);
    Ok(Some(answer.into_record()))
}

pub(crate) async fn update_assume_role_policy(
    iam: &Iam,
    call: &mut Call,
    input: &UpdateAssumeRolePolicyRequest<'_>,
) -> Answer {
    let on = On::role(input.role_name(), "iam:UpdateAssumeRolePolicy");
    let live = iam.changeable(call, on, Context::new()).await?;
    let document = input.policy_document();
    let bindings = iam.check_trust(document).await?;
    let mut record = live.record.clone();
    let role = part_mut(&mut record)?;
    document.clone_into(&mut role.trust);
    role.bindings = bindings;
    iam.save(&live, &record, SealedBatch::new()).await?;
    Ok(None)
}

pub(crate) async fn delete_role(
    iam: &Iam,
    call: &mut Call,
    input: &DeleteRoleRequest<'_>,
) -> Answer {
    let on = On::role(input.role_name(), "iam:DeleteRole");
    let live = iam.changeable(call, on, Context::new()).await?;
    iam.delete_free_role(&live).await?;
    Ok(None)
}

impl Iam {
    /// Deletes a role that nothing hangs on any more.
    async fn delete_free_role(&self, live: &Live) -> Result<(), Stop> {
        let role = &live.record;
        let profiles = role.role.as_ref().is_some_and(|part| !part.profiles.is_empty());
        let first = [
            (profiles, "remove roles from instance profile"),
            (!role.attached.is_empty(), "detach all policies"),
            (!role.inline.is_empty(), "delete policies"),
        ];
        if let Some((_, what)) = first.into_iter().find(|(stands, _)| *stands) {
            return Err(fault::delete_first(what).into());
        }
        let batch = self.principals.forget_use(&role.id, SealedBatch::new()).await?;
        let batch = self.unbound(role, batch).await?;
        self.remove(live, batch).await
    }
}
