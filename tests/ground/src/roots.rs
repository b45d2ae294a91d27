//! Callers, where nobody but root users is known.

use std::sync::Arc;

use bulla_plane::identity::Scope;
use bulla_plane::{Authenticator, Authority, BoxFuture, Credential, CredentialError};
use bulla_policy::Principal;

/// Every access key id is that of an account's root user.
pub struct Roots;

impl Authenticator for Roots {
    fn credential<'a>(
        &'a self,
        access_key_id: &'a str,
        _: Option<&'a str>,
        _: Scope<'a>,
    ) -> BoxFuture<'a, Result<Credential, CredentialError>> {
        let authority = Authority::bare(Principal::root("aws", access_key_id));
        Box::pin(std::future::ready(Ok(Credential::Anyone(Arc::new(authority)))))
    }
}
