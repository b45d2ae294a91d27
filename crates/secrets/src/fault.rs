//! Secrets Manager's errors, each made in one place. Texts are those recorded from AWS, except
//! where a line says that they are ours.

use bulla_plane::stop;
use bulla_shapes::{Fault, secretsmanager};

fn of(code: &'static str) -> Fault {
    Fault::of(&secretsmanager::SERVICE, code)
}

pub(crate) fn internal() -> Fault {
    stop::internal(&secretsmanager::SERVICE)
}

pub(crate) fn invalid_parameter(text: impl Into<String>) -> Fault {
    of("InvalidParameterException").with_message(text.into())
}

pub(crate) fn invalid_request(text: impl Into<String>) -> Fault {
    of("InvalidRequestException").with_message(text.into())
}

pub(crate) fn limit_exceeded(text: impl Into<String>) -> Fault {
    of("LimitExceededException").with_message(text.into())
}

pub(crate) fn not_found() -> Fault {
    of("ResourceNotFoundException").with_message("Secrets Manager can't find the specified secret.")
}

/// A version that is not there, or has no value yet, as the request named it.
pub(crate) fn no_value(named: &str) -> Fault {
    let text = format!("Secrets Manager can't find the specified secret value for {named}");
    of("ResourceNotFoundException").with_message(text)
}

pub(crate) fn invalid_name() -> Fault {
    Fault::new("ValidationException", 400).with_message(
        "Invalid name. Must be a valid name containing alphanumeric characters, or any of the \
         following: -/_+=.@!",
    )
}

pub(crate) fn no_token() -> Fault {
    invalid_request(NO_TOKEN)
}

/// What requests without an idempotency token hear.
pub(crate) const NO_TOKEN: &str =
    "You must provide a ClientRequestToken value. We recommend a UUID-type value.";

pub(crate) fn token_in_use(token: &str, arn: &str) -> Fault {
    of("ResourceExistsException").with_message(format!(
        "You can't use ClientRequestToken {token} because that value is already in use for a \
         version of secret {arn}."
    ))
}

pub(crate) fn name_taken(name: &str) -> Fault {
    let text = format!("The operation failed because the secret {name} already exists.");
    of("ResourceExistsException").with_message(text)
}

pub(crate) fn name_scheduled() -> Fault {
    invalid_request(
        "You can't create this secret because a secret with this name is already scheduled for \
         deletion.",
    )
}

pub(crate) fn marked_for_deletion() -> Fault {
    invalid_request(
        "You can't perform this operation on the secret because it was marked for deletion.",
    )
}

pub(crate) fn on_a_replica() -> Fault {
    invalid_parameter(
        "Operation not permitted on a replica secret. Call must be made in primary secret's region.",
    )
}

/// AWS's text is not recorded; this one is ours.
pub(crate) fn on_a_foreign_replica() -> Fault {
    invalid_parameter(
        "Operation not permitted on a cross-account replica secret. Call must be made on the \
         primary secret.",
    )
}

/// AWS's text is not recorded; this one is ours.
pub(crate) fn needs_own_key() -> Fault {
    invalid_parameter(
        "A cross-account replica secret must be encrypted with a customer managed KMS key.",
    )
}

/// AWS's text is not recorded; this one is ours.
pub(crate) fn invalid_token() -> Fault {
    of("InvalidNextTokenException").with_message("The NextToken value is invalid.")
}

pub(crate) fn malformed_policy(text: impl Into<String>) -> Fault {
    of("MalformedPolicyDocumentException").with_message(text.into())
}

/// AWS's text is not recorded; this one is ours.
pub(crate) fn public_policy() -> Fault {
    of("PublicPolicyException").with_message(
        "The resource policy grants broad access to the secret, and BlockPublicPolicy forbids it.",
    )
}

/// KMS refused to encrypt for a reason other than permission.
pub(crate) fn encryption(text: impl Into<String>) -> Fault {
    of("EncryptionFailure").with_message(text.into())
}

/// KMS refused to decrypt for a reason other than permission.
pub(crate) fn decryption(text: impl Into<String>) -> Fault {
    of("DecryptionFailure").with_message(text.into())
}

/// KMS does not let the caller use the key.
pub(crate) fn access_to_kms() -> Fault {
    Fault::new("AccessDeniedException", 400).with_message("Access to KMS is not allowed")
}

pub(crate) fn no_rotator() -> Fault {
    invalid_request("No Lambda rotation function ARN is associated with this secret.")
}

pub(crate) fn cannot_invoke() -> Fault {
    Fault::new("AccessDeniedException", 400).with_message(
        "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function \
         policy grants access to the principal secretsmanager.amazonaws.com.",
    )
}
