//! What a process that holds keys forbids itself at start.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

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
/// so that on a machine that is never idle its work takes longer and not for ever.
#[cfg(target_os = "linux")]
const NICE: i32 = 5;

/// Has the calling thread let others go first. Where the system refuses, it runs as before, which
/// costs others time and nothing else.
#[cfg(target_os = "linux")]
pub fn give_way() {
    // On Linux niceness is a thread's, and no process names the caller's thread.
    let _refused = rustix::process::setpriority_process(None, NICE);
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
