//! EventBridge's errors, each made in one place. Texts are those recorded from AWS, or ours in its
//! manner where none is.

use bulla_plane::stop;
use bulla_shapes::Fault;
use bulla_shapes::events::SERVICE;

fn of(code: &'static str, text: impl Into<String>) -> Fault {
    Fault::of(&SERVICE, code).with_message(text.into())
}

pub(crate) fn internal() -> Fault {
    stop::internal(&SERVICE)
}

pub(crate) fn validation(text: impl Into<String>) -> Fault {
    Fault::new("ValidationException", 400).with_message(text.into())
}

/// Recorded.
pub(crate) fn no_bus(name: &str) -> Fault {
    of("ResourceNotFoundException", format!("Event bus {name} does not exist."))
}

/// AWS's code is documented; the text is as other emulators have it.
pub(crate) fn no_event_source(name: &str) -> Fault {
    of("ResourceNotFoundException", format!("Event source {name} does not exist."))
}

/// A parameter and why it can't be taken (recorded of KMS keys).
pub(crate) fn key(parameter: &str, reason: &str) -> Fault {
    validation(format!("Parameter {parameter} is not valid. Reason: {reason}"))
}

/// A key that KMS does not know. AWS tells KMS's error as its own SDK words it, with KMS's quotes
/// gone, and with the id of its call to KMS, in the place of which stands that of the call around
/// it. Recorded of a text that is no key's id; of ids, aliases and ARNs done alike.
pub(crate) fn unknown_key(told: &str, request_id: String) -> Fault {
    let told = told.replace('\'', "");
    validation(format!(
        "Parameter {told} (Service: Kms, Status Code: 400, Request ID: {request_id}) (SDK Attempt \
         Count: 1) is not valid."
    ))
}

/// That the key must be symmetric is documented; the text is ours.
pub(crate) fn asymmetric_key() -> Fault {
    validation("The KMS key must be a symmetric encryption key.")
}

/// Recorded.
pub(crate) fn key_denied(action: &str, reason: &str) -> Fault {
    let text = format!("Access to call kms:{action} is denied. Reason: {reason}");
    of("AccessDeniedException", text)
}

/// Recorded.
pub(crate) fn bus_exists(name: &str) -> Fault {
    of("ResourceAlreadyExistsException", format!("Event bus {name} already exists."))
}

/// Recorded.
pub(crate) fn no_rule(name: &str, bus: &str) -> Fault {
    of("ResourceNotFoundException", format!("Rule {name} does not exist on EventBus {bus}."))
}

/// Recorded.
pub(crate) fn no_statement() -> Fault {
    of("ResourceNotFoundException", "Statement with the provided id does not exist.")
}

/// Recorded of rules' targets, and AWS's text for all that is limited.
pub(crate) fn too_many() -> Fault {
    of("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
}

pub(crate) fn invalid_pattern(text: impl std::fmt::Display) -> Fault {
    of("InvalidEventPatternException", format!("Event pattern is not valid. Reason: {text}"))
}

pub(crate) fn policy_too_long() -> Fault {
    of("PolicyLengthExceededException", "The policy of the event bus is too long.")
}

/// Recorded. `kind` is `Connection` or `An api-destination`, as AWS's texts have it.
pub(crate) fn not_found(kind: &str, name: &str) -> Fault {
    let kinds = kind.trim_start_matches("An ").to_ascii_lowercase();
    of(
        "ResourceNotFoundException",
        format!("Failed to describe the {kinds}(s). {kind} '{name}' does not exist."),
    )
}

/// A connection that an API destination names by ARN.
pub(crate) fn no_connection(arn: &str) -> Fault {
    of("ResourceNotFoundException", format!("Connection '{arn}' does not exist."))
}

pub(crate) fn exists(kind: &str, name: &str) -> Fault {
    of("ResourceAlreadyExistsException", format!("{kind} {name} already exists."))
}

/// What has no tags by its very ARN; the text is ours.
pub(crate) fn no_such_resource(arn: &str) -> Fault {
    of("ResourceNotFoundException", format!("Resource {arn} does not exist."))
}
