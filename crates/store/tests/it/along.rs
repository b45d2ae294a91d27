//! What commits carry along, and the rows that it lies in.

use std::sync::{Arc, Mutex};

use bulla_crypto::SecretBytes;
use bulla_store::{
    Barrier, BarrierError, Batch, CARRIED, Companion, Disk, Expected, Faults, Memory, Range,
    SealedBatch, Simulated, Slot, accompanied,
};

use crate::{KEYS, create, run};

/// Carries a text along, and keeps the slots.
#[derive(Default)]
struct Beside {
    text: &'static str,
    slots: Mutex<Vec<Slot>>,
}

impl Beside {
    fn new(text: &'static str) -> Arc<Self> {
        Arc::new(Self { text, ..Self::default() })
    }

    fn slots(&self) -> Vec<Slot> {
        std::mem::take(&mut self.slots.lock().unwrap())
    }
}

impl Companion for Beside {
    fn value(&self) -> SecretBytes {
        SecretBytes::from_slice(self.text.as_bytes())
    }

    fn carried(&self, slot: Slot) {
        self.slots.lock().unwrap().push(slot);
    }
}

/// What is carried along in a store.
pub(crate) async fn carried(barrier: &Barrier) -> Vec<String> {
    let page = barrier.view().await.unwrap().range(CARRIED, &Range::all(), 10).await.unwrap();
    let text = |value: &SecretBytes| String::from_utf8(value.expose().to_vec()).unwrap();
    page.rows.iter().map(|(_, row)| text(&row.value)).collect()
}

async fn put(
    barrier: &Barrier,
    beside: &Arc<Beside>,
    key: &str,
    expected: Expected,
) -> Result<(), BarrierError> {
    let batch = SealedBatch::new().put(KEYS, key, expected, b"v".to_vec());
    let companion = Arc::clone(beside) as Arc<dyn Companion>;
    accompanied(Some(companion), barrier.commit(batch)).await.map(drop)
}

#[test]
fn a_row_is_used_again_once_it_is_released_and_not_before() {
    run(async {
        let barrier = create(Arc::new(Memory::new())).await;
        let (one, two) = (Beside::new("one"), Beside::new("two"));
        put(&barrier, &one, "a", Expected::Absent).await.unwrap();
        put(&barrier, &two, "b", Expected::Absent).await.unwrap();
        assert_eq!(carried(&barrier).await, ["one", "two"]);
        for slot in one.slots() {
            assert!(slot.is_sure());
            barrier.release(slot);
        }
        let three = Beside::new("three");
        put(&barrier, &three, "c", Expected::Absent).await.unwrap();
        assert_eq!(carried(&barrier).await, ["three", "two"]);
        assert_eq!(barrier.take_released().len(), 0);
        let slots: Vec<Slot> = three.slots().into_iter().chain(two.slots()).collect();
        slots.into_iter().for_each(|slot| barrier.release(slot));
        let released = barrier.take_released();
        assert_eq!(released.len(), 2);
        barrier.discard(CARRIED, released.iter().map(Slot::key)).await.unwrap();
        released.into_iter().for_each(|slot| barrier.release(slot.discarded()));
        put(&barrier, &one, "d", Expected::Absent).await.unwrap();
        assert_eq!(carried(&barrier).await, ["one"]);
        assert!(barrier.verify_all().await.unwrap().is_intact());
    });
}

#[test]
fn a_commit_that_was_not_made_keeps_no_row() {
    run(async {
        let barrier = create(Arc::new(Memory::new())).await;
        let (one, two) = (Beside::new("one"), Beside::new("two"));
        let conflict = put(&barrier, &one, "a", Expected::At(7)).await;
        assert!(matches!(conflict, Err(BarrierError::Conflict { .. })), "{conflict:?}");
        assert!(one.slots().is_empty() && carried(&barrier).await.is_empty());
        put(&barrier, &two, "a", Expected::Absent).await.unwrap();
        assert_eq!(two.slots()[0].key().as_bytes(), [0; 4]);
    });
}

#[test]
fn a_row_that_somebody_else_put_there_is_left_alone() {
    run(async {
        let engine = Arc::new(Memory::new());
        let barrier = create(Arc::clone(&engine) as _).await;
        let alien = Batch::new().put(CARRIED, &[0; 4], 3, "alien");
        bulla_store::Store::commit(&*engine, alien).await.unwrap();
        let one = Beside::new("one");
        put(&barrier, &one, "a", Expected::Absent).await.unwrap();
        put(&barrier, &one, "b", Expected::Absent).await.unwrap();
        let keys: Vec<_> = one.slots().iter().map(Slot::key).collect();
        assert_eq!(keys.iter().map(|key| key.as_bytes()[3]).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(carried(&barrier).await, ["one", "one"]);
    });
}

#[test]
fn a_commit_that_may_have_been_made_leaves_a_row_in_doubt() {
    run(async {
        let disk = Disk::new(1);
        let barrier = create(Arc::new(Simulated::open(disk.clone()).unwrap())).await;
        disk.set_faults(Faults { cut_at_sync: Some(1), ..Faults::default() });
        let one = Beside::new("one");
        put(&barrier, &one, "a", Expected::Absent).await.unwrap_err();
        let slots = one.slots();
        assert_eq!(slots.len(), 1);
        assert!(!slots[0].is_sure());
    });
}
