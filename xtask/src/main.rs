//! The project's own chores: `cargo xtask` alone tells what there is.

mod chores;
mod conformance;
mod count;
mod coverage;
mod failure;
mod models;
mod paths;
mod report;
mod setup;
mod step;
mod suite;
mod tidy;

use std::process::ExitCode;

use failure::Failure;

const HELP: &str = "\
The project's chores. Each does its own set-up and says what it does while it does it.

  cargo xtask test         everything that must hold before a change goes in, cheapest first:
                           fmt, clippy, tidy, model drift, unit and integration tests, doctests,
                           release build, coverage table, boto3 and friends, JS SDK, the envelope
                           over AWS's client of KMS, torture slice
      --fast               only what needs no release build and no clients (a minute or two)
      --filter X           only the tests whose name contains X, in every suite

  cargo xtask conformance  only the tests with real clients (boto3, AWS CLI, JS SDK, Encryption SDK)
      --filter X           only the tests whose name contains X
  cargo xtask tidy         style checks that rustfmt and clippy have no rule for
  cargo xtask models       write the trimmed AWS models and their tables again (--check: only compare)
  cargo xtask coverage     write docs/coverage.md from the program's own rows (--check: only compare)

  cargo xtask bench        load against Bulla and against a bare server, interleaved, with ratios
      envelope             the envelope against its floors, and beside AWS's Encryption SDKs
  cargo xtask torture      the long tests, for as long as you like; a failure prints its seed
      --only N             only test number N
      --minutes M          minutes in all
      --seed S             repeat a run
  cargo xtask fuzz [TARGET] [--minutes M]
                           cargo-fuzz over every parser (needs nightly and cargo-fuzz)

Where to begin: `cargo xtask test --fast` while you work, `cargo xtask test` before you commit.
Logs of the last run are in target/xtask/. BULLA_VECTORS names the folder of AWS's test vectors;
tests that need it are left out, and say so, when it is not set.
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<(), Failure> {
    let Some((chore, rest)) = args.split_first() else {
        print!("{HELP}");
        return Ok(());
    };
    match chore.as_str() {
        "test" => suite::run(rest),
        "conformance" => conformance::run(rest),
        "tidy" => tidy::run(rest),
        "models" => models::run(rest.iter().any(|a| a == "--check")).map_err(Failure::Found),
        "coverage" => coverage::run(rest),
        "bench" => chores::bench(rest),
        "torture" => chores::torture(rest),
        "fuzz" => chores::fuzz(rest),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        unknown => {
            Err(Failure::Usage(format!("there is no chore `{unknown}`; `cargo xtask` lists them")))
        }
    }
}
