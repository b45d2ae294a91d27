//! Secrets Manager: secrets, their versions and labels, and who may read them.
//!
//! A secret is one row (`secrets.secret`), the value of each of its versions another
//! (`secrets.value`), sealed under a data key of its own that KMS gave on behalf of whoever wrote
//! it. Whatever a handler reads of a secret it reads behind the Gate, and a value opens only where
//! KMS lets the caller decrypt the data key.

mod access;
mod across;
mod conditions;
mod course;
mod due;
mod events;
mod fault;
mod filter;
mod identifier;
mod index;
mod live;
mod ops;
mod password;
mod policies;
mod quotas;
mod record;
mod replicas;
mod rotation;
mod rows;
mod schedule;
mod sealing;
mod secrets;
mod stages;
mod turns;

use std::sync::{Arc, Weak};

use bulla_crypto::Crypto;
use bulla_plane::cache::Cache;
use bulla_plane::key_service::KeyService;
use bulla_plane::{Directory, Neighbours, Via};
use bulla_store::{Barrier, Space};

use access::AccessBook;
use across::NoRoles;
pub use across::{Replicating, Roles};
use index::Index;
use live::LiveSecret;
pub use quotas::RESOURCES;
use quotas::SecretCounts;
use rotation::NoRotators;
pub use rotation::{Failure, Rotators, Step, StepOf};
use turns::Turns;

/// One row a secret: `<account>/<region>/<name>`.
pub(crate) const SECRETS: Space = Space::new("secrets.secret");
/// One row a value: `<account>/<region>/<name>:<version id>`.
pub(crate) const VALUES: Space = Space::new("secrets.value");

/// The spaces that a reset empties.
pub const SPACES: &[Space] = &[SECRETS, VALUES, access::ACCESSES, quotas::COUNTS];

/// How Secrets Manager calls KMS.
const VIA: Via = Via { service: "secretsmanager", recorded: "secretsmanager.amazonaws.com" };
/// About how many secrets stay in memory.
const CACHED_SECRETS: usize = 131_072;
/// How many bytes of secrets stay in memory; values among them are sealed.
const CACHE_BYTES: u64 = 256 << 20;

/// The service.
pub struct Secrets {
    barrier: Arc<Barrier>,
    crypto: Crypto,
    cache: Cache<LiveSecret>,
    index: Arc<Index>,
    accesses: Arc<AccessBook>,
    counts: SecretCounts,
    directory: Arc<dyn Directory>,
    keys: KeyService,
    rotators: Arc<dyn Rotators>,
    roles: Arc<dyn Roles>,
    turns: Arc<Turns>,
    /// The service itself, for the tasks that carry out rotations.
    this: Weak<Self>,
}

impl Secrets {
    /// The service on a store. `directory` knows the principals that policies name, and KMS is
    /// among the `neighbours`.
    #[must_use]
    pub fn new(
        barrier: Arc<Barrier>,
        crypto: Crypto,
        directory: Arc<dyn Directory>,
        neighbours: Arc<Neighbours>,
    ) -> Self {
        let index = Arc::new(Index::default());
        let accesses = AccessBook::new(Arc::clone(&barrier), Arc::clone(&index));
        Self {
            barrier,
            crypto,
            cache: Cache::new(CACHED_SECRETS, CACHE_BYTES),
            index,
            accesses: Arc::new(accesses),
            counts: SecretCounts::default(),
            directory,
            keys: KeyService::new(neighbours, VIA),
            rotators: Arc::new(NoRotators),
            roles: Arc::new(NoRoles),
            turns: Arc::default(),
            this: Weak::new(),
        }
    }

    /// The same with what carries out rotations; without it no rotation can be configured.
    #[must_use]
    pub fn with_rotators(self, rotators: Arc<dyn Rotators>) -> Self {
        Self { rotators, ..self }
    }

    /// The same with the roles that replicate to other accounts; without them none can.
    #[must_use]
    pub fn with_roles(self, roles: Arc<dyn Roles>) -> Self {
        Self { roles, ..self }
    }

    /// The service as it is used: rotations are tasks that share it.
    #[must_use]
    pub fn shared(self) -> Arc<Self> {
        Arc::new_cyclic(|this| Self { this: Weak::clone(this), ..self })
    }

    /// Waits until no rotation is under way. What is due but has not been looked at since does not
    /// count.
    pub async fn rotations_ended(&self) {
        self.turns.all_ended().await;
    }
}
