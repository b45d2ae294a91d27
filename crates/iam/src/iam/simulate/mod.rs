//! The policy simulator: what policies would let a caller do, without doing it.

mod context;
mod evaluate;
mod source;

use bulla_plane::Call;
use bulla_policy::{Context, Policy, PolicyKind, Principal};
use bulla_shapes::iam::{
    GetContextKeysForCustomPolicyRequest, GetContextKeysForPolicyResponse,
    GetContextKeysForPrincipalPolicyRequest, SimulateCustomPolicyRequest, SimulatePolicyResponse,
    SimulatePrincipalPolicyRequest,
};
use bulla_shapes::{Fault, Record, Strings, View};

use self::evaluate::Simulation;
use self::source::Source;
use super::gate::permit;
use super::page::{self, Page, Wanted};
use super::{Answer, Iam, fault};
use crate::records::PARTITION;

/// Digits of a result's number in a marker.
const MARKER_DIGITS: usize = 6;

/// Parses the documents of a list. `list` is what refusals and results call it.
fn parsed(texts: Option<Strings<'_>>, kind: PolicyKind, list: &str) -> Result<Vec<Policy>, Fault> {
    let mut policies = Vec::new();
    for (at, text) in texts.iter().flat_map(Strings::iter).enumerate() {
        let name = format!("{list}.{}", at + 1);
        let policy = Policy::parse(text, kind).map_err(|error| {
            // The code is AWS's, the text ours.
            fault::invalid_input(format!("{name}: {}", error.aws_message()))
        })?;
        policies.push(policy.named(&name, None));
    }
    Ok(policies)
}

fn names(actions: Option<Strings<'_>>) -> Result<Vec<String>, Fault> {
    let names: Vec<String> = actions.iter().flat_map(Strings::iter).map(str::to_owned).collect();
    match names.iter().find(|name| name.contains(['*', '?']) || !name.contains(':')) {
        // The code is AWS's, the text ours.
        Some(name) => Err(fault::invalid_input(format!("Invalid Action Name: {name}"))),
        None => Ok(names),
    }
}

/// The resources of a simulation; without any, the one `*`.
fn resources(arns: Option<Strings<'_>>) -> Vec<String> {
    let arns: Vec<String> = arns.iter().flat_map(Strings::iter).map(str::to_owned).collect();
    if arns.is_empty() { vec!["*".to_owned()] } else { arns }
}

/// The resource policy of a request, which needs a user as its caller.
fn resource_policy(text: Option<&str>, caller: Option<&str>) -> Result<Option<Policy>, Fault> {
    let Some(text) = text else { return Ok(None) };
    if !caller.is_some_and(|arn| arn.contains(":user/")) {
        let text = "Invalid caller - Caller must be an IAM user in this context.";
        return Err(fault::invalid_input(text));
    }
    let policy = Policy::parse(text, PolicyKind::Resource).map_err(|error| {
        fault::invalid_input(format!("ResourcePolicy: {}", error.aws_message()))
    })?;
    Ok(Some(policy.named("ResourcePolicy", None)))
}

/// The account that `ResourceOwner` names by an account's ARN; the caller's own without one.
fn owner(call: &Call, owner: Option<&str>) -> String {
    let account = owner.and_then(|arn| arn.split(':').nth(4)).or(owner);
    account.unwrap_or(call.account()).to_owned()
}

fn page_of(wanted: &Wanted, simulation: &Simulation<'_>, actions: Vec<String>) -> Answer {
    let numbered: Vec<(usize, String)> = actions.into_iter().enumerate().collect();
    let order = |(at, _): &(usize, String)| format!("{at:0MARKER_DIGITS$}");
    let page: Page<(usize, String)> = page::cut(numbered, wanted, order);
    let marker = page.marker();
    let results = page.entries.iter().map(|(_, action)| simulation.result(action));
    let answer = SimulatePolicyResponse::new()
        .with_evaluation_results(results)
        .with_is_truncated(marker.is_some())
        .with_some(marker, SimulatePolicyResponse::with_marker);
    Ok(Some(answer.into_record()))
}

