//! Memory over a long stream, in a process that does nothing else.

use std::fs;
use std::io;
use std::process::{Command, Stdio};

use super::files::{Repeated, seal};
use crate::error::BenchError;

/// The length of the stream, in bytes.
const LONG: u64 = 10 << 30;
/// The most memory of the whole process that is asked for, in MiB.
const ASKED_MIB: f64 = 16.0;

/// Starts this program anew for the stream, and tells what it took.
pub(super) fn told() -> Result<String, BenchError> {
    let program = std::env::current_exe().map_err(BenchError::io("find this program"))?;
    let mut command = Command::new(program);
    let output = command.arg("stream-memory").stdin(Stdio::null()).output();
    let output = output.map_err(BenchError::io("start this program anew"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut numbers = text.split_ascii_whitespace().map(str::parse::<f64>);
    let (Some(Ok(before)), Some(Ok(most))) = (numbers.next(), numbers.next()) else {
        return Err(BenchError::malformed("a long stream's memory could not be measured"));
    };
    Ok(format!(
        "A process that seals a stream of 10 GiB on two threads has at most {most:.1} MiB in memory, \
         of which {before:.1} before the stream; asked are {ASKED_MIB:.0}."
    ))
}

/// Seals the stream; prints resident memory before it, and the most that there was, in MiB.
pub(crate) fn measure() -> Result<(), BenchError> {
    let before = status("VmRSS:")?;
    seal(io::Read::take(Repeated, LONG), io::sink(), Some(2))?;
    println!("{before} {}", status("VmHWM:")?);
    Ok(())
}

/// A line of proc(5), `status`, in MiB.
fn status(name: &str) -> Result<f64, BenchError> {
    let path = "/proc/self/status";
    let text = fs::read_to_string(path).map_err(BenchError::io(format!("read {path}")))?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok());
    Ok(kib.ok_or_else(|| BenchError::malformed(path))? / 1024.0)
}
