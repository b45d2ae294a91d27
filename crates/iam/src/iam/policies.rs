//! Managed policies: AWS's own and the customers'.

use std::collections::HashMap;

use bulla_plane::gate::Named;
use bulla_plane::{Call, Guarded, Stop};
use bulla_policy::Context;
use bulla_shapes::iam::{
    CreatePolicyRequest, CreatePolicyResponse, DeletePolicyRequest, GetPolicyRequest,
    GetPolicyResponse, ListPoliciesRequest, ListPoliciesResponse, Policy,
};
use bulla_shapes::{Fault, View};
use bulla_store::{Expected, SealedBatch, Version};

use super::attach::path_of;
use super::census::Counted;
use super::gate::{Place, permit};
use super::page::{self, Page, Wanted};
use super::usage::Usage;
use super::{Answer, Iam, answer, document, fault, tags};
use crate::ids;
use crate::managed::{self, AwsPolicy, ID_PREFIX};
use crate::principals::managed_record;
use crate::records::{POLICIES, PolicyRecord, PolicyVersion, Stored, arn, bytes, row, version_of};

/// Which list a marker of `ListPolicies` goes on in.
const IN_AWS: &str = "a/";
const IN_LOCAL: &str = "l/";

/// Whether a text is the ARN of a managed policy at all.
pub(crate) fn check_arn(arn: &str) -> Result<(), Fault> {
    let mut fields = arn.splitn(6, ':');
    let head = [fields.next(), fields.next(), fields.next(), fields.next()];
    let formed = matches!(head, [Some("arn"), Some(partition), Some("iam"), Some("")]
        if partition.starts_with("aws"));
    let rest = (fields.next(), fields.next());
    match rest {
        (Some(_), Some(resource)) if formed && resource.starts_with("policy/") => Ok(()),
        _ => Err(fault::validation("Invalid ARN:  Could not be parsed!")),
    }
}

/// A customer managed policy that the caller may do something to.
pub(crate) struct LivePolicy {
    pub(crate) record: PolicyRecord,
    pub(crate) arn: String,
    version: Version,
}

/// A managed policy that the caller may look at.
pub(crate) enum Found {
    Aws(&'static AwsPolicy),
    Own(Box<LivePolicy>),
}

impl LivePolicy {
    /// The row as it was read.
    pub(crate) fn expected(&self) -> Expected {
        Expected::At(self.version)
    }
}

impl Iam {
    /// Finds a managed policy and lets it out if the caller may do this to it.
    pub(crate) async fn policy(
        &self,
        call: &Call,
        action: &str,
        arn: &str,
        keys: &Context,
    ) -> Result<Found, Stop> {
        check_arn(arn)?;
        let aws = managed::find(arn);
        let view = self.principals.barrier.view().await?;
        let found = managed_record(&view, arn).await?;
        drop(view);
        let tags = found.as_ref().map(|found| found.record.tags.clone()).unwrap_or_default();
        let owner = arn.split(':').nth(4).filter(|owner| *owner != "aws");
        let account = owner.unwrap_or(call.account());
        let named = format!("policy {arn}");
        let place = Place { arn, account, tags: &tags };
        Guarded::new(place).permit(call, action, keys, Named::As(&named))?;
        match (aws, found) {
            (Some(policy), _) => Ok(Found::Aws(policy)),
            (None, Some(Stored { record, version })) => {
                Ok(Found::Own(Box::new(LivePolicy { record, arn: arn.to_owned(), version })))
            }
            (None, None) => Err(fault::no_policy(arn).into()),
        }
    }

    /// As [`policy`](Self::policy), for changes: AWS's own policies are AWS's.
    pub(crate) async fn own_policy(
        &self,
        call: &Call,
        action: &str,
        arn: &str,
        keys: &Context,
    ) -> Result<LivePolicy, Stop> {
        match self.policy(call, action, arn, keys).await? {
            Found::Own(policy) => Ok(*policy),
            // The text is ours; AWS's is not recorded.
            Found::Aws(_) => {
                let text = format!("Policy {arn} is managed by AWS and can't be changed.");
                Err(fault::access_denied(text).into())
            }
        }
    }

