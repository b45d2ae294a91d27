//! `bulla export`: out of a Parameter Store, into an archive.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bulla_envelope::cache::{CachingSource, LocalCache};
use bulla_envelope::keyring::Keyring;
use bulla_envelope::{DefaultSource, Envelope};
use tokio::task::JoinSet;

use super::archive::{Parameter, Writer};
use super::exchange::{names, whole};
use super::progress;
use crate::cli::parameters::ExportOptions;
use crate::client::Client;
use crate::error::Error;
use crate::message::keys;
use crate::server;

/// How many parameters are asked for at once.
const AT_ONCE: usize = 8;
/// For how long, and for how many chunks, a data key is used again.
const KEY_AGE: Duration = Duration::from_secs(300);
const CHUNKS_A_KEY: u64 = 1_000;

/// Runs `bulla export`.
pub(crate) fn export(options: &ExportOptions) -> Result<(), Error> {
    server::runtime()?.block_on(async {
        let client = super::client()?;
        if options.dry_run {
            return list(&client, &options.path).await;
        }
        if options.output.symlink_metadata().is_ok() {
            let text = format!("{} is there already: remove it first", options.output.display());
            return Err(Error::Usage(text));
        }
        let envelope = envelope(keys::to_encrypt(&options.keys).await?)?;
        let place = partial(&options.output);
        let (mut writer, had) = if place.exists() {
            Writer::resume(&place, envelope, &options.path).await?
        } else {
            (Writer::create(&place, envelope, &options.path)?, Vec::new())
        };
        let had: HashSet<String> = had.into_iter().collect();
        let taken = take(&client, options, &mut writer, &had).await?;
        writer.end(&options.output).await?;
        let Taken { parameters, labels } = taken;
        let before = if had.is_empty() { String::new() } else { format!(", {} before", had.len()) };
        eprintln!("{parameters} parameters are in {}{before}", options.output.display());
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

async fn list(client: &Client, path: &str) -> Result<(), Error> {
    let (mut token, mut count) = (None, 0);
    loop {
        let (page, next) = names(client, path, token.as_deref()).await?;
        count += page.len();
        page.iter().for_each(|name| println!("{name}"));
        if next.is_none() {
            eprintln!("{count} parameters would be taken");
            return Ok(());
        }
        token = next;
    }
}

/// What an export took, and how many labels it left behind.
#[derive(Default)]
struct Taken {
    parameters: usize,
    labels: usize,
}

async fn take(
    client: &Client,
    options: &ExportOptions,
    writer: &mut Writer,
    had: &HashSet<String>,
) -> Result<Taken, Error> {
    let bar = progress::counting(None, options.quiet);
    let (mut token, mut taken) = (None, Taken::default());
    loop {
        let (mut page, next) = names(client, &options.path, token.as_deref()).await?;
        page.retain(|name| !had.contains(name));
        let mut chunk = Vec::with_capacity(page.len());
        for some in page.chunks(AT_ONCE) {
            for (parameter, labels) in fetch(client, some).await? {
                taken.labels += labels;
                chunk.push(parameter);
                bar.inc(1);
            }
        }
        taken.parameters += chunk.len();
        if !chunk.is_empty() {
            writer.add(chunk).await?;
        }
        if next.is_none() {
            bar.finish_and_clear();
            return Ok(taken);
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
