//! What the commits of a task carry along, without those who make them knowing of it.
//!
//! It lies in rows of its own space, which are used again once nobody needs what they hold: so a
//! commit changes a row where it would add one, and none has to be deleted after it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_crypto::SecretBytes;

use super::{Expected, SealedBatch};
use crate::{CommitError, Key, Place, Space, StoreError, Version};

/// The space of the rows that commits carry along, each under a number of four bytes.
pub const CARRIED: Space = Space::new("plane.outbox");

tokio::task_local! {
    static COMPANION: Arc<dyn Companion>;
}

/// Adds a row to each commit of a task.
pub trait Companion: Send + Sync {
    /// What the next commit is to carry along. It is asked once for each commit that writes.
    fn value(&self) -> SecretBytes;

    /// The commit was made, or may have been. Once nobody needs what it carried along, the slot
    /// goes back by [`Barrier::release`](super::Barrier::release).
    fn carried(&self, slot: Slot);
}

/// A row of [`CARRIED`] that one commit uses at a time.
#[derive(Debug)]
pub struct Slot {
    number: u32,
    /// The version of the row, if it is there.
    version: Option<Version>,
    is_sure: bool,
}

impl Slot {
    /// The row's key.
    #[must_use]
    pub fn key(&self) -> Key {
        Key::from(&self.number.to_be_bytes())
    }

    /// Whether the row is known to be as the commit wrote it. Else it must be discarded before the
    /// slot is used again.
    #[must_use]
    pub fn is_sure(&self) -> bool {
        self.is_sure
    }

    /// The slot after its row was discarded.
    #[must_use]
    pub fn discarded(self) -> Self {
        Self { version: None, is_sure: true, ..self }
    }
}

/// The slots that no commit uses.
#[derive(Default)]
pub(super) struct Slots(Mutex<Pool>);

#[derive(Default)]
struct Pool {
    /// The last that was used comes first, so that few are in use.
    free: Vec<Slot>,
    /// How many there are.
    count: u32,
}

impl Slots {
    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Slot {
        let mut pool = self.pool();
        pool.free.pop().unwrap_or_else(|| {
            let number = pool.count;
            pool.count = number.wrapping_add(1);
            Slot { number, version: None, is_sure: true }
        })
    }

    pub(super) fn release(&self, slot: Slot) {
        self.pool().free.push(slot);
    }

    /// Takes all slots out whose rows are there.
    pub(super) fn take_written(&self) -> Vec<Slot> {
        self.pool().free.extract_if(.., |slot| slot.version.is_some()).collect()
    }
}

/// Runs `work` so that each commit in it that writes carries the companion's row along. Tasks that
/// it spawns have no companion.
pub async fn accompanied<F: Future>(companion: Option<Arc<dyn Companion>>, work: F) -> F::Output {
    match companion {
        Some(companion) => COMPANION.scope(companion, work).await,
        None => work.await,
    }
}

/// What one commit carries along. Dropped without [`Load::end`], it may have been written.
pub(super) struct Load<'s> {
    companion: Arc<dyn Companion>,
    slots: &'s Slots,
    slot: Option<Slot>,
}

impl<'s> Load<'s> {
    /// Adds the companion's row to a batch that writes, if the task has a companion.
    pub(super) fn add(slots: &'s Slots, batch: SealedBatch) -> (SealedBatch, Option<Self>) {
        let Ok(companion) = COMPANION.try_with(Arc::clone) else { return (batch, None) };
        let value = companion.value();
        let slot = slots.take();
        let batch = batch.put(CARRIED, slot.key(), Expected::from(slot.version), value);
        (batch, Some(Self { companion, slots, slot: Some(slot) }))
    }

    /// Moves to another row, where this one is not as it should be. It is left to whoever put it
    /// there.
    pub(super) fn moved(&mut self, mut batch: SealedBatch) -> SealedBatch {
        let Some(write) = batch.writes.last_mut() else { return batch };
        let slot = self.slots.take();
        write.place.key = slot.key();
        write.expected = Expected::from(slot.version);
        self.slot = Some(slot);
        batch
    }

    pub(super) fn is_at(&self, place: &Place) -> bool {
        let is_it = |slot: &Slot| slot.key() == place.key;
        place.space == CARRIED && self.slot.as_ref().is_some_and(is_it)
    }

    /// What became of the commit.
    pub(super) fn end<T>(mut self, outcome: &Result<T, CommitError>) {
        let Some(slot) = self.slot.take() else { return };
        match outcome {
            Ok(_) => {
                let version = Some(Expected::from(slot.version).next());
                self.companion.carried(Slot { version, ..slot });
            }
            // Maybe it was made, which the drop tells.
            Err(CommitError::Unavailable(StoreError::FailStopped { .. } | StoreError::Closed)) => {
                self.slot = Some(slot);
            }
            Err(_) => self.slots.release(slot),
        }
    }
}

impl Drop for Load<'_> {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            self.companion.carried(Slot { is_sure: false, ..slot });
        }
    }
}
