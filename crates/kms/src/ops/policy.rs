//! GetKeyPolicy, PutKeyPolicy, ListKeyPolicies.

use bulla_plane::Call;
use bulla_shapes::View;
use bulla_shapes::kms::{
    GetKeyPolicyRequest, GetKeyPolicyResponse, ListKeyPoliciesRequest, ListKeyPoliciesResponse,
    PutKeyPolicyRequest,
};
use bulla_store::SealedBatch;

use super::{Answer, KEY_TYPE};
use crate::Kms;
use crate::conditions::RequestKeys;
use crate::fault;
use crate::found::Takes;
use crate::policies;

/// The one policy that a key has here; `AWS_RAM` belongs to a service that this server is not.
const DEFAULT: &str = "default";

pub(crate) async fn get_key_policy(
    kms: &Kms,
    call: &mut Call,
    input: &GetKeyPolicyRequest<'_>,
) -> Answer {
    let action = "kms:GetKeyPolicy";
    let name = input.policy_name().unwrap_or(DEFAULT);
    let keys = RequestKeys::none().with("kms:policyname", name);
    let found = kms.find(call, input.key_id(), Takes::OwnKeys).await?;
    let key = found.permit(call, action, &keys)?;
    call.touched(&key.arn, &key.record.account, KEY_TYPE);
    if name != DEFAULT {
        return Err(fault::not_found("No such policy exists").into());
    }
    let answer = GetKeyPolicyResponse::new()
        .with_policy(policies::shown(&*kms.directory, &key.record).await?)
        .with_policy_name(DEFAULT);
    Ok(Some(answer.into_record()))
}

pub(crate) async fn put_key_policy(
    kms: &Kms,
    call: &mut Call,
    input: &PutKeyPolicyRequest<'_>,
) -> Answer {
    let action = "kms:PutKeyPolicy";
    let bypass = input.bypass_policy_lockout_safety_check() == Some(true);
    let name = input.policy_name().unwrap_or(DEFAULT);
    let keys = RequestKeys::none()
        .with("kms:policyname", name)
        .with_flag("kms:bypasspolicylockoutsafetycheck", bypass);
    let found = kms.find(call, input.key_id(), Takes::OwnKeys).await?;
    let key = found.permit(call, action, &keys)?;
    call.touched(&key.arn, &key.record.account, KEY_TYPE);
    key.must_be_the_customers()?;
    if name != DEFAULT {
        return Err(fault::validation(format!("PolicyName must be {DEFAULT}, not {name}")).into());
    }
    let text = input.policy().to_owned();
    let accepted = policies::checked(kms, call, text, &key.record, bypass).await?;
    let mut record = key.record.clone();
    record.policy = accepted.text;
    record.principals = accepted.principals;
    kms.change(&key, &record, SealedBatch::new(), call.now_ms).await?;
    Ok(None)
}

pub(crate) async fn list_key_policies(
    kms: &Kms,
    call: &mut Call,
    input: &ListKeyPoliciesRequest<'_>,
) -> Answer {
    let action = "kms:ListKeyPolicies";
    let found = kms.find(call, input.key_id(), Takes::OwnKeys).await?;
    let key = found.permit(call, action, &RequestKeys::none())?;
    call.touched(&key.arn, &key.record.account, KEY_TYPE);
    // One name fits on any page, so that no marker was ever given.
    if input.marker().is_some() {
        return Err(fault::invalid_marker().into());
    }
    let answer = ListKeyPoliciesResponse::new().with_policy_names([DEFAULT]).with_truncated(false);
    Ok(Some(answer.into_record()))
}
