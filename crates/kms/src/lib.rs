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
mod events;
mod family;
mod fault;
mod found;
mod grant;
mod grants;
pub mod hsm;
mod identifier;
mod import_token;
mod imports;
mod key;
mod keys;
mod kind;
mod linked;
mod live;
mod managed;
mod marker;
mod materials;
mod ops;
mod orphans;
mod outer;
mod policies;
mod policy_text;
mod pool;
mod principals;
mod quotas;
mod recipient;
mod rows;
mod sealing;
mod stores;
mod token;
mod usage;
mod workshop;
mod wrapping;
pub mod xks;

use std::sync::Arc;

use bulla_crypto::{AttestationRoot, Crypto};
use bulla_plane::cache::Cache;
use bulla_plane::outgoing::Nowhere;
use bulla_plane::{Directory, Neighbours, Outgoing};
use bulla_store::{Barrier, Space};

use cache::{AliasHints, Owners};
use grants::GrantCache;
use hsm::{NoTokens, Tokens};
pub use outer::Outer;
use quotas::KeyCounts;
use usage::UsageBook;
use workshop::Workshop;

pub use quotas::RESOURCES;

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
    quotas::COUNTS,
    usage::USAGES,
    grants::GRANTS,
    grants::GRANT_NAMES,
    grants::RETIRABLE,
    stores::CUSTOM_STORES,
    stores::CUSTOM_KEYS,
];

/// The service.
pub struct Kms {
    barrier: Arc<Barrier>,
    crypto: Crypto,
    cache: Cache<live::LiveKey>,
    owners: Owners,
    aliases: AliasHints,
    grants: GrantCache,
    usage: Arc<UsageBook>,
    directory: Arc<dyn Directory>,
    /// Where service-linked roles are made.
    neighbours: Option<Arc<Neighbours>>,
    /// The way to the proxies of external key stores.
    outgoing: Arc<dyn Outgoing>,
    /// What stands behind CloudHSM key stores.
    tokens: Arc<dyn Tokens>,
    /// Where key pairs are used.
    workshop: Workshop,
    /// Where primes are looked for.
    prime_workshop: Workshop,
    counts: KeyCounts,
    attestation_root: Option<AttestationRoot>,
}

impl Kms {
    /// The service on a store. `directory` knows the principals that policies and grants name.
    #[must_use]
    pub fn new(barrier: Arc<Barrier>, crypto: Crypto, directory: Arc<dyn Directory>) -> Self {
        let usage = Arc::new(UsageBook::new(Arc::clone(&barrier)));
        let (cache, owners, grants) = (cache::keys(), Owners::of_materials(), GrantCache::new());
        let (workshop, prime_workshop) = (Workshop::brisk(), Workshop::patient());
        let (outgoing, tokens) = (Arc::new(Nowhere), Arc::new(NoTokens));
        Self {
            barrier,
            crypto,
            cache,
            owners,
            aliases: AliasHints::of_aliases(),
            grants,
            usage,
            directory,
            neighbours: None,
            outgoing,
            tokens,
            workshop,
            prime_workshop,
            counts: KeyCounts::default(),
            attestation_root: None,
        }
    }

    /// The same with custom key stores: the way to their proxies, and their tokens.
    #[must_use]
    pub fn with_key_stores(self, outgoing: Arc<dyn Outgoing>, tokens: Arc<dyn Tokens>) -> Self {
        Self { outgoing, tokens, ..self }
    }

    /// The service beside IAM, where it has its service-linked roles made.
    #[must_use]
    pub fn with_neighbours(self, neighbours: Arc<Neighbours>) -> Self {
        Self { neighbours: Some(neighbours), ..self }
    }

    /// The service with a root that attestation documents must lead to; without one no request
    /// can name a recipient.
    #[must_use]
    pub fn with_attestation_root(self, root: Option<AttestationRoot>) -> Self {
        Self { attestation_root: root, ..self }
    }
}
