//! `bulla export`: out of a Parameter Store or Secrets Manager, into an archive.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bulla_envelope::cache::{CachingSource, LocalCache};
use bulla_envelope::keyring::Keyring;
use bulla_envelope::{DefaultSource, Envelope};
use indicatif::ProgressBar;
use tokio::task::JoinSet;

use super::archive::{Parameter, Writer};
use super::exchange::{self, names, whole};
use super::{progress, secrets, vault};
use crate::cli::parameters::{ExportOptions, Taken};
use crate::client::Client;
use crate::error::Error;
use crate::message::keys;
use crate::server;
use crate::stdout::line;

/// How many parameters are asked for at once.
const AT_ONCE: usize = 8;
/// For how long, and for how many chunks, a data key is used again.
const KEY_AGE: Duration = Duration::from_secs(300);
const CHUNKS_A_KEY: u64 = 1_000;

/// Runs `bulla export`.
pub(crate) fn export(options: &ExportOptions) -> Result<(), Error> {
    server::runtime()?.block_on(async {
        let (of, source) = source(&options.taken)?;
        if options.dry_run {
            return list(&source).await;
        }
        if options.output.symlink_metadata().is_ok() {
            let text = format!("{} is there already: remove it first", options.output.display());
            return Err(Error::Usage(text));
        }
        let envelope = envelope(keys::to_encrypt(&options.keys).await?)?;
        let place = partial(&options.output);
        let (mut writer, had) = if place.exists() {
            Writer::resume(&place, envelope, &of).await?
        } else {
            (Writer::create(&place, envelope, &of)?, Vec::new())
        };
        let had: HashSet<String> = had.into_iter().collect();
        let taken = take(&source, options, &mut writer, &had).await?;
        writer.end(&options.output).await?;
        let Count { taken, labels } = taken;
        let before = if had.is_empty() { String::new() } else { format!(", {} before", had.len()) };
        let what = source.what();
        eprintln!("{taken} {what} are in {}{before}", options.output.display());
        if labels > 0 {
            eprintln!("{labels} labels of older versions stayed behind");
        }
        Ok(())
    })
}

/// An archive's data keys serve many chunks, so that KMS is not asked for each.
pub(super) fn envelope(keyring: Box<dyn Keyring>) -> Result<Envelope, Error> {
    let refused = |error: bulla_envelope::Error| Error::Usage(error.to_string());
    let cache = LocalCache::new(std::num::NonZeroUsize::MIN);
    let source = CachingSource::new(DefaultSource::new(keyring), cache, KEY_AGE);
    let source = source.and_then(|source| source.max_messages(CHUNKS_A_KEY)).map_err(refused)?;
    Ok(Envelope::from_source(source))
}

/// What an archive is called until it is whole.
fn partial(output: &Path) -> PathBuf {
    let mut name = OsString::from(output);
    name.push(".partial");
    name.into()
}

/// Where an archive's content comes from.
enum Source {
    /// The parameters under a path.
    Parameters(Client, String),
    /// The secrets whose names begin with a text.
    Secrets(Client, String),
}

/// The source that the options name, and how an archive of it is called within.
fn source(taken: &Taken) -> Result<(String, Source), Error> {
    match (&taken.path, &taken.secrets) {
        (Some(path), _) => {
            let source = Source::Parameters(exchange::client()?, path.clone());
            Ok((format!("--path {path}"), source))
        }
        (None, secrets) => {
            let prefix = secrets.clone().unwrap_or_default();
            let of = format!("--secrets {prefix}");
            Ok((of, Source::Secrets(secrets::client()?, prefix)))
        }
    }
}

impl Source {
    fn what(&self) -> &'static str {
        match self {
            Self::Parameters(..) => "parameters",
            Self::Secrets(..) => "secrets",
        }
    }

    /// The names of a page, and the token of the next page.
    async fn names(&self, token: Option<&str>) -> Result<(Vec<String>, Option<String>), Error> {
        match self {
            Self::Parameters(client, path) => names(client, path, token).await,
            Self::Secrets(client, prefix) => vault::names(client, prefix, token).await,
        }
    }

    /// Adds these to an archive.
    async fn add(
        &self,
        page: &[String],
        writer: &mut Writer,
        bar: &ProgressBar,
    ) -> Result<Count, Error> {
        let mut count = Count::default();
        match self {
            Self::Parameters(client, _) => {
                let mut chunk = Vec::with_capacity(page.len());
                for some in page.chunks(AT_ONCE) {
                    for (parameter, labels) in fetch(client, some).await? {
                        count.labels += labels;
                        chunk.push(parameter);
                        bar.inc(1);
                    }
                }
                count.taken = chunk.len();
                if !chunk.is_empty() {
                    writer.add(chunk).await?;
                }
            }
            Self::Secrets(client, _) => {
                // A few in a chunk: each may have as many versions as labels.
                for some in page.chunks(AT_ONCE) {
                    let mut chunk = Vec::with_capacity(some.len());
                    for name in some {
                        chunk.extend(vault::whole(client, name).await?);
                        bar.inc(1);
                    }
                    count.taken += chunk.len();
                    if !chunk.is_empty() {
                        writer.add_secrets(chunk).await?;
                    }
                }
            }
        }
        Ok(count)
    }
}

async fn list(source: &Source) -> Result<(), Error> {
    let (mut token, mut count) = (None, 0);
    loop {
        let (page, next) = source.names(token.as_deref()).await?;
        count += page.len();
        page.iter().try_for_each(line)?;
        if next.is_none() {
            eprintln!("{count} {} would be taken", source.what());
            return Ok(());
        }
        token = next;
    }
}

/// How much an export took, and how many labels of parameters it left behind.
#[derive(Default)]
struct Count {
    taken: usize,
    labels: usize,
}

async fn take(
    source: &Source,
    options: &ExportOptions,
    writer: &mut Writer,
    had: &HashSet<String>,
) -> Result<Count, Error> {
    let bar = progress::counting(None, options.quiet);
    let (mut token, mut all) = (None, Count::default());
    loop {
        let (mut page, next) = source.names(token.as_deref()).await?;
        page.retain(|name| !had.contains(name));
        let Count { taken, labels } = source.add(&page, writer, &bar).await?;
        all.taken += taken;
        all.labels += labels;
        if next.is_none() {
            bar.finish_and_clear();
            return Ok(all);
        }
        token = next;
    }
}

/// These parameters, asked for at once; without those that are gone meanwhile.
async fn fetch(client: &Client, names: &[String]) -> Result<Vec<(Parameter, usize)>, Error> {
    let mut asked = JoinSet::new();
    for name in names {
        let (client, name) = (client.clone(), name.clone());
        asked.spawn(async move { whole(&client, &name).await });
    }
    let mut found = Vec::with_capacity(names.len());
    while let Some(answer) = asked.join_next().await {
        let ended = |error: tokio::task::JoinError| Error::io("ask for a parameter", error.into());
        found.extend(answer.map_err(ended)??);
    }
    Ok(found)
}
