//! `bulla import`: out of an archive, into a Parameter Store or Secrets Manager.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::archive::{Parameter, Reader, put};
use super::exchange::{self, NAMES_A_CALL, SSM, present};
use super::vault::{Kept, There};
use super::{export, progress, secrets};
use crate::cli::parameters::{ImportOptions, OnConflict};
use crate::client::Client;
use crate::error::Error;
use crate::message::keys;
use crate::server;
use crate::stdout::line;

/// What is done with a parameter of the archive.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Create,
    Overwrite,
    /// It is there with the same type and value.
    Keep,
    /// It is there and differs, and stays.
    Skip,
}

impl Step {
    fn verb(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Overwrite => "overwrite",
            Self::Keep => "keep",
            Self::Skip => "skip",
        }
    }
}

/// How many parameters took which step.
#[derive(Default)]
struct Count {
    created: u64,
    overwritten: u64,
    kept: u64,
    skipped: u64,
}

impl Count {
    fn add(&mut self, step: Step) {
        let count = match step {
            Step::Create => &mut self.created,
            Step::Overwrite => &mut self.overwritten,
            Step::Keep => &mut self.kept,
            Step::Skip => &mut self.skipped,
        };
        *count += 1;
    }
}

/// Runs `bulla import`.
pub(crate) fn import(options: &ImportOptions) -> Result<(), Error> {
    server::runtime()?.block_on(async {
        let client = exchange::client()?;
        // Nothing changes before all of the archive was seen, and no conflict.
        let total = check(&client, options).await?;
        if options.dry_run {
            return Ok(());
        }
        let bar = progress::counting(Some(total), options.quiet);
        let mut count = Count::default();
        let mut reader = open(options).await?;
        while let Some(chunk) = reader.next().await? {
            for some in chunk.parameters.chunks(NAMES_A_CALL) {
                for (parameter, step) in steps(&client, some, options.on_conflict).await? {
                    carry_out(&client, parameter, step, options).await?;
                    count.add(step);
                    bar.inc(1);
                }
            }
            for secret in &chunk.secrets {
                count.add(import_secret(secret, options).await?);
                bar.inc(1);
            }
        }
        bar.finish_and_clear();
        let Count { created, overwritten, kept, skipped } = count;
        eprintln!("{created} created, {overwritten} overwritten, {kept} kept, {skipped} skipped");
        Ok(())
    })
}

async fn open(options: &ImportOptions) -> Result<Reader, Error> {
    let keyring = keys::to_decrypt(&options.keys, &options.discovery).await?;
    Reader::open(&options.input, export::envelope(keyring)?)
}

/// Reads the archive to its end, and answers how many parameters it has; prints each step of a dry
/// run.
async fn check(client: &Client, options: &ImportOptions) -> Result<u64, Error> {
    let mut reader = open(options).await?;
    let (mut total, mut conflicts) = (0, Vec::new());
    while let Some(chunk) = reader.next().await? {
        for some in chunk.parameters.chunks(NAMES_A_CALL) {
            // Where conflicts decide nothing, what is there need not be asked for twice.
            if options.on_conflict == OnConflict::Fail || options.dry_run {
                for (parameter, step) in steps(client, some, options.on_conflict).await? {
                    if step == Step::Skip && options.on_conflict == OnConflict::Fail {
                        conflicts.push(parameter.name.clone());
                    } else if options.dry_run {
                        line(format_args!(
                            "{} {} ({})",
                            step.verb(),
                            parameter.name,
                            parameter.kind
                        ))?;
                    }
                }
            }
            total += some.len() as u64;
        }
        for secret in &chunk.secrets {
            let step = secret_step(secret, options.on_conflict).await?;
            if step == Step::Skip && options.on_conflict == OnConflict::Fail {
                conflicts.push(secret.name.clone());
            } else if options.dry_run {
                line(format_args!("{} {} (secret)", step.verb(), secret.name))?;
            }
            total += 1;
        }
    }
    let Some(first) = conflicts.first() else { return Ok(total) };
    Err(Error::Usage(format!(
        "{} are there already and differ, such as {first}: nothing was changed; choose \
         with --on-conflict skip or overwrite",
        conflicts.len()
    )))
}

/// What is to be done with these parameters.
async fn steps<'p>(
    client: &Client,
    parameters: &'p [Parameter],
    on_conflict: OnConflict,
) -> Result<Vec<(&'p Parameter, Step)>, Error> {
    let names: Vec<&str> = parameters.iter().map(|parameter| parameter.name.as_str()).collect();
    let there = present(client, &names).await?;
    let there: HashMap<_, _> =
        there.into_iter().map(|(name, kind, value)| (name, (kind, value))).collect();
    let step = |parameter: &Parameter| match there.get(&parameter.name) {
        None => Step::Create,
        Some((kind, value))
            if *kind == parameter.kind && value.expose() == parameter.value.expose() =>
        {
            Step::Keep
        }
        Some(_) if on_conflict == OnConflict::Overwrite => Step::Overwrite,
        Some(_) => Step::Skip,
    };
    Ok(parameters.iter().map(|parameter| (parameter, step(parameter))).collect())
}

/// What is to be done with a secret.
async fn secret_step(secret: &Kept, on_conflict: OnConflict) -> Result<Step, Error> {
    Ok(match secret.there(&secrets::client()?).await? {
        There::Nothing => Step::Create,
        There::Same => Step::Keep,
        There::Other if on_conflict == OnConflict::Overwrite => Step::Overwrite,
        There::Other => Step::Skip,
    })
}

async fn import_secret(secret: &Kept, options: &ImportOptions) -> Result<Step, Error> {
    let step = secret_step(secret, options.on_conflict).await?;
    let client = secrets::client()?;
    match step {
        Step::Create => secret.create(&client, options.kms_key.as_deref()).await?,
        Step::Overwrite => secret.put(&client).await?,
        Step::Keep | Step::Skip => {}
    }
    Ok(step)
}

async fn carry_out(
    client: &Client,
    parameter: &Parameter,
    step: Step,
    options: &ImportOptions,
) -> Result<(), Error> {
    let overwrite = match step {
        Step::Create => Some(false),
        Step::Overwrite => Some(true),
        Step::Keep => None,
        Step::Skip => return Ok(()),
    };
    let mut version = None;
    if let Some(overwrite) = overwrite {
        let input = put(parameter, overwrite, options.kms_key.as_deref());
        let answer = client.call(SSM, "PutParameter", &input).await?;
        version = answer.get("Version").and_then(Value::as_i64);
    }
    if step != Step::Create && !parameter.tags.is_empty() {
        let input = json!({
            "ResourceType": "Parameter",
            "ResourceId": parameter.name,
            "Tags": parameter.tag_list(),
        });
        client.call(SSM, "AddTagsToResource", &input).await?;
    }
    if !parameter.labels.is_empty() {
        let mut input = json!({ "Name": parameter.name, "Labels": parameter.labels });
        if let (Some(version), Some(members)) = (version, input.as_object_mut()) {
            members.insert("ParameterVersion".to_owned(), version.into());
        }
        client.call(SSM, "LabelParameterVersion", &input).await?;
    }
    Ok(())
}
