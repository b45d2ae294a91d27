//! The proxy's refusals, as the XKS proxy specification names them.

use bulla_envelope::client::ClientError;
use bulla_kms::xks::message;
use http::StatusCode;

use crate::answer::{Answer, json};

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Validation(&'static str),
    InvalidState,
    InvalidCiphertext,
    InvalidKeyUsage,
    Authentication,
    AccessDenied,
    KeyNotFound,
    InvalidPath,
    Throttled,
    TooLarge,
    Timeout,
    Internal,
}

impl Refusal {
    /// Status, name and text.
    fn told(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::Validation(text) => (400, "ValidationException", text),
            Self::InvalidState => (400, "InvalidStateException", "The key is not enabled."),
            Self::InvalidCiphertext => (
                400,
                "InvalidCiphertextException",
                "The ciphertext or what belongs to it is not what it was.",
            ),
            Self::InvalidKeyUsage => (
                400,
                "InvalidKeyUsageException",
                "The key is not of the spec HMAC_256, of which external keys are here.",
            ),
            Self::Authentication => {
                (401, "AuthenticationFailedException", "The signature is not valid.")
            }
            Self::AccessDenied => {
                (403, "AccessDeniedException", "The key's policy does not let the proxy use it.")
            }
            Self::KeyNotFound => (404, "KeyNotFoundException", "There is no such key."),
            Self::InvalidPath => (404, "InvalidUriPathException", "There is no such path."),
            Self::Throttled => (429, "ThrottlingException", "There are too many requests."),
            Self::TooLarge => (
                501,
                "UnsupportedOperationException",
                "At most 4300 bytes are encrypted, with at most 8192 bytes of associated data.",
            ),
            Self::Timeout => {
                (503, "DependencyTimeoutException", "The key manager did not answer in time.")
            }
            Self::Internal => (500, "InternalException", "The key manager can't be used."),
        }
    }

    pub(super) fn answer(self) -> Answer {
        let (status, name, text) = self.told();
        let refusal =
            message::Refusal { error_name: name.to_owned(), error_message: Some(text.to_owned()) };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        json(status, serde_json::json!(refusal).to_string())
    }
}

/// What a refusal of the key manager is to whoever asked the proxy.
impl From<ClientError> for Refusal {
    fn from(error: ClientError) -> Self {
        let refusal = match &error {
            ClientError::Refused { code, .. } => match code.as_str() {
                // What is no key's name is nobody's key.
                "NotFoundException" | "ValidationException" | "InvalidArnException" => {
                    Self::KeyNotFound
                }
                "AccessDeniedException" => Self::AccessDenied,
                "DisabledException" | "KMSInvalidStateException" => Self::InvalidState,
                "InvalidKeyUsageException" => Self::InvalidKeyUsage,
                "ThrottlingException" => Self::Throttled,
                _ => Self::Internal,
            },
            ClientError::Io(_, cause) if cause.kind() == std::io::ErrorKind::TimedOut => {
                Self::Timeout
            }
            _ => Self::Internal,
        };
        if matches!(refusal, Self::Internal | Self::Timeout) {
            tracing::error!(%error, "the key manager failed the proxy");
        }
        refusal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_short_and_printable() {
        for refusal in [
            Refusal::Validation("x"),
            Refusal::InvalidState,
            Refusal::InvalidCiphertext,
            Refusal::InvalidKeyUsage,
            Refusal::Authentication,
            Refusal::AccessDenied,
            Refusal::KeyNotFound,
            Refusal::InvalidPath,
            Refusal::Throttled,
            Refusal::TooLarge,
            Refusal::Timeout,
            Refusal::Internal,
        ] {
            let (status, _, text) = refusal.told();
            assert!(text.len() < 512 && text.chars().all(|c| (' '..='~').contains(&c)));
            assert_eq!(refusal.answer().status().as_u16(), status);
        }
    }
}
