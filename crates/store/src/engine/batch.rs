//! What is committed together.

use super::{
    BatchError, Key, MAX_BATCH_BYTES, MAX_BATCH_ROWS, MAX_KEY_BYTES, MAX_VALUE_BYTES, Place, Space,
    TAIL_BYTES, Version,
};

/// What a batch expects of a row before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// There is no such row.
    Absent,
    /// The row has this version.
    Version(Version),
    /// The row has this version and its value ends in these bytes. A row that was deleted and
    /// written anew starts at version 1 again: the tag of a sealed value tells the two apart.
    Exactly(Version, [u8; TAIL_BYTES]),
}

/// An expectation of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// The row.
    pub place: Place,
    /// What it must be.
    pub expect: Expect,
}

/// A row to write.
#[derive(Clone, PartialEq, Eq)]
pub struct Put {
    /// The row.
    pub place: Place,
    /// Its new version.
    pub version: Version,
    /// Its new value.
    pub value: Vec<u8>,
}

/// A row to delete. One that does not exist may be deleted.
pub type Delete = Place;

/// Writes that happen together or not at all, and what they expect. A row may be written or
/// deleted once in a batch. Expectations are judged in the order in which they were added.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// What must hold before the writes.
    pub expect: Vec<Expectation>,
    /// Rows to write.
    pub put: Vec<Put>,
    /// Rows to delete.
    pub delete: Vec<Delete>,
}

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an expectation.
    #[must_use]
    pub fn expect(mut self, space: Space, key: impl Into<Key>, expect: Expect) -> Self {
        self.expect.push(Expectation { place: Place::new(space, key), expect });
        self
    }

    /// Adds a row to write.
    #[must_use]
    pub fn put(
        mut self,
        space: Space,
        key: impl Into<Key>,
        version: Version,
        value: impl Into<Vec<u8>>,
    ) -> Self {
        self.put.push(Put { place: Place::new(space, key), version, value: value.into() });
        self
    }

    /// Adds a row to delete.
    #[must_use]
    pub fn delete(mut self, space: Space, key: impl Into<Key>) -> Self {
        self.delete.push(Place::new(space, key));
        self
    }

    /// Whether it writes nothing.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.put.is_empty() && self.delete.is_empty()
    }

    /// Whether it keeps the limits of this module. Every engine asks this first.
    ///
    /// # Errors
    /// The first limit that it breaks.
    pub fn check(&self) -> Result<(), BatchError> {
        let rows = self.expect.len() + self.put.len() + self.delete.len();
        if rows > MAX_BATCH_ROWS {
            return Err(BatchError::TooManyRows { rows });
        }
        let mut bytes = 0;
        let places = self.expect.iter().map(|e| &e.place).chain(&self.delete);
        for place in places.chain(self.put.iter().map(|put| &put.place)) {
            if place.key.as_bytes().len() > MAX_KEY_BYTES {
                return Err(BatchError::KeyTooLong { space: place.space });
            }
            bytes += place.key.as_bytes().len();
        }
        for put in &self.put {
            // Versions must fit the engines' signed 64-bit columns.
            if put.version == 0 || i64::try_from(put.version).is_err() {
                return Err(BatchError::BadVersion { place: put.place.clone() });
            }
            if put.value.len() > MAX_VALUE_BYTES {
                return Err(BatchError::ValueTooLong { place: put.place.clone() });
            }
            bytes += put.value.len();
        }
        if bytes > MAX_BATCH_BYTES {
            return Err(BatchError::TooManyBytes { bytes });
        }
        self.check_written_once()
    }

    fn check_written_once(&self) -> Result<(), BatchError> {
        if self.put.len() + self.delete.len() < 2 {
            return Ok(());
        }
        let mut written: Vec<&Place> =
            self.put.iter().map(|put| &put.place).chain(&self.delete).collect();
        written.sort_unstable();
        match written.array_windows().find(|[one, next]| one == next) {
            Some([place, _]) => Err(BatchError::WrittenTwice { place: (*place).clone() }),
            None => Ok(()),
        }
    }
}

impl Expect {
    /// Whether a row of this version and value, or no row, is what was expected.
    #[must_use]
    pub fn holds(&self, row: Option<(Version, &[u8])>) -> bool {
        match (self, row) {
            (Self::Absent, None) => true,
            (Self::Version(expected), Some((version, _))) => *expected == version,
            (Self::Exactly(expected, tail), Some((version, value))) => {
                *expected == version && value.ends_with(tail)
            }
            _ => false,
        }
    }
}
