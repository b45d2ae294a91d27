//! What each kind of principal must hear, by the rule of the operation alone: a second telling of
//! AWS's order of evaluation, which knows nothing of policies.

use bulla_shapes::Protocol;

use super::cast::Who;
use super::rules::{On, Rule};
use crate::door::Reply;
use crate::run::demand;
use crate::speak::refusal;

/// Which resource a call is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// The one that `Here` may have.
    Right,
    /// Another one of the same account, which `Elsewhere` may have.
    Wrong,
    /// A key whose policy names a single user.
    Shut,
    /// What is not there, which looks no different to whoever may not ask.
    Missing,
}

/// What must come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// Any answer but a refusal of access.
    Allowed,
    /// A refusal of access that gives this reason.
    Denied(String),
    /// A refusal with this code, which never looked at policies.
    Unknown(&'static str),
    /// A refusal of access in these words.
    Refused(String),
    /// The caller's own account is looked into: nothing of the other's comes back.
    OwnAccount,
}

impl Expected {
    /// Whether a call that is answered so has no effect.
    pub(super) fn changes_nothing(&self) -> bool {
        !matches!(self, Self::Allowed | Self::OwnAccount)
    }
}

/// What a foreign caller hears of a key.
const HIDDEN: &str = "because the resource does not exist in this Region, no resource-based \
                      policies allow access, or a resource-based policy explicitly denies access";

/// A cell of the matrix.
pub(super) struct Cell<'r> {
    pub(super) service: &'r str,
    pub(super) rule: &'r Rule,
    /// What a refusal names: `kms:Encrypt`.
    pub(super) action: &'r str,
    pub(super) who: Who,
    pub(super) which: Which,
    /// Whether right and wrong are the same to this operation.
    pub(super) alike: bool,
}

impl Cell<'_> {
    pub(super) fn expected(&self) -> Expected {
        if let Some(unknown) = self.unknown() {
            return unknown;
        }
        if let Some(refused) = self.refused_for_its_session() {
            return refused;
        }
        if self.rule.on == On::Nothing {
            return Expected::Allowed;
        }
        match self.who {
            Who::ForeignRoot | Who::ForeignAdmin | Who::Friend => self.foreign(),
            _ => self.within(),
        }
    }

    /// Callers who are nobody.
    fn unknown(&self) -> Option<Expected> {
        let form = matches!(self.service, "iam" | "sts");
        let one = |form_code, json_code| {
            Some(Expected::Unknown(if form { form_code } else { json_code }))
        };
        let token = self.rule.on == On::Token;
        match self.who {
            Who::Nobody if !token => {
                one("MissingAuthenticationToken", "MissingAuthenticationTokenException")
            }
            Who::Forger => one("SignatureDoesNotMatch", "InvalidSignatureException"),
            Who::SwitchedOff => one("InvalidClientTokenId", "UnrecognizedClientException"),
            _ if token => Some(Expected::Unknown("InvalidIdentityToken")),
            // IAM knows no such sessions without a second factor.
            Who::Token | Who::Federated if self.service == "iam" => {
                Some(Expected::Unknown("InvalidClientTokenId"))
            }
            _ => None,
        }
    }

    /// What STS refuses to sessions, and to root users, whatever policies say.
    fn refused_for_its_session(&self) -> Option<Expected> {
        let operation = self.rule.operation;
        let refused = || {
            let text = format!("Cannot call {operation} with session credentials");
            Some(Expected::Refused(text))
        };
        if self.service != "sts" {
            return None;
        }
        match self.who {
            Who::Root | Who::ForeignRoot if self.rule.on == On::Trust => {
                Some(Expected::Refused("Roles may not be assumed by root accounts.".to_owned()))
            }
            Who::Role | Who::Narrowed if self.rule.long_term => refused(),
            Who::Token if !["AssumeRole", "GetCallerIdentity"].contains(&operation) => refused(),
            Who::Federated if operation != "GetCallerIdentity" => refused(),
            _ => None,
        }
    }

    fn because(&self, what: &str) -> Expected {
        Expected::Denied(format!("because no {what} allows the {} action", self.action))
    }

    fn within(&self) -> Expected {
        let explicit = |what: &str| Expected::Denied(format!("with an explicit deny in {what}"));
        match self.who {
            Who::Barred => return explicit("an identity-based policy"),
            // Service control policies do not bind the account that manages the organization.
            Who::Fenced if self.service != "organizations" => {
                return explicit("a service control policy: arn:aws:organizations::");
            }
            _ if self.which == Which::Shut => return self.because("resource-based policy"),
            _ => {}
        }
        match self.who {
            Who::Bare | Who::Other => self.because("identity-based policy"),
            Who::Here if self.which != Which::Right && !self.alike => {
                self.because("identity-based policy")
            }
            Who::Elsewhere if self.which != Which::Wrong || self.alike => {
                self.because("identity-based policy")
            }
            Who::Bounded => self.because("permissions boundary"),
            Who::Narrowed | Who::Federated => self.because("session policy"),
            _ => Expected::Allowed,
        }
    }

    fn foreign(&self) -> Expected {
        let friend = self.who == Who::Friend;
        if friend && self.rule.own_arns {
            return Expected::OwnAccount;
        }
        if friend && self.service != "kms" {
            return self.because("identity-based policy");
        }
        match self.rule.on {
            On::Key if friend && self.which != Which::Shut => Expected::Allowed,
            On::Key | On::OwnKey | On::KeysAccount => Expected::Denied(HIDDEN.to_owned()),
            // STS tells strangers no reason.
            On::Trust => Expected::Denied(String::new()),
            On::Shared => Expected::Allowed,
            On::Own(_) | On::Account | On::Nothing | On::Token => Expected::OwnAccount,
        }
    }

    /// Compares an answer to what was expected; `caller` is the ARN that a refusal names, `owner`
    /// the account that must not show in another's answers.
    pub(super) fn check(
        &self,
        protocol: Protocol,
        reply: &Reply,
        caller: &str,
        owner: &str,
    ) -> Result<Expected, String> {
        let expected = self.expected();
        let (code, text) = refusal(reply);
        let (denied, status) = match protocol {
            Protocol::Query => ("AccessDenied", 403),
            Protocol::RestJson => ("AccessDeniedException", 403),
            _ => ("AccessDeniedException", 400),
        };
        let refused = code == denied && reply.status == status;
        let right = match &expected {
            Expected::Allowed => !refused && !is_unknown(&code) && reply.status < 500,
            Expected::Denied(reason) => {
                let begin =
                    format!("User: {caller} is not authorized to perform: {} on ", self.action);
                refused && text.starts_with(&begin) && text.contains(reason.as_str())
            }
            Expected::Unknown(expected) => code == *expected,
            Expected::Refused(expected) => refused && text == *expected,
            Expected::OwnAccount => {
                let body = String::from_utf8_lossy(&reply.body);
                reply.status < 500 && (reply.status != 200 || !body.contains(owner))
            }
        };
        demand(right, || {
            let body = String::from_utf8_lossy(&reply.body);
            format!("expected {expected:?}, was {} {body}", reply.status)
        })?;
        Ok(expected)
    }
}

/// Whether a refusal says that nobody known is calling.
fn is_unknown(code: &str) -> bool {
    let codes = ["Token", "Signature", "Unrecognized", "IncompleteSignature"];
    codes.iter().any(|part| code.contains(part))
        && !code.contains("Grant")
        && !code.contains("Next")
}
