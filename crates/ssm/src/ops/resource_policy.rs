//! PutResourcePolicy, GetResourcePolicies, DeleteResourcePolicy.
//!
//! A parameter has one resource policy at most. AWS's number is not known, and what several say
//! can be said in one.

use std::sync::Arc;

use bulla_crypto::{hex, sha256};
use bulla_plane::{Call, Stop, pipeline};
use bulla_policy::{Policy, PolicyKind, RequestKeys};
use bulla_shapes::ssm::{
    DeleteResourcePolicyRequest, GetResourcePoliciesRequest, GetResourcePoliciesResponse,
    GetResourcePoliciesResponseEntry, PutResourcePolicyRequest, PutResourcePolicyResponse,
};
use bulla_shapes::{Fault, View};
use bulla_store::SealedBatch;

use super::Answer;
use crate::live::Live;
use crate::record::{ResourcePolicy, Tier};
use crate::{Ssm, fault, name, sharing};

/// The most bytes of a policy. AWS's number for parameters is not known; this is IAM's for most
/// resource policies.
const MAX_POLICY_BYTES: usize = 20_480;

pub(crate) async fn put_resource_policy(
    ssm: &Ssm,
    call: &mut Call,
    input: &PutResourcePolicyRequest<'_>,
) -> Answer {
    let live = find(ssm, call, input.resource_arn(), "ssm:PutResourcePolicy").await?;
    if live.record.newest.tier != Tier::Advanced {
        // User guide, "Working with shared parameters"; the text is ours.
        return Err(invalid("Only parameters of the advanced tier can be shared.").into());
    }
    let text = input.policy();
    if text.len() > MAX_POLICY_BYTES {
        return Err(limit(format!("A policy has at most {MAX_POLICY_BYTES} bytes.")).into());
    }
    Policy::parse(text, PolicyKind::Resource).map_err(|error| {
        fault::named("MalformedResourcePolicyDocumentException", error.aws_message())
    })?;
    let id = match (live.record.sharing.first(), input.policy_id()) {
        (None, None) => pipeline::new_uuid(&ssm.crypto)?,
        (Some(_), None) => {
            return Err(limit("The parameter has a policy already: name its id.").into());
        }
        (before, Some(id)) => {
            must_be(before, id, input.policy_hash())?;
            id.to_owned()
        }
    };
    let hash = hex::encode(&sha256(text.as_bytes()));
    let answer =
        PutResourcePolicyResponse::new().with_policy_id(id.clone()).with_policy_hash(hash.clone());
    let policy = ResourcePolicy { id, hash, text: text.to_owned() };
    change(ssm, &live, vec![policy]).await?;
    call.responded(answer.record());
    Ok(Some(answer.into_record()))
}

pub(crate) async fn get_resource_policies(
    ssm: &Ssm,
    call: &mut Call,
    input: &GetResourcePoliciesRequest<'_>,
) -> Answer {
    let live = find(ssm, call, input.resource_arn(), "ssm:GetResourcePolicies").await?;
    // One policy fits on any page, so that no token was ever given.
    if input.next_token().is_some() {
        return Err(invalid("The token is not valid.").into());
    }
    let policies = live.record.sharing.iter().map(|policy| {
        GetResourcePoliciesResponseEntry::new()
            .with_policy_id(policy.id.clone())
            .with_policy_hash(policy.hash.clone())
            .with_policy(policy.text.clone())
    });
    Ok(Some(GetResourcePoliciesResponse::new().with_policies(policies).into_record()))
}

pub(crate) async fn delete_resource_policy(
    ssm: &Ssm,
    call: &mut Call,
    input: &DeleteResourcePolicyRequest<'_>,
) -> Answer {
    let live = find(ssm, call, input.resource_arn(), "ssm:DeleteResourcePolicy").await?;
    must_be(live.record.sharing.first(), input.policy_id(), Some(input.policy_hash()))?;
    change(ssm, &live, Vec::new()).await?;
    Ok(None)
}

/// Refuses a policy that is not there, or not as the caller knows it. The texts are ours.
fn must_be(known: Option<&ResourcePolicy>, id: &str, hash: Option<&str>) -> Result<(), Fault> {
    let missing =
        || fault::named("ResourcePolicyNotFoundException", format!("There is no policy {id}."));
    let known = known.filter(|known| known.id == id).ok_or_else(missing)?;
    if hash == Some(known.hash.as_str()) {
        return Ok(());
    }
    let text = "The hash is not that of the policy as it is now.";
    Err(fault::named("ResourcePolicyConflictException", text))
}

/// The texts of both are ours.
fn invalid(text: &str) -> Fault {
    fault::named("ResourcePolicyInvalidParameterException", text.to_owned())
}

fn limit(text: impl Into<String>) -> Fault {
    fault::named("ResourcePolicyLimitExceededException", text)
}

/// The parameter of the caller's own that an ARN names.
async fn find(ssm: &Ssm, call: &mut Call, arn: &str, action: &str) -> Result<Arc<Live>, Stop> {
    if !arn.starts_with("arn:") {
        return Err(invalid("The resource is to be named by its ARN.").into());
    }
    let missing = || fault::named("ResourceNotFoundException", format!("There is no {arn}."));
    let selected = name::of_any(call, arn, action).map_err(|fault| match &*fault.code {
        "AccessDeniedException" => fault,
        _ => missing(),
    })?;
    let permitted = ssm.permitted(call, &selected.name, action, &RequestKeys::none()).await?;
    let live = permitted.parameter.filter(|_| selected.selector.is_none()).ok_or_else(missing)?;
    // Who shares is who owns: a policy can't let others share on.
    if live.record.account != call.account() {
        return Err(missing().into());
    }
    Ok(live)
}

async fn change(ssm: &Ssm, live: &Live, sharing: Vec<ResourcePolicy>) -> Result<(), Stop> {
    let batch = sharing::reindexed(SealedBatch::new(), &live.record, &sharing);
    let mut record = live.record.clone();
    record.sharing = sharing;
    ssm.save(batch, Some(live), record).await
}
