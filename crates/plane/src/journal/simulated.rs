//! Segments on a simulated disk: loses power, tears and reorders writes, fails, fills up; by seed.
//!
//! It behaves as badly as a real one may. What was written is seen by reads at once and is durable
//! only after a sync. After a sync that failed the data is still seen, but no later sync
//! brings it to the disk. A power cut leaves any subset of the sectors that were not synced.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::medium::Medium;
use super::memory::{copy_in, copy_out};

/// What is written as a whole or not at all.
const SECTOR_BYTES: usize = 512;

/// A simulated disk of segments.
pub struct Simulated {
    disk: Mutex<Disk>,
}

struct Disk {
    random: u64,
    /// Changes and syncs so far.
    operations: u64,
    bytes_read: u64,
    fault: Option<Fault>,
    cut_at: Option<u64>,
    files: BTreeMap<u64, File>,
    /// Removed, but not durably.
    removed: BTreeMap<u64, File>,
}

struct Fault {
    at: u64,
    for_ever: bool,
    kind: io::ErrorKind,
}

#[derive(Clone, Default)]
struct File {
    /// What reads see.
    seen: Vec<u8>,
    /// What is durable.
    durable: Vec<u8>,
    /// Writes since the last sync.
    unsynced: Vec<(u64, Vec<u8>)>,
}

impl Simulated {
    /// An empty disk; the same seed and the same operations give the same disk.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::of(seed, BTreeMap::new())
    }

    fn of(seed: u64, files: BTreeMap<u64, File>) -> Self {
        let (fault, cut_at, removed) = (None, None, BTreeMap::new());
        let random = seed ^ 0x9E37_79B9_7F4A_7C15;
        let (operations, bytes_read) = (0, 0);
        let disk = Disk { random, operations, bytes_read, fault, cut_at, files, removed };
        Self { disk: Mutex::new(disk) }
    }

    fn lock(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes and syncs so far: the numbers that faults are given by.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.lock().operations
    }

    /// Bytes that were read so far.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.lock().bytes_read
    }

    /// Fails the change or sync number `at`, counted from 1; with `for_ever` all after it too,
    /// until [`Simulated::heal`].
    pub fn fail_at(&self, at: u64, for_ever: bool, kind: io::ErrorKind) {
        self.lock().fault = Some(Fault { at, for_ever, kind });
    }

    /// Cuts the power at the change or sync number `at`, counted from 1: it and all after fail.
    pub fn cut_power_at(&self, at: u64) {
        self.lock().cut_at = Some(at);
    }

    /// Ends the failures.
    pub fn heal(&self) {
        self.lock().fault = None;
    }

    /// The disk as it is found when the power is back.
    #[must_use]
    pub fn after_power_cut(&self) -> Self {
        let mut disk = self.lock();
        let mut files = BTreeMap::new();
        let found = disk.files.clone();
        for (number, file) in found {
            let durable = disk.tear(&file);
            files.insert(number, File { seen: durable.clone(), durable, unsynced: Vec::new() });
        }
        for (number, file) in disk.removed.clone() {
            if disk.chance() && !files.contains_key(&number) {
                let seen = file.durable.clone();
                files.insert(number, File { seen, ..file });
            }
        }
        let seed = disk.next_random();
        Self::of(seed, files)
    }

    /// Changes the segments behind the journal's back.
    pub fn tamper<R>(&self, change: impl FnOnce(&mut BTreeMap<u64, Vec<u8>>) -> R) -> R {
        let mut disk = self.lock();
        let mut all = disk.files.iter().map(|(n, f)| (*n, f.seen.clone())).collect();
        let result = change(&mut all);
        disk.files = all
            .into_iter()
            .map(|(n, seen)| (n, File { durable: seen.clone(), seen, unsynced: Vec::new() }))
            .collect();
        result
    }
}

