//! What a process that holds keys forbids itself at start.

#[cfg(target_os = "linux")]
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

#[cfg(target_os = "linux")]
use crate::raw;
use crate::{CryptoError, MemoryLock, memory_lock};

/// What [`harden_process`] reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hardening {
    /// Whether others of the same user are kept from reading the process's memory (Linux only).
    pub undumpable: bool,
    /// Whether the memory for keys is locked. If not, the program should say so.
    pub memory: MemoryLock,
}

/// Forbids core dumps (`RLIMIT_CORE`), and debuggers and `/proc/PID/mem` for all but the
/// superuser (`PR_SET_DUMPABLE`); raises `RLIMIT_MEMLOCK` to its hard limit. Call it first of
/// all, before threads and before the first key.
///
/// # Errors
/// [`CryptoError::Hardening`] names what the system refused; [`CryptoError::KeyMemory`].
pub fn harden_process() -> Result<Hardening, CryptoError> {
    let no_cores = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, no_cores)
        .map_err(|e| CryptoError::Hardening("forbid core dumps", e.raw_os_error()))?;
    let undumpable = forbid_tracing()?;
    let lockable = getrlimit(Resource::Memlock);
    // A refusal here is no error: what counts is whether locking works, and that is reported.
    let _raised = setrlimit(
        Resource::Memlock,
        Rlimit { current: lockable.maximum, maximum: lockable.maximum },
    );
    Ok(Hardening { undumpable, memory: memory_lock()? })
}

/// The niceness of a thread that gives way. Beside a busy thread it still gets a quarter of a core,
/// so that on a machine that is never idle its work takes longer and not for ever. That is what
/// `SCHED_IDLE` can't promise, from which a thread can't come back without privileges.
#[cfg(target_os = "linux")]
const NICE: i32 = 5;
/// How long such a thread's turns are: the longest that Linux takes. Whoever wakes up meanwhile
/// goes first.
#[cfg(target_os = "linux")]
const TURN: Duration = Duration::from_millis(100);

/// Has the calling thread let others go first. Where the system refuses, it runs as before, which
/// costs others time and nothing else.
#[cfg(target_os = "linux")]
pub fn give_way() {
    if raw::scheduling::in_background(NICE, TURN).is_err() {
        // On Linux niceness is a thread's, and no process names the caller's thread.
        let _refused = rustix::process::setpriority_process(None, NICE);
    }
}

/// Elsewhere niceness is a whole process's, and threads stay equal.
#[cfg(not(target_os = "linux"))]
pub fn give_way() {}

#[cfg(target_os = "linux")]
fn forbid_tracing() -> Result<bool, CryptoError> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|e| CryptoError::Hardening("make the process undumpable", e.raw_os_error()))?;
    Ok(true)
}

#[cfg(not(target_os = "linux"))]
fn forbid_tracing() -> Result<bool, CryptoError> {
    Ok(false)
}
