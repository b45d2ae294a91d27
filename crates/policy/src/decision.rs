//! The answer to one request: allowed or not, which layer decided, by which statements.

use crate::policy::Policy;
use crate::request::GrantRef;
use crate::statement::Statement;

/// A type of policy in the evaluation order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Layer {
    /// Resource control policies of the resource's organization.
    ResourceControl,
    /// Service control policies of the caller's organization.
    ServiceControl,
    /// The policy of the resource (key policy, secret policy, role trust policy).
    Resource,
    /// The caller's identity policies.
    Identity,
    /// The caller's permissions boundary.
    Boundary,
    /// The session policies of the caller's session.
    Session,
}

impl Layer {
    pub(crate) const COUNT: usize = 6;

    pub(crate) fn index(self) -> usize {
        self as usize
    }
}

/// Whether a request is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Every layer that had to allow did, and nothing denied.
    Allowed,
    /// A layer that had to allow did not.
    ImplicitDeny,
    /// A Deny statement applied.
    ExplicitDeny,
}

/// A statement of a policy that took part in a decision.
#[derive(Clone, Copy, Debug)]
pub struct StatementRef<'a> {
    /// The layer the policy was evaluated in.
    pub layer: Layer,
    /// The policy.
    pub policy: &'a Policy,
    /// The statement's index in the document, from 0.
    pub index: usize,
}

impl<'a> StatementRef<'a> {
    /// The statement.
    pub fn statement(&self) -> Option<&'a Statement> {
        self.policy.statements().get(self.index)
    }

    /// The statement's Sid.
    pub fn sid(&self) -> Option<&'a str> {
        self.statement()?.sid()
    }
}

/// The decision on one request.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'a> {
    pub(crate) verdict: Verdict,
    pub(crate) layer: Layer,
    pub(crate) statements: [Option<StatementRef<'a>>; Layer::COUNT],
    pub(crate) grant: Option<GrantRef<'a>>,
    pub(crate) cross_account: bool,
}

impl<'a> Decision<'a> {
    /// Whether the request may go on.
    pub fn allowed(&self) -> bool {
        self.verdict == Verdict::Allowed
    }

    /// Allowed, or how it was denied.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// For a denial the layer that denied or did not allow; for an allowed request the layer that
    /// granted (a grant counts as the resource's side).
    pub fn layer(&self) -> Layer {
        self.layer
    }

    /// Whether caller and resource belong to different accounts.
    pub fn cross_account(&self) -> bool {
        self.cross_account
    }

    /// The grant that took the place of a policy's Allow.
    pub fn grant(&self) -> Option<GrantRef<'a>> {
        self.grant
    }

    /// The statements that decided, at most one a layer: the Deny, or the Allows that were needed.
    pub fn statements(&self) -> impl Iterator<Item = StatementRef<'a>> + '_ {
        self.statements.iter().flatten().copied()
    }
}
