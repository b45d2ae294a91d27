//! What a sieve leaves out of commits, and that it never judges by less than there is.

use std::sync::{Arc, Mutex};

use bulla_crypto::SecretBytes;
use bulla_store::{
    Barrier, BarrierError, Companion, Expected, Memory, Place, SealedBatch, Sieve, Sifted, Slot,
    Space, accompanied,
};

use crate::{KEYS, along::carried, create, read, run, write};

const NEWS: Space = Space::new("news");
const SWITCH: &str = "switch";

/// Leaves news out as long as a row is as it was when it was looked at.
struct Deaf(Mutex<Option<Expected>>);

impl Sieve for Deaf {
    fn sift(&self, batch: &SealedBatch) -> Sifted {
        let mut sifted = Sifted::default();
        let Some(expected) = *self.0.lock().unwrap() else { return sifted };
        for (number, ..) in batch.puts().filter(|(_, place, _)| place.space == NEWS) {
            sifted.leave_out(number, Place::new(KEYS, SWITCH), expected);
        }
        sifted
    }

    fn stale(&self, place: &Place) {
        assert_eq!(*place, Place::new(KEYS, SWITCH));
        *self.0.lock().unwrap() = None;
    }
}

struct Beside;

impl Companion for Beside {
    fn value(&self) -> SecretBytes {
        SecretBytes::from_slice(b"it")
    }

    fn carried(&self, _: Slot) {}
}

async fn house(expected: Expected) -> Barrier {
    let barrier = create(Arc::new(Memory::new())).await;
    barrier.sift_with(Arc::new(Deaf(Mutex::new(Some(expected)))));
    barrier
}

fn news(key: &str) -> SealedBatch {
    SealedBatch::new().put(NEWS, key, Expected::Absent, b"news".to_vec())
}

async fn is_there(barrier: &Barrier, key: &str) -> bool {
    barrier.get(NEWS, key.as_bytes()).await.unwrap().is_some()
}

#[test]
fn what_is_left_out_is_not_written_and_the_rest_is() {
    run(async {
        let barrier = house(Expected::Absent).await;
        let put = SealedBatch::new().put(KEYS, "k", Expected::Absent, b"v".to_vec());
        barrier.commit(news("a").and(put).and(news("b"))).await.unwrap();
        assert_eq!(read(&barrier, "k").await, Some((1, "v".into())));
        assert!(!is_there(&barrier, "a").await && !is_there(&barrier, "b").await);
        // What was left out is not expected either: its row may be there.
        let known = SealedBatch::new().put(NEWS, "c", Expected::At(7), b"news".to_vec());
        barrier.commit(known).await.unwrap();
        assert!(barrier.verify_all().await.unwrap().is_intact());
    });
}

#[test]
fn what_was_judged_by_a_row_that_changed_is_judged_anew() {
    run(async {
        let barrier = house(Expected::Absent).await;
        write(&barrier, SWITCH, Expected::Absent, "on").await;
        barrier.commit(news("a")).await.unwrap();
        assert!(is_there(&barrier, "a").await);
        // A conflict of the batch's own is told as ever.
        let conflict = barrier.commit(news("a")).await;
        assert!(matches!(conflict, Err(BarrierError::Conflict { .. })));
    });
}

#[test]
fn a_commit_of_which_nothing_is_left_takes_nothing_along() {
    run(async {
        let barrier = house(Expected::Absent).await;
        let before = barrier.attested().await.unwrap();
        let told = async { barrier.commit(news("a")).await.unwrap() };
        let revision = accompanied(Some(Arc::new(Beside)), told).await;
        assert_eq!(revision, before.revision);
        assert_eq!(barrier.attested().await.unwrap(), before);
        // Judged anew, it writes, and takes its companion along.
        write(&barrier, SWITCH, Expected::Absent, "on").await;
        let told = async { barrier.commit(news("a")).await.unwrap() };
        accompanied(Some(Arc::new(Beside)), told).await;
        assert!(is_there(&barrier, "a").await);
        assert_eq!(carried(&barrier).await, ["it"]);
    });
}
