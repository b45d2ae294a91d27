//! Sets of a shelf's secrets, each of which is known by a number.

/// How many numbers a word holds.
const A_WORD: u32 = u64::BITS;

/// A set of numbers: a bit each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Slots(Vec<u64>);

fn place(slot: u32) -> (usize, u64) {
    (usize::try_from(slot / A_WORD).unwrap_or(usize::MAX), 1 << (slot % A_WORD))
}

impl Slots {
    /// Adds a number.
    pub(crate) fn add(&mut self, slot: u32) {
        let (at, bit) = place(slot);
        if self.0.len() <= at {
            self.0.resize(at.saturating_add(1), 0);
        }
        if let Some(word) = self.0.get_mut(at) {
            *word |= bit;
        }
    }

    /// Takes a number away.
    pub(crate) fn remove(&mut self, slot: u32) {
        let (at, bit) = place(slot);
        if let Some(word) = self.0.get_mut(at) {
            *word &= !bit;
        }
    }

    pub(crate) fn has(&self, slot: u32) -> bool {
        let (at, bit) = place(slot);
        self.0.get(at).is_some_and(|word| word & bit != 0)
    }

    /// Adds what another set has.
    pub(crate) fn join(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        self.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word |= other);
    }

    /// Keeps what another set has as well.
    pub(crate) fn keep(&mut self, other: &Self) {
        self.0.truncate(other.0.len());
        self.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word &= other);
    }

    /// Takes away what another set has.
    pub(crate) fn take_away(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word &= !other);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    pub(crate) fn count(&self) -> usize {
        let ones = self.0.iter().map(|word| u64::from(word.count_ones())).sum::<u64>();
        usize::try_from(ones).unwrap_or(usize::MAX)
    }

    /// All numbers, in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        let words = (0_u32..).step_by(A_WORD as usize).zip(&self.0);
        words.flat_map(|(first, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros())?;
                left &= left.wrapping_sub(1);
                Some(first.saturating_add(bit))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn slots(numbers: &BTreeSet<u32>) -> Slots {
        let mut slots = Slots::default();
        numbers.iter().for_each(|number| slots.add(*number));
        slots
    }

    fn numbers(slots: &Slots) -> BTreeSet<u32> {
        slots.iter().collect()
    }

    proptest! {
        #[test]
        fn sets_are_joined_cut_and_counted(
            one in prop::collection::btree_set(0_u32..300, 0..40),
            other in prop::collection::btree_set(0_u32..300, 0..40),
            gone in 0_u32..300,
        ) {
            prop_assert_eq!(numbers(&slots(&one)), one.clone());
            prop_assert_eq!(slots(&one).count(), one.len());
            prop_assert_eq!(slots(&one).is_empty(), one.is_empty());
            prop_assert_eq!(slots(&one).has(gone), one.contains(&gone));
            let mut joined = slots(&one);
            joined.join(&slots(&other));
            prop_assert_eq!(numbers(&joined), &one | &other);
            let mut kept = slots(&one);
            kept.keep(&slots(&other));
            prop_assert_eq!(numbers(&kept), &one & &other);
            let mut less = slots(&one);
            less.take_away(&slots(&other));
            prop_assert_eq!(numbers(&less), &one - &other);
            less.remove(gone);
            prop_assert!(!less.has(gone));
        }
    }
}
