//! Why: the same decision, with every statement looked at and every condition that failed.

use crate::authorize::{Inputs, authorize};
use crate::condition::{Condition, Holds};
use crate::decision::{Decision, StatementRef};
use crate::principals::Reach;
use crate::request::Request;
use crate::statement::{Statement, Target};

/// A condition that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedCondition<'a> {
    /// The operator as written, with qualifier and suffix.
    pub operator: &'a str,
    /// The context key, in lower case.
    pub key: &'a str,
    /// The operands as written.
    pub operands: Vec<&'a str>,
    /// The values the request had; empty when the key was absent.
    pub values: Vec<String>,
    /// Whether the condition could not be evaluated (a bad ARN pattern).
    pub error: bool,
}

/// Whether a statement applied, or the first thing that kept it from applying.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// It applied.
    Applied,
    /// It does not cover the action.
    OtherAction,
    /// It does not cover the principal.
    OtherPrincipal,
    /// It does not cover the resource.
    OtherResource,
    /// These conditions did not hold. A Deny with only conditions in error applied nevertheless.
    Conditions(Vec<FailedCondition<'a>>),
}

/// One statement that was looked at.
#[derive(Clone, Debug)]
pub struct Considered<'a> {
    /// The statement and its policy.
    pub statement: StatementRef<'a>,
    /// What became of it.
    pub outcome: Outcome<'a>,
    /// Whether it applied after all.
    pub applied: bool,
}

/// A decision with its grounds.
#[derive(Clone, Debug)]
pub struct Explanation<'a> {
    /// The decision, the same that [`authorize`] gives.
    pub decision: Decision<'a>,
    /// Every statement of every policy, in evaluation order.
    pub considered: Vec<Considered<'a>>,
    /// Context keys that policies ask for and the request does not have: lower case, sorted.
    pub missing_keys: Vec<&'a str>,
}

/// Decides as [`authorize`] and tells why. Allocates; for people, not for each request.
pub fn explain<'a>(inputs: &Inputs<'a>, request: &Request<'_>) -> Explanation<'a> {
    let target = Target::new(request, inputs.boundary.is_some());
    let policies: Vec<_> = inputs.policies().collect();
    let considered = policies.iter().flat_map(|(layer, policy)| {
        policy.statements().iter().enumerate().map(|(index, statement)| Considered {
            statement: StatementRef { layer: *layer, policy, index },
            outcome: outcome(statement, &target),
            applied: statement.applies(&target) != Reach::None,
        })
    });
    let considered = considered.collect();
    let absent = |key: &&str| request.conditions.get(key).is_none_or(|values| values.is_empty());
    let keys = policies.iter().flat_map(|(_, policy)| policy.context_keys());
    let mut missing_keys: Vec<&str> = keys.filter(absent).collect();
    missing_keys.sort_unstable();
    missing_keys.dedup();
    Explanation { decision: authorize(inputs, request), considered, missing_keys }
}

fn outcome<'a>(statement: &'a Statement, target: &Target<'_>) -> Outcome<'a> {
    let request = target.request;
    if !statement.covers_action(request.action) {
        return Outcome::OtherAction;
    }
    if statement.covers_principal(target) == Reach::None {
        return Outcome::OtherPrincipal;
    }
    if statement.covers_resource(request) == Holds::No {
        return Outcome::OtherResource;
    }
    let failed: Vec<_> =
        statement.conditions.iter().filter_map(|condition| failed(condition, request)).collect();
    if failed.is_empty() { Outcome::Applied } else { Outcome::Conditions(failed) }
}

fn failed<'a>(condition: &'a Condition, request: &Request<'_>) -> Option<FailedCondition<'a>> {
    let holds = condition.holds(request.conditions);
    if holds == Holds::Yes {
        return None;
    }
    let values = request.conditions.get(&condition.key);
    Some(FailedCondition {
        operator: &condition.operator,
        key: &condition.key,
        operands: condition.operands.iter().map(|operand| &**operand).collect(),
        values: values.map(|values| values.iter().map(str::to_owned).collect()).unwrap_or_default(),
        error: holds == Holds::Error,
    })
}
