//! Holds the compiled evaluator against the naive one.

use bulla_policy::{
    Context, GrantRef, Inputs, Policy, PolicyKind, Request, Verdict, authorize, survey,
};
use serde_json::Value;

use super::generate::{Dice, scenario};
use super::reference::{Answer, Ctx, Scenario, decide};

/// Policies without principals are parsed as session policies, whose operands are not checked; how
/// a policy is evaluated does not depend on its type.
fn compile(policy: &Value, kind: PolicyKind) -> Result<Policy, String> {
    let text = policy.to_string();
    Policy::parse(&text, kind).map_err(|error| format!("{error}: {text}"))
}

fn own(policies: &[Value]) -> Result<Vec<Policy>, String> {
    policies.iter().map(|policy| compile(policy, PolicyKind::Session)).collect()
}

fn compiled(s: &Scenario) -> Result<(Answer, bool), String> {
    let resource = s.resource_policy.as_ref().map(|p| compile(p, PolicyKind::Key)).transpose()?;
    let rcps = s.rcps.iter().map(|p| compile(p, PolicyKind::ResourceControl));
    let rcps: Vec<_> = rcps.collect::<Result<_, _>>()?;
    let (identity, boundary) = (own(&s.identity)?, own(s.boundary.as_slice())?);
    let session = s.session.as_deref().map(own).transpose()?;
    let scps: Vec<_> = s.scps.iter().map(|level| own(level)).collect::<Result<_, _>>()?;
    let scps: Vec<Vec<&Policy>> = scps.iter().map(|level| level.iter().collect()).collect();
    let scps: Vec<&[&Policy]> = scps.iter().map(Vec::as_slice).collect();
    let session: Option<Vec<&Policy>> = session.as_ref().map(|all| all.iter().collect());
    let context = s.context.iter().fold(Context::new(), |context, (key, value)| match value {
        Ctx::One(value) => context.with(key, value.clone()),
        Ctx::Many(values) => context.with_many(key, values.clone()),
    });
    let inputs = Inputs {
        resource_policy: resource.as_ref(),
        resource_policy_mandatory: s.mandatory,
        identity: &identity.iter().collect::<Vec<_>>(),
        boundary: boundary.first(),
        session: session.as_deref(),
        scps: &scps,
        rcps: &rcps.iter().collect::<Vec<_>>(),
        grant: s.grant.map(|grantee| GrantRef { grant_id: "g", grantee }),
    };
    let request = Request {
        principal: &s.principal,
        action: &s.action,
        resource: &s.resource,
        resource_account: &s.account,
        conditions: &context,
    };
    let decision = authorize(&inputs, &request);
    if !surveys_agree(&inputs, &request, decision.allowed()) {
        return Err(format!("a survey differs\n{s:#?}"));
    }
    let answer = match decision.verdict() {
        Verdict::Allowed => Answer::Allowed,
        Verdict::ImplicitDeny => Answer::Implicit,
        Verdict::ExplicitDeny => Answer::Explicit,
    };
    Ok((answer, decision.cross_account()))
}

/// With nothing open a survey is the decision; the more is open, the more is possible.
fn surveys_agree(inputs: &Inputs<'_>, request: &Request<'_>, allowed: bool) -> bool {
    let closed = survey(inputs, request, &|_| false);
    let open = survey(inputs, request, &|_| true);
    let halfway = survey(inputs, request, &|key| key.len() % 2 == 0);
    (closed.allowed, closed.only_if.len(), closed.unless.len()) == (allowed, 0, 0)
        && halfway.allowed >= allowed
        && open.allowed >= halfway.allowed
}

/// Decides a scenario in both ways; the compiled answer.
///
/// # Errors
/// Both answers and the scenario, when they differ.
pub(crate) fn agree(scenario: &Scenario) -> Result<Answer, String> {
    let expected = decide(scenario);
    let (found, cross_account) = compiled(scenario)?;
    // Across accounts a foreign Deny may be reported as the caller's own missing Allow.
    let masked = cross_account && (expected, found) == (Answer::Explicit, Answer::Implicit);
    if found == expected || masked {
        return Ok(found);
    }
    Err(format!("expected {expected:?}, found {found:?}\n{scenario:#?}"))
}

/// As [`agree`], of the scenario of a seed.
pub(crate) fn check(seed: u64) -> Result<Answer, String> {
    agree(&scenario(&mut Dice(seed))).map_err(|error| format!("seed {seed}: {error}"))
}
