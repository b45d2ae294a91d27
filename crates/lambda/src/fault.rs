//! Lambda's errors, each made in one place. Texts are those recorded from AWS, except where a line
//! says that they are ours.

use bulla_plane::stop;
use bulla_shapes::value::Value;
use bulla_shapes::{Fault, Record, lambda};

/// A modelled error; those that are the caller's say so in `Type` (recorded).
fn of(code: &'static str) -> Fault {
    let fault = Fault::of(&lambda::SERVICE, code);
    let table = lambda::SERVICE.error(code).map(|error| error.structure);
    let Some(table) = table.filter(|_| fault.sender) else { return fault };
    let mut detail = Record::new(table);
    match table.position("Type") {
        Some(position) if detail.set(position, Value::Str("User".into())) => {
            fault.with_detail(detail)
        }
        _ => fault,
    }
}

pub(crate) fn internal() -> Fault {
    stop::internal(&lambda::SERVICE)
}

pub(crate) fn invalid(text: impl Into<String>) -> Fault {
    of("InvalidParameterValueException").with_message(text.into())
}

/// A violation of a limit that the model does not state, in the words of those that it does.
pub(crate) fn violation(value: &str, member: &str, constraint: &str) -> Fault {
    Fault::new("ValidationException", 400).with_message(format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: \
         {constraint}"
    ))
}

pub(crate) fn no_function(arn: &str) -> Fault {
    of("ResourceNotFoundException").with_message(format!("Function not found: {arn}"))
}

pub(crate) fn no_alias(arn: &str) -> Fault {
    of("ResourceNotFoundException").with_message(format!("Cannot find alias arn: {arn}"))
}

pub(crate) fn not_found(text: impl Into<String>) -> Fault {
    of("ResourceNotFoundException").with_message(text.into())
}

pub(crate) fn conflict(text: impl Into<String>) -> Fault {
    of("ResourceConflictException").with_message(text.into())
}

pub(crate) fn name_taken(name: &str) -> Fault {
    conflict(format!("Function already exist: {name}"))
}

pub(crate) fn stale_revision() -> Fault {
    of("PreconditionFailedException").with_message(
        "The Revision Id provided does not match the latest Revision Id. Call the \
         GetFunction/GetAlias API to retrieve the latest Revision Id",
    )
}

pub(crate) fn role_not_assumable() -> Fault {
    invalid("The role defined for the function cannot be assumed by Lambda.")
}

pub(crate) fn not_a_zip() -> Fault {
    invalid("Could not unzip uploaded file. Please check your file, then try to upload again.")
}

pub(crate) fn policy_too_long(bytes: usize, limit: usize) -> Fault {
    of("PolicyLengthExceededException").with_message(format!(
        "The final policy size ({bytes}) is bigger than the limit ({limit})."
    ))
}

pub(crate) fn code_storage_exceeded() -> Fault {
    of("CodeStorageExceededException").with_message("Code storage limit exceeded.")
}

pub(crate) fn too_large(limit: usize, operation: &str) -> Fault {
    let text = format!("Request must be smaller than {limit} bytes for the {operation} operation");
    of("RequestTooLargeException").with_message(text)
}

pub(crate) fn not_json(text: &str) -> Fault {
    of("InvalidRequestContentException")
        .with_message(format!("Could not parse request body into json: {text}"))
}

/// Too many executions at once; the reason is one of the model's.
pub(crate) fn throttled(reason: &'static str) -> Fault {
    let fault = of("TooManyRequestsException").with_message("Rate Exceeded.");
    let Some(mut detail) = fault.detail.as_ref().map(|detail| detail.copy()) else { return fault };
    if let Some(position) = detail.shape().position("Reason") {
        detail.set(position, Value::Str(reason.into()));
    }
    fault.with_detail(detail)
}

/// The settings let no function run. The text is ours.
pub(crate) fn not_allowed() -> Fault {
    Fault::new("AccessDeniedException", 403).with_message(
        "This server runs no functions: its operator has to allow it (--allow-functions).",
    )
}

/// What this server does not have. The text is ours.
pub(crate) fn unsupported(what: &str) -> Fault {
    invalid(format!("{what} is not supported by this server."))
}

/// The function can't be run on this machine: no interpreter, no memory, no process. AWS calls
/// what it can't run so; the text is ours.
pub(crate) fn not_runnable(text: impl Into<String>) -> Fault {
    of("InvalidRuntimeException").with_message(text.into())
}

pub(crate) fn env_too_large(measured: &str) -> Fault {
    invalid(format!(
        "Lambda was unable to configure your environment variables because the environment \
         variables you have provided exceeded the 4KB limit. String measured: {measured}"
    ))
}

/// KMS refused to decrypt the environment of a function that is to run.
pub(crate) fn kms_refused(refused: &Fault) -> Fault {
    let code = match refused.code.as_ref() {
        "DisabledException" => "KMSDisabledException",
        "KMSInvalidStateException" => "KMSInvalidStateException",
        "NotFoundException" => "KMSNotFoundException",
        _ => "KMSAccessDeniedException",
    };
    let told = refused.message.as_deref().unwrap_or_default();
    of(code).with_message(format!(
        "Lambda was unable to decrypt the environment variables because KMS access was denied. \
         Please check the function's KMS key settings. KMS Exception: {} KMS Message: {told}",
        refused.code
    ))
}
