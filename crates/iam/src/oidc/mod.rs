//! OpenID Connect providers: those that accounts trust, and the tokens that they vouch for.

mod address;
mod jwt;
mod keys;
mod records;
#[cfg(test)]
mod tests;
mod verify;

use std::sync::Arc;

use crate::principals::Principals;

pub use keys::{FetchError, Fetcher};
pub(crate) use records::{PROVIDERS, Provider, arn as provider_arn, provider};
pub(crate) use verify::Bearer;

use keys::Issuers;

/// The providers of all accounts, and their keys.
pub struct Providers {
    pub(crate) principals: Arc<Principals>,
    issuers: Issuers,
    /// Whether a provider on this machine may be asked without TLS.
    dev: bool,
}

impl Providers {
    /// The providers in a store, whose keys `fetcher` gets. In `dev` a provider on this machine
    /// needs no TLS.
    #[must_use]
    pub fn new(principals: Arc<Principals>, fetcher: Arc<dyn Fetcher>, dev: bool) -> Self {
        Self { principals, issuers: Issuers::new(fetcher), dev }
    }

    /// The address of a provider's URL without its scheme, and whether it is asked without TLS;
    /// nothing where it is no URL that a provider may have.
    pub(crate) fn address<'u>(&self, url: &'u str) -> Option<(&'u str, bool)> {
        address::parse(url, self.dev)
    }

    /// Forgets the keys of a provider whose record has changed.
    pub(crate) fn changed(&self, provider: &Provider) {
        self.issuers.forget_one(&provider.row());
    }

    /// Forgets all keys.
    pub fn forget(&self) {
        self.issuers.forget();
    }
}
