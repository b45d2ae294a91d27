//! Who may in principle: a decision that leaves open what only a request can tell.
//!
//! A condition on an open key is taken to hold where it would allow, and not to hold where it would
//! deny; the answer names it, so that a reader knows on what the permission rests.

use crate::authorize::{Inputs, authorize};
use crate::condition::{Condition, Holds};
use crate::decision::{Layer, StatementRef};
use crate::policy::Policy;
use crate::principals::Reach;
use crate::request::Request;
use crate::statement::{Effect, Statement, Target};

/// A condition that only a request can settle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenCondition<'a> {
    /// The operator as written, with qualifier and suffix.
    pub operator: &'a str,
    /// The context key, in lower case.
    pub key: &'a str,
    /// The operands as written.
    pub operands: Vec<&'a str>,
}

/// A statement with conditions that only a request can settle.
#[derive(Clone, Debug)]
pub struct Proviso<'a> {
    /// The statement.
    pub statement: StatementRef<'a>,
    /// Its open conditions; all must hold for the statement to apply.
    pub conditions: Vec<OpenCondition<'a>>,
}

/// Whether a principal may in principle, and on what that rests.
#[derive(Clone, Debug)]
pub struct Survey<'a> {
    /// Whether some request of this kind is allowed.
    pub allowed: bool,
    /// The id of the grant that takes the place of a policy's Allow.
    pub grant: Option<&'a str>,
    /// The statements that allow, at most one a layer.
    pub by: Vec<StatementRef<'a>>,
    /// Those of them that allow only under conditions.
    pub only_if: Vec<Proviso<'a>>,
    /// Statements that deny under conditions.
    pub unless: Vec<Proviso<'a>>,
}

/// What becomes of an Allow with an open condition.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    /// The condition is taken to hold.
    Holds,
    /// The statement is left out.
    Fails,
}

/// Decides a kind of request. `is_open` says of a context key, in lower case, whether it is one
/// that differs from request to request.
///
/// Allocates copies of all policies: for people's questions, not for each request.
pub fn survey<'a>(
    inputs: &Inputs<'a>,
    request: &Request<'_>,
    is_open: &dyn Fn(&str) -> bool,
) -> Survey<'a> {
    // What is allowed whatever the request says needs no proviso.
    for open in [Open::Fails, Open::Holds] {
        let copies = Copies::of(inputs, is_open, open);
        let Some((grant, by)) = copies.decide(inputs, request) else { continue };
        let only_if = by.iter().filter_map(|by| proviso(*by, is_open)).collect();
        let unless = open_denies(inputs, request, is_open);
        return Survey { allowed: true, grant, by, only_if, unless };
    }
    Survey { allowed: false, grant: None, by: vec![], only_if: vec![], unless: vec![] }
}

/// Copies of all policies without their open conditions, each beside its original.
struct Copies<'a> {
    policies: Vec<(&'a Policy, Policy)>,
}

impl<'a> Copies<'a> {
    fn of(inputs: &Inputs<'a>, is_open: &dyn Fn(&str) -> bool, open: Open) -> Self {
        let policies =
            inputs.policies().map(|(_, policy)| (policy, relaxed(policy, is_open, open)));
        Self { policies: policies.collect() }
    }

    fn copy(&self, original: &'a Policy) -> &Policy {
        let found = self.policies.iter().find(|(policy, _)| std::ptr::eq(*policy, original));
        found.map_or(original, |(_, copy)| copy)
    }

