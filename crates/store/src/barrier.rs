//! The barrier: what services keep in the store goes through it, and is sealed on its way.
//!
//! A value is sealed under the current domain key and bound to its space, key and version, so that
//! an altered, swapped or older row does not open. The attestation of all rows finds what single
//! rows cannot show: a row put back together with its version, added or removed.
//! What it cannot find is a whole data directory put back, attestation and all: for that,
//! [`Barrier::attested`] gives a fingerprint to keep elsewhere.

mod along;
mod attest;
mod batch;
mod error;
mod keyring;
mod rotate;
mod seal;
mod sieve;
mod verify;
mod view;

use std::sync::{Arc, PoisonError, RwLock};

use bulla_crypto::{Crypto, CryptoError, SecretBytes, SecretKey};

pub use self::{
    along::{CARRIED, Companion, Slot, accompanied},
    batch::{Expected, SealedBatch},
    error::BarrierError,
    rotate::Rewrap,
    sieve::{Sieve, Sifted},
    verify::{MAX_NAMED_ROWS, Verified},
    view::{Opened, OpenedPage, View},
};
use self::{
    along::{Load, Slots},
    attest::Attest,
    batch::Change,
    keyring::{Purpose, Ring},
    rotate::Pass,
};
use crate::{
    Batch, Changes, CommitError, Expect, Key, MAX_PAGE_ROWS, Place, Range, Revision, Row, Space,
    Store,
};

/// The space of the domain keys, which no service may touch.
const DOMAIN: Space = Space::new("domain");
/// How often [`Barrier::update`] starts again before it gives up.
pub const MAX_UPDATE_ATTEMPTS: u32 = 100;
/// How often a commit is sealed anew because the domain key was rotated meanwhile.
const MAX_SEAL_ATTEMPTS: u32 = 8;

/// The sealed store. Share it in an [`Arc`].
pub struct Barrier {
    engine: Arc<dyn Store>,
    crypto: Crypto,
    root: RwLock<Arc<SecretKey>>,
    ring: RwLock<Arc<Ring>>,
    attest: Arc<Attest>,
    pass: tokio::sync::Mutex<Pass>,
    sieve: RwLock<Option<Arc<dyn Sieve>>>,
    slots: Slots,
}

/// What the store attests: keep it outside the store to find out later that the whole store was
/// put back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attested {
    /// The revision.
    pub revision: Revision,
    /// How many rows there are, the domain keys' among them.
    pub rows: u64,
    /// A keyed digest of all rows, which says nothing about them.
    pub fingerprint: [u8; 32],
}

impl Barrier {
    /// Whether the store holds domain keys.
    ///
    /// # Errors
    /// Those of the engine.
    pub async fn is_initialized(engine: &dyn Store) -> Result<bool, BarrierError> {
        let snapshot = engine.snapshot().await?;
        Ok(!snapshot.range(DOMAIN, &Range::all(), 1).await?.rows.is_empty())
    }

