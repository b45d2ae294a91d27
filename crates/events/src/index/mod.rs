//! All patterns of a bus, so that an event is held against few of them.
//!
//! Each pattern hangs on the one of its fields that is rarest among all patterns
//! ([`handle`]). An event's values are looked up, each in time that does not grow with the number
//! of patterns, and what is found is matched in full. So the answer is always that of
//! [`Pattern::matches`]; the index only spares work. Memory grows with the patterns alone.

mod affixes;
mod found;
mod handle;
mod ranges;
mod within;

use std::collections::HashMap;

use affixes::Affixes;
use found::Found;
use handle::{Census, Key, bits};
use ranges::Ranges;
use within::Within;

use crate::pattern::{Condition, Event, Leaf, Pattern, Range, folded};

/// Patterns, numbered in the order in which they were given.
#[derive(Default)]
pub struct Index {
    patterns: Vec<Pattern>,
    paths: HashMap<String, Place>,
    /// Those that nothing can be looked up for.
    always: Vec<u32>,
}

/// What hangs on one field.
#[derive(Default)]
struct Place {
    equal: HashMap<Key, Vec<u32>>,
    prefixes: Affixes,
    folded_prefixes: Affixes,
    /// Their texts turned round.
    suffixes: Affixes,
    folded_suffixes: Affixes,
    within: Within,
    ranges: Ranges,
    any: Vec<u32>,
}

/// The same while it grows.
#[derive(Default)]
struct Draft {
    equal: HashMap<Key, Vec<u32>>,
    prefixes: Vec<(Vec<u8>, u32)>,
    folded_prefixes: Vec<(Vec<u8>, u32)>,
    suffixes: Vec<(Vec<u8>, u32)>,
    folded_suffixes: Vec<(Vec<u8>, u32)>,
    within: Vec<(Vec<u8>, u32)>,
    ranges: Vec<(Range, u32)>,
    any: Vec<u32>,
}

impl Index {
    /// Indexes patterns.
    #[must_use]
    pub fn build(patterns: Vec<Pattern>) -> Self {
        let mut census = Census::default();
        patterns.iter().for_each(|pattern| census.count(pattern));
        let mut drafts: HashMap<String, Draft> = HashMap::new();
        let mut always = Vec::new();
        for (number, pattern) in (0_u32..).zip(&patterns) {
            match census.handles(pattern) {
                None => always.push(number),
                Some(handles) => {
                    for (path, key, condition) in handles {
                        drafts.entry(path).or_default().hang(key, condition, number);
                    }
                }
            }
        }
        let paths = drafts.into_iter().map(|(path, draft)| (path, draft.place())).collect();
        Self { patterns, paths, always }
    }

    /// How many patterns there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.patterns.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// The numbers of the patterns that an event matches, in order.
    #[must_use]
    pub fn matches(&self, event: &Event<'_>) -> Vec<u32> {
        let mut found = self.candidates(event);
        found.retain(|number| {
            self.patterns.get(*number as usize).is_some_and(|pattern| pattern.matches(event))
        });
        found
    }

    /// Those that may match, in order.
    fn candidates(&self, event: &Event<'_>) -> Vec<u32> {
        let mut found = Found::default();
        found.all(&self.always);
        event.root().leaves(&mut String::new(), &mut |path, leaf| {
            if let Some(place) = self.paths.get(path) {
                place.look_up(leaf, &mut found);
            }
        });
        found.in_order()
    }
}

impl Draft {
    fn hang(&mut self, key: Key, condition: &Condition, number: u32) {
        let reversed = |text: String| text.into_bytes().into_iter().rev().collect();
        match key {
            Key::Prefix(text) => self.prefixes.push((text.into_bytes(), number)),
            Key::FoldedPrefix(text) => self.folded_prefixes.push((text.into_bytes(), number)),
            Key::Suffix(text) => self.suffixes.push((reversed(text), number)),
            Key::FoldedSuffix(text) => self.folded_suffixes.push((reversed(text), number)),
            Key::Within(text) => self.within.push((text.into_bytes(), number)),
            Key::Range => {
                if let Condition::Range(range) = condition {
                    self.ranges.push((*range, number));
                }
            }
            Key::Any => self.any.push(number),
            key => self.equal.entry(key).or_default().push(number),
        }
    }

    fn place(self) -> Place {
        Place {
            equal: self.equal,
            prefixes: Affixes::build(self.prefixes),
            folded_prefixes: Affixes::build(self.folded_prefixes),
            suffixes: Affixes::build(self.suffixes),
            folded_suffixes: Affixes::build(self.folded_suffixes),
            within: Within::build(self.within),
            ranges: Ranges::build(self.ranges),
            any: self.any,
        }
    }
}

impl Place {
    fn look_up(&self, leaf: &Leaf<'_>, found: &mut Found) {
        found.all(&self.any);
        match leaf {
            Leaf::Null => self.equal_to(&Key::Null, found),
            Leaf::Bool(flag) => self.equal_to(&Key::Bool(*flag), found),
            Leaf::Number(number) => {
                self.equal_to(&Key::Number(bits(number.value)), found);
                self.equal_to(&Key::Written(number.text.to_owned()), found);
                self.ranges.of(number.value, &mut |id| found.one(id));
            }
            Leaf::Text(text) => self.look_up_text(text, found),
            Leaf::Array(_) | Leaf::Object(_) => {}
        }
    }

    fn equal_to(&self, key: &Key, found: &mut Found) {
        if let Some(ids) = self.equal.get(key) {
            found.all(ids);
        }
    }

    fn look_up_text(&self, text: &str, found: &mut Found) {
        self.equal_to(&Key::Text(text.to_owned()), found);
        let folded = folded(text);
        // What an entry begins with was told with it.
        let forward = |affixes: &Affixes, text: &str, found: &mut Found| {
            if !affixes.is_empty() {
                affixes.of(text.as_bytes(), &mut |ids| found.all(ids));
            }
        };
        let backward = |affixes: &Affixes, text: &str, found: &mut Found| {
            if !affixes.is_empty() {
                let turned: Vec<u8> = text.bytes().rev().collect();
                affixes.of(&turned, &mut |ids| found.all(ids));
            }
        };
        self.within.of(text.as_bytes(), &mut |ids| found.all(ids));
        forward(&self.prefixes, text, found);
        forward(&self.folded_prefixes, &folded, found);
        backward(&self.suffixes, text, found);
        backward(&self.folded_suffixes, &folded, found);
        self.equal_to(&Key::Folded(folded), found);
    }
}

#[cfg(test)]
mod tests;
