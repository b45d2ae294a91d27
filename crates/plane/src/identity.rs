//! Who may be calling: the seam between the pipeline and the service that keeps access keys.

use std::sync::Arc;

use bulla_policy::Principal;
use bulla_sigv4::{AuthError, SigningKey};

use crate::BoxFuture;

/// What an access key id stands for.
pub enum Credential {
    /// A key that Bulla issued: the request must bear this key's signature.
    Issued {
        /// The signing key for the request's date, region and service.
        key: Arc<SigningKey>,
        /// The user the key belongs to.
        principal: Arc<Principal>,
    },
    /// `bulla dev` only: an id that nobody issued names the root user of an account, unverified.
    Anyone(Arc<Principal>),
}

/// Looks up access keys.
pub trait Authenticator: Send + Sync {
    /// The credential of an access key id, for a credential scope.
    ///
    /// # Errors
    /// `AuthError::UnknownKey`, `BadToken` or `ExpiredToken`.
    fn credential<'a>(
        &'a self,
        access_key_id: &'a str,
        session_token: Option<&'a str>,
        scope: Scope<'a>,
    ) -> BoxFuture<'a, Result<Credential, AuthError>>;
}

/// The part of a credential scope that a signing key is derived for.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// `YYYYMMDD`.
    pub date: &'a str,
    /// The region.
    pub region: &'a str,
    /// The service's signing name.
    pub service: &'a str,
}
