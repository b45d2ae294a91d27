//! Groups, and who is in them.
//!
//! A user's record names the groups; a row a membership (`iam.member`) lets a group be listed. Both
//! change in one batch.

use bulla_plane::{Call, Stop};
use bulla_policy::Context;
use bulla_shapes::View;
use bulla_shapes::iam::{
    AddUserToGroupRequest, CreateGroupRequest, CreateGroupResponse, DeleteGroupRequest,
    GetGroupRequest, GetGroupResponse, ListGroupsForUserRequest, ListGroupsForUserResponse,
    ListGroupsRequest, ListGroupsResponse, RemoveUserFromGroupRequest, UpdateGroupRequest,
};
use bulla_store::{Expected, SealedBatch};

use super::gate::{On, permit_arn};
use super::lifetime::New;
use super::page::{self, Page};
use super::users::{permit_list, rename};
use super::{Answer, Iam, answer, fault};
use crate::principals::entity_by_id;
use crate::records::{Entity, GROUPS, Kind, MEMBERS, arn, bytes, version_of};

/// The most groups of one user ("IAM and AWS STS quotas").
pub(crate) const MAX_GROUPS_A_USER: usize = 10;

/// The row of a membership.
fn member_row(group: &Entity, user: &Entity) -> String {
    format!("{}/{}/{}", group.account, group.id, user.id)
}

pub(crate) async fn create_group(
    iam: &Iam,
    call: &mut Call,
    input: &CreateGroupRequest<'_>,
) -> Answer {
    let (name, path) = (input.group_name(), input.path().unwrap_or("/"));
    let arn = arn("group", call.account(), path, name);
    permit_arn(call, "iam:CreateGroup", &arn, &Context::new())?;
    let new = New { kind: Kind::Group, path, name, tags: Vec::new(), role: None };
    let entity = iam.fresh(call, new)?;
    iam.add(&entity, SealedBatch::new()).await?;
    let answer = CreateGroupResponse::new().with_group(answer::group(&entity));
    call.responded(answer.record());
    Ok(Some(answer.into_record()))
}

pub(crate) async fn get_group(iam: &Iam, call: &mut Call, input: &GetGroupRequest<'_>) -> Answer {
    let wanted = page::wanted(input.max_items(), input.marker())?;
    let on = On::group(input.group_name(), "iam:GetGroup");
    let group = iam.entity(call, on, Context::new()).await?.record;
    let rows = format!("{}/{}/", group.account, group.id);
    // A membership's row holds the user's id.
    let Page { entries, next } = iam.page::<String>(MEMBERS, &rows, &wanted, |_| true).await?;
    let view = iam.principals.barrier.view().await?;
    let mut users = Vec::with_capacity(entries.len());
    for id in entries {
        // One who left since the list was read is left out.
        if let Some(user) = entity_by_id(&view, &id).await? {
            users.push(answer::listed_user(&user.record));
        }
    }
    let page = Page { entries: users, next };
    let marker = page.marker();
    let answer = GetGroupResponse::new()
        .with_group(answer::group(&group))
        .with_users(page.entries)
        .with_is_truncated(marker.is_some())
        .with_some(marker, GetGroupResponse::with_marker);
    Ok(Some(answer.into_record()))
}

pub(crate) async fn list_groups(
    iam: &Iam,
    call: &mut Call,
    input: &ListGroupsRequest<'_>,
) -> Answer {
    let wanted = page::wanted(input.max_items(), input.marker())?;
    let prefix = input.path_prefix().unwrap_or("/").to_owned();
    permit_list(call, "iam:ListGroups", "group", &prefix)?;
    let rows = format!("{}/", call.account());
    let take = |group: &Entity| group.path.starts_with(&prefix);
    let page = iam.page(GROUPS, &rows, &wanted, take).await?;
    let answer = ListGroupsResponse::new()
        .with_groups(page.entries.iter().map(answer::group))
        .with_is_truncated(page.next.is_some())
        .with_some(page.marker(), ListGroupsResponse::with_marker);
    Ok(Some(answer.into_record()))
}

pub(crate) async fn update_group(
    iam: &Iam,
    call: &mut Call,
    input: &UpdateGroupRequest<'_>,
) -> Answer {
    let action = "iam:UpdateGroup";
    let live = iam.entity(call, On::group(input.group_name(), action), Context::new()).await?;
    let mut record = live.record.clone();
    rename(call, &mut record, action, input.new_path(), input.new_group_name())?;
    iam.rename(&live, &record).await?;
    Ok(None)
}

