//! PutResourcePolicy, GetResourcePolicy, ListResourcePolicies, DeleteResourcePolicy and
//! ValidateResourcePolicy.

use bulla_plane::gate::{Named, permit_account};
use bulla_plane::{Call, Stop};
use bulla_policy::RequestKeys;
use bulla_shapes::View;
use bulla_shapes::secretsmanager::{
    DeleteResourcePolicyRequest, DeleteResourcePolicyResponse, GetResourcePolicyRequest,
    GetResourcePolicyResponse, ListResourcePoliciesRequest, ListResourcePoliciesResponse,
    PutResourcePolicyRequest, PutResourcePolicyResponse, ResourcePolicySummary,
    ValidateResourcePolicyRequest, ValidateResourcePolicyResponse, ValidationErrorsEntry,
};
use bulla_store::SealedBatch;

use super::Answer;
use crate::across::POLICY_NAME;
use crate::conditions;
use crate::{Secrets, fault, policies};

/// The only name that a policy can be given.
const DEFAULT: &str = "default";

/// Refuses other names (our text).
fn check_name(name: Option<&str>) -> Result<(), Stop> {
    if name.is_none_or(|name| name == DEFAULT) {
        return Ok(());
    }
    Err(fault::invalid_parameter("The PolicyName must be default.").into())
}

/// What all operations on one policy set; without a name the default one is meant.
fn keys_of<'a>(secret_id: &'a str, name: Option<&'a str>) -> RequestKeys<'a> {
    conditions::of(secret_id).with("secretsmanager:policyname", name.unwrap_or(DEFAULT))
}

pub(crate) async fn put_resource_policy(
    service: &Secrets,
    call: &mut Call,
    input: &PutResourcePolicyRequest<'_>,
) -> Answer {
    let block = input.block_public_policy();
    let keys = keys_of(input.secret_id(), input.policy_name())
        .with_flag("secretsmanager:blockpublicpolicy", block);
    let action = "secretsmanager:PutResourcePolicy";
    let secret = service.permitted(call, input.secret_id(), action, &keys).await?;
    check_name(input.policy_name())?;
    secret.record.must_live()?;
    secret.record.must_keep_its_own()?;
    let text = input.resource_policy();
    let policy = policies::checked(&*service.directory, call, text).await?;
    if block == Some(true) && policies::is_public(&policy) {
        return Err(fault::public_policy().into());
    }
    let mut record = secret.record.clone();
    record.policy = Some(policy);
    service.change(&secret, &record, SealedBatch::new()).await?;
    let answer = PutResourcePolicyResponse::new()
        .with_arn(secret.arn.clone())
        .with_name(record.name.clone())
        .with_some(
            input.policy_name().map(str::to_owned),
            PutResourcePolicyResponse::with_policy_name,
        );
    call.responded(answer.record());
    Ok(Some(answer.into_record()))
}

pub(crate) async fn get_resource_policy(
    service: &Secrets,
    call: &mut Call,
    input: &GetResourcePolicyRequest<'_>,
) -> Answer {
    let keys = keys_of(input.secret_id(), input.policy_name());
    let action = "secretsmanager:GetResourcePolicy";
    let secret = service.permitted(call, input.secret_id(), action, &keys).await?;
    // InvalidRequestException is documented of this and of the list, as of whatever a deletion
    // that is scheduled stops; DescribeSecret and ListSecretVersionIds lack it.
    secret.record.must_live()?;
    let policy = match input.policy_name() {
        Some(POLICY_NAME) => secret.record.replication_policy(),
        name => {
            check_name(name)?;
            secret.record.policy.as_ref().map(|policy| policy.text.clone())
        }
    };
    let named = input.policy_name().filter(|_| policy.is_some()).map(str::to_owned);
    let answer = GetResourcePolicyResponse::new()
        .with_arn(secret.arn.clone())
        .with_name(secret.record.name.clone())
        .with_some(policy, GetResourcePolicyResponse::with_resource_policy)
        .with_some(named, GetResourcePolicyResponse::with_policy_name);
    Ok(Some(answer.into_record()))
}

pub(crate) async fn list_resource_policies(
    service: &Secrets,
    call: &mut Call,
    input: &ListResourcePoliciesRequest<'_>,
) -> Answer {
    let keys = conditions::of(input.secret_id());
    let action = "secretsmanager:ListResourcePolicies";
    let secret = service.permitted(call, input.secret_id(), action, &keys).await?;
    secret.record.must_live()?;
    // Two policies fit on any page, so that no token was ever given.
    if input.next_token().is_some() {
        return Err(fault::invalid_token().into());
    }
    let given = secret.record.policy.iter().map(|_| DEFAULT);
    let names = given.chain(secret.record.foreign_primary.iter().map(|_| POLICY_NAME));
    let summaries = names.map(|name| ResourcePolicySummary::new().with_policy_name(name));
    let answer = ListResourcePoliciesResponse::new().with_resource_policies(summaries);
    Ok(Some(answer.into_record()))
}

pub(crate) async fn delete_resource_policy(
    service: &Secrets,
    call: &mut Call,
    input: &DeleteResourcePolicyRequest<'_>,
) -> Answer {
    let keys = keys_of(input.secret_id(), input.policy_name());
    let action = "secretsmanager:DeleteResourcePolicy";
    let secret = service.permitted(call, input.secret_id(), action, &keys).await?;
    check_name(input.policy_name())?;
    secret.record.must_live()?;
    secret.record.must_keep_its_own()?;
    let mut record = secret.record.clone();
    if record.policy.take().is_some() {
        service.change(&secret, &record, SealedBatch::new()).await?;
    }
    let answer = DeleteResourcePolicyResponse::new()
        .with_arn(secret.arn.clone())
        .with_name(record.name)
        .with_some(
            input.policy_name().map(str::to_owned),
            DeleteResourcePolicyResponse::with_policy_name,
        );
    call.responded(answer.record());
    Ok(Some(answer.into_record()))
}

pub(crate) async fn validate_resource_policy(
    service: &Secrets,
    call: &mut Call,
    input: &ValidateResourcePolicyRequest<'_>,
) -> Answer {
    // Both are needed (API reference).
    let (action, put) =
        ("secretsmanager:ValidateResourcePolicy", "secretsmanager:PutResourcePolicy");
    match input.secret_id() {
        Some(id) => {
            let keys = conditions::of(id);
            let secret = service.permitted(call, id, action, &keys).await?;
            service.find(call, id).await?.permit(call, put, &keys, Named::Arn)?;
            secret.record.must_live()?;
        }
        None => {
            permit_account(call, action, "*", &RequestKeys::none())?;
            permit_account(call, put, "*", &RequestKeys::none())?;
        }
    }
    let checked = policies::checked(&*service.directory, call, input.resource_policy()).await;
    // The names of the checks are ours; AWS's are not recorded.
    let problem = match checked {
        Ok(policy) if policies::is_public(&policy) => {
            Some(("PublicPolicy", fault::public_policy().message.unwrap_or_default()))
        }
        Ok(_) => None,
        Err(Stop::Fault(refused)) => Some(("PolicyDocument", refused.message.unwrap_or_default())),
        Err(stop) => return Err(stop),
    };
    let errors: Vec<_> = problem
        .into_iter()
        .map(|(name, text)| {
            ValidationErrorsEntry::new().with_check_name(name).with_error_message(text)
        })
        .collect();
    let answer = ValidateResourcePolicyResponse::new()
        .with_policy_validation_passed(errors.is_empty())
        .with_validation_errors(errors);
    Ok(Some(answer.into_record()))
}
