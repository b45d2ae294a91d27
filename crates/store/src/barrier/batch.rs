//! A batch in clear, on its way to be sealed.

use bulla_crypto::SecretBytes;

use super::{BarrierError, DOMAIN, Sifted};
use crate::{Expect, Key, Place, Space, Version};

/// What is expected of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// There is no such row.
    Absent,
    /// The row has this version.
    At(Version),
}

impl Expected {
    /// The version that a row has after it was written.
    pub(super) fn next(self) -> Version {
        match self {
            Self::Absent => 1,
            Self::At(version) => version.saturating_add(1),
        }
    }
}

impl From<Expected> for Expect {
    fn from(expected: Expected) -> Self {
        match expected {
            Expected::Absent => Self::Absent,
            Expected::At(version) => Self::Version(version),
        }
    }
}

impl From<Option<Version>> for Expected {
    fn from(version: Option<Version>) -> Self {
        version.map_or(Self::Absent, Self::At)
    }
}

pub(super) struct Write {
    pub(super) place: Place,
    pub(super) expected: Expected,
    /// Nothing when the row is only expected.
    pub(super) change: Option<Change>,
}

pub(super) enum Change {
    Put(SecretBytes),
    Delete,
}

/// Writes in clear that are sealed and committed together or not at all.
#[derive(Default)]
pub struct SealedBatch {
    pub(super) writes: Vec<Write>,
}

impl SealedBatch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Expects a row to be so, and writes nothing to it.
    #[must_use]
    pub fn expect(self, space: Space, key: impl Into<Key>, expected: Expected) -> Self {
        self.with(Place::new(space, key), expected, None)
    }

    /// Writes a row that must be as `expected`. Its new version is 1 for a new row, else one
    /// more than it was. The overhead of the seal counts towards
    /// [`MAX_VALUE_BYTES`](crate::MAX_VALUE_BYTES).
    #[must_use]
    pub fn put(
        self,
        space: Space,
        key: impl Into<Key>,
        expected: Expected,
        plaintext: impl Into<SecretBytes>,
    ) -> Self {
        self.with(Place::new(space, key), expected, Some(Change::Put(plaintext.into())))
    }

    /// Deletes a row that must be as `expected`.
    #[must_use]
    pub fn delete(self, space: Space, key: impl Into<Key>, expected: Expected) -> Self {
        self.with(Place::new(space, key), expected, Some(Change::Delete))
    }

    /// This, and all of another batch.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.writes.extend(other.writes);
        self
    }

    fn with(mut self, place: Place, expected: Expected, change: Option<Change>) -> Self {
        self.writes.push(Write { place, expected, change });
        self
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// How many rows it names.
    #[must_use]
    pub fn len(&self) -> usize {
        self.writes.len()
    }

    /// The rows that it puts, each with its number among all that it names.
    pub fn puts(&self) -> impl Iterator<Item = (usize, &Place, &[u8])> {
        self.writes.iter().enumerate().filter_map(|(number, write)| match &write.change {
            Some(Change::Put(plaintext)) => Some((number, &write.place, plaintext.expose())),
            Some(Change::Delete) | None => None,
        })
    }

    /// The rows of a space that it adds, and those that it deletes: each with whether there is one
    /// more.
    pub fn more_and_fewer(&self, space: Space) -> impl Iterator<Item = (&Key, bool)> {
        let of_space = self.writes.iter().filter(move |write| write.place.space == space);
        of_space.filter_map(|write| match (&write.change, write.expected) {
            (Some(Change::Put(_)), Expected::Absent) => Some((&write.place.key, true)),
            (Some(Change::Delete), Expected::At(_)) => Some((&write.place.key, false)),
            _ => None,
        })
    }

    /// What is left of it when a sieve has judged.
    pub(super) fn kept_beside(&self, sifted: &Sifted) -> impl Iterator<Item = &Write> {
        let numbered = self.writes.iter().enumerate();
        let kept = numbered.filter(|(number, _)| !sifted.left_out.contains(number));
        kept.map(|(_, write)| write)
    }

    /// Whether what is left of it writes anything.
    pub(super) fn writes_beside(&self, sifted: &Sifted) -> bool {
        self.kept_beside(sifted).any(|write| write.change.is_some())
    }

    pub(super) fn check_spaces(&self) -> Result<(), BarrierError> {
        match self.writes.iter().find(|write| write.place.space == DOMAIN) {
            Some(write) => Err(BarrierError::Reserved { place: write.place.clone() }),
            None => Ok(()),
        }
    }
}
