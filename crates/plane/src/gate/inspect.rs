//! Questions about access: what the Gate would decide for somebody else, with nothing let out.

use bulla_policy::{Conditions, Inputs, Request, ResourceName, Values, authorize};
use bulla_shapes::Fault;

use super::{Guarded, OwnSide, Protected, Scope, refusal, settle};
use crate::Call;

/// A record about whose access the caller may ask. Its content stays out of reach.
pub struct Inspected<T>(T);

impl<T: Protected> Guarded<T> {
    /// Lets the caller ask who may do what to the record, if identity policies allow the caller
    /// `action` on it. The record's own policy has no say: it speaks of the record's use.
    ///
    /// # Errors
    /// The protocol's denial in AWS's words.
    pub fn inspect(self, call: &Call, action: &str) -> Result<Inspected<T>, Fault> {
        let scope = Scope::new(call, &self.0, &Nothing);
        let request = Request {
            principal: call.principal(),
            action,
            resource: self.0.arn(),
            resource_account: account(&self.0, call),
            conditions: &scope,
        };
        let own = OwnSide::of(&call.authority);
        let named = ResourceName::Key(self.0.arn());
        own.decide(Inputs::default(), |inputs| {
            let asked = Request { resource: self.0.asked_arn(), ..request };
            settle(&authorize(inputs, &request), |denial| {
                refusal(call, denial, &own, &asked, &Nothing, named)
            })
        })?;
        Ok(Inspected(self.0))
    }
}

impl<T: Protected> Inspected<T> {
    /// The same record as it was found for another caller, whose grants on it may differ. None if
    /// it is another record.
    pub fn found_for_another(&self, guarded: Guarded<T>) -> Option<Self> {
        (guarded.0.arn() == self.0.arn()).then_some(Self(guarded.0))
    }

    /// The record's ARN; `*` where an action is on no record.
    pub fn arn(&self) -> &str {
        self.0.arn()
    }

    /// The account that the record belongs to.
    pub fn account<'a>(&'a self, call: &'a Call) -> &'a str {
        account(&self.0, call)
    }

    /// The record's own policy.
    pub fn policy(&self) -> Option<&bulla_policy::Policy> {
        self.0.policy()
    }

    /// Puts all that bears on a call before a judge, as if `call` asked to do `action` to the
    /// record: see [`Call::as_if`].
    pub fn judge<R>(
        &self,
        call: &Call,
        action: &str,
        conditions: &dyn Conditions,
        judge: impl FnOnce(&Inputs<'_>, &Request<'_>) -> R,
    ) -> R {
        let scope = Scope::new(call, &self.0, conditions);
        let own = OwnSide::of(&call.authority);
        let inputs = Inputs {
            resource_policy: self.0.policy(),
            resource_policy_mandatory: self.0.policy().is_some() && self.0.policy_is_mandatory(),
            grant: self.0.grant(call, action, &scope),
            ..Inputs::default()
        };
        let request = Request {
            principal: call.principal(),
            action,
            resource: self.0.arn(),
            resource_account: self.account(call),
            conditions: &scope,
        };
        own.decide(inputs, |inputs| judge(inputs, &request))
    }
}

/// The record's account; the caller's own for an action that is on no record.
fn account<'a, T: Protected>(record: &'a T, call: &'a Call) -> &'a str {
    match record.account() {
        "" => call.account(),
        account => account,
    }
}

/// A request without condition keys of its own.
struct Nothing;

impl Conditions for Nothing {
    fn get(&self, _key: &str) -> Option<Values<'_>> {
        None
    }
}
