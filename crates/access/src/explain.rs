//! Explain: one decision, with every policy that was looked at and what became of each statement.

use bulla_plane::{Call, Stop};
use bulla_policy::{
    Considered, Effect, Explanation, FailedCondition, Layer, Outcome, Policy, ResourceName,
    Verdict, explain as judge,
};
use bulla_shapes::bulla::{
    ConsideredPolicy, ConsideredStatement, ExplainRequest, ExplainResponse,
    FailedCondition as FailedConditionView,
};
use bulla_shapes::{Record, View};

use crate::Access;
use crate::asked::Asked;
use crate::place::no_resource;
use crate::subject::subject;

/// Explains what the Gate would decide for a principal.
pub(crate) async fn explain(
    access: &Access,
    call: &mut Call,
    input: &ExplainRequest<'_>,
) -> Result<Option<Record<'static>>, Stop> {
    let action = input.action();
    let place = access.place(call, "bulla:Explain", action, input.resource()).await?;
    let authority = subject(&*access.directory, input.principal()).await?;
    let supposed = call.as_if(authority);
    let asked = Asked::read(input.context_entries(), input.encryption_context());
    let seen = place.found_for(&supposed).await?;
    let seen = seen.ok_or_else(|| no_resource("the resource has gone"))?;
    let told = seen.judge(&supposed, action, &asked, |inputs, request| {
        let explanation = judge(inputs, request);
        let foreign = supposed.account() != call.account();
        let named = match request.resource {
            "*" => ResourceName::None,
            arn => ResourceName::Key(arn),
        };
        let principal = &supposed.principal().arn;
        let message = explanation.decision.denial_text(principal, action, named);
        let answer = answer(&explanation, foreign)
            .with_principal_arn(principal.clone())
            .with_action(action.to_owned())
            .with_resource_arn(request.resource.to_owned());
        if explanation.decision.allowed() { answer } else { answer.with_message(message) }
    });
    Ok(Some(told.into_record()))
}

/// The answer without what names the request. Of a `foreign` principal's own policies it tells
/// only that they were looked at: they are another account's secret.
fn answer(explanation: &Explanation<'_>, foreign: bool) -> ExplainResponse<'static> {
    let decision = &explanation.decision;
    let mut policies: Vec<(Layer, &Policy, Vec<&Considered<'_>>)> = Vec::new();
    for considered in &explanation.considered {
        let at = &considered.statement;
        match policies.last_mut() {
            Some((_, policy, statements)) if std::ptr::eq(*policy, at.policy) => {
                statements.push(considered);
            }
            _ => policies.push((at.layer, at.policy, vec![considered])),
        }
    }
    let decided = |considered: &Considered<'_>| {
        let at = &considered.statement;
        decision.statements().any(|by| std::ptr::eq(by.policy, at.policy) && by.index == at.index)
    };
    let policies: Vec<_> = policies
        .into_iter()
        .map(|(layer, policy, statements)| {
            let view = ConsideredPolicy::new().with_layer(layer_name(layer));
            if foreign && is_own(layer) {
                return view.with_hidden(true);
            }
            let statements = statements.into_iter().map(|of| statement(of, decided(of)));
            let view = view.with_name(policy.name().to_owned()).with_statements(statements);
            match policy.arn() {
                Some(arn) => view.with_arn(arn.to_owned()),
                None => view,
            }
        })
        .collect();
    let missing = explanation.missing_keys.iter().map(|key| (*key).to_owned());
    let answer = ExplainResponse::new()
        .with_decision(verdict(decision.verdict()))
        .with_layer(layer_name(decision.layer()))
        .with_cross_account(decision.cross_account())
        .with_policies(policies)
        .with_missing_context_keys(missing.collect::<Vec<_>>());
    match decision.grant() {
        Some(grant) => answer.with_grant_id(grant.grant_id.to_owned()),
        None => answer,
    }
}

/// Whether a layer is the principal's own side.
pub(crate) fn is_own(layer: Layer) -> bool {
    !matches!(layer, Layer::Resource | Layer::ResourceControl)
}

fn statement(considered: &Considered<'_>, decided: bool) -> ConsideredStatement<'static> {
    let at = &considered.statement;
    let view = ConsideredStatement::new()
        .with_index(i64::try_from(at.index).unwrap_or(i64::MAX))
        .with_outcome(outcome(&considered.outcome))
        .with_applied(considered.applied)
        .with_decided(decided);
    let view = match at.statement().map(bulla_policy::Statement::effect) {
        Some(Effect::Allow) => view.with_effect("Allow"),
        Some(Effect::Deny) => view.with_effect("Deny"),
        None => view,
    };
    let view = match at.sid() {
        Some(sid) => view.with_sid(sid.to_owned()),
        None => view,
    };
    match &considered.outcome {
        Outcome::Conditions(failed) => view.with_failed_conditions(failed.iter().map(condition)),
        _ => view,
    }
}

fn condition(failed: &FailedCondition<'_>) -> FailedConditionView<'static> {
    let operands: Vec<String> = failed.operands.iter().map(|&operand| operand.to_owned()).collect();
    FailedConditionView::new()
        .with_operator(failed.operator.to_owned())
        .with_key(failed.key.to_owned())
        .with_operands(operands)
        .with_values(failed.values.clone())
        .with_in_error(failed.error)
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allowed => "Allowed",
        Verdict::ImplicitDeny => "ImplicitlyDenied",
        Verdict::ExplicitDeny => "ExplicitlyDenied",
    }
}

fn outcome(outcome: &Outcome<'_>) -> &'static str {
    match outcome {
        Outcome::Applied => "Applied",
        Outcome::OtherAction => "OtherAction",
        Outcome::OtherPrincipal => "OtherPrincipal",
        Outcome::OtherResource => "OtherResource",
        Outcome::Conditions(_) => "ConditionsFailed",
    }
}

/// A layer's name on the wire.
pub(crate) fn layer_name(layer: Layer) -> &'static str {
    match layer {
        Layer::ResourceControl => "ResourceControl",
        Layer::ServiceControl => "ServiceControl",
        Layer::Resource => "Resource",
        Layer::Identity => "Identity",
        Layer::Boundary => "Boundary",
        Layer::Session => "Session",
    }
}
