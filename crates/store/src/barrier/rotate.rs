//! New domain keys, rows sealed anew under them, old ones dropped; a new root key.
//!
//! A rotation also rewrites the row of the key that it retires. Every commit expects the row of
//! the key that it was sealed under, so that after a rotation nothing new is sealed under the
//! retired key: a pass over all rows that starts after it and seals each row anew proves that no
//! row needs that key any more.

use std::sync::{Arc, PoisonError};

use bulla_crypto::SecretKey;

use super::{
    Barrier, BarrierError, DOMAIN,
    keyring::{Purpose, Ring},
    seal,
};
use crate::{Batch, CommitError, Expect, MAX_BATCH_ROWS, Place, Revision, Row};

/// How often the rows of one call are sealed anew because some of them changed meanwhile.
const MAX_RESEAL_ATTEMPTS: u32 = 32;

/// Where the background pass over all rows stands.
#[derive(Default)]
pub(super) struct Pass {
    /// The domain key that was the current one when the pass began; 0 between passes.
    target: u32,
    /// The last row that was looked at.
    after: Option<Place>,
    /// Whether a row could not be sealed anew, so that no key may be dropped.
    unclean: bool,
}

/// What a call of [`Barrier::rewrap`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewrap {
    /// Rows that were sealed anew.
    pub resealed: usize,
    /// Whether the pass over all rows has come to its end.
    pub finished: bool,
    /// Domain keys that no row needs any more, which were dropped.
    pub dropped: Vec<u32>,
    /// Rows that do not open, and so keep their domain keys from being dropped.
    pub altered: Vec<Place>,
}

