//! Bulla's bench: what a call costs above a bare HTTP server, on the same machine, in one run.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::error::BenchError;
use crate::machine::Machine;
use crate::report::Report;
use crate::rounds::Effort;

mod bare;
mod client;
mod envelope;
mod error;
mod events;
mod histogram;
mod keys;
mod lookups;
mod machine;
mod memory;
mod parameters;
mod primes;
mod process;
mod report;
mod request;
mod response;
mod rounds;
mod scenarios;
mod secrets;
mod signer;
mod site;
mod threads;
mod throttle;

/// Measures Bulla against a bare hyper server.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve 300 fixed bytes to every request: the reference.
    Bare {
        /// Where to listen.
        #[arg(long)]
        listen: SocketAddr,
    },
    /// Measure the envelope against the cipher, the hash and the copy alone.
    Envelope(EnvelopeRun),
    /// Measure EventBridge's matcher against as many rules.
    Events(EventsRun),
    /// Measure what a decision about a request rate costs.
    Throttle {
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
        rounds: u16,
    },
    /// Measure LookupEvents among very many events, and what a record takes on disk.
    Lookups(LookupsRun),
    /// Seal a stream of 10 GiB and print the memory that it took.
    #[command(hide = true)]
    StreamMemory,
    /// Measure, and print the tables.
    Run(Run),
}

#[derive(clap::Args)]
struct Run {
    /// The program to measure, built for release. Without it, the bare server alone is measured.
    #[arg(long)]
    bulla: Option<PathBuf>,
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..))]
    connections: u16,
    /// Length of a round.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    seconds: u16,
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Only the scenario of this name.
    #[arg(long)]
    only: Option<String>,
    /// Compare a store of so many parameters with a store of ten, and writes with the store's own.
    #[arg(long, value_name = "PARAMETERS", num_args = 0..=1, default_missing_value = "1000000")]
    #[arg(requires = "bulla")]
    parameters: Option<u64>,
    /// Measure calls while so many parameters expire.
    #[arg(long, value_name = "PARAMETERS", num_args = 0..=1, default_missing_value = "100000")]
    #[arg(requires = "bulla")]
    expiring: Option<u64>,
    /// Compare a store of so many secrets with a store of ten, and writes with the store's own.
    #[arg(long, value_name = "SECRETS", num_args = 0..=1, default_missing_value = "100000")]
    #[arg(requires = "bulla")]
    secrets: Option<u64>,
    /// No scenarios: only what the other flags ask for.
    #[arg(long, conflicts_with = "only")]
    no_calls: bool,
    /// Watch resident memory over so many calls.
    #[arg(long, value_name = "CALLS", num_args = 0..=1, default_missing_value = "1000000")]
    #[arg(requires = "bulla")]
    memory: Option<u64>,
    /// Compare a store of so many keys with a store of one.
    #[arg(long, value_name = "KEYS", num_args = 0..=1, default_missing_value = "100000")]
    #[arg(requires = "bulla")]
    keys: Option<u64>,
    /// Measure Encrypt while RSA-4096 keys are made.
    #[arg(long, requires = "bulla")]
    primes: bool,
    /// Also write the tables to this file.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

#[derive(clap::Args)]
struct EnvelopeRun {
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    #[command(flatten)]
    rivals: envelope::Rivals,
    /// Also write the table to this file.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

#[derive(clap::Args)]
struct EventsRun {
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..))]
    rules: u32,
    /// Also write the table to this file.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

#[derive(clap::Args)]
struct LookupsRun {
    /// The program to measure, built for release.
    #[arg(long)]
    bulla: PathBuf,
    /// How many events there are.
    #[arg(long, default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    events: u64,
    /// Also write the table to this file.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Bare { listen } => bare::serve(listen),
        Command::Envelope(run) => measure_envelope(&run),
        Command::Events(run) => measure_events(&run),
        Command::Throttle { rounds } => {
            print!("{}", throttle::run(rounds));
            Ok(())
        }
        Command::Lookups(run) => lookups::run(&run.bulla, run.events)
            .and_then(|text| publish(&text, run.markdown.as_deref())),
        Command::StreamMemory => envelope::memory::measure(),
        Command::Run(run) => measure(&run),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bulla-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure_envelope(run: &EnvelopeRun) -> Result<(), BenchError> {
    publish(&envelope::run(usize::from(run.rounds), &run.rivals)?, run.markdown.as_deref())
}

fn measure_events(run: &EventsRun) -> Result<(), BenchError> {
    publish(&events::run(run.rules as usize)?, run.markdown.as_deref())
}

fn measure(run: &Run) -> Result<(), BenchError> {
    let effort = Effort {
        connections: usize::from(run.connections),
        round: Duration::from_secs(u64::from(run.seconds)),
        rounds: usize::from(run.rounds),
    };
    let program = run.bulla.as_deref();
    let mut report = Report {
        machine: Machine::this()?,
        effort,
        calls: Vec::new(),
        memory: None,
        keys: None,
        primes: None,
        parameters: None,
        expiring: None,
        secrets: None,
    };
    if !run.no_calls {
        report.calls = rounds::scenarios(program, run.only.as_deref(), effort)?;
    }
    if let (Some(program), Some(calls)) = (program, run.memory) {
        eprintln!("memory over {calls} calls");
        report.memory = Some(memory::run(program, calls, effort.connections)?);
    }
    if let (Some(program), Some(count)) = (program, run.keys) {
        eprintln!("{count} keys");
        report.keys = Some(keys::run(program, count, effort)?);
    }
    if let (Some(program), true) = (program, run.primes) {
        eprintln!("Encrypt while RSA-4096 keys are made");
        report.primes = Some(primes::run(program, effort)?);
    }
    if let (Some(program), Some(count)) = (program, run.parameters) {
        eprintln!("{count} parameters");
        report.parameters = Some(parameters::many(program, count, effort)?);
    }
    if let (Some(program), Some(count)) = (program, run.expiring) {
        eprintln!("{count} parameters that expire");
        report.expiring = Some(parameters::expiring(program, count, effort)?);
    }
    if let (Some(program), Some(count)) = (program, run.secrets) {
        eprintln!("{count} secrets");
        report.secrets = Some(secrets::many(program, count, effort)?);
    }
    publish(&report.markdown(), run.markdown.as_deref())
}

/// Prints the tables, and writes them to a file where one is named.
fn publish(text: &str, file: Option<&Path>) -> Result<(), BenchError> {
    println!("{text}");
    if let Some(file) = file {
        let doing = format!("write {}", file.display());
        fs::write(file, text).map_err(BenchError::io(doing))?;
    }
    Ok(())
}
