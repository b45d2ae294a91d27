//! KMS's errors, each made in one place. Texts are those recorded from AWS.

use bulla_plane::stop;
use bulla_shapes::{Fault, kms};

fn of(code: &'static str) -> Fault {
    Fault::of(&kms::SERVICE, code)
}

pub(crate) fn internal() -> Fault {
    stop::internal(&kms::SERVICE)
}

pub(crate) fn validation(text: impl Into<String>) -> Fault {
    Fault::new("ValidationException", 400).with_message(text.into())
}

pub(crate) fn not_found(text: impl Into<String>) -> Fault {
    of("NotFoundException").with_message(text.into())
}

pub(crate) fn disabled(arn: &str) -> Fault {
    of("DisabledException").with_message(format!("{arn} is disabled."))
}

pub(crate) fn invalid_state(arn: &str, state: &str) -> Fault {
    invalid_state_text(format!("{arn} is {state}."))
}

pub(crate) fn invalid_arn(text: impl Into<String>) -> Fault {
    of("InvalidArnException").with_message(text.into())
}

/// Recorded without a message.
pub(crate) fn invalid_ciphertext() -> Fault {
    of("InvalidCiphertextException")
}

pub(crate) fn incorrect_key() -> Fault {
    of("IncorrectKeyException").with_message(
        "The key ID in the request does not identify a CMK that can perform this operation.",
    )
}

/// AWS's text is not recorded; this one is ours.
pub(crate) fn invalid_grant_token() -> Fault {
    of("InvalidGrantTokenException").with_message("The grant token is not that of a grant.")
}

/// AWS's text is not recorded; this one is ours.
pub(crate) fn invalid_grant_id() -> Fault {
    of("InvalidGrantIdException").with_message("The grant ID is not valid.")
}

/// AWS's text is not recorded; this one is ours.
pub(crate) fn no_such_grant(id: &str) -> Fault {
    not_found(format!("Grant {id} does not exist"))
}

/// The classic text, which does not tell a missing key from a forbidden one.
pub(crate) fn unknown_ciphertext() -> Fault {
    Fault::new("AccessDeniedException", 400).with_message(
        "The ciphertext refers to a customer master key that does not exist, does not exist in \
         this region, or you are not allowed to access.",
    )
}

pub(crate) fn dry_run() -> Fault {
    of("DryRunOperationException")
        .with_message("The request would have succeeded, but the DryRun option is set.")
}

/// Recorded without a message.
pub(crate) fn unsupported_silently() -> Fault {
    of("UnsupportedOperationException")
}

pub(crate) fn invalid_state_text(text: impl Into<String>) -> Fault {
    of("KMSInvalidStateException").with_message(text.into())
}

pub(crate) fn incorrect_material(text: impl Into<String>) -> Fault {
    of("IncorrectKeyMaterialException").with_message(text.into())
}

/// One of the model's exceptions, by its name.
pub(crate) fn named(code: &'static str, text: impl Into<String>) -> Fault {
    of(code).with_message(text.into())
}

/// AWS's text is not recorded; this one is ours.
pub(crate) fn key_unavailable() -> Fault {
    of("KeyUnavailableException").with_message("The key can't be used at the moment. Try again.")
}

/// Recorded without a message.
pub(crate) fn invalid_import_token() -> Fault {
    of("InvalidImportTokenException")
}

/// AWS's text is not recorded; like its neighbour it has none.
pub(crate) fn expired_import_token() -> Fault {
    of("ExpiredImportTokenException")
}

/// Recorded without a message.
pub(crate) fn invalid_signature() -> Fault {
    of("KMSInvalidSignatureException")
}

/// Recorded without a message.
pub(crate) fn validation_silently() -> Fault {
    Fault::new("ValidationException", 400)
}

/// What a caller hears when too many others wait for the same (KMS guide, "Request quotas").
pub(crate) fn throttled() -> Fault {
    Fault::new("ThrottlingException", 400).with_message(
        "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.",
    )
}

/// Recorded without a message.
pub(crate) fn invalid_mac() -> Fault {
    of("KMSInvalidMacException")
}

pub(crate) fn unsupported(text: impl Into<String>) -> Fault {
    of("UnsupportedOperationException").with_message(text.into())
}

pub(crate) fn limit_exceeded(text: impl Into<String>) -> Fault {
    of("LimitExceededException").with_message(text.into())
}

pub(crate) fn malformed_policy(text: impl Into<String>) -> Fault {
    of("MalformedPolicyDocumentException").with_message(text.into())
}

pub(crate) fn tag(text: &'static str) -> Fault {
    of("TagException").with_message(text)
}

/// Recorded without a message.
pub(crate) fn invalid_marker() -> Fault {
    of("InvalidMarkerException")
}

pub(crate) fn already_exists(text: impl Into<String>) -> Fault {
    of("AlreadyExistsException").with_message(text.into())
}

/// What an AWS managed key answers to attempts to change it (our text; AWS's is not recorded).
pub(crate) fn denied_managed(arn: &str) -> Fault {
    Fault::new("AccessDeniedException", 400)
        .with_message(format!("{arn} is an AWS managed key, which only its service may change"))
}

pub(crate) fn invalid_usage(text: impl Into<String>) -> Fault {
    of("InvalidKeyUsageException").with_message(text.into())
}
