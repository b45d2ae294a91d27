//! `bulla encrypt`, `decrypt` and `inspect`: messages of the AWS Encryption SDKs in files, folders
//! and pipes.

mod agreement;
mod branch;
mod cache;
mod copy;
mod files;
mod inspect;
pub(crate) mod keys;
mod kms_keys;
mod metadata;
mod output;
mod progress;
mod raw;
mod seal;

use bulla_envelope::{DefaultSource, EncryptionContext, MaterialsSource, RequiredContext};

use crate::cli::message::{
    BranchKeyCommand, Common, DecryptOptions, EncryptOptions, InspectOptions,
};
use crate::error::Error;
use crate::server;

use files::Direction;
use metadata::Log;
use seal::AnyEnvelope;

/// Runs `bulla encrypt`.
pub(crate) fn encrypt(options: &EncryptOptions) -> Result<(), Error> {
    server::runtime()?.block_on(async {
        let keyring = keys::to_encrypt(&options.common.keys).await?;
        let source = source(&options.common, DefaultSource::new(keyring))?;
        let mut envelope = AnyEnvelope::new(source, &options.common);
        if let Some(suite) = options.suite {
            envelope = envelope.suite(suite)?;
        }
        if let Some(len) = options.frame_length {
            envelope = envelope.frame_len(len);
        }
        run(&envelope, &options.common, Direction::Encrypt).await
    })
}

/// Runs `bulla decrypt`.
pub(crate) fn decrypt(options: &DecryptOptions) -> Result<(), Error> {
    server::runtime()?.block_on(async {
        let keyring = keys::to_decrypt(&options.common.keys, &options.discovery).await?;
        let source = source(&options.common, DefaultSource::new(keyring))?;
        let envelope = AnyEnvelope::new(source, &options.common);
        run(&envelope, &options.common, Direction::Decrypt).await
    })
}

/// Runs `bulla inspect`.
pub(crate) fn inspect(options: &InspectOptions) -> Result<(), Error> {
    inspect::run(options)
}

/// Runs `bulla branch-key`.
pub(crate) fn branch_key(command: &BranchKeyCommand) -> Result<(), Error> {
    server::runtime()?.block_on(branch::run(command))
}

/// Materials as the options ask for: kept for a while, some pairs not stored.
fn source(common: &Common, source: DefaultSource) -> Result<Box<dyn MaterialsSource>, Error> {
    let source: Box<dyn MaterialsSource> = match &common.cache {
        Some(settings) => Box::new(cache::around(source, settings)?),
        None => Box::new(source),
    };
    if common.required.is_empty() {
        return Ok(source);
    }
    let required = RequiredContext::new(common.required.iter().cloned(), source);
    Ok(Box::new(required.map_err(|error| Error::Usage(error.to_string()))?))
}

/// Each file in turn. A failure does not keep the others of a folder from being tried.
async fn run(envelope: &AnyEnvelope, common: &Common, direction: Direction) -> Result<(), Error> {
    let context = context(&common.context)?;
    let jobs = files::jobs(common.input.as_deref(), common.output.as_deref(), direction)?;
    let mut log = common.metadata.as_deref().map(Log::open).transpose()?;
    let progress = progress::of(&jobs, common.quiet);
    let mut failures: Vec<Error> = Vec::new();
    for job in &jobs {
        let done = copy::run(envelope, job, &context, direction, common.overwrite, &progress);
        match done.await {
            Ok(done) => {
                if let Some(log) = &mut log {
                    log.write(direction, job, &done)?;
                }
            }
            Err(error) => {
                let error = Error::Message(job.name(), Box::new(error));
                if jobs.len() > 1 {
                    progress.suspend(|| eprintln!("bulla: {error}"));
                }
                failures.push(error);
            }
        }
    }
    progress.finish_and_clear();
    let failed = failures.len();
    match failures.into_iter().next() {
        None => Ok(()),
        Some(first) if jobs.len() == 1 => Err(first),
        Some(first) => Err(Error::Messages(failed, jobs.len(), Box::new(first))),
    }
}

fn context(pairs: &[String]) -> Result<EncryptionContext, Error> {
    let mut context = EncryptionContext::new();
    for pair in pairs {
        let (key, value) = pair.split_once('=').ok_or_else(|| {
            Error::Usage(format!("--context {pair:?} is no pair: write it as KEY=VALUE"))
        })?;
        context.insert(key, value).map_err(|error| Error::Usage(format!("--context: {error}")))?;
    }
    Ok(context)
}
