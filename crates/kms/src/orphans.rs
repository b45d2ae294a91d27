//! Keys in tokens that no KMS key has: one that did not come about, or one that is gone.
//!
//! Token and store are two media, and a crash may come between them. So a job is in the store
//! before a token makes a key, and goes in the commit that makes the KMS key. A job that falls due
//! and finds no KMS key has the token destroy its own, and comes again for as long as that fails.

use bulla_plane::Stop;
use bulla_plane::scheduler::{DUE, Job, due_key};
use bulla_store::{Expected, Key, SealedBatch};

use crate::key::{KeyRecord, Origin};
use crate::stores::Behind;
use crate::{KEYS, Kms, fault};

/// The job.
pub(crate) const DESTROY: &str = "destroy-outer-key";
/// How long after a call, or after a vain attempt, the job is due: no call takes as long.
const PATIENCE_MS: i64 = 60 * 60 * 1_000;

/// The row of a job for the KMS key of this path, which holds the token's name.
fn row(path: &str, from_ms: i64) -> Key {
    due_key(from_ms.saturating_add(PATIENCE_MS), "kms", DESTROY, path)
}

/// A job that is in the store.
pub(crate) struct Intent(Key);

impl Intent {
    /// Takes the job away, with what makes it needless.
    pub(crate) fn kept(self, batch: SealedBatch) -> SealedBatch {
        batch.delete(DUE, self.0, Expected::At(1))
    }
}

impl Kms {
    /// Sees to it that the key which a token is about to make for a KMS key does not stay behind.
    pub(crate) async fn intend_outer_key(
        &self,
        record: &KeyRecord,
        cluster: &str,
        now_ms: i64,
    ) -> Result<Intent, Stop> {
        let row = row(&record.path(), now_ms);
        let value = cluster.as_bytes().to_vec();
        let batch = SealedBatch::new().put(DUE, row.clone(), Expected::Absent, value);
        self.barrier.commit(batch).await?;
        Ok(Intent(row))
    }

    /// Has the outer key of a KMS key destroyed, with the commit that deletes the latter. Gives the
    /// token's name, if there is one.
    pub(crate) async fn abandon_outer_key(
        &self,
        record: &KeyRecord,
        batch: SealedBatch,
        now_ms: i64,
    ) -> Result<(SealedBatch, Option<String>), Stop> {
        if record.origin != Origin::CloudHsm {
            return Ok((batch, None));
        }
        let Some(store) = self.store_of(record).await? else { return Ok((batch, None)) };
        let Behind::Cluster(cluster) = store.behind else { return Ok((batch, None)) };
        let row = row(&record.path(), now_ms);
        let batch = batch.put(DUE, row, Expected::Absent, cluster.id.as_bytes().to_vec());
        Ok((batch, Some(cluster.id)))
    }

    /// Whether a token has no key of this KMS key any more.
    pub(crate) async fn destroy_outer_key(&self, cluster: &str, key: &str) -> bool {
        let Some(token) = self.tokens.find(cluster) else {
            tracing::error!(
                cluster,
                key,
                "the settings do not name the token of a key that is gone"
            );
            return false;
        };
        let destroyed = token.destroy(key).await;
        if let Err(error) = &destroyed {
            tracing::error!(cluster, key, ?error, "a key that is nobody's is still in its token");
        }
        destroyed.is_ok()
    }

    /// Carries out the job.
    pub(crate) async fn destroy_orphan(&self, job: &Job, done: SealedBatch) -> Result<(), Stop> {
        let Some(stored) = self.barrier.get(DUE, &job.key).await? else { return Ok(()) };
        let known = self.barrier.get(KEYS, job.subject.as_bytes()).await?.is_some();
        if known {
            return self.commit(&[&job.subject], done).await;
        }
        // The next attempt is in the store before this one begins. That also keeps a call which is
        // still under way from making the KMS key of a key that is about to be destroyed.
        let again = row(&job.subject, job.now_ms);
        let value = stored.value.expose();
        let claim = done.put(DUE, again.clone(), Expected::Absent, value.to_vec());
        self.commit(&[&job.subject], claim).await?;
        let cluster = std::str::from_utf8(value).map_err(|_| fault::internal())?;
        let (_, key) = job.subject.rsplit_once('/').ok_or_else(fault::internal)?;
        if self.destroy_outer_key(cluster, key).await {
            let over = SealedBatch::new().delete(DUE, again, Expected::At(1));
            self.commit(&[&job.subject], over).await?;
        }
        Ok(())
    }
}
