//! What can go wrong with an external key store's proxy, and what KMS makes of it (XKS proxy
//! specification, "Error codes"; KMS guide, "Troubleshooting external key stores").

use bulla_plane::OutgoingError;
use bulla_shapes::Fault;

use crate::fault;

/// Why a proxy did not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It says that the external key, or all of its key manager, is not enabled.
    InvalidState,
    /// It says that a ciphertext or its associated data are not what they were.
    InvalidCiphertext,
    /// It says that the external key is not for this.
    KeyUsage,
    /// It does not take the signature.
    Credentials,
    /// It has rules of its own, which don't allow this.
    AccessDenied,
    /// It knows no such external key.
    KeyNotFound,
    /// It knows no such path.
    Path,
    /// It does not do this at all.
    Unsupported,
    /// Its key manager did not answer it in time.
    Dependency,
    /// It has too much to do.
    Throttled,
    /// It failed.
    Internal,
    /// There is no way there.
    Unreachable,
    /// TLS does not come about.
    Tls,
    /// It did not answer in time.
    TimedOut,
    /// What it answers is none of the specification's answers.
    Malformed,
    /// It says that none of its key managers is available.
    Unhealthy,
    /// What it decrypted is not what KMS had it encrypt.
    WrongPlaintext,
}

/// How a trouble is told: the text, the exception of `CreateCustomKeyStore` and
/// `UpdateCustomKeyStore`, that of `CreateKey`, and the error code of a connection.
struct Told {
    text: &'static str,
    managing: &'static str,
    creating_key: &'static str,
    connection: &'static str,
}

const fn told(
    text: &'static str,
    managing: &'static str,
    creating_key: &'static str,
    connection: &'static str,
) -> Told {
    Told { text, managing, creating_key, connection }
}

const STATE: &str = "CustomKeyStoreInvalidStateException";
const RESPONSE: &str = "XksProxyInvalidResponseException";
const CONFIGURATION: &str = "XksProxyInvalidConfigurationException";
const REACH: &str = "XksProxyUriUnreachableException";
const KEY: &str = "XksKeyInvalidConfigurationException";

const BAD_ANSWER: &str = "AWS KMS cannot interpret the response from the external key store \
    proxy. If you see this error repeatedly, report it to your external key store proxy \
    administrator.";

impl Trouble {
    /// The trouble that an `errorName` of a proxy's answer tells of.
    pub(super) fn named(name: &str) -> Self {
        match name {
            "InvalidStateException" => Self::InvalidState,
            "InvalidCiphertextException" => Self::InvalidCiphertext,
            "InvalidKeyUsageException" => Self::KeyUsage,
            "AuthenticationFailedException" => Self::Credentials,
            "AccessDeniedException" => Self::AccessDenied,
            "KeyNotFoundException" => Self::KeyNotFound,
            "InvalidUriPathException" => Self::Path,
            "UnsupportedOperationException" => Self::Unsupported,
            "DependencyTimeoutException" => Self::Dependency,
            "ThrottlingException" => Self::Throttled,
            "InternalException" => Self::Internal,
            // ValidationException too: KMS sends nothing invalid.
            _ => Self::Malformed,
        }
    }

    fn told(&self) -> Told {
        match self {
            Self::InvalidState => told(
                "The external key store proxy rejected the request because the external key is \
                 not enabled in the external key manager.",
                RESPONSE,
                KEY,
                "XKS_PROXY_INVALID_RESPONSE",
            ),
            Self::InvalidCiphertext => told(
                "The external key store proxy rejected the request because the specified \
                 ciphertext or additional authenticated data is corrupted, missing, or otherwise \
                 invalid.",
                RESPONSE,
                STATE,
                "XKS_PROXY_INVALID_RESPONSE",
            ),
            Self::KeyUsage => told(
                "The external key store proxy rejected the request because the external key does \
                 not support the requested operation.",
                RESPONSE,
                KEY,
                "XKS_PROXY_INVALID_RESPONSE",
            ),
            Self::Credentials => told(
                "The external key store proxy rejected the request because it could not \
                 authenticate AWS KMS. Verify the credentials for your external key store and \
                 update if necessary.",
                "XksProxyIncorrectAuthenticationCredentialException",
                STATE,
                "INVALID_CREDENTIALS",
            ),
            Self::AccessDenied => told(
                "The external key store proxy denied access to the operation. Verify that the \
                 user and the external key are both authorized for this operation, and try the \
                 request again.",
                CONFIGURATION,
                STATE,
                "XKS_PROXY_ACCESS_DENIED",
            ),
            Self::KeyNotFound => told(
                "The external key store proxy rejected the request because it could not find the \
                 external key.",
                RESPONSE,
                "XksKeyNotFoundException",
                "XKS_PROXY_INVALID_RESPONSE",
            ),
            Self::Path => told(
                "The external key store proxy rejected the request because of an invalid URI \
                 path. Verify the URI path for your external key store and update if necessary.",
                CONFIGURATION,
                STATE,
                "XKS_PROXY_INVALID_CONFIGURATION",
            ),
            Self::Unsupported => told(
                "The external key store proxy rejected the request because it does not support \
                 the requested cryptographic operation.",
                RESPONSE,
                "UnsupportedOperationException",
                "XKS_PROXY_INVALID_RESPONSE",
            ),
            _ => self.told_of_transport(),
        }
    }

