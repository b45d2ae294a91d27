//! A row of the changelog: the places that the commits of one transaction wrote.
//!
//! One row a transaction, not one a place: what is written with every commit is short.
//! ```text
//! for each commit: revision, u64 | number of places, u16
//!     for each place: length of its space, u8 | space | length of its key, u16 | key
//! ```
//! Numbers are big-endian. A row goes by the revision of its last commit.

use crate::{Change, Key, MAX_BATCH_ROWS, MAX_KEY_BYTES, Place, Revision, Space};

/// A transaction of more than this begins a new row after its next commit.
pub(super) const ROW_BYTES: usize = 1 << 20;

const _: () = assert!(MAX_BATCH_ROWS <= u16::MAX as usize, "their number must fit");
const _: () = assert!(MAX_KEY_BYTES <= u16::MAX as usize, "their length must fit");

/// A row that is being written.
#[derive(Default)]
pub(super) struct Entry(Vec<u8>);

impl Entry {
    /// Begins a commit that writes so many places, each of which is to be added.
    pub(super) fn begin(&mut self, revision: Revision, places: usize) {
        self.0.extend_from_slice(&revision.0.to_be_bytes());
        // Within the limits of a batch, which was checked, as are the lengths below.
        self.0.extend_from_slice(&u16::try_from(places).unwrap_or(u16::MAX).to_be_bytes());
    }

    pub(super) fn add(&mut self, place: &Place) {
        let (space, key) = (place.space.as_bytes(), place.key.as_bytes());
        self.0.push(u8::try_from(space.len()).unwrap_or(u8::MAX));
        self.0.extend_from_slice(space);
        self.0.extend_from_slice(&u16::try_from(key.len()).unwrap_or(u16::MAX).to_be_bytes());
        self.0.extend_from_slice(key);
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

/// The changes in a row; nothing when it is not as [`Entry`] writes it.
pub(super) fn read(mut bytes: &[u8]) -> Option<Vec<Change>> {
    let mut changes = Vec::new();
    while !bytes.is_empty() {
        let revision = Revision(u64::from_be_bytes(*take(&mut bytes)?));
        let places = u16::from_be_bytes(*take(&mut bytes)?);
        for _ in 0..places {
            let &[space] = take(&mut bytes)?;
            let space = Space::parse(cut(&mut bytes, space.into())?)?;
            let key = u16::from_be_bytes(*take(&mut bytes)?);
            let key = Key::from(cut(&mut bytes, key.into())?);
            changes.push(Change { revision, place: Place { space, key } });
        }
    }
    Some(changes)
}

fn take<'a, const N: usize>(bytes: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (head, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(head)
}

fn cut<'a>(bytes: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (head, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    Some(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Space = Space::new("a");
    const LONGEST: Space = Space::new("abcdefghijklmnopqrstuvw");

    fn place(space: Space, key: &[u8]) -> Place {
        Place { space, key: Key::from(key) }
    }

    #[test]
    fn what_was_written_is_read_and_nothing_that_was_cut_short() {
        let commits: [(u64, Vec<Place>); 3] = [
            (7, vec![place(A, b""), place(LONGEST, &[0xff; MAX_KEY_BYTES])]),
            (8, vec![]),
            (u64::MAX, vec![place(A, b"\0k")]),
        ];
        let mut entry = Entry::default();
        let mut whole = vec![0];
        for (revision, places) in &commits {
            entry.begin(Revision(*revision), places.len());
            places.iter().for_each(|place| entry.add(place));
            whole.push(entry.as_bytes().len());
        }
        let changes: Vec<Change> = commits
            .into_iter()
            .flat_map(|(revision, places)| {
                let change = move |place| Change { revision: Revision(revision), place };
                places.into_iter().map(change)
            })
            .collect();
        assert_eq!(read(entry.as_bytes()), Some(changes));
        for end in 0..entry.as_bytes().len() {
            assert_eq!(read(&entry.as_bytes()[..end]).is_some(), whole.contains(&end), "{end}");
        }
        entry.clear();
        assert_eq!(read(entry.as_bytes()), Some(vec![]));
    }

    #[test]
    fn a_space_that_is_none_is_not_read() {
        let mut entry = Entry::default();
        entry.begin(Revision(1), 1);
        entry.add(&place(A, b"k"));
        let mut bytes = entry.as_bytes().to_vec();
        bytes[11] = b' ';
        assert_eq!(read(&bytes), None);
    }
}
