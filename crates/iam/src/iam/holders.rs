//! Who has a managed policy: `ListEntitiesForPolicy`.

use bulla_plane::{Call, Stop};
use bulla_policy::Context;
use bulla_shapes::View;
use bulla_shapes::iam::{
    ListEntitiesForPolicyRequest, ListEntitiesForPolicyResponse, PolicyGroup, PolicyRole,
    PolicyUser,
};

use super::page;
use super::usage::{Use, use_rows};
use super::{Answer, Iam};
use crate::principals::entity_by_id;
use crate::records::{Entity, Kind, USES};

pub(crate) async fn list_entities_for_policy(
    iam: &Iam,
    call: &mut Call,
    input: &ListEntitiesForPolicyRequest<'_>,
) -> Answer {
    let wanted = page::wanted(input.max_items(), input.marker())?;
    let arn = input.policy_arn();
    iam.policy(call, "iam:ListEntitiesForPolicy", arn, &Context::new()).await?;
    let uses: &[Use] = match input.policy_usage_filter() {
        Some("PermissionsPolicy") => &[Use::Attached],
        Some(_) => &[Use::Boundary],
        None => &[Use::Attached, Use::Boundary],
    };
    let filter = input.entity_filter();
    let prefix = input.path_prefix().unwrap_or("/");
    let mut holders = holders(iam, call.account(), arn, uses).await?;
    holders.retain(|entity| {
        let kind = match entity.kind {
            Kind::User => "User",
            Kind::Group => "Group",
            Kind::Role => "Role",
        };
        filter.is_none_or(|filter| filter == kind) && entity.path.starts_with(prefix)
    });
    let page = page::cut(holders, &wanted, |entity| entity.id.clone());
    let of = |kind: Kind| page.entries.iter().filter(move |entity| entity.kind == kind);
    let answer = ListEntitiesForPolicyResponse::new()
        .with_policy_groups(of(Kind::Group).map(|group| {
            PolicyGroup::new().with_group_name(group.name.clone()).with_group_id(group.id.clone())
        }))
        .with_policy_users(of(Kind::User).map(|user| {
            PolicyUser::new().with_user_name(user.name.clone()).with_user_id(user.id.clone())
        }))
        .with_policy_roles(of(Kind::Role).map(|role| {
            PolicyRole::new().with_role_name(role.name.clone()).with_role_id(role.id.clone())
        }))
        .with_is_truncated(page.next.is_some())
        .with_some(page.marker(), ListEntitiesForPolicyResponse::with_marker);
    Ok(Some(answer.into_record()))
}

/// Those who use a policy in one of these ways, each once, in the order of their ids.
async fn holders(iam: &Iam, account: &str, arn: &str, uses: &[Use]) -> Result<Vec<Entity>, Stop> {
    let mut ids = Vec::new();
    for how in uses {
        ids.extend(iam.all::<String>(USES, &use_rows(account, arn, *how)).await?);
    }
    ids.sort_unstable();
    ids.dedup();
    let view = iam.principals.barrier.view().await?;
    let mut holders = Vec::with_capacity(ids.len());
    for id in ids {
        // One that went since the uses were read is left out.
        if let Some(entity) = entity_by_id(&view, &id).await? {
            holders.push(entity.record);
        }
    }
    Ok(holders)
}