    /// What has nothing to do with the key or the request.
    fn told_of_transport(&self) -> Told {
        match self {
            Self::Dependency => told(
                "The external key store proxy did not respond to the request in the time \
                 allotted. Retry the request. If you see this error repeatedly, report it to your \
                 external key store proxy administrator.",
                REACH,
                STATE,
                "XKS_PROXY_TIMED_OUT",
            ),
            Self::Throttled => told(
                "The external key store proxy rejected the request due to a very high request \
                 rate. Reduce the frequency of your calls using KMS keys in this external key \
                 store.",
                REACH,
                STATE,
                "XKS_PROXY_NOT_REACHABLE",
            ),
            Self::Internal => told(
                "The external key store proxy rejected the request because it cannot communicate \
                 with the external key manager. Verify that the external key store proxy \
                 configuration is correct and that the external key manager is available.",
                RESPONSE,
                STATE,
                "XKS_PROXY_NOT_REACHABLE",
            ),
            Self::Unreachable => told(
                "AWS KMS cannot communicate with the external key store proxy. This might be a \
                 transient network issue. If you see this error repeatedly, verify that your \
                 external key store proxy is active and is connected to the network, and that its \
                 endpoint URI is correct in your external key store.",
                REACH,
                STATE,
                "XKS_PROXY_NOT_REACHABLE",
            ),
            Self::Tls => told(
                "AWS KMS cannot establish a TLS connection to the external key store proxy. \
                 Verify the TLS configuration, including its certificate.",
                REACH,
                STATE,
                "XKS_PROXY_INVALID_TLS_CONFIGURATION",
            ),
            Self::TimedOut => told(
                "AWS KMS rejected the request because the external key store proxy did not \
                 respond in time. Retry the request. If you see this error repeatedly, report it \
                 to your external key store proxy administrator.",
                REACH,
                STATE,
                "XKS_PROXY_TIMED_OUT",
            ),
            Self::Unhealthy => told(
                "The external key store proxy is in an unhealthy state. If you see this message \
                 repeatedly, notify your external key store proxy administrator.",
                REACH,
                STATE,
                "XKS_PROXY_NOT_REACHABLE",
            ),
            Self::WrongPlaintext => told(
                "The ciphertext that the external key store proxy submitted for decryption, or \
                 the encryption context, is corrupted, missing, or otherwise invalid.",
                RESPONSE,
                STATE,
                "XKS_PROXY_INVALID_RESPONSE",
            ),
            _ => told(BAD_ANSWER, RESPONSE, STATE, "XKS_PROXY_INVALID_RESPONSE"),
        }
    }

    /// What whoever creates or updates a store is told.
    pub(crate) fn managing(&self) -> Fault {
        let Told { text, managing, .. } = self.told();
        fault::named(managing, text)
    }

    /// What whoever creates a key is told.
    pub(crate) fn creating_key(&self) -> Fault {
        let Told { text, creating_key, .. } = self.told();
        fault::named(creating_key, text)
    }

    /// What whoever uses a key is told: one and the same exception, which services that lean on
    /// KMS know.
    pub(crate) fn using(&self) -> Fault {
        fault::invalid_state_text(self.told().text)
    }

    /// The reason why a store is not connected, by AWS's name.
    pub(crate) fn connection(&self) -> &'static str {
        self.told().connection
    }
}

impl From<OutgoingError> for Trouble {
    fn from(error: OutgoingError) -> Self {
        match error {
            OutgoingError::Unreachable(_) => Self::Unreachable,
            OutgoingError::Tls(_) => Self::Tls,
            OutgoingError::Late => Self::TimedOut,
            OutgoingError::Garbled(_) => Self::Malformed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exception_is_one_of_the_model() {
        let all = [
            Trouble::InvalidState,
            Trouble::InvalidCiphertext,
            Trouble::KeyUsage,
            Trouble::Credentials,
            Trouble::AccessDenied,
            Trouble::KeyNotFound,
            Trouble::Path,
            Trouble::Unsupported,
            Trouble::Dependency,
            Trouble::Throttled,
            Trouble::Internal,
            Trouble::Unreachable,
            Trouble::Tls,
            Trouble::TimedOut,
            Trouble::Malformed,
            Trouble::Unhealthy,
            Trouble::WrongPlaintext,
        ];
        for trouble in all {
            let told = trouble.told();
            for code in [told.managing, told.creating_key] {
                assert!(bulla_shapes::kms::SERVICE.error(code).is_some(), "{trouble:?}: {code}");
            }
        }
    }

    #[test]
    fn names_that_nobody_knows_are_a_malformed_answer() {
        for name in ["ValidationException", "", "keynotfoundexception", "Whatever"] {
            assert_eq!(Trouble::named(name), Trouble::Malformed, "{name}");
        }
        assert_eq!(Trouble::named("KeyNotFoundException"), Trouble::KeyNotFound);
    }
}
