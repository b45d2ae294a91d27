//! Which secrets have which texts, for filters that know how a text begins.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::slots::Slots;

/// Texts, and the numbers of the secrets that have each, in their order. Most have one, some have
/// nearly all.
#[derive(Default)]
pub(super) struct Terms(BTreeMap<Box<str>, Vec<u32>>);

impl Terms {
    /// Notes that a secret has a text. It may be noted again.
    pub(super) fn add(&mut self, text: &str, slot: u32) {
        match self.0.get_mut(text) {
            Some(slots) => {
                if let Err(at) = slots.binary_search(&slot) {
                    slots.insert(at, slot);
                }
            }
            None => {
                self.0.insert(text.into(), vec![slot]);
            }
        }
    }

    /// Notes that a secret has a text no more.
    pub(super) fn remove(&mut self, text: &str, slot: u32) {
        let Some(slots) = self.0.get_mut(text) else { return };
        if let Ok(at) = slots.binary_search(&slot) {
            slots.remove(at);
        }
        if slots.is_empty() {
            self.0.remove(text);
        }
    }

    /// Adds the secrets that have a text which begins so.
    pub(super) fn find(&self, begin: &str, found: &mut Slots) {
        let from = self.0.range::<str, _>((Bound::Included(begin), Bound::Unbounded));
        for (_, slots) in from.take_while(|(text, _)| text.starts_with(begin)) {
            slots.iter().for_each(|slot| found.add(*slot));
        }
    }
}

/// The words of a text: what lies between whatever is neither a letter nor a digit, in small
/// letters. How words are told apart is our choice.
pub(crate) fn words(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|sign: char| !sign.is_alphanumeric());
    words.filter(|word| !word.is_empty()).map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(terms: &Terms, begin: &str) -> Vec<u32> {
        let mut found = Slots::default();
        terms.find(begin, &mut found);
        found.iter().collect()
    }

    #[test]
    fn texts_are_found_by_how_they_begin_until_they_are_removed() {
        let mut terms = Terms::default();
        for (text, slot) in [("red", 2), ("red", 0), ("reddish", 1), ("rec", 7), ("red", 2)] {
            terms.add(text, slot);
        }
        assert_eq!(found(&terms, "red"), [0, 1, 2]);
        assert_eq!(found(&terms, "re"), [0, 1, 2, 7]);
        assert_eq!(found(&terms, ""), [0, 1, 2, 7]);
        assert_eq!(found(&terms, "redder"), [] as [u32; 0]);
        terms.remove("red", 2);
        terms.remove("red", 2);
        terms.remove("reddish", 1);
        assert_eq!(found(&terms, "red"), [0]);
        assert_eq!(terms.0.len(), 2);
    }

    #[test]
    fn words_are_letters_and_digits_of_any_script() {
        let all: Vec<_> = words("Zürich-7, ÄRGER_über/4").collect();
        assert_eq!(all, ["zürich", "7", "ärger", "über", "4"]);
        assert_eq!(words(" -/").count(), 0);
    }
}
