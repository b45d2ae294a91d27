//! How many resources there may be (KMS guide, "Resource quotas"), and how many keys there are.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bulla_plane::quotas::Resource;
use bulla_plane::{Call, Stop};
use bulla_shapes::Fault;
use bulla_store::{Range, Space, View};
use quick_cache::sync::Cache as Lru;

use crate::live::LiveKey;
use crate::managed::RESERVED;
use crate::{ALIASES, KEYS, Kms, fault, key};

/// Keys of customers in an account and region.
pub(crate) const KEYS_OF_ACCOUNT: Resource = Resource::new("keys", 100_000);
/// Aliases of a key.
pub(crate) const ALIASES_PER_KEY: Resource = Resource::new("aliases-per-key", 50);
/// Grants on a key.
pub(crate) const GRANTS_PER_KEY: Resource = Resource::new("grants-per-key", 50_000);
/// Bytes of a key policy.
pub(crate) const POLICY_BYTES: Resource = Resource::new("policy-bytes", 32_768);
/// Tags of a key.
pub(crate) const TAGS_PER_KEY: Resource = Resource::new("tags-per-key", 50);
/// Custom key stores of an account in a region.
pub(crate) const CUSTOM_KEY_STORES: Resource = Resource::new("custom-key-stores", 10);

/// All resource quotas.
pub const RESOURCES: &[Resource] = &[
    KEYS_OF_ACCOUNT,
    ALIASES_PER_KEY,
    GRANTS_PER_KEY,
    POLICY_BYTES,
    TAGS_PER_KEY,
    CUSTOM_KEY_STORES,
];

/// How many accounts' keys are remembered to be so many.
const MAX_COUNTED: usize = 4_096;
/// How many keys one look at the store counts.
const KEYS_A_LOOK: usize = 1_000;

/// How many keys accounts have, as far as they were counted.
///
/// A number may be too high, where a key was counted that was told of only afterwards. So nobody is
/// refused by a number that was not counted just then.
pub(crate) struct KeyCounts {
    known: Lru<String, usize>,
    /// How many changes there were. Held while a number changes, so that no change is lost.
    changes: Mutex<u64>,
}

impl KeyCounts {
    pub(crate) fn new() -> Self {
        Self { known: Lru::new(MAX_COUNTED), changes: Mutex::default() }
    }

    pub(crate) fn forget(&self) {
        self.known.clear();
    }

    /// Notes that there is one key more, or one fewer, in the place that begins so.
    pub(crate) fn changed(&self, prefix: &str, more: bool) {
        let mut changes = self.lock();
        *changes = changes.wrapping_add(1);
        if let Some(count) = self.known.get(prefix) {
            let count = if more { count.saturating_add(1) } else { count.saturating_sub(1) };
            self.known.insert(prefix.to_owned(), count);
        }
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        // Nothing that can fail runs under this lock.
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a number that was counted, unless there were changes since there had been `changes`.
    fn counted(&self, prefix: &str, count: usize, changes: u64) {
        if *self.lock() == changes {
            self.known.insert(prefix.to_owned(), count);
        }
    }
}

/// The request quota of each custom key store, whoever calls.
const STORE_QUOTA: &str = "Cryptographic (custom key store)";

/// Charges the use of a key to the quota of its kind (KMS guide, "Request quotas"), or of the
/// custom key store that it is in, once it is sure which key it is. Data key pairs are charged by
/// the pair's spec alone.
pub(crate) fn charge_use(call: &Call, key: &LiveKey, action: &str) -> Result<(), Fault> {
    if action.starts_with("kms:GenerateDataKeyPair") {
        return Ok(());
    }
    if let Some(custom) = &key.record.custom {
        let store = (key.record.account.as_str(), custom.store.as_str());
        return call.quotas.charge_each(call, STORE_QUOTA, store);
    }
    call.quotas.charge(call, key.record.kind.request_quota(), None)
}

/// The request quotas of data key pairs, one a spec.
const PAIR_QUOTAS: [&str; 9] = [
    "GenerateDataKeyPair (ECC_NIST_P256)",
    "GenerateDataKeyPair (ECC_NIST_P384)",
    "GenerateDataKeyPair (ECC_NIST_P521)",
    "GenerateDataKeyPair (ECC_SECG_P256K1)",
    "GenerateDataKeyPair (ECC_NIST_EDWARDS25519)",
    "GenerateDataKeyPair (RSA_2048)",
    "GenerateDataKeyPair (RSA_3072)",
    "GenerateDataKeyPair (RSA_4096)",
    "GenerateDataKeyPair (SM2)",
];

/// Charges the making of a data key pair to the quota of its spec.
pub(crate) fn charge_pair(call: &Call, spec: &str) -> Result<(), Fault> {
    let is_of = |quota: &&str| quota.split(['(', ')']).nth(1) == Some(spec);
    match PAIR_QUOTAS.into_iter().find(is_of) {
        Some(quota) => call.quotas.charge(call, quota, None),
        None => Ok(()),
    }
}

impl Kms {
    /// Refuses one more key in a region where there are as many as there may be. Keys are counted
    /// at first, then kept count of, and counted again before anybody is refused. Calls that run at
    /// the same time may go over by one each, as with AWS, whose quotas are no promise either. The
    /// text is ours.
    pub(crate) async fn must_have_room_for_a_key(
        &self,
        call: &Call,
        region: &str,
    ) -> Result<(), Stop> {
        let limit = KEYS_OF_ACCOUNT.limit_in(call, region);
        let account = call.account();
        let prefix = key::path(account, region, "");
        let known = self.counts.known.get(&prefix);
        if known.is_some_and(|count| count < limit) || self.count_keys(&prefix).await? < limit {
            return Ok(());
        }
        let text = format!("Account {account} has {limit} keys in {region}, the most possible.");
        Err(fault::limit_exceeded(text).into())
    }

    /// Counts the customers' keys of an account and region: AWS managed keys don't count.
    async fn count_keys(&self, prefix: &str) -> Result<usize, Stop> {
        let changes = *self.counts.lock();
        let view = self.barrier.view().await?;
        let all = count_rows(&view, KEYS, prefix).await?;
        let managed = count_rows(&view, ALIASES, &format!("{prefix}{RESERVED}")).await?;
        let count = all.saturating_sub(managed);
        self.counts.counted(prefix, count, changes);
        Ok(count)
    }
}

async fn count_rows(view: &View<'_>, space: Space, prefix: &str) -> Result<usize, Stop> {
    let mut range = Range::prefix(prefix);
    let mut count = 0_usize;
    loop {
        let page = view.range(space, &range, KEYS_A_LOOK).await?;
        count = count.saturating_add(page.rows.len());
        let Some(next) = page.next else { return Ok(count) };
        range.from = next;
    }
}
