//! Inline policies of users, groups and roles.

use bulla_plane::{Call, Stop};
use bulla_policy::Context;
use bulla_shapes::View;
use bulla_shapes::iam::{
    DeleteGroupPolicyRequest, DeleteRolePolicyRequest, DeleteUserPolicyRequest,
    GetGroupPolicyRequest, GetGroupPolicyResponse, GetRolePolicyRequest, GetRolePolicyResponse,
    GetUserPolicyRequest, GetUserPolicyResponse, ListGroupPoliciesRequest,
    ListGroupPoliciesResponse, ListRolePoliciesRequest, ListRolePoliciesResponse,
    ListUserPoliciesRequest, ListUserPoliciesResponse, PutGroupPolicyRequest, PutRolePolicyRequest,
    PutUserPolicyRequest,
};
use bulla_store::SealedBatch;

use super::gate::On;
use super::page::{self, Page, Wanted};
use super::{Answer, Iam, answer, document, fault};
use crate::records::{Entity, Inline};

pub(crate) async fn put_user_policy(
    iam: &Iam,
    call: &mut Call,
    input: &PutUserPolicyRequest<'_>,
) -> Answer {
    let on = On::user(input.user_name(), "iam:PutUserPolicy");
    put(iam, call, on, input.policy_name(), input.policy_document()).await
}

pub(crate) async fn put_group_policy(
    iam: &Iam,
    call: &mut Call,
    input: &PutGroupPolicyRequest<'_>,
) -> Answer {
    let on = On::group(input.group_name(), "iam:PutGroupPolicy");
    put(iam, call, on, input.policy_name(), input.policy_document()).await
}

pub(crate) async fn put_role_policy(
    iam: &Iam,
    call: &mut Call,
    input: &PutRolePolicyRequest<'_>,
) -> Answer {
    let on = On::role(input.role_name(), "iam:PutRolePolicy");
    put(iam, call, on, input.policy_name(), input.policy_document()).await
}

/// Names are one whatever their letter case; the first spelling stays.
async fn put(iam: &Iam, call: &mut Call, on: On<'_>, name: &str, text: &str) -> Answer {
    let live = iam.changeable(call, on, Context::new()).await?;
    document::check(text)?;
    let mut record = live.record.clone();
    match record.inline.iter_mut().find(|inline| inline.name.eq_ignore_ascii_case(name)) {
        Some(inline) => text.clone_into(&mut inline.document),
        None => record.inline.push(Inline { name: name.to_owned(), document: text.to_owned() }),
    }
    let total = record.inline.iter().map(|inline| document::size(&inline.document)).sum();
    document::check_inline(record.kind, &record.name, total)?;
    iam.save(&live, &record, SealedBatch::new()).await?;
    Ok(None)
}

pub(crate) async fn get_user_policy(
    iam: &Iam,
    call: &mut Call,
    input: &GetUserPolicyRequest<'_>,
) -> Answer {
    let on = On::user(input.user_name(), "iam:GetUserPolicy");
    let (user, text) = get(iam, call, on, input.policy_name()).await?;
    let answer = GetUserPolicyResponse::new()
        .with_user_name(user)
        .with_policy_name(input.policy_name().to_owned())
        .with_policy_document(text);
    Ok(Some(answer.into_record()))
}

pub(crate) async fn get_group_policy(
    iam: &Iam,
    call: &mut Call,
    input: &GetGroupPolicyRequest<'_>,
) -> Answer {
    let on = On::group(input.group_name(), "iam:GetGroupPolicy");
    let (group, text) = get(iam, call, on, input.policy_name()).await?;
    let answer = GetGroupPolicyResponse::new()
        .with_group_name(group)
        .with_policy_name(input.policy_name().to_owned())
        .with_policy_document(text);
    Ok(Some(answer.into_record()))
}

pub(crate) async fn get_role_policy(
    iam: &Iam,
    call: &mut Call,
    input: &GetRolePolicyRequest<'_>,
) -> Answer {
    let on = On::role(input.role_name(), "iam:GetRolePolicy");
    let (role, text) = get(iam, call, on, input.policy_name()).await?;
    let answer = GetRolePolicyResponse::new()
        .with_role_name(role)
        .with_policy_name(input.policy_name().to_owned())
        .with_policy_document(text);
    Ok(Some(answer.into_record()))
}

