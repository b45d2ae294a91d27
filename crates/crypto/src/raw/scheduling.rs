//! How the system schedules the calling thread, as far as no safe interface sets it.
#![expect(unsafe_code, reason = "the attributes of a thread have no safe interface")]

use std::io;
use std::time::Duration;

/// Has the calling thread work in the background at a niceness: it wakes up in nobody's way
/// (`SCHED_BATCH`), and takes its share of a core in long turns, which those who ask for shorter
/// ones may cut short when they wake up (`sched_runtime`, Linux 6.12; older ones don't look at it).
/// See `sched(7)` and `sched_setattr(2)`.
///
/// # Errors
/// What the system says when it refuses; the thread is then scheduled as before.
pub(crate) fn in_background(nice: i32, turn: Duration) -> io::Result<()> {
    let size = u32::try_from(size_of::<libc::sched_attr>()).map_err(io::Error::other)?;
    let attributes = libc::sched_attr {
        size,
        sched_policy: libc::SCHED_BATCH.cast_unsigned(),
        sched_flags: 0,
        sched_nice: nice,
        sched_priority: 0,
        sched_runtime: u64::try_from(turn.as_nanos()).map_err(io::Error::other)?,
        sched_deadline: 0,
        sched_period: 0,
    };
    // SAFETY: the kernel reads `size` bytes at the pointer, which is that of a value that lives on,
    // and writes at most its `size`, which nothing here reads again. Zero names the calling thread.
    let outcome = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) };
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_takes_it_for_the_calling_thread_alone() {
        let policy = || {
            let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
            let fields: Vec<_> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
            // proc_pid_stat(5): fields 19 and 41; those of before the `)` are two.
            (fields[16].parse::<i32>().unwrap(), fields[38].parse::<i32>().unwrap())
        };
        let before = policy();
        let other = std::thread::spawn(move || {
            in_background(7, Duration::from_millis(100)).unwrap();
            policy()
        });
        assert_eq!(other.join().unwrap(), (7, libc::SCHED_BATCH));
        assert_eq!(policy(), before);
    }

    #[test]
    fn a_turn_that_can_not_be_told_is_refused() {
        assert!(in_background(5, Duration::MAX).is_err());
    }
}