pub(crate) async fn simulate_custom_policy(
    _: &Iam,
    call: &mut Call,
    input: &SimulateCustomPolicyRequest<'_>,
) -> Answer {
    permit(call, "iam:SimulateCustomPolicy", "*", "*", &Context::new())?;
    let wanted = page::wanted(input.max_items(), input.marker())?;
    let identity = parsed(input.policy_input_list(), PolicyKind::Identity, "PolicyInputList")?;
    let boundaries = parsed(
        input.permissions_boundary_policy_input_list(),
        PolicyKind::Boundary,
        "PermissionsBoundaryPolicyInputList",
    )?;
    let mut levels = Vec::new();
    for level in input.ordered_organization_policy_input_list().iter().flat_map(|all| all.iter()) {
        let list = level.service_control_policy_input_list();
        levels.push(parsed(list, PolicyKind::ServiceControl, "ServiceControlPolicyInputList")?);
    }
    let caller = input.caller_arn().map(source::caller).transpose()?;
    let context = context::read(caller.as_ref(), input.context_entries())?;
    let resource_policy = resource_policy(input.resource_policy(), input.caller_arn())?;
    let simulation = Simulation {
        principal: &caller.unwrap_or_else(|| nobody(call)),
        identity: identity.iter().collect(),
        boundary: boundaries.first(),
        levels: levels.iter().map(|level| level.iter().collect()).collect(),
        resource_policy: resource_policy.as_ref(),
        resources: resources(input.resource_arns()),
        owner: owner(call, input.resource_owner()),
        context,
    };
    page_of(&wanted, &simulation, names(input.action_names())?)
}

/// The caller of a simulation that names none: a user of the account whom no policy names.
fn nobody(call: &Call) -> Principal {
    let account = call.account();
    let arn = format!("arn:{PARTITION}:iam::{account}:user/");
    Principal::user(account, arn, "")
}

pub(crate) async fn simulate_principal_policy(
    iam: &Iam,
    call: &mut Call,
    input: &SimulatePrincipalPolicyRequest<'_>,
) -> Answer {
    let source_arn = input.policy_source_arn();
    let action = "iam:SimulatePrincipalPolicy";
    let mut source = iam.source(call, source_arn, action).await?;
    source.exclude(input.policy_exclusion_list());
    let wanted = page::wanted(input.max_items(), input.marker())?;
    let more = parsed(input.policy_input_list(), PolicyKind::Identity, "PolicyInputList")?;
    let boundaries = parsed(
        input.permissions_boundary_policy_input_list(),
        PolicyKind::Boundary,
        "PermissionsBoundaryPolicyInputList",
    )?;
    let caller_arn = input.caller_arn().unwrap_or(&source.arn).to_owned();
    let resource_policy = resource_policy(input.resource_policy(), Some(&caller_arn))?;
    let caller = match input.caller_arn() {
        Some(arn) => source::caller(arn)?,
        None => source.principal.clone(),
    };
    let Source { identity, boundary, levels, .. } = &source;
    let simulation = Simulation {
        principal: &caller,
        identity: identity.iter().map(|policy| &**policy).chain(&more).collect(),
        // A boundary that is given takes the place of the principal's own.
        boundary: boundaries.first().or(boundary.as_deref()),
        levels: levels.iter().map(|level| level.iter().map(|policy| &**policy).collect()).collect(),
        resource_policy: resource_policy.as_ref(),
        resources: resources(input.resource_arns()),
        owner: owner(call, input.resource_owner()),
        context: context::read(Some(&caller), input.context_entries())?,
    };
    page_of(&wanted, &simulation, names(input.action_names())?)
}

pub(crate) async fn get_context_keys_for_custom_policy(
    _: &Iam,
    call: &mut Call,
    input: &GetContextKeysForCustomPolicyRequest<'_>,
) -> Answer {
    permit(call, "iam:GetContextKeysForCustomPolicy", "*", "*", &Context::new())?;
    let policies = parsed(input.policy_input_list(), PolicyKind::Identity, "PolicyInputList")?;
    Ok(keys_of(policies.iter()))
}

pub(crate) async fn get_context_keys_for_principal_policy(
    iam: &Iam,
    call: &mut Call,
    input: &GetContextKeysForPrincipalPolicyRequest<'_>,
) -> Answer {
    let action = "iam:GetContextKeysForPrincipalPolicy";
    let source = iam.source(call, input.policy_source_arn(), action).await?;
    let more = parsed(input.policy_input_list(), PolicyKind::Identity, "PolicyInputList")?;
    Ok(keys_of(source.identity.iter().map(|policy| &**policy).chain(&more)))
}

/// The context keys that policies ask for, as they are written; one that is written in several
/// ways is told once.
fn keys_of<'p>(policies: impl Iterator<Item = &'p Policy>) -> Option<Record<'static>> {
    let mut keys: Vec<String> = policies
        .flat_map(|policy| policy.statements())
        .flat_map(|statement| statement.written_context_keys())
        .map(str::to_owned)
        .collect();
    keys.sort_by_key(|key| key.to_lowercase());
    keys.dedup_by_key(|key| key.to_lowercase());
    Some(GetContextKeysForPolicyResponse::new().with_context_key_names(keys).into_record())
}
