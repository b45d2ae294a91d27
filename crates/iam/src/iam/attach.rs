//! Managed policies attached to users, groups and roles.
//!
//! The holder's record names the policy; a row a use (`iam.use`) lets a policy's holders be listed,
//! and one a policy (`iam.usage`) counts them. All change in one batch.

use bulla_plane::{Call, Stop};
use bulla_policy::Context;
use bulla_shapes::View;
use bulla_shapes::iam::{
    AttachGroupPolicyRequest, AttachRolePolicyRequest, AttachUserPolicyRequest, AttachedPolicy,
    DetachGroupPolicyRequest, DetachRolePolicyRequest, DetachUserPolicyRequest,
    ListAttachedGroupPoliciesRequest, ListAttachedGroupPoliciesResponse,
    ListAttachedRolePoliciesRequest, ListAttachedRolePoliciesResponse,
    ListAttachedUserPoliciesRequest, ListAttachedUserPoliciesResponse,
};
use bulla_store::SealedBatch;

use super::gate::On;
use super::page::{self, Page, Wanted};
use super::usage::Use;
use super::{Answer, Iam, fault};
use crate::records::Kind;

/// The most managed policies of one entity ("IAM and AWS STS quotas").
pub(crate) const MAX_ATTACHED: usize = 10;

pub(crate) async fn attach_user_policy(
    iam: &Iam,
    call: &mut Call,
    input: &AttachUserPolicyRequest<'_>,
) -> Answer {
    let on = On::user(input.user_name(), "iam:AttachUserPolicy");
    attach(iam, call, on, input.policy_arn()).await
}

pub(crate) async fn attach_group_policy(
    iam: &Iam,
    call: &mut Call,
    input: &AttachGroupPolicyRequest<'_>,
) -> Answer {
    let on = On::group(input.group_name(), "iam:AttachGroupPolicy");
    attach(iam, call, on, input.policy_arn()).await
}

pub(crate) async fn attach_role_policy(
    iam: &Iam,
    call: &mut Call,
    input: &AttachRolePolicyRequest<'_>,
) -> Answer {
    let on = On::role(input.role_name(), "iam:AttachRolePolicy");
    attach(iam, call, on, input.policy_arn()).await
}

async fn attach(iam: &Iam, call: &mut Call, on: On<'_>, arn: &str) -> Answer {
    let live = iam.changeable(call, on, Context::new().with("iam:PolicyARN", arn)).await?;
    let policy = iam.attachable(call, arn).await?;
    if live.record.attached.iter().any(|attached| attached == arn) {
        return Ok(None);
    }
    if live.record.attached.len() >= MAX_ATTACHED {
        let quota = match on.kind {
            Kind::User => "PoliciesPerUser",
            Kind::Group => "PoliciesPerGroup",
            Kind::Role => "PoliciesPerRole",
        };
        return Err(fault::limit(quota, MAX_ATTACHED).into());
    }
    let mut record = live.record.clone();
    record.attached.push(arn.to_owned());
    let batch = iam.used(&record, arn, Use::Attached, policy.expected(SealedBatch::new())).await?;
    iam.save(&live, &record, batch).await?;
    Ok(None)
}

pub(crate) async fn detach_user_policy(
    iam: &Iam,
    call: &mut Call,
    input: &DetachUserPolicyRequest<'_>,
) -> Answer {
    let on = On::user(input.user_name(), "iam:DetachUserPolicy");
    detach(iam, call, on, input.policy_arn()).await
}

pub(crate) async fn detach_group_policy(
    iam: &Iam,
    call: &mut Call,
    input: &DetachGroupPolicyRequest<'_>,
) -> Answer {
    let on = On::group(input.group_name(), "iam:DetachGroupPolicy");
    detach(iam, call, on, input.policy_arn()).await
}

pub(crate) async fn detach_role_policy(
    iam: &Iam,
    call: &mut Call,
    input: &DetachRolePolicyRequest<'_>,
) -> Answer {
    let on = On::role(input.role_name(), "iam:DetachRolePolicy");
    detach(iam, call, on, input.policy_arn()).await
}

