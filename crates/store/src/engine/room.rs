//! How much a page may hold.

use super::{Key, MAX_PAGE_BYTES, MAX_PAGE_ROWS, Row};

/// What is left of a page.
pub(crate) struct Room {
    rows: usize,
    bytes: usize,
    first: bool,
}

impl Room {
    pub(crate) fn new(limit: usize) -> Self {
        Self { rows: limit.min(MAX_PAGE_ROWS), bytes: MAX_PAGE_BYTES, first: true }
    }

    /// Takes room for a row, if there is any.
    pub(crate) fn take(&mut self, key: &Key, row: &Row) -> bool {
        let bytes = key.as_bytes().len() + row.value.len();
        if self.rows == 0 || (bytes > self.bytes && !self.first) {
            return false;
        }
        self.first = false;
        self.rows -= 1;
        self.bytes = self.bytes.saturating_sub(bytes);
        true
    }
}
