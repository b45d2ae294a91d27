//! Parameter Store's errors, each made in one place. Texts are those recorded from AWS; where none
//! was recorded, the comment says so.

use bulla_plane::{Call, gate, stop};
use bulla_shapes::{Fault, Protocol, ssm};

fn of(code: &'static str) -> Fault {
    Fault::of(&ssm::SERVICE, code)
}

pub(crate) fn internal() -> Fault {
    stop::internal(&ssm::SERVICE)
}

pub(crate) fn validation(text: impl Into<String>) -> Fault {
    Fault::new("ValidationException", 400).with_message(text.into())
}

/// A refusal in the words of the shapes' own limits, for a limit that the model lacks.
pub(crate) fn constraint(member: &str, constraint: &str) -> Fault {
    let text = format!(
        "1 validation error detected: Value at '{member}' failed to satisfy constraint: {constraint}"
    );
    Fault::validation(Protocol::Json11, text)
}

/// One of the model's exceptions, by its name.
pub(crate) fn named(code: &'static str, text: impl Into<String>) -> Fault {
    of(code).with_message(text.into())
}

/// Recorded without any text.
pub(crate) fn not_found() -> Fault {
    of("ParameterNotFound")
}

pub(crate) fn no_version(name: &str, version: &str) -> Fault {
    named(
        "ParameterVersionNotFound",
        format!(
            "Systems Manager could not find version {version} of {name}. Verify the version and \
             try again."
        ),
    )
}

pub(crate) fn no_label(name: &str, label: &str) -> Fault {
    named(
        "ParameterVersionNotFound",
        format!(
            "Systems Manager could not find a version of {name} that has the specified label, \
             {label}. Verify the parameter label and try again."
        ),
    )
}

pub(crate) fn already_exists() -> Fault {
    named(
        "ParameterAlreadyExists",
        "The parameter already exists. To overwrite this value, set the overwrite option in the \
         request to true.",
    )
}

pub(crate) fn invalid_token(token: &str) -> Fault {
    named("InvalidNextToken", format!("The following token is invalid: {token}."))
}

/// Recorded without any text.
pub(crate) fn invalid_resource_id() -> Fault {
    of("InvalidResourceId")
}

/// The model gives it no member for a text.
pub(crate) fn invalid_resource_type() -> Fault {
    of("InvalidResourceType")
}

/// The model gives it no member for a text.
pub(crate) fn too_many_tags() -> Fault {
    of("TooManyTagsError")
}

/// A name whose ARN is too long is refused as one that no policy allows (recorded without its
/// text; this one follows the Gate's).
pub(crate) fn oversized(call: &Call, action: &str, arn: &str) -> Fault {
    let who = &call.principal().arn;
    gate::denied(
        call,
        format!("User: {who} is not authorized to perform: {action} on resource: {arn}"),
    )
}

/// A refusal that the Gate did not make.
pub(crate) fn access_denied(text: impl Into<String>) -> Fault {
    Fault::new("AccessDeniedException", 400).with_message(text.into())
}
