//! How many resources there may be (KMS guide, "Resource quotas"), and how many keys there are.

use bulla_plane::counts::{Counted, Counts, Lease};
use bulla_plane::quotas::Resource;
use bulla_plane::{Call, Stop};
use bulla_shapes::Fault;
use bulla_store::{Range, SealedBatch, Space};

use crate::key::KeyRecord;
use crate::keys::unreadable;
use crate::live::LiveKey;
use crate::{KEYS, Kms, fault};

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

/// Rows whose sum is how many keys of customers an account has in a region.
pub(crate) const COUNTS: Space = Space::new("kms.count");

/// What counts keys.
pub(crate) type KeyCounts = Counts<Keys, 1>;

/// Keys, as they are counted: AWS managed keys don't count.
pub(crate) struct Keys;

impl Counted<1> for Keys {
    const COUNTS: Space = COUNTS;
    const ROWS: Space = KEYS;

    fn ranges(home: &str) -> Vec<Range> {
        vec![Range::prefix(format!("{home}/"))]
    }

    fn tally(value: &[u8]) -> Result<[i64; 1], Stop> {
        let record: KeyRecord =
            serde_json::from_slice(value).map_err(|error| unreadable(&error))?;
        Ok([i64::from(record.managed_by.is_none())])
    }
}

/// Where keys are counted together.
fn home(account: &str, region: &str) -> String {
    [account, "/", region].concat()
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
    /// Refuses one more key in a region where there are as many as there may be. Calls that run at
    /// the same time may go over by one each, as with AWS, whose quotas are no promise either. The
    /// text is ours.
    pub(crate) async fn must_have_room_for_a_key(
        &self,
        call: &Call,
        region: &str,
    ) -> Result<(), Stop> {
        let limit = KEYS_OF_ACCOUNT.limit_in(call, region);
        let account = call.account();
        let [there_are] = self.counts.total(&self.barrier, &home(account, region)).await?;
        if usize::try_from(there_are).unwrap_or(0) < limit {
            return Ok(());
        }
        let text = format!("Account {account} has {limit} keys in {region}, the most possible.");
        Err(fault::limit_exceeded(text).into())
    }

    /// Adds to a batch that makes a customer's key (`1`) or removes it (`-1`) what that changes of
    /// the count, which is known once the lease ends.
    pub(crate) async fn counted(
        &self,
        batch: SealedBatch,
        record: &KeyRecord,
        change: i64,
    ) -> Result<(SealedBatch, Lease<1>), Stop> {
        let home = home(&record.account, &record.region);
        let lease = self.counts.lease(&self.barrier, &home, [change]).await?;
        Ok((lease.write(batch), lease))
    }
}
