//! STS's errors, each made in one place. Texts are those recorded from AWS, where they are known.

use bulla_shapes::{Fault, sts};

fn of(code: &'static str, text: impl Into<String>) -> Fault {
    Fault::of(&sts::SERVICE, code).with_message(text.into())
}

pub(crate) fn validation(text: impl Into<String>) -> Fault {
    Fault::new("ValidationError", 400).with_message(text.into())
}

/// What a text that is no ARN gets.
pub(crate) fn malformed_arn(text: &str) -> Fault {
    validation(format!("{text} is invalid"))
}

pub(crate) fn invalid_parameter(text: &'static str) -> Fault {
    Fault::new("InvalidParameterValue", 400).with_message(text)
}

pub(crate) fn access_denied(text: impl Into<String>) -> Fault {
    Fault::new("AccessDenied", 403).with_message(text.into())
}

pub(crate) fn with_session_credentials(operation: &str) -> Fault {
    access_denied(format!("Cannot call {operation} with session credentials"))
}

/// There are no second factors here, so that no code is one.
pub(crate) fn no_second_factor() -> Fault {
    access_denied("MultiFactorAuthentication failed with invalid MFA one time pass code. ")
}

pub(crate) fn malformed_policy(text: impl Into<String>) -> Fault {
    of("MalformedPolicyDocument", text)
}

pub(crate) fn too_large(percent: usize, with_policy: bool) -> Fault {
    let text = if with_policy {
        format!("Packed policy consumes {percent}% of allotted space, please use smaller policy.")
    } else {
        format!("Packed size of session tags consumes {percent}% of allotted space.")
    };
    of("PackedPolicyTooLarge", text)
}

pub(crate) fn invalid_identity_token(text: impl Into<String>) -> Fault {
    of("InvalidIdentityToken", text)
}

pub(crate) fn expired_identity_token(now: i64, expired: i64) -> Fault {
    of(
        "ExpiredTokenException",
        format!(
            "Token expired: current date/time {now} must be before the expiration date/time \
             {expired}"
        ),
    )
}

pub(crate) fn invalid_message() -> Fault {
    of("InvalidAuthorizationMessageException", "The message is invalid.")
}