async fn detach(iam: &Iam, call: &mut Call, on: On<'_>, arn: &str) -> Answer {
    let live = iam.changeable(call, on, Context::new().with("iam:PolicyARN", arn)).await?;
    super::policies::check_arn(arn)?;
    let mut record = live.record.clone();
    record.attached.retain(|attached| attached != arn);
    if record.attached.len() == live.record.attached.len() {
        return Err(fault::no_policy(arn).into());
    }
    let batch = iam.unused(&record, arn, Use::Attached, SealedBatch::new()).await?;
    iam.save(&live, &record, batch).await?;
    Ok(None)
}

pub(crate) async fn list_attached_user_policies(
    iam: &Iam,
    call: &mut Call,
    input: &ListAttachedUserPoliciesRequest<'_>,
) -> Answer {
    let wanted = page::wanted(input.max_items(), input.marker())?;
    let on = On::user(input.user_name(), "iam:ListAttachedUserPolicies");
    let page = attached(iam, call, on, input.path_prefix(), &wanted).await?;
    let answer = ListAttachedUserPoliciesResponse::new()
        .with_is_truncated(page.next.is_some())
        .with_some(page.marker(), ListAttachedUserPoliciesResponse::with_marker)
        .with_attached_policies(page.entries.iter().map(|arn| shown(arn)));
    Ok(Some(answer.into_record()))
}

pub(crate) async fn list_attached_group_policies(
    iam: &Iam,
    call: &mut Call,
    input: &ListAttachedGroupPoliciesRequest<'_>,
) -> Answer {
    let wanted = page::wanted(input.max_items(), input.marker())?;
    let on = On::group(input.group_name(), "iam:ListAttachedGroupPolicies");
    let page = attached(iam, call, on, input.path_prefix(), &wanted).await?;
    let answer = ListAttachedGroupPoliciesResponse::new()
        .with_is_truncated(page.next.is_some())
        .with_some(page.marker(), ListAttachedGroupPoliciesResponse::with_marker)
        .with_attached_policies(page.entries.iter().map(|arn| shown(arn)));
    Ok(Some(answer.into_record()))
}

pub(crate) async fn list_attached_role_policies(
    iam: &Iam,
    call: &mut Call,
    input: &ListAttachedRolePoliciesRequest<'_>,
) -> Answer {
    let wanted = page::wanted(input.max_items(), input.marker())?;
    let on = On::role(input.role_name(), "iam:ListAttachedRolePolicies");
    let page = attached(iam, call, on, input.path_prefix(), &wanted).await?;
    let answer = ListAttachedRolePoliciesResponse::new()
        .with_is_truncated(page.next.is_some())
        .with_some(page.marker(), ListAttachedRolePoliciesResponse::with_marker)
        .with_attached_policies(page.entries.iter().map(|arn| shown(arn)));
    Ok(Some(answer.into_record()))
}

async fn attached(
    iam: &Iam,
    call: &Call,
    on: On<'_>,
    prefix: Option<&str>,
    wanted: &Wanted,
) -> Result<Page<String>, Stop> {
    let mut arns = iam.entity(call, on, Context::new()).await?.record.attached;
    let prefix = prefix.unwrap_or("/");
    arns.retain(|arn| path_of(arn).starts_with(prefix));
    arns.sort_unstable_by(|one, other| name_of(one).cmp(name_of(other)));
    Ok(page::cut(arns, wanted, |arn| name_of(arn).to_owned()))
}

/// The name at the end of a policy's ARN.
pub(crate) fn name_of(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or_default()
}

/// The path in a policy's ARN, with the slashes at both ends.
pub(crate) fn path_of(arn: &str) -> &str {
    let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
    let path = resource.strip_prefix("policy").unwrap_or_default();
    path.rfind('/').and_then(|end| path.get(..=end)).unwrap_or("/")
}

/// A managed policy as lists of what is attached show it.
pub(crate) fn shown(arn: &str) -> AttachedPolicy<'static> {
    AttachedPolicy::new().with_policy_name(name_of(arn).to_owned()).with_policy_arn(arn.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_paths_are_read_from_arns() {
        let arn = "arn:aws:iam::111122223333:policy/a/b/Name";
        assert_eq!((name_of(arn), path_of(arn)), ("Name", "/a/b/"));
        let arn = "arn:aws:iam::aws:policy/ReadOnlyAccess";
        assert_eq!((name_of(arn), path_of(arn)), ("ReadOnlyAccess", "/"));
    }
}
