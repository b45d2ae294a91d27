//! Segments in memory, for a server that keeps nothing: the oldest go when the room is used up.

use std::collections::BTreeMap;
use std::io;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::medium::Medium;

/// Bytes kept by default: 16 MiB, some 25,000 records.
pub const MEMORY_BYTES: u64 = 16 << 20;
/// Into how many segments the room should be divided: the fewer, the more is dropped at once.
const MEMORY_SEGMENTS: u64 = 8;

/// Segments in memory.
pub struct Memory {
    most: u64,
    segments: RwLock<BTreeMap<u64, Vec<u8>>>,
}

impl Memory {
    /// Room for about `bytes` bytes of segments. Open the journal with
    /// [`Memory::segment_bytes`].
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        Self { most: bytes, segments: RwLock::default() }
    }

    /// The size of a segment that suits the room.
    #[must_use]
    pub fn segment_bytes(&self) -> u64 {
        self.most / MEMORY_SEGMENTS
    }

    /// Bytes of memory that the segments take.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        used(&self.read_guard())
    }

    fn read_guard(&self) -> RwLockReadGuard<'_, BTreeMap<u64, Vec<u8>>> {
        self.segments.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_guard(&self) -> RwLockWriteGuard<'_, BTreeMap<u64, Vec<u8>>> {
        self.segments.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new(MEMORY_BYTES)
    }
}

impl Medium for Memory {
    fn list(&self) -> io::Result<Vec<u64>> {
        Ok(self.read_guard().keys().copied().collect())
    }

    fn create(&self, segment: u64, capacity: u64) -> io::Result<()> {
        let mut segments = self.write_guard();
        if segments.contains_key(&segment) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        while used(&segments).saturating_add(capacity) > self.most {
            if segments.pop_first().is_none() {
                break;
            }
        }
        segments.insert(segment, Vec::new());
        Ok(())
    }

    fn size(&self, segment: u64) -> io::Result<u64> {
        let segments = self.read_guard();
        Ok(segments.get(&segment).ok_or(io::ErrorKind::NotFound)?.len() as u64)
    }

    fn read(&self, segment: u64, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        let segments = self.read_guard();
        let bytes = segments.get(&segment).ok_or(io::ErrorKind::NotFound)?;
        Ok(copy_out(bytes, offset, out))
    }

    fn append(&self, segment: u64, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut segments = self.write_guard();
        let to = segments.get_mut(&segment).ok_or(io::ErrorKind::NotFound)?;
        copy_in(to, offset, bytes)
    }

    fn sync(&self, segment: u64) -> io::Result<()> {
        self.size(segment).map(|_| ())
    }

    fn remove(&self, segment: u64) -> io::Result<()> {
        self.write_guard().remove(&segment).ok_or(io::ErrorKind::NotFound)?;
        Ok(())
    }

    fn oldest(&self) -> u64 {
        self.read_guard().keys().next().copied().unwrap_or(1)
    }
}

fn used(segments: &BTreeMap<u64, Vec<u8>>) -> u64 {
    segments.values().map(|segment| segment.capacity() as u64).sum()
}

/// Copies what there is at `offset` into `out`.
pub(super) fn copy_out(bytes: &[u8], offset: u64, out: &mut [u8]) -> usize {
    let from = usize::try_from(offset).unwrap_or(usize::MAX);
    let rest = bytes.get(from..).unwrap_or_default();
    let count = rest.len().min(out.len());
    for (to, from) in out.iter_mut().zip(rest) {
        *to = *from;
    }
    count
}

/// Writes `bytes` at `offset`, with zeros before it if it is beyond the end.
pub(super) fn copy_in(to: &mut Vec<u8>, offset: u64, bytes: &[u8]) -> io::Result<()> {
    let from = usize::try_from(offset).map_err(io::Error::other)?;
    let end = from.checked_add(bytes.len()).ok_or(io::ErrorKind::InvalidInput)?;
    if to.len() < end {
        to.resize(end, 0);
    }
    if let Some(room) = to.get_mut(from..end) {
        room.copy_from_slice(bytes);
    }
    Ok(())
}
