//! What tests in this process stand on: the plane over a store and a journal in memory, a store
//! whose reads can be watched, requests that are signed, and what is told on the bus. It knows no
//! service.

mod heard;
mod rest;
mod roots;
mod signer;
mod watched;

use std::sync::Arc;
use std::time::Duration;

use bulla_crypto::{Crypto, HmacKey, SecretKey};
use bulla_plane::journal::{ChainKey, Journal, Memory, Options};
use bulla_plane::outbox::Outbox;
use bulla_plane::upkeep::Upkeep;
use bulla_plane::{Authenticator, Clock, IdStock, Plane, Quotas, Service};
use bulla_store::{Barrier, Store};

pub use heard::Heard;
pub use roots::Roots;
pub use signer::Signer;
pub use watched::{Watch, Watched};

/// What a journal in memory keeps, in bytes.
const JOURNAL_BYTES: u64 = 8 << 20;
/// How long a journal may stand still before calls fail: on a busy machine a thread may have to
/// wait for long.
const STALL: Duration = Duration::from_secs(600);

/// All of a plane but who may call what.
pub struct Ground {
    /// The primitives.
    pub crypto: Crypto,
    /// The store, sealed.
    pub barrier: Arc<Barrier>,
    /// The time.
    pub clock: Arc<Clock>,
    /// The record of every call.
    pub journal: Arc<Journal>,
    /// How many calls there may be; any number, unless they are set.
    pub quotas: Arc<Quotas>,
}

impl Ground {
    /// A new store in memory.
    ///
    /// # Errors
    /// As [`Self::on`].
    pub async fn in_memory() -> Result<Self, String> {
        Self::on(Arc::new(bulla_store::Memory::new())).await
    }

    /// A new store on an engine, which must be empty.
    ///
    /// # Errors
    /// What went wrong, as text.
    pub async fn on(engine: Arc<dyn Store>) -> Result<Self, String> {
        let crypto = Crypto::standard();
        let root = SecretKey::from_slice(&[1; 32]).map_err(say)?;
        let barrier = Barrier::create(engine, crypto.clone(), root).await.map_err(say)?;
        Self::over(crypto, Arc::new(barrier))
    }

    /// On a store that is there already.
    ///
    /// # Errors
    /// What went wrong, as text.
    pub fn over(crypto: Crypto, barrier: Arc<Barrier>) -> Result<Self, String> {
        let medium = Memory::new(JOURNAL_BYTES);
        let options =
            Options { segment_bytes: medium.segment_bytes(), stall: STALL, ..Options::default() };
        let chain = Arc::new(ChainKey::new(HmacKey::new(b"a key of a journal for tests")));
        let (journal, _) = Journal::open(Arc::new(medium), chain, options).map_err(say)?;
        let (clock, journal) = (Arc::new(Clock::default()), Arc::new(journal));
        Ok(Self { crypto, barrier, clock, journal, quotas: Arc::default() })
    }

    /// The same with another journal.
    #[must_use]
    pub fn with_journal(self, journal: Journal) -> Self {
        Self { journal: Arc::new(journal), ..self }
    }

    /// The whole plane.
    #[must_use]
    pub fn plane(
        self,
        authenticator: Arc<dyn Authenticator>,
        services: Vec<Arc<dyn Service>>,
    ) -> Plane {
        let Self { crypto, barrier, clock, journal, quotas } = self;
        let (outbox, upkeep, ids) = (Outbox::default(), Upkeep::default(), IdStock::default());
        Plane {
            crypto,
            barrier,
            clock,
            journal,
            authenticator,
            services,
            outbox,
            upkeep,
            ids,
            quotas,
        }
    }
}

fn say(error: impl std::fmt::Display) -> String {
    error.to_string()
}
