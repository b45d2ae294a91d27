//! Making, changing and listing policies.

use bulla_plane::{Call, Stop};
use bulla_shapes::View;
use bulla_shapes::organizations::{
    CreatePolicyRequest, CreatePolicyResponse, DeletePolicyRequest, DescribePolicyRequest,
    DescribePolicyResponse, ListPoliciesRequest, ListPoliciesResponse, Policy, UpdatePolicyRequest,
    UpdatePolicyResponse,
};
use bulla_store::{Expected, SealedBatch};

use super::super::guard::document;
use super::super::page::page;
use super::super::records::{DOCUMENTS, FULL_ACCESS, MAX_POLICIES, Organization, PolicyEntry};
use super::super::{Organizations, content, fault, ids, view};
use super::{Answer, only_scps};
use crate::records::bytes;

pub(crate) async fn create(
    service: &Organizations,
    call: &mut Call,
    input: &CreatePolicyRequest<'_>,
) -> Answer {
    let mut found = service.managed(call, "organizations:CreatePolicy").await?;
    only_scps(input.r#type())?;
    let text = content::normalized(input.content())?;
    let organization = &mut found.record;
    if !organization.all_features {
        return Err(fault::type_not_available().into());
    }
    if organization.policies.len() >= MAX_POLICIES {
        return Err(fault::too_many_policies().into());
    }
    if is_taken(organization, input.name(), "") {
        return Err(fault::duplicate_policy().into());
    }
    let id = ids::draw::<8>(&service.principals.crypto, "p-")?;
    if organization.has_policy(&id) {
        return Err(Stop::Again);
    }
    let (name, description) = (input.name().to_owned(), input.description().to_owned());
    organization.policies.insert(id.clone(), PolicyEntry { name, description, edition: 1 });
    let row = format!("{}/{id}", organization.id);
    let batch = SealedBatch::new().put(DOCUMENTS, row, Expected::Absent, bytes(&text)?);
    service.save(&found, batch).await?;
    let answer = CreatePolicyResponse::new().with_policy(whole(&found.record, &id, text));
    Ok(Some(answer.into_record()))
}

/// Whether another policy has this name, or the one that AWS manages.
fn is_taken(organization: &Organization, name: &str, own: &str) -> bool {
    let mut others = organization.policies.iter().filter(|(id, _)| *id != own);
    others.any(|(_, entry)| entry.name == name)
}

fn whole(organization: &Organization, id: &str, text: String) -> Policy<'static> {
    let summary = view::policy(organization, id, organization.policies.get(id));
    Policy::new().with_policy_summary(summary).with_content(text)
}

pub(crate) async fn update(
    service: &Organizations,
    call: &mut Call,
    input: &UpdatePolicyRequest<'_>,
) -> Answer {
    let mut found = service.managed(call, "organizations:UpdatePolicy").await?;
    let id = input.policy_id();
    let organization = &mut found.record;
    customers_policy(organization, id)?;
    let text = input.content().map(content::normalized).transpose()?;
    if input.name().is_some_and(|name| is_taken(organization, name, id)) {
        return Err(fault::duplicate_policy().into());
    }
    let row = format!("{}/{id}", organization.id);
    let opened = {
        let view = service.principals.barrier.view().await?;
        view.get(DOCUMENTS, row.as_bytes()).await?.ok_or(Stop::Again)?
    };
    let mut batch = SealedBatch::new();
    if let Some(entry) = organization.policies.get_mut(id) {
        if let Some(name) = input.name() {
            name.clone_into(&mut entry.name);
        }
        if let Some(description) = input.description() {
            description.clone_into(&mut entry.description);
        }
        entry.edition += 1;
    }
    let expected = Expected::At(opened.version);
    let text = match text {
        Some(text) => {
            batch = batch.put(DOCUMENTS, row, expected, bytes(&text)?);
            text
        }
        None => {
            let view = service.principals.barrier.view().await?;
            document(&view, organization, id).await?
        }
    };
    service.save(&found, batch).await?;
    let answer = UpdatePolicyResponse::new().with_policy(whole(&found.record, id, text));
    Ok(Some(answer.into_record()))
}

/// Refuses what there is not, and what is AWS's.
fn customers_policy(organization: &Organization, id: &str) -> Result<(), Stop> {
    if id == FULL_ACCESS {
        return Err(fault::managed_by_aws().into());
    }
    if organization.has_policy(id) { Ok(()) } else { Err(fault::policy_not_found().into()) }
}

pub(crate) async fn describe(
    service: &Organizations,
    call: &mut Call,
    input: &DescribePolicyRequest<'_>,
) -> Answer {
    let found = service.managed(call, "organizations:DescribePolicy").await?;
    let (organization, id) = (&found.record, input.policy_id());
    if !organization.has_policy(id) {
        return Err(fault::policy_not_found().into());
    }
    let text = document(&service.principals.barrier.view().await?, organization, id).await?;
    let answer = DescribePolicyResponse::new().with_policy(whole(organization, id, text));
    Ok(Some(answer.into_record()))
}

pub(crate) async fn delete(
    service: &Organizations,
    call: &mut Call,
    input: &DeletePolicyRequest<'_>,
) -> Answer {
    let mut found = service.managed(call, "organizations:DeletePolicy").await?;
    let id = input.policy_id();
    let organization = &mut found.record;
    customers_policy(organization, id)?;
    if organization.attached.values().any(|held| held.contains(id)) {
        return Err(fault::policy_in_use().into());
    }
    organization.policies.remove(id);
    let row = format!("{}/{id}", organization.id);
    let opened = {
        let view = service.principals.barrier.view().await?;
        view.get(DOCUMENTS, row.as_bytes()).await?.ok_or(Stop::Again)?
    };
    let batch = SealedBatch::new().delete(DOCUMENTS, row, Expected::At(opened.version));
    service.save(&found, batch).await?;
    Ok(None)
}

pub(crate) async fn list(
    service: &Organizations,
    call: &mut Call,
    input: &ListPoliciesRequest<'_>,
) -> Answer {
    let found = service.managed(call, "organizations:ListPolicies").await?;
    only_scps(input.filter())?;
    let organization = &found.record;
    // The policy that AWS manages comes in the place that its id has among the others.
    let mut all: Vec<&str> = organization.policies.keys().map(String::as_str).collect();
    all.push(FULL_ACCESS);
    all.sort_unstable();
    let (ids, next) = page(all, |id| id, input.next_token(), input.max_results())?;
    let summaries =
        ids.into_iter().map(|id| view::policy(organization, id, organization.policies.get(id)));
    let answer = ListPoliciesResponse::new()
        .with_policies(summaries)
        .with_some(next, |this, next| this.with_next_token(next));
    Ok(Some(answer.into_record()))
}
