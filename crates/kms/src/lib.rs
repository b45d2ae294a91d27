//! KMS: keys, their material, and what may be done with them.
//!
//! A key is one row (`kms.key`), each of its materials another (`kms.material`), each alias a third
//! (`kms.alias`), each grant a fourth (`kms.grant`). Whatever a handler reads of a key it reads
//! behind the Gate.

mod blob;
mod cache;
mod cipher;
mod conditions;
mod context;
mod due;
mod family;
mod fault;
mod found;
mod grant;
mod grants;
mod identifier;
mod import_token;
mod imports;
mod key;
mod keys;
mod kind;
mod live;
mod managed;
mod marker;
mod materials;
mod ops;
mod policies;
mod policy_text;
mod principals;
mod rows;
mod token;
mod usage;
mod workshop;
mod wrapping;

use std::sync::Arc;

use bulla_crypto::Crypto;
use bulla_plane::Directory;
use bulla_store::{Barrier, Space};

use cache::Cache;
use grants::GrantCache;
use usage::UsageBook;
use workshop::Workshop;

/// One row a key: `<account>/<region>/<key id>`.
pub(crate) const KEYS: Space = Space::new("kms.key");
/// One row a material: `<region>/<material id>`.
pub(crate) const MATERIALS: Space = Space::new("kms.material");
/// One row an alias: `<account>/<region>/alias/<name>`.
pub(crate) const ALIASES: Space = Space::new("kms.alias");

/// The spaces that a reset empties.
pub const SPACES: &[Space] = &[
    KEYS,
    MATERIALS,
    ALIASES,
    usage::USAGES,
    grants::GRANTS,
    grants::GRANT_NAMES,
    grants::RETIRABLE,
];

/// The service.
pub struct Kms {
    barrier: Arc<Barrier>,
    crypto: Crypto,
    cache: Cache,
    grants: GrantCache,
    usage: Arc<UsageBook>,
    directory: Arc<dyn Directory>,
    /// Where key pairs are used.
    workshop: Workshop,
    /// Where primes are looked for.
    prime_workshop: Workshop,
}

impl Kms {
    /// The service on a store. `directory` knows the principals that policies and grants name.
    #[must_use]
    pub fn new(barrier: Arc<Barrier>, crypto: Crypto, directory: Arc<dyn Directory>) -> Self {
        let usage = Arc::new(UsageBook::new(Arc::clone(&barrier)));
        let (cache, grants) = (Cache::new(), GrantCache::new());
        let (workshop, prime_workshop) = (Workshop::brisk(), Workshop::patient());
        Self { barrier, crypto, cache, grants, usage, directory, workshop, prime_workshop }
    }
}