pub(crate) async fn delete_group(
    iam: &Iam,
    call: &mut Call,
    input: &DeleteGroupRequest<'_>,
) -> Answer {
    let on = On::group(input.group_name(), "iam:DeleteGroup");
    let live = iam.entity(call, on, Context::new()).await?;
    let group = &live.record;
    let rows = format!("{}/{}/", group.account, group.id);
    let anybody = page::Wanted { size: 1, from: None };
    let members = iam.page::<String>(MEMBERS, &rows, &anybody, |_| true).await?;
    let first = [
        (!members.entries.is_empty(), "remove users from group"),
        (!group.attached.is_empty(), "detach all policies"),
        (!group.inline.is_empty(), "delete policies"),
    ];
    if let Some((_, what)) = first.into_iter().find(|(stands, _)| *stands) {
        return Err(fault::delete_first(what).into());
    }
    iam.remove(&live, SealedBatch::new()).await?;
    Ok(None)
}

pub(crate) async fn add_user_to_group(
    iam: &Iam,
    call: &mut Call,
    input: &AddUserToGroupRequest<'_>,
) -> Answer {
    let on = On::group(input.group_name(), "iam:AddUserToGroup");
    let group = iam.entity(call, on, Context::new()).await?;
    let user = iam.own(call, Kind::User, input.user_name()).await?;
    if user.record.groups.contains(&group.record.id) {
        return Ok(None);
    }
    if user.record.groups.len() >= MAX_GROUPS_A_USER {
        return Err(fault::limit("GroupsPerUser", MAX_GROUPS_A_USER).into());
    }
    let mut record = user.record.clone();
    record.groups.push(group.record.id.clone());
    // The group is written too, unchanged: so it can't be deleted while somebody joins it.
    let batch = SealedBatch::new()
        .put(MEMBERS, member_row(&group.record, &record), Expected::Absent, bytes(&record.id)?)
        .put(GROUPS, group.record.row(), group.expected(), bytes(&group.record)?);
    iam.save(&user, &record, batch).await?;
    Ok(None)
}

pub(crate) async fn remove_user_from_group(
    iam: &Iam,
    call: &mut Call,
    input: &RemoveUserFromGroupRequest<'_>,
) -> Answer {
    let on = On::group(input.group_name(), "iam:RemoveUserFromGroup");
    let group = iam.entity(call, on, Context::new()).await?;
    let user = iam.own(call, Kind::User, input.user_name()).await?;
    let row = member_row(&group.record, &user.record);
    let view = iam.principals.barrier.view().await?;
    let Some(version) = version_of(&view, MEMBERS, &row).await? else {
        return Err(fault::no_such("user", input.user_name()).into());
    };
    drop(view);
    let mut record = user.record.clone();
    record.groups.retain(|id| *id != group.record.id);
    let batch = SealedBatch::new().delete(MEMBERS, row, Expected::At(version));
    iam.save(&user, &record, batch).await?;
    Ok(None)
}

pub(crate) async fn list_groups_for_user(
    iam: &Iam,
    call: &mut Call,
    input: &ListGroupsForUserRequest<'_>,
) -> Answer {
    let wanted = page::wanted(input.max_items(), input.marker())?;
    let on = On::user(input.user_name(), "iam:ListGroupsForUser");
    let user = iam.entity(call, on, Context::new()).await?.record;
    let mut groups = iam.groups_of(&user).await?;
    groups.sort_by_key(Entity::row);
    let page = page::cut(groups, &wanted, Entity::row);
    let answer = ListGroupsForUserResponse::new()
        .with_groups(page.entries.iter().map(answer::group))
        .with_is_truncated(page.next.is_some())
        .with_some(page.marker(), ListGroupsForUserResponse::with_marker);
    Ok(Some(answer.into_record()))
}

impl Iam {
    /// The groups of a user, in the order in which the user joined them.
    pub(crate) async fn groups_of(&self, user: &Entity) -> Result<Vec<Entity>, Stop> {
        let view = self.principals.barrier.view().await?;
        let mut groups = Vec::with_capacity(user.groups.len());
        for id in &user.groups {
            if let Some(group) = entity_by_id(&view, id).await? {
                groups.push(group.record);
            }
        }
        Ok(groups)
    }
}
