//! Large streams on several threads: frames do not depend on each other, and the bytes are the
//! same as from one.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};

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
const BLOCK_LEN: usize = 128 << 10;
/// How many blocks each thread has, the one that it works on included.
const BLOCKS_EACH: usize = 3;
/// How many blocks are turned here while those before them are not ready.
const AHEAD: usize = 12;
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
    /// As [`Self::copy`], on up to `threads` threads, of which this one also reads and writes. For
    /// files: it waits for blocks of 128 KiB. Memory is bounded by a few such blocks a thread.
    ///
    /// ```
    /// use std::num::NonZeroUsize;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use bulla_envelope::keyring::RawAesKeyring;
    /// use bulla_envelope::{Committing, EncryptionContext, Envelope, SecretBytes};
    ///
    /// let keyring = RawAesKeyring::new("example", "key 1", &SecretBytes::from_slice(&[7; 32]))?;
    /// let envelope = Envelope::new(keyring).suite(Committing::Unsigned);
    /// let none = EncryptionContext::new();
    /// let plain = vec![5; 3_000_000];
    /// let sealer = envelope.sealer(&none, Some(3_000_000)).await?;
    /// let mut sealed = Vec::new();
    /// sealer.copy_parallel(&plain[..], &mut sealed, NonZeroUsize::MIN.saturating_add(1))?;
    /// assert_eq!(envelope.decrypt(&sealed, &none).await?.plaintext, plain);
    /// # Ok(())
    /// # }
    /// ```
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
    /// As [`Self::copy`], on up to `threads` threads, of which this one also reads and writes.
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
        let mut lanes = Lanes::default();
        loop {
            if current_len < shape.from_len || !passes(current.expose()) {
                break;
            }
            if lanes.all.len() + 1 < shape.threads {
                let (to_lane, tasks) = sync_channel::<Block>(BLOCKS_EACH);
                let (done, from_lane) = sync_channel(BLOCKS_EACH);
                scope.spawn(move || work(run, shape.turn, &tasks, &done));
                lanes.all.push(Lane { to_lane, from_lane, load: 0, spare: Vec::new() });
            }
            let place = lanes.place(sink)?;
            let mut block = lanes.spare(place).unwrap_or_else(|| Block::new(shape));
            let next_len = read_full(from, block.from.expose_mut())?;
            if next_len == 0 {
                break;
            }
            block.first = number;
            number = advance(number, shape.frames)?;
            // The block takes what was read before, and gives what was read now.
            std::mem::swap(&mut block.from, &mut current);
            current_len = next_len;
            lanes.give(block, place, run, shape.turn)?;
        }
        while lanes.take_first(sink)? {}
        let rest = current.expose().get(..current_len).unwrap_or_default();
        Ok((SecretBytes::from_slice(rest), number))
    })
}

impl Block {
    fn new(shape: &Shape) -> Self {
        let (from, to) = (SecretBytes::zeroed(shape.from_len), SecretBytes::zeroed(shape.to_len));
        Self { first: 0, from, to, outcome: Ok(()) }
    }

    fn turn(&mut self, run: &Run, turn: Turn) {
        self.outcome = turn(run, self.first, self.from.expose(), self.to.expose_mut());
    }
}

/// A thread, and how many blocks it has.
struct Lane {
    to_lane: SyncSender<Block>,
    from_lane: Receiver<Block>,
    load: usize,
    /// Blocks that it turned: their memory is near its core.
    spare: Vec<Block>,
}

/// Where the next block in order is.
enum Next {
    /// With a thread.
    Lane(usize),
    /// Turned here, while all threads had enough.
    Here(Block),
}

/// Who is to turn a block: a thread, or this one.
type Place = Option<usize>;

/// All threads, and their blocks in the stream's order.
#[derive(Default)]
struct Lanes {
    all: Vec<Lane>,
    order: VecDeque<Next>,
    /// Blocks that were turned here.
    spare: Vec<Block>,
}

impl Lanes {
    /// A thread that has room for a block; else this one; else, after a wait, one that has room.
    fn place(
        &mut self,
        sink: &mut impl FnMut(&[u8], &[u8]) -> std::io::Result<()>,
    ) -> Result<Place, Error> {
        while self.take_ready(sink)? {}
        loop {
            let least = self.all.iter().enumerate().min_by_key(|(_, lane)| lane.load);
            if let Some((index, _)) = least.filter(|(_, lane)| lane.load < BLOCKS_EACH) {
                return Ok(Some(index));
            }
            if self.order.len() < self.all.len() * BLOCKS_EACH + AHEAD {
                return Ok(None);
            }
            self.take_first(sink)?;
        }
    }

    fn spare(&mut self, place: Place) -> Option<Block> {
        match place {
            Some(index) => self.all.get_mut(index)?.spare.pop(),
            None => self.spare.pop(),
        }
    }

    fn give(&mut self, mut block: Block, place: Place, run: &Run, turn: Turn) -> Result<(), Error> {
        match place.map(|index| (index, self.all.get_mut(index))) {
            Some((index, lane)) => {
                let lane = lane.ok_or_else(lost)?;
                lane.load += 1;
                lane.to_lane.send(block).map_err(|_| lost())?;
                self.order.push_back(Next::Lane(index));
            }
            None => {
                block.turn(run, turn);
                self.order.push_back(Next::Here(block));
            }
        }
        Ok(())
    }

    /// Hands the next block on, if it is ready.
    fn take_ready(
        &mut self,
        sink: &mut impl FnMut(&[u8], &[u8]) -> std::io::Result<()>,
    ) -> Result<bool, Error> {
        let (block, place) = match self.order.pop_front() {
            None => return Ok(false),
            Some(Next::Here(block)) => (block, None),
            Some(Next::Lane(index)) => {
                let lane = self.all.get_mut(index).ok_or_else(lost)?;
                match lane.from_lane.try_recv() {
                    Ok(block) => {
                        lane.load -= 1;
                        (block, Some(index))
                    }
                    Err(TryRecvError::Empty) => {
                        self.order.push_front(Next::Lane(index));
                        return Ok(false);
                    }
                    Err(TryRecvError::Disconnected) => return Err(lost()),
                }
            }
        };
        self.hand_on(block, place, sink)
    }

    /// Waits for the next block, and hands it on; false when there is none.
    fn take_first(
        &mut self,
        sink: &mut impl FnMut(&[u8], &[u8]) -> std::io::Result<()>,
    ) -> Result<bool, Error> {
        let (block, place) = match self.order.pop_front() {
            None => return Ok(false),
            Some(Next::Here(block)) => (block, None),
            Some(Next::Lane(index)) => {
                let lane = self.all.get_mut(index).ok_or_else(lost)?;
                lane.load -= 1;
                (lane.from_lane.recv().map_err(|_| lost())?, Some(index))
            }
        };
        self.hand_on(block, place, sink)
    }

    fn hand_on(
        &mut self,
        mut block: Block,
        place: Place,
        sink: &mut impl FnMut(&[u8], &[u8]) -> std::io::Result<()>,
    ) -> Result<bool, Error> {
        std::mem::replace(&mut block.outcome, Ok(()))?;
        sink(block.from.expose(), block.to.expose())?;
        match place.and_then(|index| self.all.get_mut(index)) {
            Some(lane) => lane.spare.push(block),
            None => self.spare.push(block),
        }
        Ok(true)
    }
}

/// A thread's work, until nothing more comes.
fn work(run: &Run, turn: Turn, tasks: &Receiver<Block>, done: &SyncSender<Block>) {
    for mut block in tasks {
        block.turn(run, turn);
        if done.send(block).is_err() {
            return;
        }
    }
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
