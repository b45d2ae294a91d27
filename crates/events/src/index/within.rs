//! Texts within texts: which of a set stand anywhere in a text, without trying each.
//!
//! A text holds those that its rest begins with at any place. Places where none begins are passed
//! over by their first two letters. So it takes the text's length times the logarithm of how many
//! there are, and each that is found is told once.

use super::affixes::Affixes;

/// All pairs of first bytes, one bit each.
const PAIRS: usize = 1 << 16;
const BITS: usize = u64::BITS as usize;

/// A set of texts that are not empty, each with what hangs on it.
#[derive(Debug, Default)]
pub(super) struct Within {
    affixes: Affixes,
    /// Which pairs of bytes any of them begins with; empty where there are none.
    begins: Vec<u64>,
}

impl Within {
    pub(super) fn build(pairs: Vec<(Vec<u8>, u32)>) -> Self {
        if pairs.is_empty() {
            return Self::default();
        }
        let mut begins = vec![0; PAIRS / BITS];
        let mut mark = |first: u8, second: u8| {
            let pair = usize::from(u16::from_be_bytes([first, second]));
            if let Some(bits) = begins.get_mut(pair / BITS) {
                *bits |= 1 << (pair % BITS);
            }
        };
        for (text, _) in &pairs {
            match text.as_slice() {
                [first] => (0..=u8::MAX).for_each(|second| mark(*first, second)),
                [first, second, ..] => mark(*first, *second),
                [] => {}
            }
        }
        Self { affixes: Affixes::build(pairs), begins }
    }

    /// Tells what hangs on each entry that stands in a text; `tell` answers whether it was told the
    /// first time.
    pub(super) fn of(&self, text: &[u8], tell: &mut dyn FnMut(&[u32]) -> bool) {
        if self.begins.is_empty() {
            return;
        }
        let mut rest = text;
        while let [first, after @ ..] = rest {
            // Nothing stands for no second byte: an entry of one byte begins with any pair.
            let second = after.first().copied().unwrap_or_default();
            let pair = usize::from(u16::from_be_bytes([*first, second]));
            let bits = self.begins.get(pair / BITS).copied().unwrap_or_default();
            if bits & (1 << (pair % BITS)) != 0 {
                // Whatever an entry begins with was told together with it.
                self.affixes.of(rest, tell);
            }
            rest = after;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_same_are_found_as_by_trying_each(
            texts in prop::collection::vec("[ab\0]{1,4}", 0..20),
            text in "[ab\0]{0,9}",
        ) {
            let pairs = texts.iter().enumerate();
            let pairs = pairs.map(|(id, text)| (text.clone().into_bytes(), id as u32)).collect();
            let mut found = BTreeSet::new();
            Within::build(pairs).of(text.as_bytes(), &mut |ids| {
                ids.iter().all(|id| found.insert(*id))
            });
            let tried = texts.iter().enumerate().filter(|(_, one)| text.contains(one.as_str()));
            let tried: BTreeSet<u32> = tried.map(|(id, _)| id as u32).collect();
            prop_assert_eq!(found, tried);
        }
    }
}