    /// Commits a change of a policy.
    pub(crate) async fn save_policy(
        &self,
        live: &LivePolicy,
        record: &PolicyRecord,
        batch: SealedBatch,
    ) -> Result<(), Stop> {
        let row = row(&record.account, &record.name);
        let batch = batch.put(POLICIES, row, live.expected(), bytes(record)?);
        self.principals.commit(&record.account, batch).await
    }
}

pub(crate) async fn create_policy(
    iam: &Iam,
    call: &mut Call,
    input: &CreatePolicyRequest<'_>,
) -> Answer {
    let (name, path) = (input.policy_name(), input.path().unwrap_or("/"));
    let tags = tags::given(input.tags());
    let keys = tags::keys(Context::new(), &tags);
    let arn = arn("policy", call.account(), path, name);
    permit(call, "iam:CreatePolicy", &arn, &format!("policy {name}"), &keys)?;
    tags::check(&tags)?;
    let text = input.policy_document();
    document::check_managed(text)?;
    let (account, row) = (call.account().to_owned(), row(call.account(), name));
    let view = iam.principals.barrier.view().await?;
    if version_of(&view, POLICIES, &row).await?.is_some() {
        let text =
            format!("A policy called {name} already exists. Duplicate names are not allowed.");
        return Err(fault::already_exists(text).into());
    }
    drop(view);
    let version = PolicyVersion { number: 1, created_ms: call.now_ms, document: text.to_owned() };
    let record = PolicyRecord {
        account: account.clone(),
        path: path.to_owned(),
        name: name.to_owned(),
        id: ids::unique_id(&iam.principals.crypto, ID_PREFIX)?,
        description: input.description().map(str::to_owned),
        created_ms: call.now_ms,
        updated_ms: call.now_ms,
        default: 1,
        latest: 1,
        versions: vec![version],
        tags,
    };
    let batch = SealedBatch::new().put(POLICIES, row, Expected::Absent, bytes(&record)?);
    let count = |census: &mut super::census::Census| {
        census.add(Counted::Policies)?;
        census.add(Counted::Versions)
    };
    let batch = iam.recount(&account, batch, count).await?;
    iam.principals.commit(&account, batch).await?;
    let tags = (!record.tags.is_empty()).then(|| answer::tags(&record.tags));
    let policy = shown(&record, Usage::default()).with_some(tags, Policy::with_tags);
    let answer = CreatePolicyResponse::new().with_policy(policy);
    call.responded(answer.record());
    Ok(Some(answer.into_record()))
}

pub(crate) async fn get_policy(iam: &Iam, call: &mut Call, input: &GetPolicyRequest<'_>) -> Answer {
    let arn = input.policy_arn();
    let found = iam.policy(call, "iam:GetPolicy", arn, &Context::new()).await?;
    let (usage, _) = iam.usage(call.account(), arn).await?;
    let policy = match found {
        Found::Own(policy) => shown(&policy.record, usage)
            .with_tags(answer::tags(&policy.record.tags))
            .with_some(policy.record.description, Policy::with_description),
        Found::Aws(policy) => {
            shown_aws(policy, usage).with_tags([]).with_description(policy.description)
        }
    };
    Ok(Some(GetPolicyResponse::new().with_policy(policy).into_record()))
}

/// A customer managed policy as lists show it.
pub(crate) fn shown(record: &PolicyRecord, usage: Usage) -> Policy<'static> {
    Policy::new()
        .with_policy_name(record.name.clone())
        .with_policy_id(record.id.clone())
        .with_arn(record.arn())
        .with_path(record.path.clone())
        .with_default_version_id(format!("v{}", record.default))
        .with_attachment_count(usage.attached)
        .with_permissions_boundary_usage_count(usage.bounds)
        .with_is_attachable(true)
        .with_create_date(record.created_ms)
        .with_update_date(record.updated_ms)
}

/// An AWS managed policy as lists show it.
pub(crate) fn shown_aws(policy: &AwsPolicy, usage: Usage) -> Policy<'static> {
    let arn = policy.arn();
    Policy::new()
        .with_policy_name(policy.name())
        .with_policy_id(policy.id())
        .with_path(path_of(&arn).to_owned())
        .with_arn(arn)
        .with_default_version_id(format!("v{}", policy.version))
        .with_attachment_count(usage.attached)
        .with_permissions_boundary_usage_count(usage.bounds)
        .with_is_attachable(true)
}

