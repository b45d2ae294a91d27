//! A virtual disk: what was written is durable once it was synced, and until then may be lost,
//! torn or reordered when the power goes.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A disk writes whole sectors, except when the power goes.
const SECTOR_BYTES: usize = 512;
/// The most bytes that a disk holds.
const MAX_DISK_BYTES: usize = 1 << 30;

/// What goes wrong with one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskFault {
    /// `EIO`.
    Io,
    /// `ENOSPC`.
    Full,
}

/// What goes wrong, and when. Operations are counted from 1 since the faults were set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// The power goes during this sync.
    pub cut_at_sync: Option<u64>,
    /// This operation, of writes and syncs together, fails so.
    pub fail_at: Option<(u64, DiskFault)>,
    /// Every operation after it fails likewise.
    pub fail_forever: bool,
}

#[derive(Debug)]
pub(super) enum DiskError {
    Full,
    Io,
    PowerOff,
}

impl fmt::Display for DiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "no space left on the simulated disk",
            Self::Io => "an input/output error of the simulated disk",
            Self::PowerOff => "the power of the simulated disk is off",
        })
    }
}

/// A handle of a virtual disk. Everything random about it comes from its seed.
#[derive(Clone)]
pub struct Disk(Arc<Mutex<State>>);

struct State {
    durable: Vec<u8>,
    /// Sectors that were written and not yet synced, in order.
    pending: Vec<(usize, Vec<u8>)>,
    random: u64,
    faults: Faults,
    operations: u64,
    syncs: u64,
    power: bool,
}

impl Disk {
    /// An empty disk.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            durable: Vec::new(),
            pending: Vec::new(),
            random: seed,
            faults: Faults::default(),
            operations: 0,
            syncs: 0,
            power: true,
        })))
    }

    /// Sets what goes wrong from now on, and counts operations and syncs anew.
    pub fn set_faults(&self, faults: Faults) {
        let mut state = self.lock();
        state.faults = faults;
        state.operations = 0;
        state.syncs = 0;
    }

    /// Cuts the power if it was on, then turns it on again without any faults. What was not synced
    /// is kept, lost or torn.
    pub fn power_cycle(&self) {
        let mut state = self.lock();
        state.cut();
        state.power = true;
        state.faults = Faults::default();
    }

    /// How many operations there were since the faults were set.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.lock().operations
    }

    /// How many syncs there were since the faults were set.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.lock().syncs
    }

    /// The bytes that are durable now.
    #[must_use]
    pub fn durable(&self) -> Vec<u8> {
        self.lock().durable.clone()
    }

    pub(super) fn write(&self, offset: usize, bytes: &[u8]) -> Result<(), DiskError> {
        let mut state = self.lock();
        let written = match state.begin() {
            Ok(()) if offset + bytes.len() > MAX_DISK_BYTES => Err(DiskError::Full),
            other => other,
        };
        // A write that fails may have begun.
        let taken = match written {
            Ok(()) => bytes.len(),
            Err(DiskError::PowerOff) => 0,
            Err(_) => state.below(bytes.len()),
        };
        let mut at = offset;
        for sector in bytes.get(..taken).unwrap_or_default().chunks(SECTOR_BYTES) {
            state.pending.push((at, sector.to_vec()));
            at += sector.len();
        }
        written
    }

    pub(super) fn sync(&self) -> Result<(), DiskError> {
        let mut state = self.lock();
        state.syncs += 1;
        if state.power && state.faults.cut_at_sync == Some(state.syncs) {
            state.cut();
            return Err(DiskError::PowerOff);
        }
        let synced = state.begin();
        if synced.is_ok() {
            for (at, sector) in std::mem::take(&mut state.pending) {
                state.settle(at, &sector);
            }
        } else {
            // As Linux does it: after a failed sync, what is dirty counts as clean and may or may
            // not have reached the disk.
            state.scatter();
        }
        synced
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts an operation and finds out whether it fails.
    fn begin(&mut self) -> Result<(), DiskError> {
        if !self.power {
            return Err(DiskError::PowerOff);
        }
        self.operations += 1;
        let fault = self.faults.fail_at.filter(|(at, _)| {
            self.operations == *at || (self.faults.fail_forever && self.operations > *at)
        });
        match fault {
            None => Ok(()),
            Some((_, DiskFault::Io)) => Err(DiskError::Io),
            Some((_, DiskFault::Full)) => Err(DiskError::Full),
        }
    }

    fn cut(&mut self) {
        self.scatter();
        self.power = false;
    }

    /// Some of the pending sectors become durable, in any order, some of them torn.
    fn scatter(&mut self) {
        let mut pending = std::mem::take(&mut self.pending);
        while !pending.is_empty() {
            let index = self.below(pending.len());
            let (at, sector) = pending.swap_remove(index);
            match self.below(4) {
                0 => {}
                1 => {
                    let torn = self.below(sector.len() + 1);
                    self.settle(at, sector.get(..torn).unwrap_or_default());
                }
                _ => self.settle(at, &sector),
            }
        }
    }

    fn settle(&mut self, at: usize, bytes: &[u8]) {
        let end = at + bytes.len();
        if self.durable.len() < end {
            self.durable.resize(end, 0);
        }
        if let Some(target) = self.durable.get_mut(at..end) {
            target.copy_from_slice(bytes);
        }
    }

    /// A number below `bound`, which is not 0, by `SplitMix64`.
    fn below(&mut self, bound: usize) -> usize {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let bound = bound.max(1) as u64;
        usize::try_from((z ^ (z >> 31)) % bound).unwrap_or(0)
    }
}