    /// Makes the first domain keys of an empty store, in one commit.
    ///
    /// # Errors
    /// [`BarrierError::AlreadyInitialized`] when the store is not empty; those of the engine and
    /// of the random source.
    pub async fn create(
        engine: Arc<dyn Store>,
        crypto: Crypto,
        root: SecretKey,
    ) -> Result<Self, BarrierError> {
        if engine.snapshot().await?.revision() != Revision(0) {
            return Err(BarrierError::AlreadyInitialized);
        }
        let (ring, batch) = Ring::first(&crypto, &root)?;
        let barrier = Self::assemble(engine, crypto, root, ring)?;
        barrier.attest.expect_first(true);
        barrier.engine.attest_with(Arc::clone(&barrier.attest) as _).await?;
        let committed = barrier.engine.commit(batch).await;
        barrier.attest.expect_first(false);
        match committed {
            Ok(_) => Ok(barrier),
            Err(CommitError::Conflict { .. }) => Err(BarrierError::AlreadyInitialized),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens an initialized store. Checks the root key, every domain key and that the attestation
    /// is of the present revision; takes no longer with more rows. [`Self::verify_all`] checks
    /// the rows.
    ///
    /// # Errors
    /// [`BarrierError::WrongRootKey`], [`BarrierError::NotInitialized`], and
    /// [`BarrierError::Altered`] or [`BarrierError::Attest`] when the store was tampered with.
    /// Nothing was changed then.
    pub async fn open(
        engine: Arc<dyn Store>,
        crypto: Crypto,
        root: SecretKey,
    ) -> Result<Self, BarrierError> {
        let snapshot = engine.snapshot().await?;
        let ring = Ring::load(&crypto, &root, &*snapshot).await?;
        let attestation = snapshot.attestation().await?;
        let revision = snapshot.revision();
        drop(snapshot);
        let barrier = Self::assemble(engine, crypto, root, ring)?;
        barrier.attest.open(revision, attestation.as_deref())?;
        barrier.engine.attest_with(Arc::clone(&barrier.attest) as _).await?;
        Ok(barrier)
    }

    fn assemble(
        engine: Arc<dyn Store>,
        crypto: Crypto,
        root: SecretKey,
        ring: Ring,
    ) -> Result<Self, BarrierError> {
        let (_, domain) = ring.current(Purpose::Attest)?;
        let attest = Arc::new(Attest::new(&crypto, &domain.key)?);
        let (root, ring) = (RwLock::new(Arc::new(root)), RwLock::new(Arc::new(ring)));
        let (pass, sieve, slots) = (Pass::default().into(), RwLock::default(), Slots::default());
        Ok(Self { engine, crypto, root, ring, attest, pass, sieve, slots })
    }

    /// The engine behind it.
    #[must_use]
    pub fn engine(&self) -> &Arc<dyn Store> {
        &self.engine
    }

    /// One row of the newest state, opened.
    ///
    /// # Errors
    /// [`BarrierError::Altered`] or [`BarrierError::NoDomainKey`] when the row is not as it was
    /// sealed; those of the engine.
    pub async fn get(&self, space: Space, key: &[u8]) -> Result<Option<Opened>, BarrierError> {
        let mut reloaded = false;
        loop {
            let Some(row) = self.engine.get(space, key).await? else { return Ok(None) };
            match self.open_row(&self.ring(), space, key, &row) {
                // Sealed anew and its old key dropped between the two reads, or sealed by
                // another process under a newer key.
                Err(BarrierError::NoDomainKey { .. }) if !reloaded => {
                    self.reload().await?;
                    reloaded = true;
                }
                opened => {
                    return opened.map(|value| Some(Opened { version: row.version, value }));
                }
            }
        }
    }

    /// The newest state, to read several rows of one revision. Keep it short.
    ///
    /// # Errors
    /// Those of the engine.
    pub async fn view(&self) -> Result<View<'_>, BarrierError> {
        // The ring first: a key that the snapshot needs is then either in it or newer.
        let ring = self.ring();
        Ok(View::new(self, ring, self.engine.snapshot().await?))
    }

    /// Seals `batch` and commits it in whole or not at all. A batch that only expects answers the
    /// newest revision. What writes takes the task's [`Companion`] along; what the [`Sieve`] leaves
    /// out is neither written nor expected.
    ///
    /// # Errors
    /// [`BarrierError::Conflict`] when another commit came first; [`BarrierError::Invalid`] and
    /// [`BarrierError::Reserved`] for the caller's faults; those of the engine.
    pub async fn commit(&self, batch: SealedBatch) -> Result<Revision, BarrierError> {
        batch.check_spaces()?;
        let (mut batch, mut load) = (batch, None::<Load<'_>>);
        let sieve = self.sieve();
        for _ in 0..MAX_SEAL_ATTEMPTS {
            let sifted = sieve.as_ref().map(|sieve| sieve.sift(&batch)).unwrap_or_default();
            if load.is_none() && batch.writes_beside(&sifted) {
                (batch, load) = Load::add(&self.slots, batch);
            }
            let sealed = self.seal(&batch, &sifted)?;
            let committed = self.engine.commit(sealed).await;
            if let Err(CommitError::Conflict { place, .. }) = &committed {
                if let Some(load) = load.as_mut().filter(|load| load.is_at(place)) {
                    batch = load.moved(batch);
                    continue;
                }
                if place.space == DOMAIN {
                    self.reload().await?;
                    continue;
                }
                if let Some(sieve) = sieve.as_ref().filter(|_| sifted.was_judged_by(place)) {
                    sieve.stale(place);
                    continue;
                }
            }
            if let Some(load) = load {
                load.end(&committed);
            }
            return Ok(committed?);
        }
        Err(BarrierError::Contended { attempts: MAX_SEAL_ATTEMPTS })
    }

    /// Reads, builds a batch, commits it, and starts again with a new view whenever another commit
    /// came first, [`MAX_UPDATE_ATTEMPTS`] times at most. An empty batch is not committed.
    ///
    /// # Errors
    /// Those of `step`, and as [`Self::commit`]; [`BarrierError::Contended`] in place of
    /// conflicts.
    pub async fn update<'b, T, E, F>(&'b self, mut step: impl FnMut(View<'b>) -> F) -> Result<T, E>
    where
        F: Future<Output = Result<(SealedBatch, T), E>>,
        E: From<BarrierError>,
    {
        for _ in 0..MAX_UPDATE_ATTEMPTS {
            let (batch, answer) = step(self.view().await?).await?;
            if batch.is_empty() {
                return Ok(answer);
            }
            match self.commit(batch).await {
                Ok(_) => return Ok(answer),
                Err(BarrierError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(BarrierError::Contended { attempts: MAX_UPDATE_ATTEMPTS }.into())
    }

    /// Deletes every row of a space without opening it, a page in a commit, and answers how many
    /// there were. What others write meanwhile may be left.
    ///
    /// # Errors
    /// [`BarrierError::Reserved`] for the space of the domain keys; those of the engine.
    pub async fn clear(&self, space: Space) -> Result<usize, BarrierError> {
        let mut deleted = 0;
        loop {
            let snapshot = self.engine.snapshot().await?;
            let page = snapshot.range(space, &Range::all(), MAX_PAGE_ROWS).await?;
            drop(snapshot);
            if page.rows.is_empty() {
                return Ok(deleted);
            }
            deleted += page.rows.len();
            self.discard(space, page.rows.into_iter().map(|(key, _)| key)).await?;
        }
    }

    /// Deletes rows in one commit, whatever they are and whether or not they are there, for who
    /// is the only one to know of them.
    ///
    /// # Errors
    /// [`BarrierError::Reserved`] for the space of the domain keys; [`BarrierError::Invalid`]
    /// beyond [`MAX_BATCH_ROWS`](crate::MAX_BATCH_ROWS) keys; those of the engine.
    pub async fn discard(
        &self,
        space: Space,
        keys: impl IntoIterator<Item = Key>,
    ) -> Result<(), BarrierError> {
        if space == DOMAIN {
            return Err(BarrierError::Reserved { place: Place::new(space, Vec::new()) });
        }
        let keys = keys.into_iter();
        let batch = keys.fold(Batch::new(), |batch, key| batch.delete(space, key));
        self.engine.commit(batch).await?;
        Ok(())
    }

    /// Takes back a slot whose row holds nothing that anybody needs.
    pub fn release(&self, slot: Slot) {
        self.slots.release(slot);
    }

    /// Takes out all slots that were released and whose rows are there, to have them discarded.
    /// Commits use others meanwhile.
    #[must_use]
    pub fn take_released(&self) -> Vec<Slot> {
        self.slots.take_written()
    }

    /// A page of the changes after a revision; those of domain keys are left out.
    ///
    /// # Errors
    /// Those of the engine, as
    /// [`StoreError::ChangesForgotten`](crate::StoreError::ChangesForgotten).
    pub async fn changes(&self, after: Revision) -> Result<Changes, BarrierError> {
        let mut page = self.engine.changes(after).await?;
        page.changes.retain(|change| change.place.space != DOMAIN);
        Ok(page)
    }

    /// Waits until there is a revision after this one, and answers the newest.
    ///
    /// # Errors
    /// Those of the engine.
    pub async fn watch(&self, after: Revision) -> Result<Revision, BarrierError> {
        Ok(self.engine.watch(after).await?)
    }

    /// A key for a service's own use, the same for the same label as long as the store lives, also
    /// after rotations of domain keys and root.
    ///
    /// # Errors
    /// Those of the key's memory.
    pub fn service_key(&self, label: &str) -> Result<SecretKey, BarrierError> {
        let ring = self.ring();
        let (_, domain) = ring.current(Purpose::Derive)?;
        Ok(self.crypto.derive_key(&domain.key, b"bulla/store/service/v1", label.as_bytes())?)
    }

    /// Revision, count and fingerprint of all rows, from the attestation.
    ///
    /// # Errors
    /// [`BarrierError::Attest`] when it is not authentic; those of the engine.
    pub async fn attested(&self) -> Result<Attested, BarrierError> {
        let snapshot = self.engine.snapshot().await?;
        let (revision, attestation) = (snapshot.revision(), snapshot.attestation().await?);
        let rows = self.attest.open(revision, attestation.as_deref())?;
        Ok(Attested { revision, rows: rows.rows, fingerprint: rows.fingerprint(&self.attest) })
    }

    fn ring(&self) -> Arc<Ring> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn root(&self) -> Arc<SecretKey> {
        Arc::clone(&self.root.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the domain keys anew.
    async fn reload(&self) -> Result<Arc<Ring>, BarrierError> {
        let snapshot = self.engine.snapshot().await?;
        let ring = Arc::new(Ring::load(&self.crypto, &self.root(), &*snapshot).await?);
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&ring);
        Ok(ring)
    }

    fn seal(&self, batch: &SealedBatch, sifted: &Sifted) -> Result<Batch, BarrierError> {
        let ring = self.ring();
        let (domain_version, domain) = ring.current(Purpose::Seal)?;
        let mut sealed = Batch::new();
        for (place, expected) in &sifted.judged_by {
            sealed = sealed.expect(place.space, place.key.clone(), (*expected).into());
        }
        for write in batch.kept_beside(sifted) {
            let Place { space, key } = write.place.clone();
            sealed = sealed.expect(space, key.clone(), write.expected.into());
            sealed = match &write.change {
                None => sealed,
                Some(Change::Delete) => sealed.delete(space, key),
                Some(Change::Put(plaintext)) => {
                    let version = write.expected.next();
                    let under = (domain_version, &*domain.key);
                    let place = &write.place;
                    let value =
                        seal::seal(&self.crypto, under, place, version, plaintext.expose())?;
                    sealed.put(space, key, version, value)
                }
            };
        }
        if !batch.writes_beside(sifted) {
            return Ok(sealed);
        }
        // A domain key that was retired meanwhile must not seal anything new.
        let row = Purpose::Seal.row(domain_version);
        Ok(sealed.expect(DOMAIN, row, Expect::Version(domain.row_version)))
    }

    fn open_row(
        &self,
        ring: &Ring,
        space: Space,
        key: &[u8],
        row: &Row,
    ) -> Result<SecretBytes, BarrierError> {
        let place = || Place { space, key: Key::from(key) };
        let Some(version) = seal::domain_version(&row.value) else {
            return Err(BarrierError::Altered { place: place() });
        };
        let Some(domain) = ring.seal_key(version) else {
            return Err(BarrierError::NoDomainKey { place: place(), version });
        };
        let at = (space, key);
        seal::open(&self.crypto, (version, domain), at, row.version, &row.value).map_err(|error| {
            match error {
                CryptoError::Unauthentic => BarrierError::Altered { place: place() },
                other => other.into(),
            }
        })
    }
}
