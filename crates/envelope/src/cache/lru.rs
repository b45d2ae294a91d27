//! A map of bounded size, from which goes what was not used for longest.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::num::NonZeroUsize;

/// How many of the entries that were not used for longest are looked at for age with each new one.
const PRUNED: usize = 10;

/// Entries by key, and their order of use: a number that grows with each use.
pub(crate) struct Lru<K, V> {
    capacity: usize,
    entries: HashMap<K, (u64, V)>,
    order: BTreeMap<u64, K>,
    next: u64,
}

impl<K: Hash + Eq + Clone, V> Lru<K, V> {
    pub(crate) fn new(capacity: NonZeroUsize) -> Self {
        let capacity = capacity.get();
        Self { capacity, entries: HashMap::new(), order: BTreeMap::new(), next: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The entry, which is the last one used from here on.
    pub(crate) fn get(&mut self, key: &K) -> Option<&mut V> {
        let (used, value) = self.entries.get_mut(key)?;
        // Mostly it is the last one already.
        if *used + 1 != self.next
            && let Some(key) = self.order.remove(used)
        {
            *used = self.next;
            self.order.insert(self.next, key);
            self.next += 1;
        }
        Some(value)
    }

    pub(crate) fn remove(&mut self, key: &K) -> bool {
        match self.entries.remove(key) {
            Some((used, _)) => self.order.remove(&used).is_some(),
            None => false,
        }
    }

    /// Puts an entry; how many others went: those of the oldest that are `too_old`, and what has
    /// no room.
    pub(crate) fn put(&mut self, key: K, value: V, too_old: impl Fn(&V) -> bool) -> usize {
        self.remove(&key);
        let oldest: Vec<K> = self.order.values().take(PRUNED).cloned().collect();
        let mut gone = 0;
        for key in oldest {
            if self.entries.get(&key).is_some_and(|(_, value)| too_old(value)) {
                gone += usize::from(self.remove(&key));
            }
        }
        while self.entries.len() >= self.capacity
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.entries.remove(&oldest);
            gone += 1;
        }
        self.order.insert(self.next, key.clone());
        self.entries.insert(key, (self.next, value));
        self.next += 1;
        gone
    }

    /// Removes all; how many that were.
    pub(crate) fn clear(&mut self) -> usize {
        let gone = self.entries.len();
        self.entries.clear();
        self.order.clear();
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(lru: &mut Lru<u8, u8>) -> Vec<u8> {
        assert_eq!(lru.entries.len(), lru.order.len());
        lru.order.values().copied().collect()
    }

    #[test]
    fn what_was_not_used_for_longest_goes() {
        let mut lru = Lru::new(NonZeroUsize::new(3).unwrap());
        for key in 0..3 {
            assert_eq!(lru.put(key, key, |_| false), 0);
        }
        assert_eq!(lru.get(&0), Some(&mut 0));
        assert_eq!(lru.get(&0), Some(&mut 0));
        assert_eq!(lru.put(3, 3, |_| false), 1);
        assert_eq!(keys(&mut lru), [2, 0, 3]);
        assert_eq!(lru.get(&1), None);
        // Replaced, not added.
        assert_eq!(lru.put(2, 9, |_| false), 0);
        assert_eq!(keys(&mut lru), [0, 3, 2]);
        assert_eq!(lru.get(&2), Some(&mut 9));
        assert!(lru.remove(&0) && !lru.remove(&0));
        assert_eq!(lru.clear(), 2);
        assert_eq!(lru.len(), 0);
    }

    #[test]
    fn what_is_too_old_goes_first() {
        let mut lru = Lru::new(NonZeroUsize::new(3).unwrap());
        for key in 0..3 {
            lru.put(key, key, |_| false);
        }
        assert_eq!(lru.put(3, 3, |value| *value == 1), 1);
        assert_eq!(keys(&mut lru), [0, 2, 3]);
    }
}