pub(crate) async fn list_policies(
    iam: &Iam,
    call: &mut Call,
    input: &ListPoliciesRequest<'_>,
) -> Answer {
    let wanted = page::wanted(input.max_items(), input.marker())?;
    let prefix = input.path_prefix().unwrap_or("/");
    permit(call, "iam:ListPolicies", "*", &format!("policy path {prefix}"), &Context::new())?;
    let usages = iam.usages(call.account()).await?;
    let only_attached = input.only_attached().unwrap_or(false);
    let filter = input.policy_usage_filter().filter(|_| only_attached);
    let fits = |arn: &str| {
        let usage = usages.get(arn).copied().unwrap_or_default();
        let used = match filter {
            Some("PermissionsPolicy") => usage.attached > 0,
            Some(_) => usage.bounds > 0,
            None => usage != Usage::default(),
        };
        path_of(arn).starts_with(prefix) && (used || !only_attached)
    };
    let scope = input.scope().unwrap_or("All");
    let mut page = if scope == "Local" {
        Page { entries: Vec::new(), next: None }
    } else {
        aws_page(&wanted, &usages, fits)
    };
    if page.next.is_none() && scope != "AWS" {
        let size = wanted.size.saturating_sub(page.entries.len());
        let from = wanted.from.as_deref().and_then(|from| from.strip_prefix(IN_LOCAL));
        let wanted = Wanted { size, from: from.map(str::to_owned) };
        let rows = format!("{}/", call.account());
        let take = |policy: &PolicyRecord| fits(&policy.arn());
        let own = iam.page(POLICIES, &rows, &wanted, take).await?;
        let usage = |policy: &PolicyRecord| usages.get(&policy.arn()).copied().unwrap_or_default();
        page.entries.extend(own.entries.iter().map(|policy| shown(policy, usage(policy))));
        page.next = own.next.map(|next| format!("{IN_LOCAL}{next}"));
    }
    let answer = ListPoliciesResponse::new()
        .with_is_truncated(page.next.is_some())
        .with_some(page.marker(), ListPoliciesResponse::with_marker)
        .with_policies(page.entries);
    Ok(Some(answer.into_record()))
}

/// A page of AWS's own policies; empty where the marker is beyond them.
fn aws_page(
    wanted: &Wanted,
    usages: &HashMap<String, Usage>,
    fits: impl Fn(&str) -> bool,
) -> Page<Policy<'static>> {
    let from = match wanted.from.as_deref() {
        None => "",
        Some(from) => match from.strip_prefix(IN_AWS) {
            Some(place) => place,
            None => return Page { entries: Vec::new(), next: None },
        },
    };
    let mut rest = managed::ALL
        .iter()
        .filter(|policy| policy.place >= from)
        .filter(|policy| fits(&policy.arn()));
    let usage = |policy: &AwsPolicy| usages.get(&policy.arn()).copied().unwrap_or_default();
    let entries: Vec<_> =
        rest.by_ref().take(wanted.size).map(|policy| shown_aws(policy, usage(policy))).collect();
    Page { entries, next: rest.next().map(|policy| format!("{IN_AWS}{}", policy.place)) }
}

pub(crate) async fn delete_policy(
    iam: &Iam,
    call: &mut Call,
    input: &DeletePolicyRequest<'_>,
) -> Answer {
    let arn = input.policy_arn();
    let live = iam.own_policy(call, "iam:DeletePolicy", arn, &Context::new()).await?;
    let (usage, _) = iam.usage(&live.record.account, arn).await?;
    if usage != Usage::default() {
        let text = "Cannot delete a policy attached to entities.";
        return Err(fault::delete_conflict(text).into());
    }
    if live.record.versions.len() > 1 {
        return Err(fault::delete_conflict(
            "This policy has more than one version. Before you delete a policy, you must delete \
             the policy's versions. The default version is deleted with the policy.",
        )
        .into());
    }
    let account = &live.record.account;
    let batch =
        SealedBatch::new().delete(POLICIES, row(account, &live.record.name), live.expected());
    let batch = iam.expect_no_use(account, arn, batch);
    let count = |census: &mut super::census::Census| {
        census.remove(Counted::Policies, 1);
        census.remove(Counted::Versions, 1);
        Ok(())
    };
    let batch = iam.recount(account, batch, count).await?;
    iam.principals.commit(account, batch).await?;
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_of_policies_are_told_from_other_texts() {
        for arn in ["arn:aws:iam::aws:policy/A", "arn:aws:iam::111122223333:policy/p/A"] {
            assert!(check_arn(arn).is_ok(), "{arn}");
        }
        for text in [
            "ReadOnlyAccess-and-more",
            "arn:aws:iam::111122223333:role/R",
            "arn:aws:s3:::policy/bucket",
            "arn:aws:iam:eu-west-1:aws:policy/A",
            "arn:aws:iam::aws",
        ] {
            let refusal = check_arn(text).expect_err(text);
            assert_eq!(refusal.message.as_deref(), Some("Invalid ARN:  Could not be parsed!"));
        }
    }
}
