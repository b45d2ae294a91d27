//! Versions and tags of managed policies.

use bulla_plane::Call;
use bulla_policy::Context;
use bulla_shapes::iam::{
    CreatePolicyVersionRequest, CreatePolicyVersionResponse, DeletePolicyVersionRequest,
    GetPolicyVersionRequest, GetPolicyVersionResponse, ListPolicyTagsRequest,
    ListPolicyTagsResponse, ListPolicyVersionsRequest, ListPolicyVersionsResponse,
    PolicyVersion as Shown, SetDefaultPolicyVersionRequest, TagPolicyRequest, UntagPolicyRequest,
};
use bulla_shapes::{Fault, View};
use bulla_store::SealedBatch;

use super::census::{Census, Counted};
use super::page;
use super::policies::{Found, LivePolicy};
use super::{Answer, Iam, answer, document, fault, tags};
use crate::managed::AwsPolicy;
use crate::records::{PolicyRecord, PolicyVersion};

/// The most versions of one policy ("IAM and AWS STS quotas").
pub(crate) const MAX_VERSIONS: usize = 5;

pub(crate) async fn create_policy_version(
    iam: &Iam,
    call: &mut Call,
    input: &CreatePolicyVersionRequest<'_>,
) -> Answer {
    let (arn, none) = (input.policy_arn(), Context::new());
    let live = iam.own_policy(call, "iam:CreatePolicyVersion", arn, &none).await?;
    let text = input.policy_document();
    document::check_managed(text)?;
    if live.record.versions.len() >= MAX_VERSIONS {
        return Err(fault::limit_exceeded(format!(
            "A managed policy can have up to {MAX_VERSIONS} versions. Before you create a new \
             version, you must delete an existing version."
        ))
        .into());
    }
    let mut record = live.record.clone();
    record.latest += 1;
    let version =
        PolicyVersion { number: record.latest, created_ms: call.now_ms, document: text.to_owned() };
    record.versions.push(version.clone());
    record.updated_ms = call.now_ms;
    if input.set_as_default().unwrap_or(false) {
        record.default = version.number;
    }
    let add = |census: &mut Census| census.add(Counted::Versions);
    let batch = iam.recount(&record.account, SealedBatch::new(), add).await?;
    iam.save_policy(&live, &record, batch).await?;
    let answer = CreatePolicyVersionResponse::new().with_policy_version(shown(&record, &version));
    call.responded(answer.record());
    Ok(Some(answer.into_record()))
}

/// A version without its document.
pub(crate) fn shown(policy: &PolicyRecord, version: &PolicyVersion) -> Shown<'static> {
    Shown::new()
        .with_version_id(format!("v{}", version.number))
        .with_is_default_version(version.number == policy.default)
        .with_create_date(version.created_ms)
}

/// The version in force of an AWS managed policy; earlier ones are not kept.
pub(crate) fn shown_aws(policy: &AwsPolicy) -> Shown<'static> {
    Shown::new().with_version_id(format!("v{}", policy.version)).with_is_default_version(true)
}

/// The version of an id such as `v2`.
fn find<'p>(policy: &'p LivePolicy, id: &str) -> Result<&'p PolicyVersion, Fault> {
    let number = id.strip_prefix('v').and_then(|digits| digits.parse::<u32>().ok());
    let mut versions = policy.record.versions.iter();
    let found = versions.find(|version| Some(version.number) == number);
    found.ok_or_else(|| missing(&policy.arn, id))
}

fn missing(arn: &str, id: &str) -> Fault {
    fault::not_found(format!("Policy {arn} version {id} does not exist or is not attachable."))
}

pub(crate) async fn get_policy_version(
    iam: &Iam,
    call: &mut Call,
    input: &GetPolicyVersionRequest<'_>,
) -> Answer {
    let (arn, id) = (input.policy_arn(), input.version_id());
    let shown = match iam.policy(call, "iam:GetPolicyVersion", arn, &Context::new()).await? {
        Found::Own(policy) => {
            let version = find(&policy, id)?;
            shown(&policy.record, version).with_document(answer::encoded(&version.document))
        }
        Found::Aws(policy) if id == format!("v{}", policy.version) => {
            shown_aws(policy).with_document(answer::encoded(policy.document))
        }
        Found::Aws(_) => return Err(missing(arn, id).into()),
    };
    Ok(Some(GetPolicyVersionResponse::new().with_policy_version(shown).into_record()))
}

