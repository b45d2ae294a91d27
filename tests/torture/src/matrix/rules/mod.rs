//! The rules of the matrix: one line an operation, which says on what a permission is asked and
//! what input gets a call as far as that. An operation without a line fails the test.
//!
//! In inputs and resources a name in braces stands for what `targets.rs` lists under it.

mod access;
mod costs;
mod events;
mod iam;
mod kms;
mod lambda;
mod organizations;
mod quotas;
mod secrets;
mod ssm;
mod sts;
mod trail;

/// On what an operation asks for permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum On {
    /// On a key whose policy must allow; of other accounts too, where that policy trusts them.
    Key,
    /// On a key of the caller's own account, whose policy must allow.
    OwnKey,
    /// On a key of the caller's own account; its policy has no say, identity policies alone.
    KeysAccount,
    /// On these ARNs of the caller's own account, one word each.
    Own(&'static str),
    /// On a role whose trust policy must allow.
    Trust,
    /// On nothing in particular: `*`.
    Account,
    /// As `Account`, and other accounts may hear the same.
    Shared,
    /// On nothing: whoever is somebody may.
    Nothing,
    /// Whoever brings a token of an identity provider; nobody signs.
    Token,
}

/// How one operation is authorized.
#[derive(Clone, Copy)]
pub(super) struct Rule {
    pub(super) operation: &'static str,
    pub(super) on: On,
    /// The body: JSON, or a form.
    pub(super) input: &'static str,
    /// What permission is asked for, one word each, where it is not the operation's own name.
    pub(super) actions: &'static str,
    /// Whether only those may call who have no session.
    pub(super) long_term: bool,
    /// Whether an ARN of another account is refused before policies are asked.
    pub(super) own_arns: bool,
}

const fn rule(operation: &'static str, on: On, input: &'static str) -> Rule {
    Rule { operation, on, input, actions: operation, long_term: false, own_arns: false }
}

impl Rule {
    /// Asks for these permissions; a refusal names the first.
    const fn asks(self, actions: &'static str) -> Self {
        Self { actions, ..self }
    }

    const fn long_term(self) -> Self {
        Self { long_term: true, ..self }
    }

    const fn own_arns(self) -> Self {
        Self { own_arns: true, ..self }
    }
}

/// The rule of an operation of a service.
pub(super) fn find(service: &str, operation: &str) -> Option<&'static Rule> {
    of(service).iter().find(|rule| rule.operation == operation)
}

/// All rules of a service.
pub(super) fn of(service: &str) -> &'static [Rule] {
    match service {
        "kms" => kms::RULES,
        "secretsmanager" => secrets::RULES,
        "iam" => iam::RULES,
        "sts" => sts::RULES,
        "organizations" => organizations::RULES,
        "ssm" => ssm::RULES,
        "events" => events::RULES,
        "cloudtrail" => trail::RULES,
        "lambda" => lambda::RULES,
        "bulla" => access::RULES,
        "servicequotas" => quotas::RULES,
        "bullaquotas" => quotas::DECISIONS,
        "ce" => costs::RULES,
        _ => &[],
    }
}
