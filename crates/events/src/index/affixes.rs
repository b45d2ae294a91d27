//! Beginnings of texts: which of a set a text begins with, without trying each.

/// A set of texts, each with what hangs on it.
#[derive(Debug, Default)]
pub(super) struct Affixes {
    /// In order.
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    text: Vec<u8>,
    /// The longest other entry that this one begins with.
    within: Option<u32>,
    ids: Vec<u32>,
}

impl Affixes {
    pub(super) fn build(mut pairs: Vec<(Vec<u8>, u32)>) -> Self {
        pairs.sort_unstable();
        let mut entries: Vec<Entry> = Vec::new();
        for (text, id) in pairs {
            match entries.last_mut().filter(|entry| entry.text == text) {
                Some(entry) => entry.ids.push(id),
                None => {
                    let within = Self::longest(&entries, &text);
                    entries.push(Entry { text, within, ids: vec![id] });
                }
            }
        }
        Self { entries }
    }

    /// The longest of ordered entries that a text begins with. The last entry not after the text
    /// shares more of its beginning with it than any before: whatever else the text begins with,
    /// that entry begins with too.
    fn longest(entries: &[Entry], text: &[u8]) -> Option<u32> {
        let after = entries.partition_point(|entry| entry.text.as_slice() <= text);
        let mut at = u32::try_from(after.checked_sub(1)?).ok()?;
        loop {
            let entry = entries.get(at as usize)?;
            if text.starts_with(&entry.text) {
                return Some(at);
            }
            at = entry.within?;
        }
    }

    /// Tells what hangs on each entry that a text begins with, the longest first, until somebody
    /// has heard enough.
    pub(super) fn of(&self, text: &[u8], tell: &mut dyn FnMut(&[u32]) -> bool) {
        let mut next = Self::longest(&self.entries, text);
        while let Some(entry) = next.and_then(|at| self.entries.get(at as usize)) {
            if !tell(&entry.ids) {
                return;
            }
            next = entry.within;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_same_are_found_as_by_trying_each(
            texts in prop::collection::vec("[ab]{0,5}", 0..20),
            text in "[ab]{0,7}",
        ) {
            let pairs = texts.iter().enumerate();
            let pairs = pairs.map(|(id, text)| (text.clone().into_bytes(), id as u32)).collect();
            let mut found = Vec::new();
            Affixes::build(pairs).of(text.as_bytes(), &mut |ids| {
                found.extend_from_slice(ids);
                true
            });
            found.sort_unstable();
            let tried = texts.iter().enumerate().filter(|(_, one)| text.starts_with(one.as_str()));
            let tried: Vec<u32> = tried.map(|(id, _)| id as u32).collect();
            prop_assert_eq!(found, tried);
        }
    }
}
