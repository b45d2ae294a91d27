//! Records that are appended together, as they stand in a group before they are packed.

use std::cell::Cell;

use super::record::RecordRef;
use super::tail::{close_frame, open_frame};
use super::writer::JournalError;
use super::{MAX_RECORD_BYTES, MAX_TOGETHER, encoding};

/// The room that the frames of a call are given at first; most take less.
const FRAMES_BYTES: usize = 1000;
/// A thread keeps the room of its last frames for the next, unless it is larger than this.
const MAX_SPARE_BYTES: usize = 16 << 10;

thread_local! {
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Records that follow each other and become durable together. Each is encoded as it comes, so that
/// nothing of it is kept.
pub(crate) struct Together {
    frames: Frames,
    is_too_large: bool,
}

/// The frames of some records.
pub(super) struct Frames {
    pub(super) bytes: Vec<u8>,
    pub(super) count: u64,
}

impl Default for Together {
    fn default() -> Self {
        let mut bytes = SPARE.take();
        bytes.reserve(FRAMES_BYTES);
        Self { frames: Frames { bytes, count: 0 }, is_too_large: false }
    }
}

impl Together {
    /// Whether there are [`MAX_TOGETHER`].
    pub(crate) fn is_full(&self) -> bool {
        self.frames.count >= MAX_TOGETHER as u64
    }

    /// Adds a record. Where there are too many then, or one is too large, none can be appended.
    pub(crate) fn add(&mut self, record: &RecordRef<'_>) {
        self.frame(|out| encoding::encode(record, out));
    }

    pub(super) fn add_bytes(&mut self, bytes: &[u8]) {
        self.frame(|out| out.extend_from_slice(bytes));
    }

    fn frame(&mut self, encode: impl FnOnce(&mut Vec<u8>)) {
        self.is_too_large |= self.is_full();
        if self.is_too_large {
            return;
        }
        let Frames { bytes, count } = &mut self.frames;
        let start = bytes.len();
        open_frame(bytes);
        let body = bytes.len();
        encode(bytes);
        self.is_too_large = bytes.len() - body > MAX_RECORD_BYTES;
        close_frame(bytes, start);
        *count += 1;
    }

    pub(super) fn frames(self) -> Result<Frames, JournalError> {
        let well = !self.is_too_large && self.frames.count > 0;
        well.then_some(self.frames).ok_or(JournalError::TooLarge)
    }
}

impl<'r, 'f: 'r> FromIterator<&'r RecordRef<'f>> for Together {
    fn from_iter<I: IntoIterator<Item = &'r RecordRef<'f>>>(records: I) -> Self {
        let mut together = Self::default();
        records.into_iter().for_each(|record| together.add(record));
        together
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        if bytes.capacity() <= MAX_SPARE_BYTES {
            bytes.clear();
            // A thread that ends has no use for it.
            let _ = SPARE.try_with(|spare| spare.set(bytes));
        }
    }
}
