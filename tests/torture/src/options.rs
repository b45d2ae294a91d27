//! What the command line asks for.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What each test gets in a slice.
const SLICE: Duration = Duration::from_secs(3);
/// What a run takes in all if nothing is said.
const DEFAULT_MINUTES: u64 = 10;
/// The seed of a slice: the same every time, so that it fails for a change and not by chance.
const SLICE_SEED: u64 = 20_261_124;
const USAGE: &str = "usage: bulla-torture [--slice] [--only N] [--minutes M] [--seed S]";

/// What to do.
pub(crate) enum Command {
    /// Run the tests.
    Torture(Options),
    /// Be a clone that a test started: see `clones.rs`.
    Clone(CloneOrder),
}

/// Which tests, for how long, by which seed.
pub(crate) struct Options {
    /// Whether it is the short run of the suite.
    pub(crate) slice: bool,
    pub(crate) only: Option<u32>,
    minutes: Option<u64>,
    pub(crate) seed: u64,
}

impl Options {
    /// What each of `tests` tests gets.
    pub(crate) fn span(&self, tests: usize) -> Duration {
        if self.slice && self.minutes.is_none() {
            return SLICE;
        }
        let minutes = self.minutes.unwrap_or(DEFAULT_MINUTES);
        let tests = u32::try_from(tests).unwrap_or(u32::MAX).max(1);
        Duration::from_secs(minutes.saturating_mul(60)) / tests
    }
}

/// What a clone is to compute.
pub(crate) struct CloneOrder {
    /// `nonces` or `image`.
    pub(crate) what: String,
    pub(crate) seed: u64,
    pub(crate) count: u64,
    /// The first message.
    pub(crate) first: u64,
}

/// Reads the arguments, without the program's name.
pub(crate) fn read(mut args: impl Iterator<Item = String>) -> Result<Command, String> {
    let usage = || USAGE.to_owned();
    let mut options = Options { slice: false, only: None, minutes: None, seed: 0 };
    let mut seed = None;
    while let Some(arg) = args.next() {
        let mut number = || args.next().and_then(|text| text.parse::<u64>().ok()).ok_or_else(usage);
        match arg.as_str() {
            "--slice" => options.slice = true,
            "--only" => options.only = Some(u32::try_from(number()?).map_err(|_| usage())?),
            "--minutes" => options.minutes = Some(number()?),
            "--seed" => seed = Some(number()?),
            "clone" => {
                let what = args.next().ok_or_else(usage)?;
                let mut number =
                    || args.next().and_then(|text| text.parse().ok()).ok_or_else(usage);
                let (seed, count, first) = (number()?, number()?, number()?);
                return Ok(Command::Clone(CloneOrder { what, seed, count, first }));
            }
            _ => return Err(usage()),
        }
    }
    options.seed = match seed {
        Some(seed) => seed,
        None if options.slice => SLICE_SEED,
        None => by_the_clock(),
    };
    Ok(Command::Torture(options))
}

fn by_the_clock() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_secs())
}
