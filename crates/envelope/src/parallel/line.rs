//! Blocks of a stream on several threads: each thread takes the next block from the reader, turns
//! it, and writes it, or leaves that to whoever turns the one before it. Nobody is woken for a
//! block, so that every thread keeps its core.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use bulla_crypto::SecretBytes;

use super::{BLOCKS_EACH, Shape};
use crate::Error;
use crate::io::read_some;
use crate::run::{Run, advance};

/// A run of frames: what goes in, and what comes out.
struct Block {
    first: u32,
    from: SecretBytes,
    to: SecretBytes,
}

impl Block {
    fn new(shape: &Shape) -> Self {
        let (from, to) = (SecretBytes::zeroed(shape.from_len), SecretBytes::zeroed(shape.to_len));
        Self { first: 0, from, to }
    }
}

/// Where blocks come from.
struct Input<'a, R> {
    from: &'a mut R,
    /// What was read last. It is only a block once more follows.
    held: SecretBytes,
    held_len: usize,
    /// The number of its first frame.
    number: u32,
    /// How many blocks were given out.
    given: u64,
    ended: bool,
}

/// What becomes of blocks once they are turned.
#[derive(Default)]
struct Order {
    /// How many blocks were written.
    written: u64,
    /// Turned before those that come first, by their place in the stream.
    waiting: BTreeMap<u64, Result<Block, Error>>,
    /// Whether somebody is writing.
    writing: bool,
    /// To be used again; that which was used last is at the end, as it may still be near.
    spare: Vec<Block>,
    /// How many blocks there are.
    made: usize,
    failed: Option<Error>,
}

/// What all threads share.
struct Line<'a, R, P, S> {
    run: &'a Run,
    shape: &'a Shape,
    input: Mutex<Input<'a, R>>,
    passes: P,
    order: Mutex<Order>,
    /// Whoever waits for a spare block.
    room: Condvar,
    sink: Mutex<&'a mut S>,
}

/// Turns all blocks, and gives what they become to `sink`, in order, as long as more follows and
/// `passes` holds. What is left of the stream comes back as far as it was read, with the number of
/// its first frame.
pub(super) fn turn_all<R, S>(
    run: &Run,
    shape: &Shape,
    number: u32,
    from: &mut R,
    passes: impl Fn(&[u8]) -> bool + Sync,
    sink: &mut S,
) -> Result<(SecretBytes, u32), Error>
where
    R: Read + Send,
    S: FnMut(&[u8], &[u8]) -> io::Result<()> + Send,
{
    let mut held = SecretBytes::zeroed(shape.from_len);
    let held_len = read_full(from, held.expose_mut())?;
    let several = held_len == shape.from_len;
    let input = Input { from, held, held_len, number, given: 0, ended: false };
    let line = Line {
        run,
        shape,
        input: Mutex::new(input),
        passes,
        order: Mutex::default(),
        room: Condvar::new(),
        sink: Mutex::new(sink),
    };
    if several {
        std::thread::scope(|scope| {
            for _ in 1..shape.threads {
                scope.spawn(|| line.work());
            }
            line.work();
        });
    }
    let order = line.order.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(error) = order.failed {
        return Err(error);
    }
    let input = line.input.into_inner().unwrap_or_else(PoisonError::into_inner);
    let rest = input.held.expose().get(..input.held_len).unwrap_or_default();
    Ok((SecretBytes::from_slice(rest), input.number))
}

impl<R, P, S> Line<'_, R, P, S>
where
    R: Read + Send,
    P: Fn(&[u8]) -> bool + Sync,
    S: FnMut(&[u8], &[u8]) -> io::Result<()> + Send,
{
    /// A thread's work, until nothing is left or something failed.
    fn work(&self) {
        let _watch = Watch(&self.order, &self.room);
        while let Some(mut block) = self.spare() {
            let (place, turned) = match self.take(&mut block) {
                Ok(Some(place)) => {
                    let Block { first, from, to } = &mut block;
                    let turn = self.shape.turn;
                    (place, turn(self.run, *first, from.expose(), to.expose_mut()))
                }
                Ok(None) => return,
                Err((place, error)) => (place, Err(error)),
            };
            self.hand_on(place, turned.map(|()| block));
        }
    }

    /// A block to work with, as soon as there is one; none once something failed.
    fn spare(&self) -> Option<Block> {
        let mut order = lock(&self.order);
        loop {
            if order.failed.is_some() {
                return None;
            }
            if let Some(block) = order.spare.pop() {
                return Some(block);
            }
            if order.made < self.shape.threads * BLOCKS_EACH {
                order.made += 1;
                drop(order);
                return Some(Block::new(self.shape));
            }
            order = self.room.wait(order).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Puts what is next in the stream into `block`; its place, or none at the end.
    fn take(&self, block: &mut Block) -> Result<Option<u64>, (u64, Error)> {
        let mut input = lock(&self.input);
        let input = &mut *input;
        if input.ended {
            return Ok(None);
        }
        let given = self.next(input, block);
        let place = input.given;
        match given {
            Ok(true) => input.given += 1,
            Ok(false) | Err(_) => input.ended = true,
        }
        given.map(|given| given.then_some(place)).map_err(|error| (place, error))
    }

    fn next(&self, input: &mut Input<'_, R>, block: &mut Block) -> Result<bool, Error> {
        if input.held_len < self.shape.from_len || !(self.passes)(input.held.expose()) {
            return Ok(false);
        }
        let next_len = read_full(input.from, block.from.expose_mut())?;
        if next_len == 0 {
            return Ok(false);
        }
        block.first = input.number;
        input.number = advance(input.number, self.shape.frames)?;
        // The block takes what was read before, and gives what was read now.
        std::mem::swap(&mut block.from, &mut input.held);
        input.held_len = next_len;
        Ok(true)
    }

    /// Writes a block, or leaves it to whoever writes; writes what has waited for it.
    fn hand_on(&self, place: u64, turned: Result<Block, Error>) {
        let mut order = lock(&self.order);
        order.waiting.insert(place, turned);
        if order.writing || order.failed.is_some() {
            return;
        }
        order.writing = true;
        loop {
            let next = order.written;
            let Some(turned) = order.waiting.remove(&next) else { break };
            drop(order);
            let written = turned.and_then(|block| {
                lock(&self.sink)(block.from.expose(), block.to.expose())?;
                Ok(block)
            });
            order = lock(&self.order);
            match written {
                Ok(block) => {
                    order.written += 1;
                    order.spare.push(block);
                    self.room.notify_one();
                }
                Err(error) => {
                    order.failed = Some(error);
                    self.room.notify_all();
                    break;
                }
            }
        }
        order.writing = false;
    }
}

/// Lets nobody wait for a thread that panicked.
struct Watch<'a>(&'a Mutex<Order>, &'a Condvar);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let lost = io::Error::other("a thread ended unexpectedly");
            lock(self.0).failed.get_or_insert(Error::Io(lost));
            self.1.notify_all();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
