//! Attaching policies to roots, units and accounts.

use bulla_plane::Call;
use bulla_shapes::organizations::{
    AttachPolicyRequest, DetachPolicyRequest, ListPoliciesForTargetRequest,
    ListPoliciesForTargetResponse, ListTargetsForPolicyRequest, ListTargetsForPolicyResponse,
    PolicyTargetSummary,
};
use bulla_shapes::{Fault, View};
use bulla_store::SealedBatch;

use super::super::page::page;
use super::super::records::Organization;
use super::super::tree::Target;
use super::super::{Organizations, fault, load, view};
use super::{Answer, only_scps};

/// Refuses a policy or a target that there is not, and policies that are not in force.
fn check(organization: &Organization, policy: &str, target: &str) -> Result<(), Fault> {
    if !organization.has_policy(policy) {
        return Err(fault::policy_not_found());
    }
    if organization.target(target).is_none() {
        return Err(fault::target_not_found());
    }
    if organization.scps { Ok(()) } else { Err(fault::type_not_enabled()) }
}

pub(crate) async fn attach(
    service: &Organizations,
    call: &mut Call,
    input: &AttachPolicyRequest<'_>,
) -> Answer {
    let mut found = service.managed(call, "organizations:AttachPolicy").await?;
    let (policy, target) = (input.policy_id(), input.target_id());
    check(&found.record, policy, target)?;
    found.record.attach(policy, target)?;
    service.save(&found, SealedBatch::new()).await?;
    Ok(None)
}

pub(crate) async fn detach(
    service: &Organizations,
    call: &mut Call,
    input: &DetachPolicyRequest<'_>,
) -> Answer {
    let mut found = service.managed(call, "organizations:DetachPolicy").await?;
    let (policy, target) = (input.policy_id(), input.target_id());
    check(&found.record, policy, target)?;
    found.record.detach(policy, target)?;
    service.save(&found, SealedBatch::new()).await?;
    Ok(None)
}

pub(crate) async fn list_policies(
    service: &Organizations,
    call: &mut Call,
    input: &ListPoliciesForTargetRequest<'_>,
) -> Answer {
    let found = service.managed(call, "organizations:ListPoliciesForTarget").await?;
    only_scps(input.filter())?;
    let (organization, target) = (&found.record, input.target_id());
    if organization.target(target).is_none() {
        return Err(fault::target_not_found().into());
    }
    let held = organization.attached.get(target).into_iter().flatten().map(String::as_str);
    let (ids, next) = page(held, |id| id, input.next_token(), input.max_results())?;
    let summaries =
        ids.into_iter().map(|id| view::policy(organization, id, organization.policies.get(id)));
    let answer = ListPoliciesForTargetResponse::new()
        .with_policies(summaries)
        .with_some(next, |this, next| this.with_next_token(next));
    Ok(Some(answer.into_record()))
}

pub(crate) async fn list_targets(
    service: &Organizations,
    call: &mut Call,
    input: &ListTargetsForPolicyRequest<'_>,
) -> Answer {
    let found = service.managed(call, "organizations:ListTargetsForPolicy").await?;
    let (organization, policy) = (&found.record, input.policy_id());
    if !organization.has_policy(policy) {
        return Err(fault::policy_not_found().into());
    }
    let holders = organization.attached.iter().filter(|(_, held)| held.contains(policy));
    let holders = holders.map(|(id, _)| id.as_str());
    let (ids, next) = page(holders, |id| id, input.next_token(), input.max_results())?;
    let mut targets = Vec::with_capacity(ids.len());
    let view = service.principals.barrier.view().await?;
    for id in ids {
        let (kind, arn, name) = match organization.target(id) {
            Some(Target::Root) => ("ROOT", organization.root_arn(), "Root".to_owned()),
            Some(Target::Unit) => {
                let name = organization.units.get(id).map(|unit| unit.name.clone());
                ("ORGANIZATIONAL_UNIT", organization.unit_arn(id), name.unwrap_or_default())
            }
            Some(Target::Account) => {
                let name = load::account(&view, id).await?.map(|known| known.record.name);
                ("ACCOUNT", organization.account_arn(id), name.unwrap_or_default())
            }
            None => continue,
        };
        let summary = PolicyTargetSummary::new().with_target_id(id.to_owned()).with_arn(arn);
        targets.push(summary.with_name(name).with_type(kind));
    }
    drop(view);
    let answer = ListTargetsForPolicyResponse::new()
        .with_targets(targets)
        .with_some(next, |this, next| this.with_next_token(next));
    Ok(Some(answer.into_record()))
}