impl Barrier {
    /// Makes a new domain key the current one, and answers its version. Rows that exist stay as
    /// they are until [`Self::rewrap`] comes to them.
    ///
    /// # Errors
    /// Those of the engine and of the random source.
    pub async fn rotate(&self) -> Result<u32, BarrierError> {
        for _ in 0..super::MAX_SEAL_ATTEMPTS {
            let ring = self.reload().await?;
            let (version, batch) = ring.rotation(&self.crypto, &self.root())?;
            match self.engine.commit(batch).await {
                Ok(_) => {
                    self.reload().await?;
                    return Ok(version);
                }
                // Another process rotated at the same time.
                Err(CommitError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(BarrierError::Contended { attempts: super::MAX_SEAL_ATTEMPTS })
    }

    /// Goes on with the pass over all rows: looks at up to `limit` rows and seals those under old
    /// domain keys anew under the current one, at the same version. At the end of a pass that
    /// sealed all it found, the old domain keys are dropped. Call it until it has finished.
    ///
    /// # Errors
    /// Those of the engine and of the random source. The pass then goes on where it stood.
    pub async fn rewrap(&self, limit: usize) -> Result<Rewrap, BarrierError> {
        let mut pass = self.pass.lock().await;
        if pass.target == 0 {
            let (target, _) = self.reload().await?.current(Purpose::Seal)?;
            *pass = Pass { target, ..Pass::default() };
        }
        // Each row takes an expectation and a put, and the domain key one more expectation.
        let limit = limit.clamp(1, (MAX_BATCH_ROWS - 1) / 2);
        let scan = self.engine.snapshot().await?.scan(pass.after.as_ref(), limit).await?;
        let last = scan.rows.last().map(|(place, _)| place.clone());
        let mut done = self.reseal(pass.target, scan.rows).await?;
        pass.unclean |= !done.altered.is_empty();
        pass.after = last.or(pass.after.take());
        if !scan.more {
            let ended = std::mem::take(&mut *pass);
            done.finished = true;
            if !ended.unclean {
                done.dropped = self.drop_before(ended.target).await?;
            }
        }
        Ok(done)
    }

    /// Wraps every domain key under another root key, in one commit, and uses that root key from
    /// then on. The rows stay as they are. Whoever keeps root keys must keep both until this has
    /// answered: after a failure the store may be under the one or the other.
    ///
    /// # Errors
    /// [`BarrierError::Conflict`] when a rotation came first; those of the engine and of the
    /// random source.
    pub async fn rotate_root(&self, root: SecretKey) -> Result<Revision, BarrierError> {
        let ring = self.reload().await?;
        let revision = self.engine.commit(ring.under(&self.crypto, &root)?).await?;
        *self.root.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(root);
        self.reload().await?;
        Ok(revision)
    }

    /// Seals those of `rows` anew that are under older domain keys than `target`, in one commit.
    async fn reseal(
        &self,
        target: u32,
        mut rows: Vec<(Place, Row)>,
    ) -> Result<Rewrap, BarrierError> {
        let mut done = Rewrap::default();
        rows.retain(|(place, row)| {
            // What is no sealed value at all is found when it is opened.
            place.space != DOMAIN && seal::domain_version(&row.value).is_none_or(|v| v < target)
        });
        let mut ring = self.ring();
        for _ in 0..MAX_RESEAL_ATTEMPTS {
            let batch = self.resealed(&ring, &mut rows, &mut done.altered)?;
            if rows.is_empty() {
                return Ok(done);
            }
            match self.engine.commit(batch).await {
                Ok(_) => {
                    done.resealed = rows.len();
                    return Ok(done);
                }
                Err(CommitError::Conflict { place, .. }) if place.space == DOMAIN => {
                    ring = self.reload().await?;
                }
                // Written meanwhile, and therefore under the current key, or deleted.
                Err(CommitError::Conflict { place, .. }) => rows.retain(|(p, _)| *p != place),
                Err(error) => return Err(error.into()),
            }
        }
        Err(BarrierError::Contended { attempts: MAX_RESEAL_ATTEMPTS })
    }

    /// The batch that seals `rows` anew at their versions. Rows that do not open are moved to
    /// `altered`.
    fn resealed(
        &self,
        ring: &Ring,
        rows: &mut Vec<(Place, Row)>,
        altered: &mut Vec<Place>,
    ) -> Result<Batch, BarrierError> {
        let (domain_version, domain) = ring.current(Purpose::Seal)?;
        let under = (domain_version, &*domain.key);
        let mut batch = Batch::new();
        let mut kept = Vec::with_capacity(rows.len());
        for (place, row) in rows.drain(..) {
            let plaintext = match self.open_row(ring, place.space, place.key.as_bytes(), &row) {
                Ok(plaintext) => plaintext,
                Err(BarrierError::Altered { .. } | BarrierError::NoDomainKey { .. }) => {
                    altered.push(place);
                    continue;
                }
                Err(error) => return Err(error),
            };
            let value = seal::seal(&self.crypto, under, &place, row.version, plaintext.expose())?;
            // Not only the version: the row may have been deleted and written anew meanwhile.
            let expect = match row.value.last_chunk() {
                Some(tail) => Expect::Exactly(row.version, *tail),
                None => Expect::Version(row.version),
            };
            batch = batch.expect(place.space, place.key.clone(), expect).put(
                place.space,
                place.key.clone(),
                row.version,
                value,
            );
            kept.push((place, row));
        }
        *rows = kept;
        let key = Purpose::Seal.row(domain_version);
        Ok(batch.expect(DOMAIN, key, Expect::Version(domain.row_version)))
    }

    /// Drops the domain keys before `version`, which no row needs any more.
    async fn drop_before(&self, version: u32) -> Result<Vec<u32>, BarrierError> {
        let ring = self.reload().await?;
        let dropped: Vec<u32> = ring.before(version).map(|(old, _)| old).collect();
        if dropped.is_empty() {
            return Ok(dropped);
        }
        let batch = ring.before(version).fold(Batch::new(), |batch, (old, row_version)| {
            let row = Purpose::Seal.row(old);
            batch.expect(DOMAIN, row.clone(), Expect::Version(row_version)).delete(DOMAIN, row)
        });
        match self.engine.commit(batch).await {
            Ok(_) => {
                self.reload().await?;
                Ok(dropped)
            }
            // Another process dropped them, or changed the root key: the next pass will see.
            Err(CommitError::Conflict { .. }) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }
}
