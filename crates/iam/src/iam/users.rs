//! Users.

use bulla_plane::{Call, Stop};
use bulla_policy::{Context, PrincipalKind};
use bulla_shapes::iam::{
    CreateUserRequest, CreateUserResponse, DeleteUserRequest, GetUserRequest, GetUserResponse,
    ListUsersRequest, ListUsersResponse, UpdateUserRequest, User,
};
use bulla_shapes::{Fault, View};
use bulla_store::SealedBatch;

use super::gate::{On, permit, permit_arn};
use super::lifetime::New;
use super::page;
use super::{Answer, Iam, answer, fault, tags};
use crate::records::{Entity, Kind, PARTITION, USERS, arn};

/// Whom an operation is about that need not name a user.
pub(crate) enum Whose {
    /// The account's root user, who called and named nobody.
    Root,
    /// This user.
    User(String),
}

/// The user that was named, or else the caller.
pub(crate) fn whose(call: &Call, named: Option<&str>) -> Result<Whose, Fault> {
    if let Some(name) = named {
        return Ok(Whose::User(name.to_owned()));
    }
    let caller = call.principal();
    match &caller.kind {
        PrincipalKind::Root => Ok(Whose::Root),
        PrincipalKind::User => {
            Ok(Whose::User(caller.arn.rsplit('/').next().unwrap_or_default().to_owned()))
        }
        _ => Err(fault::validation("Must specify userName when calling with non-User credentials")),
    }
}

pub(crate) async fn create_user(
    iam: &Iam,
    call: &mut Call,
    input: &CreateUserRequest<'_>,
) -> Answer {
    let (name, path) = (input.user_name(), input.path().unwrap_or("/"));
    let tags = tags::given(input.tags());
    let mut keys = tags::keys(Context::new(), &tags);
    if let Some(boundary) = input.permissions_boundary() {
        keys = keys.with("iam:PermissionsBoundary", boundary);
    }
    permit_arn(call, "iam:CreateUser", &arn("user", call.account(), path, name), &keys)?;
    tags::check(&tags)?;
    let mut entity = iam.fresh(call, New { kind: Kind::User, path, name, tags, role: None })?;
    let batch =
        iam.bound(call, &mut entity, input.permissions_boundary(), SealedBatch::new()).await?;
    iam.add(&entity, batch).await?;
    let answer = CreateUserResponse::new().with_user(answer::user(&entity));
    call.responded(answer.record());
    Ok(Some(answer.into_record()))
}

pub(crate) async fn get_user(iam: &Iam, call: &mut Call, input: &GetUserRequest<'_>) -> Answer {
    let action = "iam:GetUser";
    let shown = match whose(call, input.user_name())? {
        Whose::User(name) => {
            let live = iam.entity(call, On::user(&name, action), Context::new()).await?;
            answer::user(&live.record)
        }
        Whose::Root => {
            let arn = call.principal().arn.clone();
            permit_arn(call, action, &arn, &Context::new())?;
            User::new().with_user_id(call.account().to_owned()).with_arn(arn)
        }
    };
    Ok(Some(GetUserResponse::new().with_user(shown).into_record()))
}

pub(crate) async fn list_users(iam: &Iam, call: &mut Call, input: &ListUsersRequest<'_>) -> Answer {
    let wanted = page::wanted(input.max_items(), input.marker())?;
    let prefix = input.path_prefix().unwrap_or("/").to_owned();
    permit_list(call, "iam:ListUsers", "user", &prefix)?;
    let rows = format!("{}/", call.account());
    let take = |user: &Entity| user.path.starts_with(&prefix);
    let page = iam.page(USERS, &rows, &wanted, take).await?;
    let answer = ListUsersResponse::new()
        .with_users(page.entries.iter().map(answer::listed_user))
        .with_is_truncated(page.next.is_some())
        .with_some(page.marker(), ListUsersResponse::with_marker);
    Ok(Some(answer.into_record()))
}

/// Lists are authorized on the path that they look under, and a refusal prints it.
pub(crate) fn permit_list(
    call: &Call,
    action: &str,
    word: &str,
    prefix: &str,
) -> Result<(), Fault> {
    let arn = format!("arn:{PARTITION}:iam::{}:{word}{prefix}", call.account());
    permit(call, action, &arn, &arn, &Context::new())
}

pub(crate) async fn update_user(
    iam: &Iam,
    call: &mut Call,
    input: &UpdateUserRequest<'_>,
) -> Answer {
    let action = "iam:UpdateUser";
    let live = iam.entity(call, On::user(input.user_name(), action), Context::new()).await?;
    let mut record = live.record.clone();
    rename(call, &mut record, action, input.new_path(), input.new_user_name())?;
    iam.rename(&live, &record).await?;
    Ok(None)
}

/// Gives an entity a new path or name. The caller must be allowed to update both the old and the
/// new one ("Renaming an IAM user": permission on both ARNs).
pub(crate) fn rename(
    call: &Call,
    record: &mut Entity,
    action: &str,
    path: Option<&str>,
    name: Option<&str>,
) -> Result<(), Stop> {
    if let Some(path) = path {
        path.clone_into(&mut record.path);
    }
    if let Some(name) = name {
        name.clone_into(&mut record.name);
    }
    Ok(permit_arn(call, action, &record.arn(), &Context::new())?)
}

pub(crate) async fn delete_user(
    iam: &Iam,
    call: &mut Call,
    input: &DeleteUserRequest<'_>,
) -> Answer {
    let on = On::user(input.user_name(), "iam:DeleteUser");
    let live = iam.entity(call, on, Context::new()).await?;
    let user = &live.record;
    let first = [
        (!user.keys.is_empty(), "delete access keys"),
        (!user.groups.is_empty(), "remove users from group"),
        (!user.attached.is_empty(), "detach all policies"),
        (!user.inline.is_empty(), "delete policies"),
    ];
    if let Some((_, what)) = first.into_iter().find(|(stands, _)| *stands) {
        return Err(fault::delete_first(what).into());
    }
    let batch = iam.unbound(user, SealedBatch::new()).await?;
    iam.remove(&live, batch).await?;
    Ok(None)
}
