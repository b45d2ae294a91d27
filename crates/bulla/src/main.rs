//! Bulla, the program: AWS's encryption plane, for people to run themselves.

#![deny(clippy::print_stdout, reason = "it panics when nobody reads: `stdout` tells")]

mod access;
mod account;
mod answer;
mod assumed;
mod audit;
mod cli;
mod client;
mod completion;
mod config;
mod connection;
mod control;
mod cost;
mod coverage;
mod descriptors;
mod error;
mod event_files;
mod foundation;
mod functions;
mod house;
mod init;
mod key_stores;
mod listener;
mod message;
mod message_error;
mod metrics;
mod outgoing;
mod parameters;
mod pkcs11;
mod proxies;
mod quota;
mod replication;
mod request;
mod request_counts;
mod rotation;
mod seal;
mod server;
mod standing;
mod status;
mod stdout;
mod tls;
mod tour;
mod traces;
mod xks;

use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::cli::{Audit, Cli, Command};
use crate::error::Error;

/// Where the level of the log is set, such as `BULLA_LOG=info`.
const LOG_VARIABLE: &str = "BULLA_LOG";
/// Where the form of the log is set: `text` or `json`.
const FORMAT_VARIABLE: &str = "BULLA_LOG_FORMAT";
/// What is logged unless something else is asked for.
const QUIET: &str = "warn";

fn main() -> ExitCode {
    let cli = Cli::parse();
    // Nothing else of the program is for these.
    match cli.command {
        Command::FunctionHost => return bulla_lambda::host(),
        Command::FunctionCell => return bulla_lambda::cell(),
        _ => {}
    }
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bulla: {error}");
            error.exit_code()
        }
    }
}

fn run(cli: Cli) -> Result<(), Error> {
    start_log()?;
    match cli.command {
        Command::Dev(options) => server::dev(options),
        Command::Init(options) => init::init(&options),
        Command::Serve(options) => server::serve(options),
        Command::Audit(Audit::Tail(options)) => audit::tail(&options),
        Command::Audit(Audit::Search(options)) => audit::search(&options),
        Command::Audit(Audit::Export(options)) => audit::export(&options),
        Command::Audit(Audit::Verify(options)) => audit::verify(&options),
        Command::Tour => tour::tour(),
        Command::Explain(options) => access::explain(&options),
        Command::WhoCan(options) => access::who_can(&options),
        Command::Account(command) => account::run(&command),
        Command::Quota(command) => quota::run(&command),
        Command::Status(options) => status::run(&options),
        Command::Cost(options) => cost::run(&options),
        Command::Encrypt(options) => message::encrypt(&options),
        Command::Decrypt(options) => message::decrypt(&options),
        Command::Inspect(options) => message::inspect(&options),
        Command::BranchKey(command) => message::branch_key(&command),
        Command::Run(options) => parameters::run(&options),
        Command::Env(options) => parameters::env(&options),
        Command::Export(options) => parameters::export(&options),
        Command::Import(options) => parameters::import(&options),
        Command::Xks(command) => xks::run(&command),
        Command::Rotators => rotation::command::print(),
        Command::Coverage => coverage::print(),
        Command::FunctionHost | Command::FunctionCell => Ok(()),
    }
}

fn start_log() -> Result<(), Error> {
    let filter = match std::env::var(LOG_VARIABLE) {
        Ok(text) => EnvFilter::try_new(&text).map_err(|error| {
            Error::Usage(format!(
                "{LOG_VARIABLE}={text:?} is not a log filter ({error}): set a level such as `info`"
            ))
        })?,
        Err(_) => EnvFilter::new(QUIET),
    };
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match std::env::var(FORMAT_VARIABLE).as_deref() {
        Ok("json") => log.json().flatten_event(true).with_current_span(false).init(),
        Ok("text") | Err(_) => log.init(),
        Ok(other) => {
            return Err(Error::Usage(format!(
                "{FORMAT_VARIABLE}={other:?} is no form of the log: set text or json"
            )));
        }
    }
    Ok(())
}
