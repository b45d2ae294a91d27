//! `GetAccountAuthorizationDetails`: everything that decides what an account's principals may do.

use bulla_plane::{Call, Stop};
use bulla_policy::Context;
use bulla_shapes::View;
use bulla_shapes::iam::{
    GetAccountAuthorizationDetailsRequest, GetAccountAuthorizationDetailsResponse, GroupDetail,
    ManagedPolicyDetail, PolicyDetail, RoleDetail, UserDetail,
};

use super::gate::permit;
use super::page::{self, Page, Wanted};
use super::roles::part;
use super::usage::Usage;
use super::{Answer, Iam, answer, attach, versions};
use crate::managed::{self, AwsPolicy};
use crate::records::{Entity, GROUPS, POLICIES, PolicyRecord, ROLES, USERS};

/// The parts of the list in their order. A marker begins with the part's place in it.
const PARTS: [&str; 5] = ["User", "Group", "Role", "LocalManagedPolicy", "AWSManagedPolicy"];

/// One page's entries by their kind.
#[derive(Default)]
struct Details {
    users: Vec<UserDetail<'static>>,
    groups: Vec<GroupDetail<'static>>,
    roles: Vec<RoleDetail<'static>>,
    policies: Vec<ManagedPolicyDetail<'static>>,
}

impl Details {
    fn len(&self) -> usize {
        self.users.len() + self.groups.len() + self.roles.len() + self.policies.len()
    }
}

pub(crate) async fn get_account_authorization_details(
    iam: &Iam,
    call: &mut Call,
    input: &GetAccountAuthorizationDetailsRequest<'_>,
) -> Answer {
    let wanted = page::wanted(input.max_items(), input.marker())?;
    permit(call, "iam:GetAccountAuthorizationDetails", "*", "*", &Context::new())?;
    let filter = input.filter();
    let (first, mut from) = begins(wanted.from.as_deref());
    let mut details = Details::default();
    let mut next = None;
    for (at, part) in PARTS.iter().enumerate().skip(first) {
        let start = from.take();
        if filter.as_ref().is_some_and(|filter| !filter.is_empty() && !filter.contains(part)) {
            continue;
        }
        let size = wanted.size.saturating_sub(details.len());
        let rest = Wanted { size, from: start };
        let ended = iam.fill(call.account(), part, &rest, &mut details).await?;
        if let Some(place) = ended {
            next = Some(format!("{at}{place}"));
            break;
        }
    }
    let page = Page { entries: vec![()], next };
    let answer = GetAccountAuthorizationDetailsResponse::new()
        .with_user_detail_list(details.users)
        .with_group_detail_list(details.groups)
        .with_role_detail_list(details.roles)
        .with_policies(details.policies)
        .with_is_truncated(page.next.is_some())
        .with_some(page.marker(), GetAccountAuthorizationDetailsResponse::with_marker);
    Ok(Some(answer.into_record()))
}

/// The part that a marker goes on in, and where in it.
fn begins(from: Option<&str>) -> (usize, Option<String>) {
    let Some(from) = from else { return (0, None) };
    match from.split_at_checked(1) {
        Some((part, place)) => (part.parse().unwrap_or(PARTS.len()), Some(place.to_owned())),
        None => (PARTS.len(), None),
    }
}

impl Iam {
    /// Adds a page of one part; gives where that part goes on.
    async fn fill(
        &self,
        account: &str,
        part: &str,
        wanted: &Wanted,
        details: &mut Details,
    ) -> Result<Option<String>, Stop> {
        let rows = format!("{account}/");
        match part {
            "User" => {
                let page = self.page::<Entity>(USERS, &rows, wanted, |_| true).await?;
                for user in &page.entries {
                    details.users.push(self.user_detail(user).await?);
                }
                Ok(page.next)
            }
            "Group" => {
                let page = self.page::<Entity>(GROUPS, &rows, wanted, |_| true).await?;
                details.groups.extend(page.entries.iter().map(group_detail));
                Ok(page.next)
            }
            "Role" => {
                let page = self.page::<Entity>(ROLES, &rows, wanted, |_| true).await?;
                for role in &page.entries {
                    details.roles.push(self.role_detail(role).await?);
                }
                Ok(page.next)
            }
            "LocalManagedPolicy" => {
                let usages = self.usages(account).await?;
                let usage = |arn: &str| usages.get(arn).copied().unwrap_or_default();
                let page = self.page::<PolicyRecord>(POLICIES, &rows, wanted, |_| true).await?;
                let shown = |policy: &PolicyRecord| own_detail(policy, usage(&policy.arn()));
                details.policies.extend(page.entries.iter().map(shown));
                Ok(page.next)
            }
            // Of AWS's own policies only those that are in use here.
            _ => {
                let usages = self.usages(account).await?;
                let used = managed::ALL
                    .iter()
                    .filter_map(|policy| usages.get(&policy.arn()).map(|usage| (policy, *usage)));
                let page = page::cut(used.collect(), wanted, |(policy, _)| policy.place.to_owned());
                let shown = page.entries.iter().map(|(policy, usage)| aws_detail(policy, *usage));
                details.policies.extend(shown);
                Ok(page.next)
            }
        }
    }

