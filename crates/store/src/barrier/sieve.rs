//! What is left out of commits because nobody would ever read it.

use std::sync::{Arc, PoisonError};

use super::{Barrier, Expected, SealedBatch};
use crate::Place;

/// Knows which rows of a batch nobody would ever read, so that they need not be written.
///
/// It judges by rows of the store: the commit expects them to be as they were when it judged, and
/// where one of them has changed meanwhile, the batch is judged anew. So the judgement is that of
/// the moment of the commit, and those who commit know nothing of it.
pub trait Sieve: Send + Sync {
    /// Judges a batch. Every commit waits for it.
    fn sift(&self, batch: &SealedBatch) -> Sifted;

    /// A row by which a batch was judged is not as it was expected to be: whatever is known of it
    /// no longer holds.
    fn stale(&self, place: &Place);
}

/// What a [`Sieve`] says of a batch.
#[derive(Default)]
pub struct Sifted {
    /// The numbers of the writes to leave out, as [`SealedBatch::puts`] tells them.
    pub left_out: Vec<usize>,
    /// The rows by which it judged.
    pub judged_by: Vec<(Place, Expected)>,
}

impl Sifted {
    /// Leaves a write out, judged by a row.
    pub fn leave_out(&mut self, number: usize, place: Place, expected: Expected) {
        self.left_out.push(number);
        if !self.judged_by.iter().any(|(known, _)| *known == place) {
            self.judged_by.push((place, expected));
        }
    }

    pub(super) fn was_judged_by(&self, place: &Place) -> bool {
        self.judged_by.iter().any(|(known, _)| known == place)
    }
}

impl Barrier {
    /// Has `sieve` judge every commit from now on. The last one given counts.
    pub fn sift_with(&self, sieve: Arc<dyn Sieve>) {
        *self.sieve.write().unwrap_or_else(PoisonError::into_inner) = Some(sieve);
    }

    pub(super) fn sieve(&self) -> Option<Arc<dyn Sieve>> {
        self.sieve.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
