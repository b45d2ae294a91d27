//! Two threads against one and against what the machine has, and a file against its copy.

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
    let rounds_of_halves =
        interleaved(Clock::Wall, rounds, Box::new(apart), Box::new(on(Some(2))))?;
    all.push(Comparison {
        name: "04 78, a stream on two threads",
        floor: "two of half its length, a thread each",
        unit,
        target: None,
        rounds: rounds_of_halves,
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

/// Two streams at once that share nothing: what the machine's two cores have to give.
fn apart() -> Result<u64, BenchError> {
    let half = || seal(Repeated.take(STREAM / 2), io::sink(), None);
    std::thread::scope(|scope| {
        let other = scope.spawn(half);
        let here = half()?;
        let there = other.join();
        Ok(here + there.map_err(|_| BenchError::malformed("a thread ended unexpectedly"))??)
    })
}

pub(super) fn seal(
    from: impl Read + Send,
    to: impl Write + Send,
    threads: Option<usize>,
) -> Result<u64, BenchError> {
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
pub(super) struct Repeated;

impl Read for Repeated {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        Ok(space.len())
    }
}
