//! AWS's evaluation order for one request over all policies that bear on it.

use crate::decision::{Decision, Layer, StatementRef, Verdict};
use crate::policy::Policy;
use crate::principal::PrincipalKind;
use crate::principals::Reach;
use crate::request::{GrantRef, Grantee, Request};
use crate::statement::Target;

/// Every policy that bears on a request.
///
/// Leave out what does not bind: service control policies do not bind the management account,
/// service-linked roles or services; resource control policies do not bind `kms:RetireGrant`.
#[derive(Clone, Copy, Default)]
pub struct Inputs<'a> {
    /// The policy of the resource.
    pub resource_policy: Option<&'a Policy>,
    /// Whether that policy must allow even within the account (KMS keys, role trust).
    pub resource_policy_mandatory: bool,
    /// The caller's identity policies: of the user and his groups, or of the role.
    pub identity: &'a [&'a Policy],
    /// The permissions boundary of the user or role.
    pub boundary: Option<&'a Policy>,
    /// The session policies; `None` when the session has none. An empty list allows nothing.
    pub session: Option<&'a [&'a Policy]>,
    /// Service control policies by level (root, organizational units, account); each level must
    /// allow.
    pub scps: &'a [&'a [&'a Policy]],
    /// Resource control policies of the resource's account; they only deny.
    pub rcps: &'a [&'a Policy],
    /// A grant that covers the request.
    pub grant: Option<GrantRef<'a>>,
}

/// What one layer says: its first Deny, or its strongest Allow.
#[derive(Clone, Copy, Default)]
struct Said<'a> {
    deny: Option<StatementRef<'a>>,
    allow: Option<StatementRef<'a>>,
    reach: Reach,
}

impl<'a> Said<'a> {
    fn read(
        layer: Layer,
        policies: impl IntoIterator<Item = &'a Policy>,
        target: &Target<'_>,
    ) -> Self {
        let mut said = Self::default();
        for policy in policies {
            let outcome = policy.evaluate(target, said.reach);
            let at = |index| StatementRef { layer, policy, index };
            if let Some(index) = outcome.deny {
                said.deny = Some(at(index));
                return said;
            }
            if let Some(index) = outcome.allow {
                said.allow = Some(at(index));
                said.reach = outcome.reach;
            }
        }
        said
    }

    fn read_levels(levels: &'a [&'a [&'a Policy]], target: &Target<'_>) -> (Self, bool) {
        let mut whole = Self::default();
        let mut every_level_allows = true;
        for level in levels {
            let said = Self::read(Layer::ServiceControl, level.iter().copied(), target);
            if said.deny.is_some() {
                return (said, false);
            }
            every_level_allows &= said.allow.is_some();
            whole.allow = said.allow;
        }
        (whole, every_level_allows)
    }
}

/// Everything the layers said about one request.
struct Hearing<'a> {
    rcp: Said<'a>,
    scp: Said<'a>,
    scp_allows: bool,
    resource: Said<'a>,
    identity: Said<'a>,
    boundary: Option<Said<'a>>,
    session: Option<Said<'a>>,
    grant: Option<GrantRef<'a>>,
    mandatory: bool,
    cross_account: bool,
    root: bool,
}

/// Decides one request.
///
/// The order is AWS's: an explicit deny anywhere; service control policies; the resource's policy;
/// identity policies; permissions boundary; session policies. Within one account a resource policy
/// that names the caller makes the identity policy unnecessary; one that names the account
/// delegates to it; across accounts both sides must allow.
pub fn authorize<'a>(inputs: &Inputs<'a>, request: &Request<'_>) -> Decision<'a> {
    let hearing = Hearing::hold(inputs, request);
    if let Some(deny) = hearing.first_deny() {
        return match hearing.own_layer_before(deny) {
            Some(layer) => hearing.denied(layer, Verdict::ImplicitDeny, None),
            None => hearing.denied(deny.layer, Verdict::ExplicitDeny, Some(deny)),
        };
    }
    match hearing.missing_allow(&request.principal.kind) {
        Some(layer) => hearing.denied(layer, Verdict::ImplicitDeny, None),
        None => hearing.allowed(),
    }
}

/// A service acting for itself belongs to no account and is no stranger to any.
fn is_cross_account(request: &Request<'_>) -> bool {
    let service = matches!(request.principal.kind, PrincipalKind::Service { .. });
    !service && request.principal.account != request.resource_account
}

