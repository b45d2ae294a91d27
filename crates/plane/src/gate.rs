//! The Gate: what was loaded from the store stays out of reach until the caller may have it.
//!
//! ```compile_fail
//! use bulla_plane::Guarded;
//! let guarded = Guarded::new(String::from("a record"));
//! let content: String = guarded.0; // the field is private: only `permit` lets it out
//! ```

mod inspect;

use std::sync::Arc;

use bulla_policy::{
    Conditions, Decision, GrantRef, Inputs, Policy, Request, ResourceName, Values, authorize,
};
use bulla_shapes::{Fault, Protocol};

use crate::Call;
use crate::identity::Authority;
use crate::scope::Scope;
use crate::stages;

pub use inspect::Inspected;

/// A record of any kind.
pub type AnyProtected = Box<dyn Protected + Send + Sync>;

/// A record that nobody may look into before the Gate has decided.
pub struct Guarded<T>(T);

/// What the Gate itself may know of a guarded record.
pub trait Protected {
    /// Its ARN.
    fn arn(&self) -> &str;
    /// The ARN that the request named it by, where that is another one: an alias's.
    fn asked_arn(&self) -> &str {
        self.arn()
    }
    /// The account it belongs to.
    fn account(&self) -> &str;
    /// Its resource policy.
    fn policy(&self) -> Option<&Policy>;
    /// The grant on it that lets this caller do this, if there is one. `conditions` are all keys
    /// of the decision, which a grant's constraints are held against.
    fn grant<'g>(
        &'g self,
        _call: &Call,
        _action: &str,
        _conditions: &dyn Conditions,
    ) -> Option<GrantRef<'g>> {
        None
    }
    /// Whether that policy must allow even within the account, as KMS's and a role's trust do.
    fn policy_is_mandatory(&self) -> bool {
        true
    }
    /// A condition key that the record itself sets, such as `kms:keyorigin`; lower-case.
    fn condition(&self, key: &str) -> Option<Values<'_>>;
}

impl<T: Protected> Guarded<T> {
    /// Guards a record.
    pub fn new(record: T) -> Self {
        Self(record)
    }

    /// Whether both guard the same record, which tells nothing else of either.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.0.arn() == other.0.arn()
    }

    /// The same, its kind forgotten.
    #[must_use]
    pub fn boxed(self) -> Guarded<AnyProtected>
    where
        T: Send + Sync + 'static,
    {
        Guarded(Box::new(self.0))
    }

    /// Lets the record out if the caller may do this to it.
    ///
    /// `conditions` are the keys that the request sets; `named` tells how a refusal names the
    /// record.
    ///
    /// # Errors
    /// The protocol's denial in AWS's words.
    pub fn permit(
        self,
        call: &Call,
        action: &str,
        conditions: &dyn Conditions,
        named: Named<'_>,
    ) -> Result<T, Fault> {
        let scope = Scope::new(call, &self.0, conditions);
        let own = OwnSide::of(&call.authority);
        let inputs = Inputs {
            resource_policy: self.0.policy(),
            resource_policy_mandatory: self.0.policy_is_mandatory(),
            grant: self.0.grant(call, action, &scope),
            ..Inputs::default()
        };
        let request = Request {
            principal: call.principal(),
            action,
            resource: self.0.arn(),
            resource_account: self.0.account(),
            conditions: &scope,
        };
        let resource = match named {
            Named::Key => ResourceName::Key(self.0.arn()),
            Named::Ciphertext => ResourceName::Ciphertext(self.0.arn()),
            Named::Arn => ResourceName::Named(self.0.arn()),
            Named::As(name) => ResourceName::Named(name),
        };
        own.decide(inputs, |inputs| {
            let asked = Request { resource: self.0.asked_arn(), ..request };
            settle(&authorize(inputs, &request), |denial| {
                refusal(call, denial, &own, &asked, conditions, resource)
            })
        })?;
        Ok(self.0)
    }
}

/// How a refusal names the resource (recorded texts differ for ciphertexts).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named<'a> {
    /// The key was named in the request.
    Key,
    /// The key was named by a ciphertext only.
    Ciphertext,
    /// By its ARN, whoever asks.
    Arn,
    /// As the service prints it, whoever asks.
    As(&'a str),
}

/// Decides an action that is on no record, such as `kms:CreateKey`: identity policies alone.
///
/// # Errors
/// The protocol's denial in AWS's words.
pub fn permit_account(
    call: &Call,
    action: &str,
    resource: &str,
    conditions: &dyn Conditions,
) -> Result<(), Fault> {
    let scope = Scope::new(call, &(), conditions);
    let request = Request {
        principal: call.principal(),
        action,
        resource,
        resource_account: call.account(),
        conditions: &scope,
    };
    let own = OwnSide::of(&call.authority);
    let named = ResourceName::from(resource);
    own.decide(Inputs::default(), |inputs| {
        settle(&authorize(inputs, &request), |denial| {
            refusal(call, denial, &own, &request, conditions, named)
        })
    })
}

