//! The seam between the journal and what it is written to: numbered segments of bytes.

use std::io;

/// Somewhere segments can be kept. Segments are numbered from 1 upwards.
///
/// One journal writes to one medium, through one thread; readers may read at the same time. All
/// offsets are in bytes from the start of a segment. Errors are the environment's own.
pub trait Medium: Send + Sync + 'static {
    /// The numbers of all segments that are there, ascending.
    ///
    /// # Errors
    /// Whatever the environment answers.
    fn list(&self) -> io::Result<Vec<u64>>;

    /// Makes an empty segment with room for `capacity` bytes, durably: after this has returned the
    /// segment is listed even if the power fails. It reads as zeros or as empty. What a
    /// crash left under this number and was never acknowledged must have been removed before.
    ///
    /// # Errors
    /// `AlreadyExists` if the segment is there, `StorageFull` if there is no room for all of it.
    fn create(&self, segment: u64, capacity: u64) -> io::Result<()>;

    /// Says that another segment of `capacity` bytes will be wanted soon, so that the work of
    /// making it can be done beforehand, in the background. Only a hint.
    fn prepare(&self, capacity: u64) {
        let _ = capacity;
    }

    /// How many bytes of the segment can be read, room made ahead included.
    ///
    /// # Errors
    /// `NotFound` if the segment is not there.
    fn size(&self, segment: u64) -> io::Result<u64>;

    /// Reads at `offset` into `out`; answers how many bytes were read, 0 only at the end.
    ///
    /// # Errors
    /// `NotFound` if the segment is not there.
    fn read(&self, segment: u64, offset: u64, out: &mut [u8]) -> io::Result<usize>;

    /// Writes all of `bytes` at `offset`. Nothing is durable before [`Medium::sync`].
    ///
    /// # Errors
    /// Whatever the environment answers; any part may then have been written.
    fn append(&self, segment: u64, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes all that was written to the segment durable, and makes sure that the segment is
    /// still the one that a reader would find under its number.
    ///
    /// # Errors
    /// After an error nobody knows what is durable: the segment must not be written to again.
    fn sync(&self, segment: u64) -> io::Result<()>;

    /// Does [`Medium::append`] and [`Medium::sync`] in one go, where that costs less.
    ///
    /// # Errors
    /// As those two.
    fn append_durably(&self, segment: u64, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.append(segment, offset, bytes)?;
        self.sync(segment)
    }

    /// Removes a segment.
    ///
    /// # Errors
    /// `NotFound` if the segment is not there.
    fn remove(&self, segment: u64) -> io::Result<()>;

    /// Drops the segments before this one on purpose, and remembers it durably before any of them
    /// goes. `proof` is kept beside the number and given back by [`Medium::dropped`].
    ///
    /// # Errors
    /// `Unsupported` if segments can't be dropped here; whatever the environment answers.
    fn drop_before(&self, segment: u64, proof: &[u8]) -> io::Result<()> {
        let _ = (segment, proof);
        Err(io::ErrorKind::Unsupported.into())
    }

    /// What [`Medium::drop_before`] remembered.
    ///
    /// # Errors
    /// Whatever the environment answers.
    fn dropped(&self) -> io::Result<Option<(u64, Vec<u8>)>> {
        Ok(None)
    }

    /// The number of the oldest segment that ought to be there: 1, unless older ones were dropped
    /// on purpose.
    fn oldest(&self) -> u64 {
        1
    }
}
