//! What is wrong with the disk, and whose files it concerns.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Whose file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    Store,
    Journal,
    /// What is not meant to last, such as memory that processes share.
    Neither,
}

/// What the disk answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Errno {
    Io,
    Full,
}

impl Errno {
    pub(super) fn number(self) -> i32 {
        match self {
            Self::Io => 5,
            Self::Full => 28,
        }
    }
}

/// How the disk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Well,
    /// The change or sync of this number fails, counted from 1 since the mood was set; all after it
    /// too, if `for_ever`.
    FailAt {
        of: Of,
        at: u64,
        errno: Errno,
        for_ever: bool,
    },
    /// Every change and sync of the journal fails.
    Failing(Errno),
    /// Changes and syncs of the journal are not answered until the mood changes.
    Blocked,
    /// Each of them takes so long.
    Slow(Duration),
}

/// The disk's mood, and how much was asked of it.
pub(crate) struct Faults {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    mood: Mood,
    /// Changes and syncs since the mood was set: of the store, of the journal.
    counts: [u64; 2],
    /// How many of them failed.
    failed: u64,
}

impl Default for Faults {
    fn default() -> Self {
        let state = State { mood: Mood::Well, counts: [0; 2], failed: 0 };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }
}

impl Faults {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the mood; what was held up goes on.
    pub(crate) fn set(&self, mood: Mood) {
        *self.lock() = State { mood, counts: [0; 2], failed: 0 };
        self.changed.notify_all();
    }

    /// How many of them failed.
    pub(crate) fn failed(&self) -> u64 {
        self.lock().failed
    }

    /// Counts a change or sync, holds it up where it must be, and says how it fails.
    pub(super) fn operate(&self, of: Of) -> Result<(), Errno> {
        let mut state = self.lock();
        let State { counts: [store, journal], .. } = &mut *state;
        let number = match of {
            Of::Neither => return Ok(()),
            Of::Store => store,
            Of::Journal => journal,
        };
        *number += 1;
        let number = *number;
        let came = Instant::now();
        loop {
            let fails = match state.mood {
                Mood::Blocked if of == Of::Journal => {
                    state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                    continue;
                }
                Mood::Slow(time) if of == Of::Journal && came.elapsed() < time => {
                    let rest = time.saturating_sub(came.elapsed());
                    let waited = self.changed.wait_timeout(state, rest);
                    state = waited.unwrap_or_else(PoisonError::into_inner).0;
                    continue;
                }
                Mood::Failing(errno) if of == Of::Journal => Some(errno),
                Mood::FailAt { of: whose, at, errno, for_ever } => {
                    let hit = number == at || (for_ever && number > at);
                    (whose == of && hit).then_some(errno)
                }
                _ => None,
            };
            state.failed += u64::from(fails.is_some());
            return fails.map_or(Ok(()), Err);
        }
    }
}
