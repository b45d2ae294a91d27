//! The cell: from Bulla's own rights to a function's program, with no way back.

use std::io::{self, Read};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode, Stdio};

use rustix::fs::Mode;
use rustix::process::{
    Resource, Rlimit, Signal, getuid, set_parent_process_death_signal, setrlimit, umask,
};
use rustix::thread::set_no_new_privs;
use zeroize::Zeroizing;

use super::spec::{Limits, Spec};
use super::{FAILED, MAX_SPEC_BYTES, family, walls};

/// Becomes the function's program; returns only if it can't.
#[must_use]
pub fn cell() -> ExitCode {
    let error = match become_function() {
        Ok(never) => match never {},
        Err(error) => error,
    };
    eprintln!("bulla: a function's program could not be started: {error}");
    ExitCode::from(FAILED)
}

enum Never {}

fn become_function() -> io::Result<Never> {
    let mut bytes = Zeroizing::new(Vec::new());
    let limit = u64::try_from(MAX_SPEC_BYTES).unwrap_or(u64::MAX);
    io::stdin().lock().take(limit).read_to_end(&mut bytes)?;
    let spec: Spec = serde_json::from_slice(&bytes)?;
    drop(bytes);
    // Where the user does not change, so that the system keeps it: ends with the host.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // No program that it starts gains rights: `sudo` and the like do nothing.
    set_no_new_privs(true)?;
    umask(Mode::RWXG | Mode::RWXO);
    limit_to(&spec)?;
    if let Some(group) = &spec.group {
        group.join()?;
    }
    let walled = walls::build(&spec.readable, &spec.writable)?;
    if !walled && spec.user.is_none() {
        let text = "the server is not root and this kernel has no Landlock, so that nothing would \
                    keep a function out of the server's files";
        return Err(io::Error::other(text));
    }
    let mut program = Command::new(&spec.program);
    program.args(&spec.arguments).current_dir(&spec.folder).stdin(Stdio::null()).env_clear();
    program.envs(spec.environment.iter().map(|(name, value)| (name, value.expose())));
    if let Some(user) = spec.user {
        // The standard library also gives up all further groups.
        program.gid(user.gid).uid(user.uid);
    }
    let error = program.exec();
    Err(io::Error::new(error.kind(), format!("{}: {error}", spec.program.display())))
}

fn limit_to(spec: &Spec) -> io::Result<()> {
    let Limits { memory, processes, file, files } = spec.limits;
    // The system counts all of a user's processes. A function that has a user of its own has them
    // all; one that shares Bulla's may have so many more than there are now.
    let others = match spec.user {
        Some(_) => 0,
        None => family::threads_of(getuid().as_raw()),
    };
    for (resource, value) in [
        (Resource::Data, memory),
        (Resource::Nproc, processes.saturating_add(others)),
        (Resource::Fsize, file),
        (Resource::Nofile, files),
        (Resource::Core, 0),
    ] {
        setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })?;
    }
    Ok(())
}
