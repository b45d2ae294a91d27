//! IAM's errors, each made in one place. Texts are those recorded from AWS, where any is.

use bulla_shapes::{Fault, iam};

use crate::records::Kind;

fn of(code: &'static str, text: impl Into<String>) -> Fault {
    Fault::of(&iam::SERVICE, code).with_message(text.into())
}

pub(crate) fn access_denied(text: impl Into<String>) -> Fault {
    Fault::new("AccessDenied", 403).with_message(text.into())
}

pub(crate) fn validation(text: impl Into<String>) -> Fault {
    Fault::new("ValidationError", 400).with_message(text.into())
}

pub(crate) fn invalid_input(text: impl Into<String>) -> Fault {
    of("InvalidInput", text)
}

pub(crate) fn not_found(text: impl Into<String>) -> Fault {
    of("NoSuchEntity", text)
}

/// No entity of that name; `what` is `user`, `role policy` and the like.
pub(crate) fn no_such(what: &str, name: &str) -> Fault {
    not_found(format!("The {what} with name {name} cannot be found."))
}

pub(crate) fn no_policy(arn: &str) -> Fault {
    not_found(format!("Policy {arn} was not found."))
}

pub(crate) fn no_access_key(id: &str) -> Fault {
    not_found(format!("The Access Key with id {id} cannot be found"))
}

pub(crate) fn already_exists(text: impl Into<String>) -> Fault {
    of("EntityAlreadyExists", text)
}

/// The group's text lacks its full stop in the only record of it.
pub(crate) fn name_taken(kind: Kind, name: &str) -> Fault {
    already_exists(match kind {
        Kind::User => format!("User with name {name} already exists."),
        Kind::Group => format!("Group with name {name} already exists"),
        Kind::Role => format!("Role with name {name} already exists."),
    })
}

pub(crate) fn limit(quota: &str, most: usize) -> Fault {
    limit_exceeded(format!("Cannot exceed quota for {quota}: {most}"))
}

pub(crate) fn limit_exceeded(text: impl Into<String>) -> Fault {
    of("LimitExceeded", text)
}

/// What has to go first; `what` completes the sentence.
pub(crate) fn delete_first(what: &str) -> Fault {
    delete_conflict(format!("Cannot delete entity, must {what} first."))
}

pub(crate) fn delete_conflict(text: impl Into<String>) -> Fault {
    of("DeleteConflict", text)
}

pub(crate) fn malformed_policy(text: impl Into<String>) -> Fault {
    of("MalformedPolicyDocument", text)
}

/// A policy that only a service's own role can have.
pub(crate) fn for_services() -> Fault {
    of("PolicyNotAttachable", "Cannot attach a Service Role Policy to a Customer Role.")
}

/// A role that belongs to a service.
pub(crate) fn protected(role: &str) -> Fault {
    of(
        "UnmodifiableEntity",
        format!(
            "Cannot perform the operation on the protected role '{role}' - this role is only \
             modifiable by AWS"
        ),
    )
}
