//! OpenID Connect providers: those that accounts trust, and the tokens that they vouch for.

mod jwt;
mod keys;
mod records;
#[cfg(test)]
mod tests;
mod verify;

use std::sync::Arc;

use crate::principals::Principals;

pub use keys::{FetchError, Fetcher};
pub(crate) use verify::Bearer;

use keys::Issuers;

/// The providers of all accounts, and their keys.
pub struct Providers {
    pub(crate) principals: Arc<Principals>,
    issuers: Issuers,
}

impl Providers {
    /// The providers in a store, whose keys `fetcher` gets.
    #[must_use]
    pub fn new(principals: Arc<Principals>, fetcher: Arc<dyn Fetcher>) -> Self {
        Self { principals, issuers: Issuers::new(fetcher) }
    }

    /// Forgets all keys.
    pub fn forget(&self) {
        self.issuers.forget();
    }
}
