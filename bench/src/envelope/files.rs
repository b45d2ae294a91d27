//! Two threads against one, a file against its copy, and memory over a long stream.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::num::NonZeroUsize;
use std::path::Path;

use bulla_envelope::{EncryptionContext, Sealer};

use super::{Clock, Comparison, Unit, block_on, envelope, failed, interleaved};
use crate::error::BenchError;

/// The length of the stream on one and two threads.
const STREAM: u64 = 4 << 30;
/// The length of the file.
const FILE: usize = 512 << 20;
/// The length of the stream over which memory is watched.
const LONG: u64 = 10 << 30;

pub(super) fn compare(rounds: usize) -> Result<Vec<Comparison>, BenchError> {
    let unit = Unit::Bytes;
    let mut all = Vec::new();
    let on = |threads: Option<usize>| {
        move || {
            let from = Repeated.take(STREAM);
            seal(from, io::sink(), threads)
        }
    };
    let rounds_of_threads =
        interleaved(Clock::Wall, rounds, Box::new(on(None)), Box::new(on(Some(2))))?;
    all.push(Comparison {
        name: "04 78, a stream on two threads",
        floor: "on one",
        unit,
        target: Some(1.7),
        rounds: rounds_of_threads,
    });

    let folder = tempfile::tempdir().map_err(BenchError::io("make a folder"))?;
    let [plain, sealed, copied] =
        ["plain", "sealed", "copied"].map(|name| folder.path().join(name));
    fs::write(&plain, vec![5; FILE]).map_err(BenchError::io("write the file"))?;
    // What a copy takes, and then what the cipher takes on one thread.
    let floor = || {
        copy(&plain, &copied)?;
        seal(Repeated.take(FILE as u64), io::sink(), None)
    };
    let ours = || {
        let from = File::open(&plain).map_err(BenchError::io("read the file"))?;
        seal(from, create(&sealed)?, Some(2))
    };
    let rounds_of_files = interleaved(Clock::Wall, rounds, Box::new(floor), Box::new(ours))?;
    all.push(Comparison {
        name: "04 78, file to file on two threads",
        floor: "cp, then the cipher alone",
        unit,
        target: Some(0.83),
        rounds: rounds_of_files,
    });
    Ok(all)
}

/// How much memory grows over a long stream.
pub(super) fn memory() -> Result<String, BenchError> {
    let peak = || {
        let path = "/proc/self/status";
        let text = fs::read_to_string(path).map_err(BenchError::io(format!("read {path}")))?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok());
        kib.ok_or_else(|| BenchError::malformed(path))
    };
    let before: u64 = peak()?;
    let mut most = before;
    let mut error = None;
    let watched = Watched {
        left: LONG,
        look: || match peak() {
            Ok(now) => most = most.max(now),
            Err(failed) => error = Some(failed),
        },
    };
    seal(watched, io::sink(), Some(2))?;
    if let Some(error) = error {
        return Err(error);
    }
    Ok(format!(
        "A stream of 10 GiB on two threads takes {:.1} MiB of memory beyond the program's {:.1}.",
        most.saturating_sub(before) as f64 / 1024.0,
        before as f64 / 1024.0
    ))
}

fn seal(from: impl Read, to: impl Write, threads: Option<usize>) -> Result<u64, BenchError> {
    let envelope = envelope()?;
    let sealer: Sealer = block_on(envelope.sealer(&EncryptionContext::new(), None))?;
    let sealed = match threads.and_then(NonZeroUsize::new) {
        Some(threads) => sealer.copy_parallel(from, to, threads),
        None => sealer.copy(from, to),
    };
    sealed.map_err(failed)
}

/// A copy by reads and writes, without the kernel's short cuts, which no cipher can take.
fn copy(from: &Path, to: &Path) -> Result<(), BenchError> {
    let mut from = File::open(from).map_err(BenchError::io("read the file"))?;
    let mut to = create(to)?;
    let mut block = vec![0; 512 << 10];
    loop {
        let read = from.read(&mut block).map_err(BenchError::io("read the file"))?;
        if read == 0 {
            return Ok(());
        }
        let block = block.get(..read).unwrap_or_default();
        to.write_all(block).map_err(BenchError::io("write the copy"))?;
    }
}

fn create(path: &Path) -> Result<File, BenchError> {
    // Not over what was there: giving pages back is not what is measured.
    let _gone = fs::remove_file(path);
    File::create(path).map_err(BenchError::io("make a file"))
}

/// Bytes without end, at no cost beyond a page of them.
struct Repeated;

impl Read for Repeated {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        Ok(space.len())
    }
}

/// So many bytes, with a look at something for every MiB or so.
struct Watched<F> {
    left: u64,
    look: F,
}

impl<F: FnMut()> Read for Watched<F> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let len = space.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if (self.left >> 26) != ((self.left - len as u64) >> 26) {
            (self.look)();
        }
        self.left -= len as u64;
        Ok(len)
    }
}
