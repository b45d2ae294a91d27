//! `bulla run` and `bulla env`: parameters and secrets as the environment of a program.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use super::exchange::{self, under};
use super::secrets;
use super::variables::Variables;
use crate::cli::parameters::{EnvOptions, RunOptions, Wanted};
use crate::error::Error;
use crate::server;
use crate::stdout;

/// Runs `bulla run`. The program takes this one's place, so that this answers only when it can't.
pub(crate) fn run(options: &RunOptions) -> Result<(), Error> {
    let variables = read(&options.wanted)?;
    let Some((program, arguments)) = options.command.split_first() else {
        return Err(Error::Usage("no program is named: give it after --".to_owned()));
    };
    let mut command = Command::new(program);
    if options.pristine {
        command.env_clear();
    }
    command.args(arguments).envs(variables.iter());
    let cause = command.exec();
    Err(Error::Program(program.to_string_lossy().into_owned(), cause))
}

/// Runs `bulla env`.
pub(crate) fn env(options: &EnvOptions) -> Result<(), Error> {
    let written = read(&options.wanted)?.written(options.format);
    stdout::whole(written.as_bytes())
}

fn read(wanted: &Wanted) -> Result<Variables, Error> {
    server::runtime()?.block_on(async {
        let mut variables = Variables::default();
        if !wanted.path.is_empty() {
            let client = exchange::client()?;
            for path in &wanted.path {
                variables.add(path, under(&client, path).await?)?;
            }
        }
        if !wanted.secret.is_empty() {
            let client = secrets::client()?;
            for id in &wanted.secret {
                let (path, members) = secrets::members(&client, id).await?;
                variables.add(&path, members)?;
            }
        }
        Ok(variables)
    })
}
