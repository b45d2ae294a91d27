//! Durable appends past the page cache: whole blocks in one system call, at two thirds of the cost
//! of writing a page and syncing it.
//!
//! The block in which an append begins is written again with what it held before, so that a write
//! that is torn changes no byte that was durable.

use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::{Errno, ReadWriteFlags, pwritev2};

/// What addresses, offsets and lengths are multiples of: no device asks for more.
const BLOCK: usize = 4096;

/// The end of a segment that is written past the page cache.
pub(super) struct Direct {
    file: File,
    /// Where the next append is expected.
    end: u64,
    /// What the block holds that `end` lies in.
    last: [u8; BLOCK],
}

impl Direct {
    /// A second handle on a segment's file; none where the file system can't do this.
    pub(super) fn open(path: &Path) -> Option<Self> {
        let flags = i32::try_from(OFlags::DIRECT.bits()).ok()?;
        let file = OpenOptions::new().read(true).write(true).custom_flags(flags).open(path).ok()?;
        Some(Self { file, end: u64::MAX, last: [0; BLOCK] })
    }

    /// Appends durably; `buffered` is the file's other handle, and `room` takes the blocks, and
    /// what it takes to move them to an address that fits. `false` if the file system can't do this
    /// after all, and nothing is known to be written.
    ///
    /// # Errors
    /// Whatever the environment answers.
    pub(super) fn append(
        &mut self,
        buffered: &File,
        offset: u64,
        bytes: &[u8],
        room: &mut Vec<u8>,
    ) -> io::Result<bool> {
        let head = usize::try_from(offset % BLOCK as u64).unwrap_or_default();
        let start = offset - head as u64;
        if self.end != offset {
            self.last.fill(0);
            read_up_to(buffered, self.last.get_mut(..head).unwrap_or_default(), start)?;
        }
        self.end = u64::MAX;
        let length = (head + bytes.len()).next_multiple_of(BLOCK);
        room.resize(length + BLOCK, 0);
        let skip = room.as_ptr().align_offset(BLOCK);
        let blocks = room.get_mut(skip..).and_then(|room| room.get_mut(..length));
        let blocks = blocks.ok_or_else(|| io::Error::other("no room on a block's border"))?;
        let (before, rest) = blocks.split_at_mut(head);
        let (appended, after) = rest.split_at_mut(bytes.len());
        before.copy_from_slice(self.last.get(..head).unwrap_or_default());
        appended.copy_from_slice(bytes);
        after.fill(0);
        match pwritev2(&self.file, &[IoSlice::new(blocks)], start, ReadWriteFlags::DSYNC) {
            Ok(written) if written == length => {}
            Ok(_) | Err(Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INTR) => {
                return Ok(false);
            }
            Err(error) => return Err(error.into()),
        }
        self.end = offset + bytes.len() as u64;
        // An append that ends on a border leaves a whole block behind, of which nothing is needed.
        if let Some(block) = blocks.last_chunk::<BLOCK>() {
            self.last = *block;
        }
        Ok(true)
    }
}

/// Fills `out` with what the file holds at `offset`; beyond its end are zeros.
fn read_up_to(file: &File, mut out: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !out.is_empty() {
        let read = file.read_at(out, offset)?;
        if read == 0 {
            return Ok(());
        }
        offset += read as u64;
        out = out.get_mut(read..).unwrap_or_default();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Appends of all lengths around a block's, and one in another place in between.
    #[test]
    fn what_is_appended_is_there_and_all_before_it_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("segment");
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path).unwrap();
        file.set_len(64 * BLOCK as u64).unwrap();
        // Where the temporary directory can't do this there is nothing to test.
        let Some(mut direct) = Direct::open(&path) else { return };
        let (mut expected, mut room) = (Vec::new(), Vec::new());
        for (turn, length) in
            [1, BLOCK - 1, BLOCK, BLOCK + 1, 100, 3 * BLOCK - 101, 7].into_iter().enumerate()
        {
            if turn == 4 {
                direct = Direct::open(&path).unwrap();
            }
            let bytes = vec![turn as u8 + 1; length];
            if !direct.append(&file, expected.len() as u64, &bytes, &mut room).unwrap() {
                return;
            }
            expected.extend(bytes);
            let mut found = vec![0xff; expected.len() + BLOCK];
            read_up_to(&file, &mut found, 0).unwrap();
            let (written, beyond) = found.split_at(expected.len());
            assert!(written == expected, "turn {turn}");
            assert!(beyond.iter().all(|byte| *byte == 0), "turn {turn}");
        }
    }
}