impl Disk {
    /// The next number of splitmix64.
    fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn chance(&mut self) -> bool {
        self.next_random() & 1 == 1
    }

    /// Counts an operation, and says whether it fails.
    fn operate(&mut self) -> io::Result<()> {
        self.operations += 1;
        if self.cut_at.is_some_and(|at| self.operations >= at) {
            return Err(io::Error::other("the power is cut"));
        }
        match &self.fault {
            Some(fault)
                if self.operations == fault.at
                    || (fault.for_ever && self.operations > fault.at) =>
            {
                Err(fault.kind.into())
            }
            _ => Ok(()),
        }
    }

    /// What is durable, and any of the sectors that were not synced.
    fn tear(&mut self, file: &File) -> Vec<u8> {
        let mut durable = file.durable.clone();
        for (offset, bytes) in &file.unsynced {
            let mut at = *offset;
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                let in_sector = usize::try_from(at).unwrap_or(usize::MAX) % SECTOR_BYTES;
                let (part, after) = rest.split_at(rest.len().min(SECTOR_BYTES - in_sector));
                if self.chance() {
                    // Can't fail: the offset was good when it was written.
                    let _ = copy_in(&mut durable, at, part);
                }
                at += part.len() as u64;
                rest = after;
            }
        }
        durable
    }

    fn file(&mut self, segment: u64) -> io::Result<&mut File> {
        self.files.get_mut(&segment).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Medium for Simulated {
    fn list(&self) -> io::Result<Vec<u64>> {
        Ok(self.lock().files.keys().copied().collect())
    }

    fn create(&self, segment: u64, capacity: u64) -> io::Result<()> {
        let mut disk = self.lock();
        disk.operate()?;
        if disk.files.contains_key(&segment) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let zeros = vec![0; usize::try_from(capacity).map_err(io::Error::other)?];
        disk.removed.remove(&segment);
        let file = File { seen: zeros.clone(), durable: zeros, unsynced: Vec::new() };
        disk.files.insert(segment, file);
        Ok(())
    }

    fn size(&self, segment: u64) -> io::Result<u64> {
        Ok(self.lock().file(segment)?.seen.len() as u64)
    }

    fn read(&self, segment: u64, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        let mut disk = self.lock();
        let count = copy_out(&disk.file(segment)?.seen, offset, out);
        disk.bytes_read += count as u64;
        Ok(count)
    }

    fn append(&self, segment: u64, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.lock();
        let outcome = disk.operate();
        let part = if outcome.is_ok() {
            bytes
        } else {
            // Some of it may have been written before it failed.
            let most = bytes.len() as u64 + 1;
            let count = usize::try_from(disk.next_random() % most).map_err(io::Error::other)?;
            bytes.get(..count).unwrap_or_default()
        };
        let file = disk.file(segment)?;
        copy_in(&mut file.seen, offset, part)?;
        file.unsynced.push((offset, part.to_vec()));
        outcome
    }

    fn sync(&self, segment: u64) -> io::Result<()> {
        let mut disk = self.lock();
        let outcome = disk.operate();
        let cut = disk.cut_at.is_some_and(|at| disk.operations >= at);
        if outcome.is_err() {
            if !cut {
                // What of it reached the disk is chance, and the rest never will.
                let file = disk.file(segment)?.clone();
                let durable = disk.tear(&file);
                let file = disk.file(segment)?;
                file.durable = durable;
                file.unsynced.clear();
            }
            return outcome;
        }
        let file = disk.file(segment)?;
        for (offset, bytes) in std::mem::take(&mut file.unsynced) {
            copy_in(&mut file.durable, offset, &bytes)?;
        }
        Ok(())
    }

    fn remove(&self, segment: u64) -> io::Result<()> {
        let mut disk = self.lock();
        disk.operate()?;
        let file = disk.files.remove(&segment).ok_or(io::ErrorKind::NotFound)?;
        disk.removed.insert(segment, file);
        Ok(())
    }
}
