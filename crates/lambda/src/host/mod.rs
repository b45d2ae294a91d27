//! What stands around a function's processes. Two programs, both `bulla` itself:
//!
//! - the *host*, which runs as Bulla does. It adopts whatever the function's processes leave
//!   behind, so that none of them can slip away, and kills all of them as soon as Bulla closes the
//!   pipe to it, be it by intent or because Bulla was killed.
//! - the *cell*, which the host starts. It takes on the function's limits, gives up what the
//!   function must not have, and becomes the function's program.
//!
//! What they are to do comes over standard input, never by the environment: that is the function's
//! own, and would bend a program that runs with Bulla's rights (`LD_PRELOAD`).

mod cell;
mod family;
mod group;
mod spec;
mod walls;

use std::io::{self, Read, Write};
use std::process::{Command, ExitCode, Stdio};

use rustix::process::{
    DumpableBehavior, Pid, WaitOptions, getpid, set_child_subreaper, set_dumpable_behavior, wait,
};

pub use cell::cell;
pub(crate) use family::{descendants, owns_socket, resident_kib};
pub(crate) use group::{Group, place as group_place};
pub(crate) use spec::{Limits, Spec, User, framed};

/// The hidden command of the host, and of the cell.
pub const HOST: &str = "function-host";
/// See [`HOST`].
pub const CELL: &str = "function-cell";
/// The largest specification, in bytes: some hundred variables and paths.
const MAX_SPEC_BYTES: usize = 1 << 20;
/// The exit status of a host that was told to end, as a shell has it for a killed program.
const KILLED: u8 = 137;
/// The exit status of a host or cell that could not do its work.
const FAILED: u8 = 126;

/// Runs the host, to its end.
///
/// Reads the length of the specification in four bytes, the specification, and then waits for the
/// end of standard input.
#[must_use]
pub fn host() -> ExitCode {
    match run() {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("bulla: a function's host failed: {error}");
            ExitCode::from(FAILED)
        }
    }
}

fn run() -> io::Result<u8> {
    let me = getpid();
    // What the function shares a user with can't look into it.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    set_child_subreaper(Some(me))?;
    let spec = spec::read_framed(&mut io::stdin().lock(), MAX_SPEC_BYTES)?;
    let group = spec::group(&spec)?;
    if let Some(group) = &group {
        group.make()?;
    }
    let mut cell = Command::new(std::env::current_exe()?)
        .arg(CELL)
        .env_clear()
        .stdin(Stdio::piped())
        .spawn()?;
    if let Some(mut pipe) = cell.stdin.take() {
        pipe.write_all(&spec)?;
    }
    drop(spec);
    let end = move || {
        family::end(me);
        group.iter().for_each(Group::remove);
    };
    let told = end.clone();
    std::thread::spawn(move || {
        end_of(&mut io::stdin().lock());
        told();
        std::process::exit(i32::from(KILLED));
    });
    let child = Pid::from_raw(i32::try_from(cell.id()).unwrap_or(0));
    let status = loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if Some(pid) == child => break status,
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    };
    end();
    let signal = status.terminating_signal().map(|signal| signal.saturating_add(128));
    let status = status.exit_status().or(signal).unwrap_or(i32::from(FAILED));
    Ok(u8::try_from(status).unwrap_or(FAILED))
}

/// Waits until a pipe is closed at its other end.
fn end_of(pipe: &mut impl Read) {
    let mut byte = [0];
    loop {
        match pipe.read(&mut byte) {
            Ok(0) => return,
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return,
            _ => {}
        }
    }
}
