//! AddPermission, RemovePermission and GetPolicy.

use bulla_plane::{Call, Stop};
use bulla_policy::Context;
use bulla_shapes::View;
use bulla_shapes::lambda::{
    AddPermissionRequest, AddPermissionResponse, GetPolicyRequest, GetPolicyResponse,
    RemovePermissionRequest,
};
use bulla_store::SealedBatch;

use super::{Answer, check_revision, no_keys};
use crate::functions::Stored;
use crate::identifier::{Identifier, LATEST};
use crate::policies::{self, MAX_POLICY_BYTES};
use crate::record::{FunctionRecord, PolicyRecord};
use crate::{Lambda, fault};

/// What a policy is on; `$LATEST` has none.
async fn on(service: &Lambda, named: &Identifier, stored: &Stored) -> Result<String, Stop> {
    match named.qualifier.as_deref() {
        None => Ok(String::new()),
        Some(LATEST) => {
            let text = "We currently do not support adding policies for $LATEST.";
            Err(fault::invalid(text).into())
        }
        Some(qualifier) => {
            service.version(&stored.record, Some(qualifier), 1.0).await?;
            Ok(qualifier.to_owned())
        }
    }
}

pub(crate) async fn add_permission(
    service: &Lambda,
    call: &mut Call,
    input: &AddPermissionRequest<'_>,
) -> Answer {
    let named = Identifier::of(call, input.function_name(), input.qualifier())?;
    let keys = Context::new().with("lambda:Principal", input.principal());
    let action = "lambda:AddPermission";
    let (named, stored) = service.permitted(call, named, action, &keys).await?;
    let on = on(service, &named, &stored).await?;
    let mut record = stored.record.clone();
    let mut policy = record.policy(&on).cloned().unwrap_or_default();
    if !policy.revision.is_empty() || input.revision_id().is_some() {
        check_revision(input.revision_id(), &policy.revision)?;
    }
    if policy.statements.iter().any(|known| known.id == input.statement_id()) {
        return Err(fault::conflict(format!(
            "The statement id ({}) provided already exists. Please provide a new statement id, or \
             remove the existing statement.",
            input.statement_id()
        ))
        .into());
    }
    let arn = named.qualified_arn();
    let statement = policies::statement(&*service.directory, input, &arn).await?;
    let told = statement.text.clone();
    policy.statements.push(statement);
    policy.revision = service.revision()?;
    let bytes = policies::document(&policy)?.len();
    if bytes > MAX_POLICY_BYTES {
        return Err(fault::policy_too_long(bytes, MAX_POLICY_BYTES).into());
    }
    put(&mut record, on, policy);
    service.change(&stored, &record, SealedBatch::new()).await?;
    let answer = AddPermissionResponse::new().with_statement(told);
    call.responded(answer.record());
    Ok(Some(answer.into_record()))
}

/// Puts a policy in its place; one without statements is none.
fn put(record: &mut FunctionRecord, on: String, policy: PolicyRecord) {
    record.policies.retain(|(name, _)| *name != on);
    if !policy.statements.is_empty() {
        record.policies.push((on, policy));
    }
}

pub(crate) async fn remove_permission(
    service: &Lambda,
    call: &mut Call,
    input: &RemovePermissionRequest<'_>,
) -> Answer {
    let named = Identifier::of(call, input.function_name(), input.qualifier())?;
    let action = "lambda:RemovePermission";
    let (named, stored) = service.permitted(call, named, action, &no_keys()).await?;
    let on = on(service, &named, &stored).await?;
    let mut record = stored.record.clone();
    let Some(mut policy) = record.policy(&on).cloned() else {
        let text = "No policy is associated with the given resource.";
        return Err(fault::not_found(text).into());
    };
    let before = policy.statements.len();
    policy.statements.retain(|known| known.id != input.statement_id());
    if policy.statements.len() == before {
        let text = format!("Statement {} is not found in resource policy.", input.statement_id());
        return Err(fault::not_found(text).into());
    }
    check_revision(input.revision_id(), &policy.revision)?;
    policy.revision = service.revision()?;
    put(&mut record, on, policy);
    service.change(&stored, &record, SealedBatch::new()).await?;
    Ok(None)
}

pub(crate) async fn get_policy(
    service: &Lambda,
    call: &mut Call,
    input: &GetPolicyRequest<'_>,
) -> Answer {
    let named = Identifier::of(call, input.function_name(), input.qualifier())?;
    let action = "lambda:GetPolicy";
    let (named, stored) = service.permitted(call, named, action, &no_keys()).await?;
    let on = policies::name_of(named.qualifier.as_deref());
    let Some(policy) = stored.record.policy(on) else {
        return Err(fault::not_found("The resource you requested does not exist.").into());
    };
    let answer = GetPolicyResponse::new()
        .with_policy(policies::document(policy)?)
        .with_revision_id(policy.revision.clone());
    Ok(Some(answer.into_record()))
}
