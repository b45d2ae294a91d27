//! Random bytes, and the test that refuses a source which repeats itself.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use zeroize::Zeroize;

use crate::{CryptoError, SHA256_LEN, sha256};

/// A source of random bytes.
pub trait Rng: Send + Sync {
    /// Fills `out` with random bytes. After an error, `out` must not be used.
    ///
    /// # Errors
    /// [`CryptoError::RandomSource`] or [`CryptoError::RandomSourceStuck`].
    fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError>;

    /// Whether this runs inside a FIPS-validated module.
    fn fips(&self) -> bool {
        false
    }
}

/// AWS-LC's random source: CTR_DRBG (SP 800-90A), seeded and reseeded by the kernel.
#[derive(Clone, Copy, Debug)]
pub struct SystemRng;

impl Rng for SystemRng {
    fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError> {
        aws_lc_rs::rand::fill(out).map_err(|_| CryptoError::RandomSource)
    }

    fn fips(&self) -> bool {
        aws_lc_rs::try_fips_mode().is_ok()
    }
}

/// The source is compared in blocks of this many bytes. A sound one repeats a block once in
/// 2^128 draws.
const BLOCK_LEN: usize = 16;

/// A random source under a continuous test: a block equal to the one before it, or a draw that
/// begins like the draw before it, means that the source is stuck. That is remembered, and every
/// later draw is refused until a restart.
///
/// Between draws only digests of blocks are kept, never random bytes that someone else uses.
pub struct ContinuousTest<R> {
    source: R,
    stuck: AtomicBool,
    seen: Mutex<Option<Draw>>,
}

/// Digests of a draw's first and last block.
struct Draw {
    first: [u8; SHA256_LEN],
    last: [u8; SHA256_LEN],
}

impl<R: Rng> ContinuousTest<R> {
    /// Watches over `source`.
    pub const fn new(source: R) -> Self {
        Self { source, stuck: AtomicBool::new(false), seen: Mutex::new(None) }
    }

    fn draw(&self, out: &mut [u8]) -> Result<(), CryptoError> {
        let (whole, tail) = out.as_chunks_mut::<BLOCK_LEN>();
        self.source.fill(whole.as_flattened_mut())?;
        // A short tail is cut from a whole block, so that short draws are tested too.
        let mut rest = [0; BLOCK_LEN];
        if !tail.is_empty() {
            self.source.fill(&mut rest)?;
            for (to, from) in tail.iter_mut().zip(&rest) {
                *to = *from;
            }
        }
        let rest_block = (!tail.is_empty()).then_some(&rest);
        let sound = self.differs(whole, rest_block);
        rest.zeroize();
        if sound {
            return Ok(());
        }
        self.stuck.store(true, Ordering::Release);
        Err(CryptoError::RandomSourceStuck)
    }

    fn differs(&self, whole: &[[u8; BLOCK_LEN]], rest: Option<&[u8; BLOCK_LEN]>) -> bool {
        let (Some(first), Some(last)) = (whole.first().or(rest), rest.or(whole.last())) else {
            return true;
        };
        let pairs = whole.iter().zip(whole.iter().skip(1).chain(rest));
        if pairs.into_iter().any(|(a, b)| a == b) {
            return false;
        }
        let now = Draw { first: sha256(first), last: sha256(last) };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let repeats = |before: &Draw| now.first == before.last || now.first == before.first;
        if seen.as_ref().is_some_and(repeats) {
            return false;
        }
        *seen = Some(now);
        true
    }
}

impl<R: Rng> Rng for ContinuousTest<R> {
    fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError> {
        if self.stuck.load(Ordering::Acquire) {
            return Err(CryptoError::RandomSourceStuck);
        }
        let outcome = self.draw(out);
        if outcome.is_err() {
            out.zeroize();
        }
        outcome
    }

    fn fips(&self) -> bool {
        self.source.fips()
    }
}

impl<R: Rng + ?Sized> Rng for std::sync::Arc<R> {
    fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError> {
        (**self).fill(out)
    }

    fn fips(&self) -> bool {
        (**self).fips()
    }
}
