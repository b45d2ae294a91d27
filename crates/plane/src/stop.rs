//! Why a handler stopped before it had an answer, and how a service calls our own failures.

use bulla_crypto::CryptoError;
use bulla_shapes::{Fault, Service};
use bulla_store::BarrierError;

/// The names that AWS's models have for a failure of the service itself, of which each service
/// has one at most. All answer status 500.
const OUR_FAULTS: [&str; 5] = [
    "InternalServerError",
    "InternalServiceError",
    "KMSInternalException",
    "ServiceException",
    "ServiceFailure",
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