    async fn user_detail(&self, user: &Entity) -> Result<UserDetail<'static>, Stop> {
        let groups = self.groups_of(user).await?;
        Ok(UserDetail::new()
            .with_path(user.path.clone())
            .with_user_name(user.name.clone())
            .with_user_id(user.id.clone())
            .with_arn(user.arn())
            .with_create_date(user.created_ms)
            .with_user_policy_list(inline(user))
            .with_group_list(groups.into_iter().map(|group| group.name))
            .with_attached_managed_policies(user.attached.iter().map(|arn| attach::shown(arn)))
            .with_some(answer::boundary(user), UserDetail::with_permissions_boundary)
            .with_tags(answer::tags(&user.tags)))
    }

    async fn role_detail(&self, role: &Entity) -> Result<RoleDetail<'static>, Stop> {
        let own = part(role)?;
        let trust = self.shown_trust(own).await?;
        let profiles = self.profiles_of(&role.account, &own.profiles).await?;
        let last = self.principals.last_use(&role.id).await?;
        Ok(RoleDetail::new()
            .with_path(role.path.clone())
            .with_role_name(role.name.clone())
            .with_role_id(role.id.clone())
            .with_arn(role.arn())
            .with_create_date(role.created_ms)
            .with_assume_role_policy_document(answer::encoded(&trust))
            .with_instance_profile_list(profiles)
            .with_role_policy_list(inline(role))
            .with_attached_managed_policies(role.attached.iter().map(|arn| attach::shown(arn)))
            .with_some(answer::boundary(role), RoleDetail::with_permissions_boundary)
            .with_tags(answer::tags(&role.tags))
            .with_role_last_used(answer::last_used(last)))
    }
}

fn inline(entity: &Entity) -> Vec<PolicyDetail<'static>> {
    let shown = |inline: &crate::records::Inline| {
        PolicyDetail::new()
            .with_policy_name(inline.name.clone())
            .with_policy_document(answer::encoded(&inline.document))
    };
    entity.inline.iter().map(shown).collect()
}

fn group_detail(group: &Entity) -> GroupDetail<'static> {
    GroupDetail::new()
        .with_path(group.path.clone())
        .with_group_name(group.name.clone())
        .with_group_id(group.id.clone())
        .with_arn(group.arn())
        .with_create_date(group.created_ms)
        .with_group_policy_list(inline(group))
        .with_attached_managed_policies(group.attached.iter().map(|arn| attach::shown(arn)))
}

fn own_detail(policy: &PolicyRecord, usage: Usage) -> ManagedPolicyDetail<'static> {
    let version = |version: &crate::records::PolicyVersion| {
        versions::shown(policy, version).with_document(answer::encoded(&version.document))
    };
    ManagedPolicyDetail::new()
        .with_policy_name(policy.name.clone())
        .with_policy_id(policy.id.clone())
        .with_arn(policy.arn())
        .with_path(policy.path.clone())
        .with_default_version_id(format!("v{}", policy.default))
        .with_attachment_count(usage.attached)
        .with_permissions_boundary_usage_count(usage.bounds)
        .with_is_attachable(true)
        .with_some(policy.description.clone(), ManagedPolicyDetail::with_description)
        .with_create_date(policy.created_ms)
        .with_update_date(policy.updated_ms)
        .with_policy_version_list(policy.versions.iter().rev().map(version))
}

fn aws_detail(policy: &AwsPolicy, usage: Usage) -> ManagedPolicyDetail<'static> {
    let arn = policy.arn();
    let version = versions::shown_aws(policy).with_document(answer::encoded(policy.document));
    ManagedPolicyDetail::new()
        .with_policy_name(policy.name())
        .with_policy_id(policy.id())
        .with_path(attach::path_of(&arn).to_owned())
        .with_arn(arn)
        .with_default_version_id(format!("v{}", policy.version))
        .with_attachment_count(usage.attached)
        .with_permissions_boundary_usage_count(usage.bounds)
        .with_is_attachable(true)
        .with_policy_version_list([version])
}