pub(crate) async fn list_policy_versions(
    iam: &Iam,
    call: &mut Call,
    input: &ListPolicyVersionsRequest<'_>,
) -> Answer {
    let wanted = page::wanted(input.max_items(), input.marker())?;
    let arn = input.policy_arn();
    // Newest first, as AWS lists them; markers count the other way.
    let all = match iam.policy(call, "iam:ListPolicyVersions", arn, &Context::new()).await? {
        Found::Own(policy) => {
            let newest_first = policy.record.versions.iter().rev();
            newest_first.map(|v| (u32::MAX - v.number, shown(&policy.record, v))).collect()
        }
        Found::Aws(policy) => vec![(u32::MAX - policy.version, shown_aws(policy))],
    };
    let page = page::cut(all, &wanted, |(order, _)| format!("{order:010}"));
    let answer = ListPolicyVersionsResponse::new()
        .with_is_truncated(page.next.is_some())
        .with_some(page.marker(), ListPolicyVersionsResponse::with_marker)
        .with_versions(page.entries.into_iter().map(|(_, version)| version));
    Ok(Some(answer.into_record()))
}

pub(crate) async fn set_default_policy_version(
    iam: &Iam,
    call: &mut Call,
    input: &SetDefaultPolicyVersionRequest<'_>,
) -> Answer {
    let (arn, none) = (input.policy_arn(), Context::new());
    let live = iam.own_policy(call, "iam:SetDefaultPolicyVersion", arn, &none).await?;
    let number = find(&live, input.version_id())?.number;
    let mut record = live.record.clone();
    record.default = number;
    record.updated_ms = call.now_ms;
    iam.save_policy(&live, &record, SealedBatch::new()).await?;
    Ok(None)
}

pub(crate) async fn delete_policy_version(
    iam: &Iam,
    call: &mut Call,
    input: &DeletePolicyVersionRequest<'_>,
) -> Answer {
    let (arn, none) = (input.policy_arn(), Context::new());
    let live = iam.own_policy(call, "iam:DeletePolicyVersion", arn, &none).await?;
    let number = find(&live, input.version_id())?.number;
    if number == live.record.default {
        let text = "Cannot delete the default version of a policy.";
        return Err(fault::delete_conflict(text).into());
    }
    let mut record = live.record.clone();
    record.versions.retain(|version| version.number != number);
    record.updated_ms = call.now_ms;
    let lose = |census: &mut Census| {
        census.remove(Counted::Versions, 1);
        Ok(())
    };
    let batch = iam.recount(&record.account, SealedBatch::new(), lose).await?;
    iam.save_policy(&live, &record, batch).await?;
    Ok(None)
}

pub(crate) async fn tag_policy(iam: &Iam, call: &mut Call, input: &TagPolicyRequest<'_>) -> Answer {
    let new = tags::given(input.tags());
    let keys = tags::keys(Context::new(), &new);
    let live = iam.own_policy(call, "iam:TagPolicy", input.policy_arn(), &keys).await?;
    let mut record = live.record.clone();
    tags::set(&mut record.tags, new)?;
    iam.save_policy(&live, &record, SealedBatch::new()).await?;
    Ok(None)
}

pub(crate) async fn untag_policy(
    iam: &Iam,
    call: &mut Call,
    input: &UntagPolicyRequest<'_>,
) -> Answer {
    let Some(tag_keys) = input.tag_keys() else { return Err(tags::no_keys().into()) };
    let keys = Context::new().with_many("aws:TagKeys", tag_keys.iter());
    let live = iam.own_policy(call, "iam:UntagPolicy", input.policy_arn(), &keys).await?;
    let mut record = live.record.clone();
    tags::unset(&mut record.tags, tag_keys)?;
    iam.save_policy(&live, &record, SealedBatch::new()).await?;
    Ok(None)
}

pub(crate) async fn list_policy_tags(
    iam: &Iam,
    call: &mut Call,
    input: &ListPolicyTagsRequest<'_>,
) -> Answer {
    let wanted = page::wanted(input.max_items(), input.marker())?;
    let found = iam.policy(call, "iam:ListPolicyTags", input.policy_arn(), &Context::new()).await?;
    let all = match found {
        Found::Own(policy) => policy.record.tags,
        Found::Aws(_) => Vec::new(),
    };
    let page = tags::page(all, &wanted);
    let answer = ListPolicyTagsResponse::new()
        .with_tags(answer::tags(&page.entries))
        .with_is_truncated(page.next.is_some())
        .with_some(page.marker(), ListPolicyTagsResponse::with_marker);
    Ok(Some(answer.into_record()))
}
