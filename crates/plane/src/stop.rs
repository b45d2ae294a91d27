//! Why a handler stopped before it had an answer, and how a service calls our own failures.

use bulla_crypto::CryptoError;
use bulla_shapes::{Fault, Service};
use bulla_store::BarrierError;

use crate::quotas;

/// The names that AWS's models have for a failure of the service itself, of which each service
/// has one at most. All answer status 500.
const OUR_FAULTS: [&str; 5] = [
    "InternalServerError",
    "InternalServiceError",
    "KMSInternalException",
    "ServiceException",
    "ServiceFailure",
];

/// The names that AWS's models have for a call that met others on the same resource, the most
/// fitting first. Operations that have none of them can be throttled, as all of AWS's can.
const CONTENTIONS: [&str; 7] = [
    "TooManyUpdates",
    "ConcurrentModification",
    "ConcurrentModificationException",
    "ResourceConflictException",
    "DependencyTimeoutException",
    // CloudTrail's alone: KMS has it of rotations.
    "ConflictException",
    "TooManyRequestsException",
];

/// Why a handler stopped.
#[derive(Debug)]
pub enum Stop {
    /// The caller gets this.
    Fault(Fault),
    /// Another call changed the same rows first: begin again.
    Again,
    /// Something of ours failed. It was logged where it arose; the caller hears no more than that.
    Internal,
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<BarrierError> for Stop {
    fn from(error: BarrierError) -> Self {
        if matches!(error, BarrierError::Conflict { .. }) {
            return Self::Again;
        }
        tracing::error!(%error, "the store failed a call");
        Self::Internal
    }
}

impl From<CryptoError> for Stop {
    fn from(error: CryptoError) -> Self {
        tracing::error!(%error, "a primitive failed a call");
        Self::Internal
    }
}

/// Our own fault, by the name the service has for it.
#[must_use]
pub fn internal(service: &Service) -> Fault {
    let modelled = OUR_FAULTS.iter().find(|code| service.error(code).is_some());
    Fault::new(modelled.copied().unwrap_or("InternalFailure"), 500)
}

/// That others changed the same rows each time that an operation was tried. Which of its errors a
/// service answers then is not recorded but for Parameter Store (whose error has no text), and so
/// our choice: one that clients may try again.
#[must_use]
pub fn contended(service: &Service, operation: &str) -> Fault {
    let errors = service.operation(operation).map_or(&[][..], |operation| operation.errors);
    match CONTENTIONS.into_iter().find(|code| errors.contains(code)) {
        Some("TooManyUpdates") => Fault::of(service, "TooManyUpdates"),
        Some(code) => Fault::of(service, code)
            .with_message("Other requests changed the same resource meanwhile. Try again."),
        None => Fault { retry_after_ms: None, ..quotas::too_fast(service, 0) },
    }
}

#[cfg(test)]
mod tests {
    use bulla_shapes::{cloudtrail, events, iam, kms, lambda, organizations, secretsmanager, ssm};

    use super::*;

    #[test]
    fn who_lost_every_race_is_told_by_the_services_own_error() {
        for (service, operation, code, status) in [
            (&ssm::SERVICE, "PutParameter", "TooManyUpdates", 400),
            (&ssm::SERVICE, "LabelParameterVersion", "TooManyUpdates", 400),
            (&iam::SERVICE, "AttachRolePolicy", "Throttling", 400),
            (&iam::SERVICE, "TagRole", "ConcurrentModification", 409),
            (&organizations::SERVICE, "AttachPolicy", "ConcurrentModificationException", 400),
            (&events::SERVICE, "PutRule", "ConcurrentModificationException", 400),
            (&lambda::SERVICE, "UpdateFunctionCode", "ResourceConflictException", 409),
            (&lambda::SERVICE, "GetFunction", "TooManyRequestsException", 429),
            (&cloudtrail::SERVICE, "UpdateTrail", "ConflictException", 400),
            (&kms::SERVICE, "RotateKeyOnDemand", "DependencyTimeoutException", 503),
            (&kms::SERVICE, "DisableKey", "DependencyTimeoutException", 503),
            (&secretsmanager::SERVICE, "PutSecretValue", "ThrottlingException", 400),
        ] {
            let fault = contended(service, operation);
            assert_eq!((&*fault.code, fault.status), (code, status), "{operation}");
            assert_eq!(fault.message.is_none(), code == "TooManyUpdates", "{operation}");
        }
    }
}
