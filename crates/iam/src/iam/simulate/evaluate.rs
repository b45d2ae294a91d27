//! One simulated action over its resources, and how the result is told.
//!
//! The shapes are those recorded from AWS in 2026: one result an action, the strictest decision on
//! top, positions counted as the simulator counts them.

use bulla_policy::{
    Context, Effect, Explanation, Inputs, Layer, Policy, Position, Principal, Request,
    StatementRef, Verdict, explain,
};
use bulla_shapes::iam::{
    EvaluationResult, OrganizationsDecisionDetail, PermissionsBoundaryDecisionDetail,
    Position as Shown, ResourceSpecificResult, Statement,
};

/// Everything that a simulation takes into account.
pub(super) struct Simulation<'a> {
    pub(super) principal: &'a Principal,
    pub(super) identity: Vec<&'a Policy>,
    pub(super) boundary: Option<&'a Policy>,
    pub(super) levels: Vec<Vec<&'a Policy>>,
    pub(super) resource_policy: Option<&'a Policy>,
    /// At least one; `*` where the request names none.
    pub(super) resources: Vec<String>,
    /// The account that owns the resources.
    pub(super) owner: String,
    pub(super) context: Context,
}

/// What one resource came to.
struct Verdicts {
    verdict: Verdict,
    matched: Vec<Match>,
    missing: Vec<String>,
    by_boundary: bool,
    by_organizations: bool,
    details: Vec<(&'static str, &'static str)>,
}

/// How results call a decision.
fn decision(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allowed => "allowed",
        Verdict::ImplicitDeny => "implicitDeny",
        Verdict::ExplicitDeny => "explicitDeny",
    }
}

/// The strictest first.
fn strictness(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::ExplicitDeny => 0,
        Verdict::ImplicitDeny => 1,
        Verdict::Allowed => 2,
    }
}

/// What stands on top of a result that has several resources: the form of a resource of the
/// service (recorded for S3; the others are from "Actions, resources, and condition keys").
fn template(action: &str) -> &'static str {
    match action.split(':').next().unwrap_or_default().to_ascii_lowercase().as_str() {
        "s3" => "arn:aws:s3:::${BucketName}/${KeyName}",
        "kms" => "arn:aws:kms:${Region}:${Account}:key/${KeyId}",
        "secretsmanager" => "arn:aws:secretsmanager:${Region}:${Account}:secret:${SecretId}",
        "ssm" => "arn:aws:ssm:${Region}:${Account}:parameter/${ParameterNameWithoutLeadingSlash}",
        _ => "*",
    }
}

impl Simulation<'_> {
    /// The result of one action.
    pub(super) fn result(&self, action: &str) -> EvaluationResult<'static> {
        let all: Vec<Verdicts> =
            self.resources.iter().map(|resource| self.decide(action, resource)).collect();
        let strictest =
            all.iter().map(|one| one.verdict).min_by_key(|verdict| strictness(*verdict));
        let verdict = strictest.unwrap_or(Verdict::ImplicitDeny);
        let named = !matches!(self.resources.as_slice(), [one] if one == "*");
        let name = match self.resources.as_slice() {
            [one] => one.clone(),
            _ => template(action).to_owned(),
        };
        let missing = if named { Vec::new() } else { missing(&all) };
        let result = EvaluationResult::new()
            .with_eval_action_name(action.to_owned())
            .with_eval_resource_name(name)
            .with_eval_decision(decision(verdict))
            .with_matched_statements(union(&all))
            .with_missing_context_values(missing);
        let result = match self.boundary {
            Some(_) => result.with_permissions_boundary_decision_detail(boundary_detail(
                all.iter().all(|one| one.by_boundary),
            )),
            None => result,
        };
        let result = if self.levels.is_empty() {
            result
        } else {
            let allowed = all.iter().all(|one| one.by_organizations);
            let detail = OrganizationsDecisionDetail::new().with_allowed_by_organizations(allowed);
            result.with_organizations_decision_detail(detail)
        };
        if !named {
            return result;
        }
        let details = all.first().map(|one| one.details.clone()).unwrap_or_default();
        let specific = self.resources.iter().zip(all);
        result.with_eval_decision_details(details).with_resource_specific_results(
            specific.map(|(resource, one)| self.specific(resource, one)),
        )
    }

    fn specific(&self, resource: &str, one: Verdicts) -> ResourceSpecificResult<'static> {
        let result = ResourceSpecificResult::new()
            .with_eval_resource_name(resource.to_owned())
            .with_eval_resource_decision(decision(one.verdict))
            .with_eval_decision_details(one.details);
        let result = if one.verdict == Verdict::ImplicitDeny {
            result
        } else {
            result.with_matched_statements(one.matched.iter().map(Match::shown))
        };
        match self.boundary {
            Some(_) => {
                result.with_permissions_boundary_decision_detail(boundary_detail(one.by_boundary))
            }
            None => result,
        }
    }

    fn decide(&self, action: &str, resource: &str) -> Verdicts {
        let levels: Vec<&[&Policy]> = self.levels.iter().map(Vec::as_slice).collect();
        let inputs = Inputs {
            resource_policy: self.resource_policy,
            identity: &self.identity,
            boundary: self.boundary,
            scps: &levels,
            ..Inputs::default()
        };
        let account = if resource == "*" { &self.principal.account } else { &self.owner };
        let request = Request {
            principal: self.principal,
            action,
            resource,
            resource_account: account,
            conditions: &self.context,
        };
        let explained = explain(&inputs, &request);
        let verdict = explained.decision.verdict();
        let details = if explained.decision.cross_account() {
            vec![
                ("IAM Policy", decision(alone(&explained, Layer::Identity))),
                ("Resource Policy", decision(alone(&explained, Layer::Resource))),
            ]
        } else {
            Vec::new()
        };
        Verdicts {
            verdict,
            matched: matched(&explained),
            missing: explained.missing_keys.iter().map(|key| (*key).to_owned()).collect(),
            by_boundary: alone(&explained, Layer::Boundary) == Verdict::Allowed,
            by_organizations: explained.decision.layer() != Layer::ServiceControl,
            details,
        }
    }
}

