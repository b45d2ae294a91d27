//! Locked, undumpable, wiped memory for keys: half of the only unsafe code there is.
//!
//! Keys live in slots of 32 bytes. Slots come from chunks of private anonymous pages that are
//! kept out of swap (`mlock`) and core dumps (`MADV_DONTDUMP`), are zero in a forked child
//! (`MADV_WIPEONFORK`; Bulla never forks without `exec`), and have an inaccessible page on each
//! side. A chunk is never unmapped, so a slot's address stays valid for as long as the process.
//!
//! Invariants: every slot is either in the free list, once, and all zero, or owned by exactly
//! one [`Slot`]. The free list has room for every slot there is, so giving back never allocates.
#![expect(unsafe_code, reason = "mapping, locking and advising pages has no safe interface")]

use std::{
    ptr::{self, NonNull},
    sync::{Mutex, MutexGuard, PoisonError},
};

use rustix::{
    io::Errno,
    mm::{MapFlags, MprotectFlags, ProtFlags, mlock, mmap_anonymous, mprotect},
};
use zeroize::Zeroize;

use crate::{CryptoError, KEY_LEN};

/// The most memory that keys may take, in bytes: about two million keys.
pub const MAX_ARENA_BYTES: usize = 64 * 1024 * 1024;

/// How much the arena grows at a time, in bytes, rounded up to whole pages.
const CHUNK_BYTES: usize = 16 * 1024;

type Bytes = [u8; KEY_LEN];

/// Whether the memory that holds keys is kept out of swap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryLock {
    /// All of it is locked.
    Locked {
        /// Bytes mapped for keys so far.
        bytes: usize,
    },
    /// The operating system refused to lock some or all of it, mostly for `RLIMIT_MEMLOCK`:
    /// keys may reach the swap device. Raise the limit (`ulimit -l`, `LimitMEMLOCK=`).
    Refused {
        /// Bytes that are locked.
        locked: usize,
        /// Bytes that are not.
        unlocked: usize,
        /// The errno of the latest refusal.
        errno: i32,
    },
}

/// Tells whether the memory for keys is locked. Maps the first chunk if there is none yet, so
/// that the answer at start is a true one; it can still change as the arena grows.
///
/// # Errors
/// [`CryptoError::KeyMemory`] when not even the first chunk can be mapped.
pub fn memory_lock() -> Result<MemoryLock, CryptoError> {
    let mut arena = lock();
    if arena.mapped == 0 {
        arena.grow()?;
    }
    Ok(arena.status())
}

/// One slot of the arena, owned. Wiped and given back when dropped.
pub(crate) struct Slot(NonNull<Bytes>);

// SAFETY: a slot is plain memory, owned by this value alone and valid for the whole process; it
// is bound to no thread, and shared access is only reading through `&self`.
unsafe impl Send for Slot {}
// SAFETY: as above.
unsafe impl Sync for Slot {}

impl Slot {
    /// Takes a slot, all zero.
    pub(crate) fn take() -> Result<Self, CryptoError> {
        lock().take().map(Self)
    }