    fn original(&self, copy: &Policy) -> Option<&'a Policy> {
        let found = self.policies.iter().find(|(_, policy)| std::ptr::eq(policy, copy));
        found.map(|(original, _)| *original)
    }

    fn copies(&self, originals: &[&'a Policy]) -> Vec<&Policy> {
        originals.iter().map(|original| self.copy(original)).collect()
    }

    /// The grant and the original statements that allow; nothing when the request is denied.
    fn decide(
        &self,
        inputs: &Inputs<'a>,
        request: &Request<'_>,
    ) -> Option<(Option<&'a str>, Vec<StatementRef<'a>>)> {
        let identity = self.copies(inputs.identity);
        let session = inputs.session.map(|policies| self.copies(policies));
        let levels: Vec<Vec<&Policy>> = inputs.scps.iter().map(|of| self.copies(of)).collect();
        let scps: Vec<&[&Policy]> = levels.iter().map(Vec::as_slice).collect();
        let rcps = self.copies(inputs.rcps);
        let relaxed = Inputs {
            resource_policy: inputs.resource_policy.map(|policy| self.copy(policy)),
            resource_policy_mandatory: inputs.resource_policy_mandatory,
            identity: &identity,
            boundary: inputs.boundary.map(|policy| self.copy(policy)),
            session: session.as_deref(),
            scps: &scps,
            rcps: &rcps,
            grant: inputs.grant,
        };
        let decision = authorize(&relaxed, request);
        let grant = decision.grant().and(inputs.grant).map(|grant| grant.grant_id);
        let original = |by: StatementRef<'_>| {
            let policy = self.original(by.policy)?;
            Some(StatementRef { layer: by.layer, policy, index: by.index })
        };
        decision.allowed().then(|| (grant, decision.statements().filter_map(original).collect()))
    }
}

impl<'a> Inputs<'a> {
    /// Every policy with its layer, in evaluation order.
    pub(crate) fn policies(&self) -> impl Iterator<Item = (Layer, &'a Policy)> + use<'a> {
        let of =
            |layer, policies: &'a [&'a Policy]| policies.iter().map(move |policy| (layer, *policy));
        let levels = self.scps.iter().flat_map(|level| level.iter());
        of(Layer::ResourceControl, self.rcps)
            .chain(levels.map(|policy| (Layer::ServiceControl, *policy)))
            .chain(self.resource_policy.map(|policy| (Layer::Resource, policy)))
            .chain(of(Layer::Identity, self.identity))
            .chain(self.boundary.map(|policy| (Layer::Boundary, policy)))
            .chain(of(Layer::Session, self.session.unwrap_or(&[])))
    }
}

fn relaxed(policy: &Policy, is_open: &dyn Fn(&str) -> bool, open: Open) -> Policy {
    let mut copy = policy.clone();
    for statement in &mut copy.statements {
        if !statement.conditions.iter().any(|condition| rests_on(condition, is_open)) {
            continue;
        }
        if statement.effect == Effect::Deny || open == Open::Fails {
            statement.silence();
        } else {
            let closed = statement.conditions.iter().filter(|c| !rests_on(c, is_open)).cloned();
            statement.conditions = closed.collect();
        }
    }
    copy
}

fn rests_on(condition: &Condition, is_open: &dyn Fn(&str) -> bool) -> bool {
    condition.context_keys().any(is_open)
}

fn proviso<'a>(of: StatementRef<'a>, is_open: &dyn Fn(&str) -> bool) -> Option<Proviso<'a>> {
    let open = of.statement()?.conditions.iter().filter(|condition| rests_on(condition, is_open));
    let conditions: Vec<_> = open
        .map(|condition| OpenCondition {
            operator: &condition.operator,
            key: &condition.key,
            operands: condition.operands.iter().map(|operand| &**operand).collect(),
        })
        .collect();
    (!conditions.is_empty()).then_some(Proviso { statement: of, conditions })
}

/// The Deny statements that apply as soon as their open conditions hold.
fn open_denies<'a>(
    inputs: &Inputs<'a>,
    request: &Request<'_>,
    is_open: &dyn Fn(&str) -> bool,
) -> Vec<Proviso<'a>> {
    let target = Target::new(request, inputs.boundary.is_some());
    let may_apply = |statement: &Statement| {
        statement.effect == Effect::Deny
            && statement.covers_action(request.action)
            && statement.covers_principal(&target) != Reach::None
            && statement.covers_resource(request) != Holds::No
            && statement.conditions.iter().all(|condition| {
                rests_on(condition, is_open) || condition.holds(request.conditions) != Holds::No
            })
    };
    let statements = inputs.policies().flat_map(|(layer, policy)| {
        let indexed = policy.statements().iter().enumerate();
        indexed.map(move |(index, statement)| (StatementRef { layer, policy, index }, statement))
    });
    let denies = statements.filter(|(_, statement)| may_apply(statement));
    denies.filter_map(|(of, _)| proviso(of, is_open)).collect()
}