/// The holder's name, and the document as answers carry it.
async fn get(iam: &Iam, call: &Call, on: On<'_>, name: &str) -> Result<(String, String), Stop> {
    let Entity { name: holder, inline, .. } = iam.entity(call, on, Context::new()).await?.record;
    let found = inline.iter().find(|inline| inline.name.eq_ignore_ascii_case(name));
    let found = found.ok_or_else(|| fault::no_such(what(on), name))?;
    Ok((holder, answer::encoded(&found.document)))
}

/// What a refusal calls an inline policy.
fn what(on: On<'_>) -> &'static str {
    use crate::records::Kind;
    match on.kind {
        Kind::User => "user policy",
        Kind::Group => "group policy",
        Kind::Role => "role policy",
    }
}

pub(crate) async fn delete_user_policy(
    iam: &Iam,
    call: &mut Call,
    input: &DeleteUserPolicyRequest<'_>,
) -> Answer {
    let on = On::user(input.user_name(), "iam:DeleteUserPolicy");
    delete(iam, call, on, input.policy_name()).await
}

pub(crate) async fn delete_group_policy(
    iam: &Iam,
    call: &mut Call,
    input: &DeleteGroupPolicyRequest<'_>,
) -> Answer {
    let on = On::group(input.group_name(), "iam:DeleteGroupPolicy");
    delete(iam, call, on, input.policy_name()).await
}

pub(crate) async fn delete_role_policy(
    iam: &Iam,
    call: &mut Call,
    input: &DeleteRolePolicyRequest<'_>,
) -> Answer {
    let on = On::role(input.role_name(), "iam:DeleteRolePolicy");
    delete(iam, call, on, input.policy_name()).await
}

async fn delete(iam: &Iam, call: &mut Call, on: On<'_>, name: &str) -> Answer {
    let live = iam.changeable(call, on, Context::new()).await?;
    let mut record = live.record.clone();
    record.inline.retain(|inline| !inline.name.eq_ignore_ascii_case(name));
    if record.inline.len() == live.record.inline.len() {
        return Err(fault::no_such(what(on), name).into());
    }
    iam.save(&live, &record, SealedBatch::new()).await?;
    Ok(None)
}

pub(crate) async fn list_user_policies(
    iam: &Iam,
    call: &mut Call,
    input: &ListUserPoliciesRequest<'_>,
) -> Answer {
    let wanted = page::wanted(input.max_items(), input.marker())?;
    let on = On::user(input.user_name(), "iam:ListUserPolicies");
    let page = names(iam, call, on, &wanted).await?;
    let answer = ListUserPoliciesResponse::new()
        .with_is_truncated(page.next.is_some())
        .with_some(page.marker(), ListUserPoliciesResponse::with_marker)
        .with_policy_names(page.entries);
    Ok(Some(answer.into_record()))
}

pub(crate) async fn list_group_policies(
    iam: &Iam,
    call: &mut Call,
    input: &ListGroupPoliciesRequest<'_>,
) -> Answer {
    let wanted = page::wanted(input.max_items(), input.marker())?;
    let on = On::group(input.group_name(), "iam:ListGroupPolicies");
    let page = names(iam, call, on, &wanted).await?;
    let answer = ListGroupPoliciesResponse::new()
        .with_is_truncated(page.next.is_some())
        .with_some(page.marker(), ListGroupPoliciesResponse::with_marker)
        .with_policy_names(page.entries);
    Ok(Some(answer.into_record()))
}

pub(crate) async fn list_role_policies(
    iam: &Iam,
    call: &mut Call,
    input: &ListRolePoliciesRequest<'_>,
) -> Answer {
    let wanted = page::wanted(input.max_items(), input.marker())?;
    let on = On::role(input.role_name(), "iam:ListRolePolicies");
    let page = names(iam, call, on, &wanted).await?;
    let answer = ListRolePoliciesResponse::new()
        .with_is_truncated(page.next.is_some())
        .with_some(page.marker(), ListRolePoliciesResponse::with_marker)
        .with_policy_names(page.entries);
    Ok(Some(answer.into_record()))
}

async fn names(iam: &Iam, call: &Call, on: On<'_>, wanted: &Wanted) -> Result<Page<String>, Stop> {
    let entity = iam.entity(call, on, Context::new()).await?.record;
    let mut names: Vec<String> = entity.inline.into_iter().map(|inline| inline.name).collect();
    names.sort_unstable();
    Ok(page::cut(names, wanted, String::clone))
}