    pub(crate) fn bytes(&self) -> &Bytes {
        // SAFETY: by the arena's invariants the slot is mapped, initialised and ours alone, and
        // the borrow of `self` keeps it so.
        unsafe { self.0.as_ref() }
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut Bytes {
        // SAFETY: as for `bytes`, and the borrow is exclusive.
        unsafe { self.0.as_mut() }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        lock().give_back(self.0);
    }
}

struct Arena {
    free: Vec<NonNull<Bytes>>,
    mapped: usize,
    locked: usize,
    refusal: Option<Errno>,
}

// SAFETY: the pointers are plain addresses of memory that no thread owns.
unsafe impl Send for Arena {}

static ARENA: Mutex<Arena> = Mutex::new(Arena::new());

fn lock() -> MutexGuard<'static, Arena> {
    // Nothing that runs under the lock leaves the arena half changed, so a poisoned one is sound.
    ARENA.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Arena {
    const fn new() -> Self {
        Self { free: Vec::new(), mapped: 0, locked: 0, refusal: None }
    }

    fn status(&self) -> MemoryLock {
        match self.refusal {
            None => MemoryLock::Locked { bytes: self.locked },
            Some(errno) => MemoryLock::Refused {
                locked: self.locked,
                unlocked: self.mapped.saturating_sub(self.locked),
                errno: errno.raw_os_error(),
            },
        }
    }

    fn take(&mut self) -> Result<NonNull<Bytes>, CryptoError> {
        if self.free.is_empty() {
            self.grow()?;
        }
        self.free.pop().ok_or(CryptoError::KeyMemoryFull { limit: MAX_ARENA_BYTES })
    }

    /// Wipes a slot and makes it free; `slot` must have been taken and must not be used again.
    fn give_back(&mut self, mut slot: NonNull<Bytes>) {
        // SAFETY: by the arena's invariants the slot is mapped, initialised and the caller's.
        unsafe { slot.as_mut() }.zeroize();
        self.free.push(slot);
    }

    fn grow(&mut self) -> Result<(), CryptoError> {
        let page = rustix::param::page_size();
        let len = CHUNK_BYTES.next_multiple_of(page);
        if self.mapped.saturating_add(len) > MAX_ARENA_BYTES {
            return Err(CryptoError::KeyMemoryFull { limit: MAX_ARENA_BYTES });
        }
        let (slots, all) = (len / KEY_LEN, (self.mapped + len) / KEY_LEN);
        self.free
            .try_reserve_exact(all - self.free.len())
            .map_err(|_| CryptoError::KeyMemory(Errno::NOMEM.raw_os_error()))?;
        let first = map_chunk(len, page).map_err(|e| CryptoError::KeyMemory(e.raw_os_error()))?;
        self.mapped += len;
        // SAFETY: the whole range was just mapped readable and writable.
        match unsafe { mlock(first.as_ptr().cast(), len) } {
            Ok(()) => self.locked += len,
            Err(errno) => self.refusal = Some(errno),
        }
        // The lowest address is taken first.
        // SAFETY: `slots` slots lie within the chunk.
        self.free.extend((0..slots).rev().map(|i| unsafe { first.add(i) }));
        Ok(())
    }
}

/// Maps `len` zero bytes between two inaccessible pages; `len` is a multiple of `page`.
fn map_chunk(len: usize, page: usize) -> Result<NonNull<Bytes>, Errno> {
    let whole = len + 2 * page;
    // SAFETY: a new private mapping wherever the kernel likes touches no existing memory.
    let base =
        unsafe { mmap_anonymous(ptr::null_mut(), whole, ProtFlags::empty(), MapFlags::PRIVATE)? };
    // SAFETY: `page` bytes into a mapping of `len + 2 * page`.
    let inner = unsafe { base.cast::<u8>().add(page) }.cast();
    // SAFETY: `inner` begins `len` bytes of the mapping above, and nothing uses them yet.
    let advised = unsafe {
        mprotect(inner, len, MprotectFlags::READ | MprotectFlags::WRITE)
            .and_then(|()| advise(inner, len))
    };
    match (advised, NonNull::new(inner.cast())) {
        (Ok(()), Some(first)) => Ok(first),
        (outcome, _) => {
            // SAFETY: unmaps exactly what was mapped above; no pointer into it was handed out.
            unsafe { rustix::mm::munmap(base, whole)? };
            Err(outcome.err().unwrap_or(Errno::NOMEM))
        }
    }
}

/// Keeps the range out of core dumps, and out of children where the kernel can (Linux 4.14).
///
/// # Safety
/// `at` must begin `len` bytes of a private anonymous mapping that hold nothing yet.
#[cfg(target_os = "linux")]
unsafe fn advise(at: *mut core::ffi::c_void, len: usize) -> Result<(), Errno> {
    // SAFETY: by this function's own contract.
    unsafe {
        rustix::mm::madvise(at, len, rustix::mm::Advice::LinuxDontDump)?;
        match rustix::mm::madvise(at, len, rustix::mm::Advice::LinuxWipeOnFork) {
            Err(Errno::INVAL) => Ok(()),
            other => other,
        }
    }
}

/// There is no such advice here; `harden_process` forbids core dumps as a whole.
///
/// # Safety
/// None needed.
#[cfg(not(target_os = "linux"))]
unsafe fn advise(_: *mut core::ffi::c_void, _: usize) -> Result<(), Errno> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_given_back_is_zero_in_memory() {
        let mut arena = Arena::new();
        let mut slot = arena.take().unwrap();
        // SAFETY: the slot was just taken.
        unsafe { slot.as_mut() }.fill(0xa5);
        arena.give_back(slot);
        // SAFETY: chunks are never unmapped, and nobody else knows this arena.
        assert_eq!(unsafe { *slot.as_ref() }, [0; KEY_LEN]);
    }

