//! Threads that let all others go first; servers have some.

#[cfg(target_os = "linux")]
use std::time::Duration;

#[cfg(target_os = "linux")]
use crate::raw;

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
