//! Runs of regular frames, sealed or opened one after the other.

use crate::Error;
use crate::frame::{FrameCipher, MAX_SEQUENCE, REGULAR_OVERHEAD};

/// So much is sealed or opened before it is hashed, so that it is hashed while it is near.
pub(crate) const HASHED_BYTES: usize = 64 << 10;

/// A message's cipher and the length of its frames.
pub(crate) struct Run {
    pub(crate) cipher: FrameCipher,
    pub(crate) frame_len: usize,
}

impl Run {
    /// The length of a whole frame in the message, in bytes.
    pub(crate) fn sealed_len(&self) -> usize {
        self.frame_len.saturating_add(REGULAR_OVERHEAD)
    }

    /// How many frames are sealed or opened before they are hashed.
    pub(crate) fn hashed_frames(&self) -> usize {
        (HASHED_BYTES / self.frame_len).max(1)
    }

    /// Seals the whole frames of `plain`, of which the first has the number `first`, to `out`.
    pub(crate) fn seal(&self, first: u32, plain: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let frames = plain.chunks_exact(self.frame_len);
        for ((number, plain), out) in
            (first..).zip(frames).zip(out.chunks_exact_mut(self.sealed_len()))
        {
            self.cipher.seal_regular(number, plain, out)?;
        }
        Ok(())
    }

    /// Opens the whole frames of `sealed`, of which the first must have the number `first`.
    pub(crate) fn open(&self, first: u32, sealed: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let frames = sealed.chunks_exact(self.sealed_len());
        for ((number, sealed), out) in
            (first..).zip(frames).zip(out.chunks_exact_mut(self.frame_len))
        {
            self.cipher.open_regular(number, sealed, out)?;
        }
        Ok(())
    }
}

/// The number after so many frames.
///
/// # Errors
/// [`Error::TooLong`] beyond what the format can number.
pub(crate) fn advance(number: u32, frames: usize) -> Result<u32, Error> {
    let frames = u32::try_from(frames).map_err(|_| Error::TooLong)?;
    match number.checked_add(frames) {
        // The number that comes out is that of one more frame, which may be the last.
        Some(next) if next - 1 <= MAX_SEQUENCE => Ok(next),
        _ => Err(Error::TooLong),
    }
}
