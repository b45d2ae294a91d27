//! Random bytes that are drawn for several uses at once.

use std::sync::{Mutex, PoisonError};

use crate::{CryptoError, Rng};

/// For how many uses bytes are drawn at once: asking the random source costs as much as a small
/// cryptographic operation.
const DRAWN_AHEAD: usize = 16;

/// Random bytes for the uses to come, `N` for each, none for two. They lie in memory until then, so
/// that they must be no secret. A clone of the process or of its machine has the same.
#[derive(Debug)]
pub struct RandomStock<const N: usize>(Mutex<Vec<[u8; N]>>);

impl<const N: usize> Default for RandomStock<N> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<const N: usize> RandomStock<N> {
    /// How many bytes it asks the random source for, at once.
    pub const DRAWN_BYTES: usize = N * DRAWN_AHEAD;

    /// The bytes for the next use.
    ///
    /// # Errors
    /// Those of the random source.
    pub fn draw(&self, rng: &dyn Rng) -> Result<[u8; N], CryptoError> {
        // Nothing that can panic half-way through a change of it runs under this lock.
        let mut stock = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(drawn) = stock.pop() {
            return Ok(drawn);
        }
        let mut drawn = [[0; N]; DRAWN_AHEAD];
        rng.fill(drawn.as_flattened_mut())?;
        stock.extend(drawn);
        stock.pop().ok_or(CryptoError::RandomSource)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::{Crypto, SystemRng};

    #[test]
    fn nothing_comes_twice() {
        let (stock, rng) = (RandomStock::<16>::default(), Crypto::standard().rng);
        let all: HashSet<_> = (0..=3 * DRAWN_AHEAD).map(|_| stock.draw(&*rng).unwrap()).collect();
        assert_eq!(all.len(), 3 * DRAWN_AHEAD + 1);
    }

    #[test]
    fn a_source_that_fails_leaves_nothing_behind() {
        #[derive(Default)]
        struct Failing(AtomicBool);
        impl Rng for Failing {
            fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError> {
                if self.0.load(Ordering::Relaxed) {
                    return Err(CryptoError::RandomSource);
                }
                SystemRng.fill(out)
            }
        }
        let (stock, rng) = (RandomStock::<32>::default(), Failing::default());
        assert!(stock.draw(&rng).is_ok());
        rng.0.store(true, Ordering::Relaxed);
        // What was drawn before is still good.
        assert!((1..DRAWN_AHEAD).all(|_| stock.draw(&rng).is_ok()));
        assert_eq!(stock.draw(&rng), Err(CryptoError::RandomSource));
        rng.0.store(false, Ordering::Relaxed);
        assert!(stock.draw(&rng).is_ok_and(|drawn| drawn != [0; 32]));
    }
}
