//! What a file holds: what reads see, and what of it would be there after a power cut.

use std::collections::BTreeSet;

use crate::random::Random;

/// What is written as a whole or not at all.
const SECTOR: usize = 512;

#[derive(Clone, Default)]
pub(super) struct Content {
    seen: Vec<u8>,
    durable: Vec<u8>,
    /// The sectors that were written since the last sync.
    unsynced: BTreeSet<usize>,
}

impl Content {
    pub(super) fn len(&self) -> usize {
        self.seen.len()
    }

    pub(super) fn read(&self, offset: usize, most: usize) -> &[u8] {
        let rest = self.seen.get(offset..).unwrap_or_default();
        rest.get(..most).unwrap_or(rest)
    }

    pub(super) fn write(&mut self, offset: usize, bytes: &[u8]) {
        let end = offset + bytes.len();
        if self.seen.len() < end {
            self.seen.resize(end, 0);
        }
        if let Some(target) = self.seen.get_mut(offset..end) {
            target.copy_from_slice(bytes);
        }
        self.unsynced.extend(offset / SECTOR..end.div_ceil(SECTOR));
    }

    /// A file's length is as durable as its creation is: at once.
    pub(super) fn resize(&mut self, length: usize) {
        self.seen.resize(length, 0);
        self.durable.resize(length, 0);
        self.unsynced.split_off(&length.div_ceil(SECTOR));
    }

    pub(super) fn sync(&mut self) {
        self.durable.resize(self.seen.len(), 0);
        for sector in std::mem::take(&mut self.unsynced) {
            self.settle(sector);
        }
    }

    /// A sync that failed: some of it reached the disk, and the rest never will, but by being
    /// written again.
    pub(super) fn fail_to_sync(&mut self, random: &mut Random) {
        for sector in std::mem::take(&mut self.unsynced) {
            if random.below(2) == 0 {
                self.settle(sector);
            }
        }
    }

    /// What is found when the power is back.
    pub(super) fn cut_power(&mut self, random: &mut Random) {
        self.fail_to_sync(random);
        self.seen.clone_from(&self.durable);
    }

    fn settle(&mut self, sector: usize) {
        let start = sector * SECTOR;
        let end = (start + SECTOR).min(self.seen.len());
        if self.durable.len() < end {
            self.durable.resize(end, 0);
        }
        if let (Some(target), Some(source)) =
            (self.durable.get_mut(start..end), self.seen.get(start..end))
        {
            target.copy_from_slice(source);
        }
    }
}
