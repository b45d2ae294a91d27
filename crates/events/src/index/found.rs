//! Numbers of patterns that were looked up, each list of them once however many values lead to it.

use std::collections::HashSet;

/// How many single numbers are noted before those that came twice are dropped, at first.
const FIRST_SORT: usize = 4_096;

/// What was found. An event with very many values finds the same lists again and again: what it
/// costs is bounded by the lists that there are, not by how often they are found.
pub(super) struct Found {
    numbers: Vec<u32>,
    /// Where the lists begin that were noted.
    lists: HashSet<*const u32>,
    /// How many numbers there may be before they are sorted.
    sort_at: usize,
}

impl Default for Found {
    fn default() -> Self {
        Self { numbers: Vec::new(), lists: HashSet::new(), sort_at: FIRST_SORT }
    }
}

impl Found {
    /// Notes a list of the index. Answers whether it was not noted before.
    pub(super) fn all(&mut self, list: &[u32]) -> bool {
        let is_new = list.is_empty() || self.lists.insert(list.as_ptr());
        if is_new {
            self.numbers.extend_from_slice(list);
        }
        is_new
    }

    /// Notes one number.
    pub(super) fn one(&mut self, number: u32) {
        self.numbers.push(number);
        if self.numbers.len() >= self.sort_at {
            self.sort();
            self.sort_at = self.numbers.len().saturating_mul(2).max(FIRST_SORT);
        }
    }

    /// All numbers, each once, in order.
    pub(super) fn in_order(mut self) -> Vec<u32> {
        self.sort();
        self.numbers
    }

    fn sort(&mut self) {
        self.numbers.sort_unstable();
        self.numbers.dedup();
    }
}
