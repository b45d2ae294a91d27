//! The sentence AWS answers a denied request with.

use std::borrow::Cow;

use crate::decision::{Decision, Layer, Verdict};
use crate::kind::PolicyKind;

/// How a denial names the resource, which differs between services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceName<'a> {
    /// The action has no resource-level permission: nothing is said.
    None,
    /// The resource as the service prints it, whoever asks.
    Named(&'a str),
    /// The ARN of a KMS key, told only within its account.
    Key(&'a str),
    /// The ARN of the KMS key a ciphertext names, told only within its account.
    Ciphertext(&'a str),
}

impl<'a> From<&'a str> for ResourceName<'a> {
    fn from(name: &'a str) -> Self {
        ResourceName::Named(name)
    }
}

impl ResourceName<'_> {
    fn hides(self) -> bool {
        matches!(self, ResourceName::Key(_) | ResourceName::Ciphertext(_))
    }
}

/// What a foreign caller is told of a key, whether or not it exists.
const HIDDEN: &str = " because the resource does not exist in this Region, no resource-based \
                      policies allow access, or a resource-based policy explicitly denies access";

/// What a role's trust policy is asked for when a role is assumed.
const ASSUMING: [&str; 3] = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"];

impl Decision<'_> {
    /// The message of AWS's AccessDenied for this decision.
    ///
    /// `user` is the caller's ARN (or service name), `action` as the service prints it.
    /// Across accounts a key's ARN is not told, nor whether it exists.
    pub fn denial_text<'r>(
        &self,
        user: &str,
        action: &str,
        resource: impl Into<ResourceName<'r>>,
    ) -> String {
        let resource = resource.into();
        let place = match resource {
            ResourceName::None => Cow::Borrowed(""),
            ResourceName::Key(_) if self.cross_account => Cow::Borrowed(" on this resource"),
            ResourceName::Ciphertext(_) if self.cross_account => {
                Cow::Borrowed(" on the resource associated with this ciphertext")
            }
            ResourceName::Named(name)
            | ResourceName::Key(name)
            | ResourceName::Ciphertext(name) => Cow::Owned(format!(" on resource: {name}")),
        };
        let reason = self.reason(action, resource);
        format!("User: {user} is not authorized to perform: {action}{place}{reason}")
    }

    fn reason(&self, action: &str, resource: ResourceName<'_>) -> String {
        if self.layer == Layer::Resource && self.cross_account && resource.hides() {
            return HIDDEN.to_owned();
        }
        match self.verdict {
            Verdict::Allowed => String::new(),
            Verdict::ImplicitDeny => self.implicit_reason(action),
            Verdict::ExplicitDeny => self.explicit_reason(),
        }
    }

    fn implicit_reason(&self, action: &str) -> String {
        let what = match self.layer {
            // STS gives no reason when a trust policy does not allow.
            Layer::Resource if ASSUMING.iter().any(|known| action.eq_ignore_ascii_case(known)) => {
                return String::new();
            }
            Layer::Resource => "resource-based policy",
            Layer::Identity => "identity-based policy",
            Layer::Boundary => "permissions boundary",
            Layer::Session => "session policy",
            Layer::ServiceControl => "service control policy",
            Layer::ResourceControl => "resource control policy",
        };
        format!(" because no {what} allows the {action} action")
    }

    fn explicit_reason(&self) -> String {
        let by = self.statements().next();
        let trust = by.is_some_and(|by| by.policy.kind() == PolicyKind::Trust);
        let what = match self.layer {
            Layer::Resource if trust && self.cross_account => return String::new(),
            Layer::Resource if trust => "the role trust policy",
            Layer::Resource => "a resource-based policy",
            Layer::Identity => "an identity-based policy",
            Layer::Boundary => "a permissions boundary",
            Layer::Session => "a session policy",
            Layer::ServiceControl => "a service control policy",
            Layer::ResourceControl => "a resource control policy",
        };
        // Resource policies have no ARN of their own, inline policies neither.
        match by.and_then(|by| by.policy.arn()).filter(|_| self.layer != Layer::Resource) {
            Some(arn) => format!(" with an explicit deny in {what}: {arn}"),
            None => format!(" with an explicit deny in {what}"),
        }
    }
}
