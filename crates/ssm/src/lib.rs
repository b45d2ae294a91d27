//! Parameter Store: parameters, their versions, and what is to become of them.
//!
//! A parameter is one row with its newest version (`ssm.parameter`), each older version another
//! (`ssm.version`); `place.rs` tells how their keys make lists cheap. Whatever a handler reads of a
//! parameter it reads behind the Gate.

mod counts;
mod data_type;
mod due;
mod events;
mod fault;
mod filter;
mod jsonc;
mod list;
mod live;
mod message;
mod name;
mod ops;
mod parameters;
mod pattern;
mod place;
mod policies;
mod quotas;
mod record;
mod references;
mod rows;
mod secure;
mod settings;
mod sharing;
mod tier;

use std::sync::Arc;

use bulla_crypto::Crypto;
use bulla_plane::Neighbours;
use bulla_plane::cache::Cache;
use bulla_plane::key_service::KeyService;
use bulla_store::{Barrier, Space};

use counts::ParameterCounts;
use live::Live;
pub use quotas::RESOURCES;
use settings::Setting;

/// The spaces that a reset empties.
pub const SPACES: &[Space] =
    &[place::PARAMETERS, place::VERSIONS, counts::COUNTS, settings::SETTINGS, sharing::SHARED];

/// The most bytes of parameters that are kept in memory.
const MAX_CACHED_BYTES: u64 = 32 << 20;
/// How many parameters that is about, for the cache's first allocation only.
const CACHED: usize = 16_384;

/// How many settings are kept in memory.
const CACHED_SETTINGS: usize = 1_024;

/// The service.
pub struct Ssm {
    barrier: Arc<Barrier>,
    crypto: Crypto,
    cache: Cache<Live>,
    /// The services that are called on behalf of callers: KMS as `keys`, and Secrets Manager.
    neighbours: Arc<Neighbours>,
    keys: KeyService,
    settings: Cache<Setting>,
    counts: ParameterCounts,
}

impl Ssm {
    /// The service on a store. KMS must be among the neighbours, and Secrets Manager for those who
    /// refer to secrets.
    #[must_use]
    pub fn new(barrier: Arc<Barrier>, crypto: Crypto, neighbours: Arc<Neighbours>) -> Self {
        Self {
            barrier,
            crypto,
            cache: Cache::new(CACHED, MAX_CACHED_BYTES),
            keys: KeyService::new(Arc::clone(&neighbours), secure::VIA),
            neighbours,
            settings: Cache::new(CACHED_SETTINGS, CACHED_SETTINGS as u64),
            counts: ParameterCounts::default(),
        }
    }
}
