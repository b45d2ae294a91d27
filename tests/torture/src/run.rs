//! What a test is given, and what it answers.

use std::fmt;
use std::time::{Duration, Instant};

use crate::random::Random;

/// A test's seed and time.
pub(crate) struct Run {
    pub(crate) seed: u64,
    pub(crate) random: Random,
    start: Instant,
    span: Duration,
}

impl Run {
    pub(crate) fn new(seed: u64, span: Duration) -> Self {
        Self { seed, random: Random::new(seed), start: Instant::now(), span }
    }

    /// How many parts of about this length the time has; one at least.
    pub(crate) fn parts(&self, each: Duration) -> u32 {
        u32::try_from(self.span.as_secs() / each.as_secs().max(1)).unwrap_or(u32::MAX).max(1)
    }

    /// Whether the time is at least so long in all.
    pub(crate) fn lasts(&self, time: Duration) -> bool {
        self.span >= time
    }

    /// Whether the part of the time up to `percent` of it is not used up.
    pub(crate) fn goes_on(&self, percent: u32) -> bool {
        self.start.elapsed() * 100 < self.span * percent
    }
}

/// How often what was tried: never empty of meaning, since every test fails without any.
#[derive(Default)]
pub(crate) struct Counts(Vec<(&'static str, u64)>);

impl Counts {
    pub(crate) fn add(&mut self, what: &'static str, count: u64) {
        match self.0.iter_mut().find(|(name, _)| *name == what) {
            Some((_, sum)) => *sum += count,
            None => self.0.push((what, count)),
        }
    }

    /// How often this was.
    pub(crate) fn of(&self, what: &str) -> u64 {
        self.0.iter().find(|(name, _)| *name == what).map_or(0, |(_, count)| *count)
    }

    /// Keeps the largest of all that were told.
    pub(crate) fn most(&mut self, what: &'static str, value: u64) {
        match self.0.iter_mut().find(|(name, _)| *name == what) {
            Some((_, most)) => *most = value.max(*most),
            None => self.0.push((what, value)),
        }
    }

    /// These counts, if all of `needed` were reached at least once.
    pub(crate) fn all_of(self, needed: &[&str]) -> Result<Self, String> {
        let reached =
            |what: &&&str| !self.0.iter().any(|(name, count)| name == *what && *count > 0);
        match needed.iter().find(reached) {
            Some(what) => Err(format!("nothing was tested: 0 {what}; give it more time")),
            None => Ok(self),
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, count)) in self.0.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{count} {name}")?;
        }
        Ok(())
    }
}

/// An error as text.
pub(crate) fn say(error: impl fmt::Display) -> String {
    error.to_string()
}

/// An error as text, behind what was attempted.
pub(crate) fn at<E: fmt::Display>(context: &str) -> impl Fn(E) -> String + '_ {
    move |error| format!("{context}: {error}")
}

/// Fails unless `holds`.
pub(crate) fn demand(holds: bool, complaint: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(complaint()) }
}

/// Runs a future to its end on this thread.
pub(crate) fn wait<T>(future: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    tokio::runtime::Builder::new_current_thread().build().map_err(say)?.block_on(future)
}
