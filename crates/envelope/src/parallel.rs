//! Large streams on several threads: frames do not depend on each other, and the bytes are the
//! same as from one.

mod line;

use std::io::{Read, Write};
use std::num::NonZeroUsize;

use crate::frame::FINAL_MARK;
use crate::header::Framing;
use crate::opener::Opener;
use crate::run::Run;
use crate::sealer::Sealer;
use crate::wire::Reader;
use crate::{Error, FormatError};

/// So many bytes of plaintext go to a thread at once.
const BLOCK_LEN: usize = 128 << 10;
/// How many blocks there are for each thread: one that it turns, and what waits to be written.
const BLOCKS_EACH: usize = 4;
/// The most threads that are used.
const MAX_THREADS: usize = 16;

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
    /// As [`Self::copy`], on up to `threads` threads, this one included; each reads, seals and
    /// writes in turn. For files: it waits for blocks of 128 KiB. Memory is bounded by some such
    /// blocks a thread.
    ///
    /// ```
    /// use std::num::NonZeroUsize;
    ///
    /// use bulla_envelope::keyring::RawAesKeyring;
    /// use bulla_envelope::{Committing, EncryptionContext, Envelope, SecretBytes};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
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
        mut from: impl Read + Send,
        mut to: impl Write + Send,
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
        let (rest, number) =
            line::turn_all(&self.run, &shape, self.number, &mut from, |_| true, &mut sink)?;
        self.number = number;
        if let Some((announced, left)) = &mut self.announced {
            *left = left.checked_sub(total).ok_or(Error::Announced(*announced))?;
        }
        Ok(total + self.copy(rest.expose(), to)?)
    }
}

impl Opener {
    /// As [`Self::copy`], on up to `threads` threads, this one included; each reads, opens and
    /// writes in turn. Memory as with [`Sealer::copy_parallel`].
    ///
    /// # Errors
    /// As [`Self::copy`].
    pub fn copy_parallel(
        mut self,
        mut from: impl Read + Send,
        mut to: impl Write + Send,
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
        let turned =
            line::turn_all(&self.run, &shape, self.number, &mut from, is_regular, &mut sink);
        let (rest, number) = turned.map_err(|error| match error {
            Error::TooLong => FormatError::Sequence(u32::MAX).into(),
            other => other,
        })?;
        self.number = number;
        Ok(total + self.copy(rest.expose().chain(from), to)?)
    }
}
