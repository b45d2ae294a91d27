//! Chance by seed: `SplitMix64`, and the same as a source of Bulla's cryptography.

use std::sync::{Mutex, PoisonError};

use bulla_crypto::{CryptoError, Rng, SystemRng};

/// A sequence of numbers that a seed determines.
#[derive(Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 below 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % bound).unwrap_or(0)
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.next().to_le_bytes().first().copied().unwrap_or_default()
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.byte()).collect()
    }

    /// One of `all`.
    pub(crate) fn pick<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        all.get(self.below(all.len()))
    }
}

/// A random source that a seed determines: what a cloned machine has.
pub(crate) struct Seeded(Mutex<Random>);

impl Seeded {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(Mutex::new(Random::new(seed)))
    }
}

impl Rng for Seeded {
    fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError> {
        let mut random = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        out.iter_mut().for_each(|byte| *byte = random.byte());
        Ok(())
    }
}

/// A random source that is stuck.
pub(crate) struct Stuck;

impl Rng for Stuck {
    fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError> {
        out.fill(7);
        Ok(())
    }
}

/// The system's random source, which remembers what it gave.
#[derive(Default)]
pub(crate) struct Recording(Mutex<Vec<Vec<u8>>>);

impl Recording {
    /// What was drawn since the last time.
    pub(crate) fn take(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Rng for Recording {
    fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError> {
        SystemRng.fill(out)?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(out.to_vec());
        Ok(())
    }
}
