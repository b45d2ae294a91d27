//! Maps under construction, in time linear in their entries.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::value::Value;

/// Up to this many entries, a map's earlier keys are searched one by one.
const SMALL_MAP: usize = 16;

/// A map under construction, in which a later value replaces an earlier one of the same key.
#[derive(Default)]
pub(crate) struct Entries<'a> {
    list: Vec<(Cow<'a, str>, Value<'a>)>,
    /// Where keys stand, once there are too many to search.
    places: HashMap<Cow<'a, str>, usize>,
}

impl<'a> Entries<'a> {
    /// Puts an entry in, or a value in the place of an earlier one.
    pub(crate) fn put(&mut self, key: Cow<'a, str>, value: Value<'a>) {
        let known = if self.list.len() < SMALL_MAP {
            self.list.iter().position(|(known, _)| *known == key)
        } else {
            if self.places.is_empty() {
                let places = self.list.iter().enumerate().map(|(at, (key, _))| (key.clone(), at));
                self.places.extend(places);
            }
            self.places.get(&key).copied()
        };
        match known.and_then(|at| self.list.get_mut(at)) {
            Some((_, slot)) => *slot = value,
            None => {
                if !self.places.is_empty() {
                    self.places.insert(key.clone(), self.list.len());
                }
                self.list.push((key, value));
            }
        }
    }

    /// The entries in the order of their first appearance.
    pub(crate) fn into_list(self) -> Vec<(Cow<'a, str>, Value<'a>)> {
        self.list
    }
}