    #[test]
    fn dropping_a_slot_wipes_it_before_another_takes_it() {
        for _ in 0..2_000 {
            let mut slot = Slot::take().unwrap();
            assert_eq!(*slot.bytes(), [0; KEY_LEN]);
            slot.bytes_mut().fill(0xff);
        }
    }

    #[test]
    fn slots_never_overlap_while_the_arena_grows() {
        let mut arena = Arena::new();
        let count = 3 * CHUNK_BYTES / KEY_LEN + 1;
        let mut taken: Vec<usize> =
            (0..count).map(|_| arena.take().unwrap().as_ptr() as usize).collect();
        taken.sort_unstable();
        assert!(taken.windows(2).all(|pair| pair[1] - pair[0] >= KEY_LEN));
        assert!(arena.free.capacity() >= arena.mapped / KEY_LEN);
    }

    #[test]
    fn the_arena_refuses_to_grow_past_its_limit() {
        let mut arena = Arena::new();
        arena.mapped = MAX_ARENA_BYTES;
        assert_eq!(arena.take(), Err(CryptoError::KeyMemoryFull { limit: MAX_ARENA_BYTES }));
    }

    #[test]
    fn a_refused_lock_is_reported_with_what_is_left_open() {
        let mut arena = Arena::new();
        arena.grow().unwrap();
        arena.locked = 0;
        arena.refusal = Some(Errno::NOMEM);
        let errno = Errno::NOMEM.raw_os_error();
        assert_eq!(
            arena.status(),
            MemoryLock::Refused { locked: 0, unlocked: arena.mapped, errno }
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_kernel_shows_the_pages_as_undumpable_and_wiped_on_fork() {
        let slot = Slot::take().unwrap();
        let flags = flags_of_mapping(slot.bytes().as_ptr() as usize);
        assert!(flags.contains(&"dd".to_owned()), "{flags:?}");
        assert!(flags.contains(&"wf".to_owned()), "{flags:?}");
        let locked = matches!(memory_lock().unwrap(), MemoryLock::Locked { .. });
        assert_eq!(flags.contains(&"lo".to_owned()), locked, "{flags:?}");
    }

    /// The `VmFlags` of the mapping around `address`, as `/proc/self/smaps` lists them.
    #[cfg(target_os = "linux")]
    fn flags_of_mapping(address: usize) -> Vec<String> {
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mut inside = false;
        for line in maps.lines() {
            let first = line.split(' ').next().unwrap();
            if let Some((from, to)) = first.split_once('-') {
                let bound = |hex| usize::from_str_radix(hex, 16).unwrap();
                inside = (bound(from)..bound(to)).contains(&address);
            } else if inside && first == "VmFlags:" {
                return line.split_whitespace().skip(1).map(str::to_owned).collect();
            }
        }
        panic!("no mapping holds the slot");
    }
}
