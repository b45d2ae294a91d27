//! Torture: the long runs that try to break Bulla. Each has a number, a goal and a seed.
//!
//! `cargo xtask torture [--only N] [--minutes M] [--seed S]` runs them for as long as one likes;
//! with `--slice` each gets a few seconds. A failure names the seed that repeats it.

mod bit_rot;
mod canaries;
mod client;
mod clones;
mod completeness;
mod door;
mod faults;
mod flood;
mod fuse;
mod hostile;
mod house;
mod intruder;
mod journal;
mod key_bytes;
mod kill_storm;
mod late_reader;
mod load;
mod matrix;
mod names;
mod nonces;
mod options;
mod policies;
mod power_cut;
mod power_cut_services;
mod random;
mod replay;
mod request;
mod revocation;
mod run;
mod scanner;
mod script;
#[path = "../../../crates/policy/tests/it/second/mod.rs"]
#[expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "it is the test's own evaluator, shared with the tests of the policy language"
)]
mod second;
mod server;
mod signatures;
mod speak;
mod splice;
mod store;
mod tampering;
mod timing;
mod vectors;
mod writes;

use std::process::ExitCode;
use std::time::Instant;

use crate::options::{Command, Options};
use crate::run::{Counts, Run};

/// One test of the table of threats.
struct Test {
    /// Its number there.
    number: u32,
    name: &'static str,
    /// What a long run should reach.
    goal: &'static str,
    run: fn(&mut Run) -> Result<Counts, String>,
}

/// The test that judges times, which other programs on the machine spoil: no slice has it.
const TIMED: u32 = 20;

const TESTS: &[Test] = &[
    Test {
        number: 1,
        name: "kill -9 storm",
        goal: "10,000 kills, 0 acknowledged writes lost",
        run: kill_storm::run,
    },
    Test {
        number: 2,
        name: "power cut",
        goal: "100,000 crash images, 0 lost, 0 unopenable",
        run: power_cut::run,
    },
    Test {
        number: 3,
        name: "faults of disks",
        goal: "every operation, once and for ever, no answer after a failed sync, 0 lost",
        run: faults::run,
    },
    Test {
        number: 4,
        name: "bit rot",
        goal: "every byte of a small store, 100 % detected, the others served",
        run: bit_rot::run,
    },
    Test {
        number: 5,
        name: "rollback and splice",
        goal: "1,000 attempts, all detected",
        run: splice::run,
    },
    Test {
        number: 6,
        name: "audit completeness",
        goal: "1,000,000 requests, records = answers, fails closed within 1 s, recovers by itself",
        run: completeness::run,
    },
    Test {
        number: 7,
        name: "tampering with the journal",
        goal: "dropped, edited, exchanged, cut off: any one of 1,000,000 records is named",
        run: tampering::run,
    },
    Test {
        number: 8,
        name: "canary secrets",
        goal: "10,000 canaries, 0 found",
        run: canaries::run,
    },
    Test {
        number: 9,
        name: "key bytes",
        goal: "a sweep after each operation, 0 found, files closed to others",
        run: key_bytes::run,
    },
    Test {
        number: 10,
        name: "signature mutations",
        goal: "5,000,000 mutations, 0 wrongly accepted",
        run: signatures::run,
    },
    Test {
        number: 11,
        name: "policy evaluator",
        goal: "50,000,000 decisions, 0 differences, all combinations in a small scope",
        run: policies::run,
    },
    Test {
        number: 12,
        name: "authorization matrix",
        goal: "each operation, 19 kinds of principal, right and wrong resource, 0 wrong",
        run: matrix::run,
    },
    Test {
        number: 13,
        name: "names",
        goal: "1,000,000 names, the same decision for the same key and none for look-alikes",
        run: names::run,
    },
    Test {
        number: 14,
        name: "revocation",
        goal: "1,000,000 racing calls, 0 allowed that began after it was taken away",
        run: revocation::run,
    },
    Test {
        number: 17,
        name: "replay by seed",
        goal: "100,000 seeds, bit for bit",
        run: replay::run,
    },
    Test {
        number: 19,
        name: "hostile input",
        goal: "10,000 slow connections within 256 MB, the p99 of others under 2 times its own",
        run: hostile::run,
    },
    Test {
        number: 20,
        name: "timing",
        goal: "10,000,000 measurements of each kind, |t| < 4.5",
        run: timing::run,
    },
    Test {
        number: 21,
        name: "vectors through the wire",
        goal: "every vector of Wycheproof's whose key can be brought in, 0 wrong",
        run: vectors::run,
    },
    Test { number: 22, name: "nonces", goal: "1,000,000,000 nonces, 0 repeats", run: nonces::run },
    Test {
        number: 25,
        name: "load",
        goal: "10,000 a second, p99 of 5 ms, CreateKey at most 1.5 times that of an empty store",
        run: load::run,
    },
];

fn main() -> ExitCode {
    match options::read(std::env::args().skip(1)) {
        Ok(Command::Torture(options)) => torture(&options),
        Ok(Command::Clone(clone)) => match clones::answer(&clone) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        },
        Err(usage) => {
            eprintln!("{usage}");
            ExitCode::FAILURE
        }
    }
}

fn torture(options: &Options) -> ExitCode {
    let chosen: Vec<&Test> = TESTS
        .iter()
        .filter(|test| match options.only {
            Some(number) => number == test.number,
            None => !(options.slice && test.number == TIMED),
        })
        .collect();
    if chosen.is_empty() {
        eprintln!("there is no test of this number; there are:");
        TESTS.iter().for_each(|test| eprintln!("{:>3} {}: {}", test.number, test.name, test.goal));
        return ExitCode::FAILURE;
    }
    let span = options.span(chosen.len());
    let (mut passed, mut failed) = (0, 0);
    for test in chosen {
        let start = Instant::now();
        let outcome = (test.run)(&mut Run::new(options.seed, span));
        let seconds = start.elapsed().as_secs_f64();
        let Test { number, name, goal, .. } = test;
        match outcome {
            Ok(counts) => {
                passed += 1;
                println!("{number:>3} {name}: ok, {counts} in {seconds:.1} s (goal: {goal})");
            }
            Err(error) => {
                failed += 1;
                println!("{number:>3} {name}: FAILED: {error}");
                let seed = options.seed;
                println!("    repeat it: cargo xtask torture --only {number} --seed {seed}");
            }
        }
    }
    println!("seed {}", options.seed);
    println!("{passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
