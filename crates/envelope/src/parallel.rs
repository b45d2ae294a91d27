//! Large streams on several threads: frames do not depend on each other, and the bytes are the
//! same as from one.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use bulla_crypto::SecretBytes;

use crate::frame::FINAL_MARK;
use crate::header::Framing;
use crate::io::read_some;
use crate::opener::Opener;
use crate::run::{Run, advance};
use crate::sealer::Sealer;
use crate::wire::Reader;
use crate::{Error, FormatError};

/// So many bytes of plaintext go to a thread at once.
const BLOCK_LEN: usize = 256 << 10;
/// How many blocks each thread has, the one that it works on included.
const BLOCKS_EACH: usize = 2;
/// The most threads that are used.
const MAX_THREADS: usize = 16;

/// A run of frames on its way: what goes in, and what comes out.
struct Block {
    first: u32,
    from: SecretBytes,
    to: SecretBytes,
    outcome: Result<(), Error>,
}

/// What seals or opens the frames of a block.
type Turn = fn(&Run, u32, &[u8], &mut [u8]) -> Result<(), Error>;

/// How blocks are made of a stream, and what they become.
struct Shape {
    /// Bytes of a block before and after.
    from_len: usize,
    to_len: usize,
    frames: usize,
    turn: Turn,
    threads: usize,
}

impl Shape {
    fn new(run: &Run, threads: NonZeroUsize, turn: Turn, opens: bool) -> Self {
        let frames = (BLOCK_LEN / run.frame_len).max(1);
        let (plain, sealed) = (frames * run.frame_len, frames * run.sealed_len());
        let (from_len, to_len) = if opens { (sealed, plain) } else { (plain, sealed) };
        Self { from_len, to_len, frames, turn, threads: threads.get().min(MAX_THREADS) }
    }
}

impl Sealer {
    /// As [`Self::copy`], on up to `threads` threads beside this one, which reads and writes. For
    /// files: it waits for blocks of a quarter of a MiB. Memory is bounded by two such blocks a
    /// thread, before and after.
    ///
    /// # Errors
    /// As [`Self::copy`].
    pub fn copy_parallel(
        mut self,
        mut from: impl Read,
        mut to: impl Write,
        threads: NonZeroUsize,
    ) -> Result<u64, Error> {
        if self.run.frame_len > BLOCK_LEN {
            return self.copy(from, to);
        }
        let mut out = vec![0; self.header().len()];
        let header = self.write(&[], &mut out)?;
        to.write_all(out.get(..header).unwrap_or_default())?;
        let shape = Shape::new(&self.run, threads, Run::seal, false);
        let mut total = 0;
        let mut sink = |plain: &[u8], sealed: &[u8]| {
            total += plain.len() as u64;
            if let Some(hasher) = &mut self.signer {
                hasher.update(sealed);
            }
            to.write_all(sealed)
        };
        let (rest, number) = pump(&self.run, &shape, self.number, &mut from, |_| true, &mut sink)?;
        self.number = number;
        if let Some((announced, left)) = &mut self.announced {
            *left = left.checked_sub(total).ok_or(Error::Announced(*announced))?;
        }
        Ok(total + self.copy(rest.expose(), to)?)
    }
}

impl Opener {
    /// As [`Self::copy`], on up to `threads` threads beside this one, which reads and writes.
    /// Memory as with [`Sealer::copy_parallel`].
    ///
    /// # Errors
    /// As [`Self::copy`].
    pub fn copy_parallel(
        mut self,
        mut from: impl Read,
        mut to: impl Write,
        threads: NonZeroUsize,
    ) -> Result<u64, Error> {
        if self.framing == Framing::NonFramed || self.run.frame_len > BLOCK_LEN {
            return self.copy(from, to);
        }
        let shape = Shape::new(&self.run, threads, Run::open, true);
        let sealed_len = self.run.sealed_len();
        let is_regular = |block: &[u8]| {
            block.chunks(sealed_len).all(|frame| Reader(frame).u32() != Some(FINAL_MARK))
        };
        let mut total = 0;
        let mut sink = |sealed: &[u8], plain: &[u8]| {
            total += plain.len() as u64;
            if let Some((hasher, ..)) = &mut self.verifier {
                hasher.update(sealed);
            }
            to.write_all(plain)
        };
        let pumped = pump(&self.run, &shape, self.number, &mut from, is_regular, &mut sink);
        let (rest, number) = pumped.map_err(|error| match error {
            Error::TooLong => FormatError::Sequence(u32::MAX).into(),
            other => other,
        })?;
        self.number = number;
        Ok(total + self.copy(rest.expose().chain(from), to)?)
    }
}

