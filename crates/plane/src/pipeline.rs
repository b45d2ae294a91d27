//! The one way that every call takes.

use std::sync::Arc;

use bulla_crypto::Crypto;
use bulla_store::Barrier;

use crate::journal::Journal;
use crate::wire::{WireRequest, WireResponse};
use crate::{Authenticator, Clock, Service};

/// The house at run time.
pub struct Plane {
    /// The primitives.
    pub crypto: Crypto,
    /// The store, sealed.
    pub barrier: Arc<Barrier>,
    /// The time.
    pub clock: Arc<Clock>,
    /// The record of every call.
    pub journal: Journal,
    /// Who holds which access key.
    pub authenticator: Arc<dyn Authenticator>,
    /// The services.
    pub services: Vec<Arc<dyn Service>>,
}

impl Plane {
    /// Answers a request.
    pub async fn call(&self, request: WireRequest) -> WireResponse {
        let _ = request;
        std::future::pending().await
    }
}