/// Nothing, or the refusal of a denial.
fn settle(
    decision: &Decision<'_>,
    refuse: impl FnOnce(&Decision<'_>) -> Fault,
) -> Result<(), Fault> {
    if decision.allowed() { Ok(()) } else { Err(refuse(decision)) }
}

/// What a caller hears of a denial. One of another account hears what it would hear if the record
/// was not there: else its own policies, with conditions on the record's tags or aliases, could be
/// made to tell what these are. `asked` names the record as the request did, and `conditions` are
/// the keys that the request sets.
fn refusal(
    call: &Call,
    denial: &Decision<'_>,
    own: &OwnSide<'_>,
    asked: &Request<'_>,
    conditions: &dyn Conditions,
    resource: ResourceName<'_>,
) -> Fault {
    let told = |decision: &Decision<'_>| {
        denied(call, decision.denial_text(&call.principal().arn, asked.action, resource))
    };
    if !denial.cross_account() {
        return told(denial);
    }
    let absent = Scope::new(call, &(), conditions);
    let request = Request { conditions: &absent, ..*asked };
    let nothing = Inputs { resource_policy_mandatory: true, ..Inputs::default() };
    // INVARIANT: nobody of another account is allowed what no policy of the resource allows.
    own.decide(nothing, |inputs| told(&authorize(inputs, &request)))
}

/// The refusal of the protocol that the call came by.
#[must_use]
pub fn denied(call: &Call, text: String) -> Fault {
    let (code, status) = match call.service.protocol {
        Protocol::Json10 | Protocol::Json11 => ("AccessDeniedException", 400),
        Protocol::RestJson => ("AccessDeniedException", 403),
        Protocol::Query | Protocol::RestXml => ("AccessDenied", 403),
        Protocol::Ec2 => ("UnauthorizedOperation", 403),
    };
    Fault::new(code, status).with_message(text)
}

impl Protected for AnyProtected {
    fn arn(&self) -> &str {
        (**self).arn()
    }
    fn asked_arn(&self) -> &str {
        (**self).asked_arn()
    }
    fn account(&self) -> &str {
        (**self).account()
    }
    fn policy(&self) -> Option<&Policy> {
        (**self).policy()
    }
    fn grant<'g>(
        &'g self,
        call: &Call,
        action: &str,
        conditions: &dyn Conditions,
    ) -> Option<GrantRef<'g>> {
        (**self).grant(call, action, conditions)
    }
    fn policy_is_mandatory(&self) -> bool {
        (**self).policy_is_mandatory()
    }
    fn condition(&self, key: &str) -> Option<Values<'_>> {
        (**self).condition(key)
    }
}

impl Protected for () {
    fn arn(&self) -> &str {
        "*"
    }
    fn account(&self) -> &str {
        ""
    }
    fn policy(&self) -> Option<&Policy> {
        None
    }
    fn condition(&self, _key: &str) -> Option<Values<'_>> {
        None
    }
}

/// The caller's own policies as the evaluator takes them. For a caller who has none, nothing is
/// allocated.
struct OwnSide<'a> {
    identity: Vec<&'a Policy>,
    boundary: Option<&'a Policy>,
    session: Option<Vec<&'a Policy>>,
    levels: Vec<Vec<&'a Policy>>,
}

impl<'a> OwnSide<'a> {
    fn of(authority: &'a Authority) -> Self {
        let borrowed = |policies: &'a Vec<Arc<Policy>>| policies.iter().map(Arc::as_ref).collect();
        Self {
            identity: borrowed(&authority.identity_policies),
            boundary: authority.boundary.as_deref(),
            session: authority.session_policies.as_ref().map(borrowed),
            levels: authority.service_control_policies.iter().map(borrowed).collect(),
        }
    }

    /// Decides with the caller's side added to the resource's.
    fn decide<R>(&self, resource: Inputs<'_>, decide: impl FnOnce(&Inputs<'_>) -> R) -> R {
        let _authorizing = stages::AUTHORIZE.begin();
        let scps: Vec<&[&Policy]> = self.levels.iter().map(Vec::as_slice).collect();
        decide(&Inputs {
            identity: &self.identity,
            boundary: self.boundary,
            session: self.session.as_deref(),
            scps: &scps,
            ..resource
        })
    }
}
