//! KMS: keys, their material, and what may be done with them.
//!
//! A key is one row (`kms.key`), each of its materials another (`kms.material`), each alias a third
//! (`kms.alias`). Whatever a handler reads of a key it reads behind the Gate.

mod blob;
mod cache;
mod conditions;
mod context;
mod due;
mod fault;
mod identifier;
mod key;
mod keys;
mod live;
mod managed;
mod marker;
mod ops;
mod policies;
mod rows;
mod usage;

use std::sync::Arc;

use bulla_crypto::Crypto;
use bulla_store::{Barrier, Space};

use cache::Cache;
use usage::UsageBook;

/// One row a key: `<account>/<region>/<key id>`.
pub(crate) const KEYS: Space = Space::new("kms.key");
/// One row a material: `<region>/<material id>`.
pub(crate) const MATERIALS: Space = Space::new("kms.material");
/// One row an alias: `<account>/<region>/alias/<name>`.
pub(crate) const ALIASES: Space = Space::new("kms.alias");

/// The spaces that a reset empties.
pub const SPACES: &[Space] = &[KEYS, MATERIALS, ALIASES, usage::USAGES];

/// The service.
pub struct Kms {
    barrier: Arc<Barrier>,
    crypto: Crypto,
    cache: Cache,
    usage: Arc<UsageBook>,
}

impl Kms {
    /// The service on a store.
    #[must_use]
    pub fn new(barrier: Arc<Barrier>, crypto: Crypto) -> Self {
        let usage = Arc::new(UsageBook::new(Arc::clone(&barrier)));
        Self { barrier, crypto, cache: Cache::new(), usage }
    }
}