impl<'a> Hearing<'a> {
    fn hold(inputs: &Inputs<'a>, request: &Request<'_>) -> Self {
        let target = Target::new(request, inputs.boundary.is_some());
        let (scp, scp_allows) = Said::read_levels(inputs.scps, &target);
        let read = |layer, policies: &'a [&'a Policy]| {
            Said::read(layer, policies.iter().copied(), &target)
        };
        Self {
            rcp: read(Layer::ResourceControl, inputs.rcps),
            scp,
            scp_allows,
            resource: Said::read(Layer::Resource, inputs.resource_policy, &target),
            identity: read(Layer::Identity, inputs.identity),
            boundary: inputs.boundary.map(|policy| Said::read(Layer::Boundary, [policy], &target)),
            session: inputs.session.map(|policies| read(Layer::Session, policies)),
            grant: inputs.grant,
            mandatory: inputs.resource_policy_mandatory,
            cross_account: is_cross_account(request),
            root: request.principal.kind == PrincipalKind::Root,
        }
    }

    /// The Deny to report. Across accounts the caller's own side comes first, so that the text
    /// tells a stranger nothing about the resource.
    fn first_deny(&self) -> Option<StatementRef<'a>> {
        let boundary = self.boundary.and_then(|said| said.deny);
        let session = self.session.and_then(|said| said.deny);
        let own = || self.identity.deny.or(boundary).or(session);
        if self.cross_account {
            self.scp.deny.or_else(own).or(self.rcp.deny).or(self.resource.deny)
        } else {
            self.rcp.deny.or(self.scp.deny).or(self.resource.deny).or_else(own)
        }
    }

    /// The caller's own layer to report instead of a foreign resource's Deny: what a stranger may
    /// not do anyway must look the same whether or not the resource exists.
    fn own_layer_before(&self, deny: StatementRef<'a>) -> Option<Layer> {
        let foreign = matches!(deny.layer, Layer::Resource | Layer::ResourceControl);
        if !self.cross_account || !foreign {
            return None;
        }
        if self.scp_allows { self.missing_own_side() } else { Some(Layer::ServiceControl) }
    }

    /// The first layer that had to allow and did not.
    fn missing_allow(&self, caller: &PrincipalKind) -> Option<Layer> {
        if !self.scp_allows {
            return Some(Layer::ServiceControl);
        }
        match caller {
            PrincipalKind::Service { .. }
            | PrincipalKind::WebIdentity { .. }
            | PrincipalKind::Anonymous => (!self.resource_side_allows()).then_some(Layer::Resource),
            _ if self.cross_account => self.missing_across_accounts(),
            _ => self.missing_within_account(),
        }
    }

    fn resource_side_allows(&self) -> bool {
        self.resource.allow.is_some() || self.grant.is_some()
    }

    fn grant_reach(&self) -> Reach {
        match self.grant.map(|grant| grant.grantee) {
            None => Reach::None,
            Some(Grantee::Caller) => Reach::Direct,
            Some(Grantee::Role) => Reach::Role,
            Some(Grantee::Account) => Reach::Account,
        }
    }

    fn missing_within_account(&self) -> Option<Layer> {
        match self.resource.reach.max(self.grant_reach()) {
            Reach::Direct => None,
            Reach::Role => self.missing_limit(),
            Reach::None if self.mandatory => Some(Layer::Resource),
            Reach::None | Reach::Account => self.missing_own_side(),
        }
    }

    /// A foreign grantee needs its own identity policy, unless the resource's policy trusts it too.
    fn missing_across_accounts(&self) -> Option<Layer> {
        let trusted = self.resource.allow.is_some();
        match self.grant_reach() {
            Reach::Direct if trusted => return None,
            Reach::Role if trusted => return self.missing_limit(),
            _ => {}
        }
        let missing = self.missing_own_side();
        missing.or_else(|| (!self.resource_side_allows()).then_some(Layer::Resource))
    }

    fn missing_own_side(&self) -> Option<Layer> {
        if !self.root && self.identity.allow.is_none() {
            return Some(Layer::Identity);
        }
        self.missing_limit()
    }

    fn missing_limit(&self) -> Option<Layer> {
        let silent = |said: Option<Said<'_>>| said.is_some_and(|said| said.allow.is_none());
        if silent(self.boundary) {
            Some(Layer::Boundary)
        } else if silent(self.session) {
            Some(Layer::Session)
        } else {
            None
        }
    }

    fn denied(
        &self,
        layer: Layer,
        verdict: Verdict,
        statement: Option<StatementRef<'a>>,
    ) -> Decision<'a> {
        let mut statements = [None; Layer::COUNT];
        if let Some(slot) = statements.get_mut(layer.index()) {
            *slot = statement;
        }
        let cross_account = self.cross_account;
        Decision { verdict, layer, statements, grant: None, cross_account }
    }

    fn allowed(&self) -> Decision<'a> {
        let by_grant = self.grant_reach() > self.resource.reach || self.resource.allow.is_none();
        let grant = self.grant.filter(|_| by_grant || self.cross_account);
        let reach = self.resource.reach.max(self.grant_reach());
        let needs_identity = self.cross_account || reach < Reach::Role;
        let limits = needs_identity || reach == Reach::Role;
        let limit = |said: Option<Said<'a>>| said.filter(|_| limits).and_then(|said| said.allow);
        let identity = self.identity.allow.filter(|_| needs_identity);
        let by_resource = self.resource.allow.is_some() || grant.is_some();
        Decision {
            verdict: Verdict::Allowed,
            layer: if by_resource && identity.is_none() {
                Layer::Resource
            } else {
                Layer::Identity
            },
            statements: [
                None,
                self.scp.allow,
                self.resource.allow,
                identity,
                limit(self.boundary),
                limit(self.session),
            ],
            grant,
            cross_account: self.cross_account,
        }
    }
}
