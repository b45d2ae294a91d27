//! Principals: what IAM, STS and Organizations share of users, roles and accounts.

mod authority;
mod cache;
mod directory;
mod guardrails;
mod last_use;
mod role;

use std::sync::{Arc, OnceLock};

use bulla_crypto::Crypto;
use bulla_plane::{Clock, Stop};
use bulla_store::{Barrier, SealedBatch};

pub(crate) use authority::{entity_by_id, managed_record, session_principal};
pub(crate) use cache::{Cache, Issued};
pub use cache::{MAX_CACHED_AUTHORITIES, MAX_CACHED_SIGNING_KEYS};
pub use guardrails::{Bounds, Guardrails};
pub(crate) use last_use::LastUse;
pub use role::Role;

/// The principals of all accounts.
pub struct Principals {
    pub(crate) barrier: Arc<Barrier>,
    pub(crate) crypto: Crypto,
    pub(crate) clock: Arc<Clock>,
    pub(crate) cache: Cache,
    guardrails: OnceLock<Arc<dyn Guardrails>>,
}

impl Principals {
    /// The principals in a store.
    #[must_use]
    pub fn new(barrier: Arc<Barrier>, crypto: Crypto, clock: Arc<Clock>) -> Self {
        let guardrails = OnceLock::new();
        Self { barrier, crypto, clock, cache: Cache::new(), guardrails }
    }

    /// Lets an organization bind accounts. Once; what is set already stays.
    pub fn guard(&self, guardrails: Arc<dyn Guardrails>) {
        if self.guardrails.set(guardrails).is_err() {
            tracing::error!("two organizations want to bind the same accounts");
        }
    }

    /// What binds an account's principals.
    async fn bounds(&self, account: &str) -> Result<Bounds, Stop> {
        match self.guardrails.get() {
            Some(guardrails) => guardrails.of(account).await,
            None => Ok(Bounds::default()),
        }
    }

    /// Whether an account exists and is open.
    pub(crate) async fn account_exists(&self, account: &str) -> Result<bool, Stop> {
        match self.guardrails.get() {
            Some(guardrails) => guardrails.exists(account).await,
            None => Ok(true),
        }
    }

    /// Commits a change of one account, and drops what is in memory of it before anybody is told.
    ///
    /// # Errors
    /// [`Stop::Again`] when another call changed the same rows first.
    pub async fn commit(&self, account: &str, batch: SealedBatch) -> Result<(), Stop> {
        let changing = self.cache.changing(account);
        let outcome = self.barrier.commit(batch).await;
        changing.end();
        outcome?;
        Ok(())
    }

    /// Drops what is in memory of every account.
    pub fn changed_everywhere(&self) {
        self.cache.clear();
    }
}