fn boundary_detail(allowed: bool) -> PermissionsBoundaryDecisionDetail<'static> {
    PermissionsBoundaryDecisionDetail::new().with_allowed_by_permissions_boundary(allowed)
}

/// What one layer alone says.
fn alone(explained: &Explanation<'_>, layer: Layer) -> Verdict {
    let applied = |effect| {
        explained.considered.iter().any(|one| {
            let statement = one.statement.statement();
            one.applied
                && one.statement.layer == layer
                && statement.is_some_and(|statement| statement.effect() == effect)
        })
    };
    if applied(Effect::Deny) {
        Verdict::ExplicitDeny
    } else if applied(Effect::Allow) {
        Verdict::Allowed
    } else {
        Verdict::ImplicitDeny
    }
}

/// The statements that decided: every Deny that applied, or else every Allow of a request that is
/// allowed.
fn matched(explained: &Explanation<'_>) -> Vec<Match> {
    let effect = match explained.decision.verdict() {
        Verdict::Allowed => Effect::Allow,
        Verdict::ExplicitDeny => Effect::Deny,
        Verdict::ImplicitDeny => return Vec::new(),
    };
    let grants = |layer| matches!(layer, Layer::Identity | Layer::Resource);
    explained
        .considered
        .iter()
        .filter(|one| one.applied)
        .filter(|one| effect == Effect::Deny || grants(one.statement.layer))
        .filter(|one| one.statement.statement().is_some_and(|found| found.effect() == effect))
        .filter_map(|one| Match::of(one.statement))
        .collect()
}

/// A statement that decided.
#[derive(Clone, PartialEq, Eq)]
struct Match {
    policy: String,
    kind: &'static str,
    start: Position,
    end: Position,
}

impl Match {
    fn of(found: StatementRef<'_>) -> Option<Self> {
        let statement = found.statement()?;
        let resource = found.layer == Layer::Resource;
        Some(Self {
            policy: found.policy.name().to_owned(),
            kind: if resource { "Resource Policy" } else { "IAM Policy" },
            start: statement.start(),
            end: statement.end(),
        })
    }

    fn shown(&self) -> Statement<'static> {
        let place = |place: Position| {
            Shown::new().with_line(place.line.into()).with_column(place.column.into())
        };
        Statement::new()
            .with_source_policy_id(self.policy.clone())
            .with_source_policy_type(self.kind)
            .with_start_position(place(self.start))
            .with_end_position(place(self.end))
    }
}

/// The statements of all resources, each once.
fn union(all: &[Verdicts]) -> Vec<Statement<'static>> {
    let mut found: Vec<&Match> = Vec::new();
    for one in all.iter().flat_map(|one| &one.matched) {
        if !found.contains(&one) {
            found.push(one);
        }
    }
    found.into_iter().map(Match::shown).collect()
}

/// The keys that are missing for any of the resources, each once.
fn missing(all: &[Verdicts]) -> Vec<String> {
    let mut keys: Vec<String> = all.iter().flat_map(|one| one.missing.clone()).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}