/// Turns block after block, in order, as long as another one follows and `passes` holds. What is
/// left of the stream comes back as far as it was read, with the number of its first frame.
fn pump(
    run: &Run,
    shape: &Shape,
    mut number: u32,
    from: &mut impl Read,
    passes: impl Fn(&[u8]) -> bool,
    sink: &mut impl FnMut(&[u8], &[u8]) -> std::io::Result<()>,
) -> Result<(SecretBytes, u32), Error> {
    let mut current = SecretBytes::zeroed(shape.from_len);
    let mut current_len = read_full(from, current.expose_mut())?;
    std::thread::scope(|scope| {
        let mut lanes: Vec<(SyncSender<Block>, Receiver<Block>)> = Vec::new();
        let mut busy: VecDeque<usize> = VecDeque::new();
        let mut spare: Vec<Block> = Vec::new();
        let mut turn = 0;
        loop {
            if current_len < shape.from_len || !passes(current.expose()) {
                break;
            }
            if busy.len() == BLOCKS_EACH * shape.threads {
                spare.push(take_first(&lanes, &mut busy, sink)?);
            }
            let mut block = spare.pop().unwrap_or_else(|| Block {
                first: 0,
                from: SecretBytes::zeroed(shape.from_len),
                to: SecretBytes::zeroed(shape.to_len),
                outcome: Ok(()),
            });
            let next_len = read_full(from, block.from.expose_mut())?;
            if next_len == 0 {
                break;
            }
            block.first = number;
            number = advance(number, shape.frames)?;
            // The block takes what was read before, and gives what was read now.
            std::mem::swap(&mut block.from, &mut current);
            current_len = next_len;
            if lanes.len() <= turn && lanes.len() < shape.threads {
                let (to_lane, tasks) = sync_channel::<Block>(BLOCKS_EACH);
                let (done, from_lane) = sync_channel(BLOCKS_EACH);
                scope.spawn(move || work(run, shape.turn, &tasks, &done));
                lanes.push((to_lane, from_lane));
            }
            let lane = turn % shape.threads;
            turn += 1;
            let sent = lanes.get(lane).is_some_and(|(to_lane, _)| to_lane.send(block).is_ok());
            if !sent {
                return Err(lost());
            }
            busy.push_back(lane);
        }
        while !busy.is_empty() {
            take_first(&lanes, &mut busy, sink)?;
        }
        let rest = current.expose().get(..current_len).unwrap_or_default();
        Ok((SecretBytes::from_slice(rest), number))
    })
}

/// A thread's work, until nothing more comes.
fn work(run: &Run, turn: Turn, tasks: &Receiver<Block>, done: &SyncSender<Block>) {
    for mut block in tasks {
        block.outcome = turn(run, block.first, block.from.expose(), block.to.expose_mut());
        if done.send(block).is_err() {
            return;
        }
    }
}

/// Waits for the block that was sent first, and hands it on.
fn take_first(
    lanes: &[(SyncSender<Block>, Receiver<Block>)],
    busy: &mut VecDeque<usize>,
    sink: &mut impl FnMut(&[u8], &[u8]) -> std::io::Result<()>,
) -> Result<Block, Error> {
    let lane = busy.pop_front().and_then(|lane| lanes.get(lane));
    let mut block = lane.and_then(|(_, from_lane)| from_lane.recv().ok()).ok_or_else(lost)?;
    std::mem::replace(&mut block.outcome, Ok(()))?;
    sink(block.from.expose(), block.to.expose())?;
    Ok(block)
}

/// A thread ended early, which takes a panic in it.
fn lost() -> Error {
    Error::Io(std::io::Error::other("a thread ended unexpectedly"))
}

/// Reads until `space` is full or nothing more comes.
fn read_full(from: &mut impl Read, space: &mut [u8]) -> Result<usize, Error> {
    let mut filled = 0;
    while let Some(rest) = space.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match read_some(from, rest)? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}
