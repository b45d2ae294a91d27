//! `bulla audit`: reads and checks the journal, also while a server writes it, and the store.

mod export;
mod search;

use std::io::{self, Write};
use std::sync::Arc;

use bulla_crypto::{Crypto, harden_process};
use bulla_plane::journal::{self, ReadError, Reader, Report};
use bulla_plane::root::{Anchor, RootKey};
use bulla_store::Verified;

use crate::cli::{TailOptions, VerifyOptions};
use crate::config::Data;
use crate::error::Error;
use crate::foundation::{chain_key, journal_to_read, store_to_check};
use crate::seal::Opener;
use crate::server;
use crate::stdout::{goes_on, line};

pub(crate) use export::export;
pub(crate) use search::search;

/// Prints the last calls.
pub(crate) fn tail(options: &TailOptions) -> Result<(), Error> {
    harden_process()?;
    let data = options.place.data()?;
    let crypto = Crypto::standard();
    let root = Opener::of(&data)?.unseal(&crypto, &data.directory)?;
    let medium = Arc::new(journal_to_read(&data.directory)?);
    let key = Arc::new(chain_key(&crypto, &root)?);
    let failed = |cause| Error::io("read the journal", cause);
    let reader = Reader::tail(medium, key, options.count).map_err(failed)?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut faults = 0_u64;
    for record in reader {
        let line = match record {
            Ok(record) => record.to_cloudtrail_json().map_err(|error| error.to_string()),
            Err(ReadError::Io(cause)) => return Err(failed(cause)),
            Err(ReadError::Fault(fault)) => Err(fault.to_string()),
        };
        let printed = match line {
            Ok(line) => writeln!(out, "{line}"),
            Err(fault) => {
                faults += 1;
                eprintln!("bulla: {fault}");
                Ok(())
            }
        };
        if !goes_on(printed)? {
            return Ok(());
        }
    }
    goes_on(out.flush())?;
    match faults {
        0 => Ok(()),
        _ => Err(Error::Faults("the journal is damaged: run `bulla audit verify`".to_owned())),
    }
}

/// Checks the whole journal, and the whole store if no server runs on it.
pub(crate) fn verify(options: &VerifyOptions) -> Result<(), Error> {
    harden_process()?;
    let data = options.place.data()?;
    let crypto = Crypto::standard();
    let root = Opener::of(&data)?.unseal(&crypto, &data.directory)?;
    // The anchor first: a server that runs may write on, never back.
    let anchor = Anchor::open(&crypto, &data.directory, &root)?;
    let journal = verify_journal(&crypto, &data, &root);
    let store = server::runtime()?.block_on(verify_store(&crypto, &data, &root));
    let (report, verified) = match (journal, store) {
        (Err(one), Err(other)) => {
            eprintln!("bulla: {one}");
            return Err(other);
        }
        (journal, store) => (journal?, store?),
    };
    let revision = verified.as_ref().map_or(u64::MAX, |verified| verified.revision.0);
    anchor.check(revision, report.last.map_or(0, |last| last.sequence))?;
    line(format_args!("the journal: {}", summary(&report)))?;
    match verified {
        Some(verified) => line(format_args!("the store: {verified}")),
        None => line(
            "the store: NOT CHECKED, because a server runs on it. It checks the store itself once \
             a day: see its /_bulla/health",
        ),
    }
}

fn verify_journal(crypto: &Crypto, data: &Data, root: &RootKey) -> Result<Report, Error> {
    let medium = journal_to_read(&data.directory)?;
    let report = journal::verify(&medium, &chain_key(crypto, root)?, None)
        .map_err(|cause| Error::io("read the journal", cause))?;
    for fault in &report.faults {
        eprintln!("bulla: {fault}");
    }
    if report.is_clean() {
        return Ok(report);
    }
    let found = report.faults.len() as u64 + report.more_faults;
    Err(Error::Faults(format!(
        "the journal in {} is not as it was written: {found} faults. Keep a copy of it, and find \
         out who could write there",
        data.directory.display()
    )))
}

/// What a check of every row finds; nothing when a server runs on the store.
async fn verify_store(
    crypto: &Crypto,
    data: &Data,
    root: &RootKey,
) -> Result<Option<Verified>, Error> {
    let Some(barrier) = store_to_check(crypto, data, root).await? else { return Ok(None) };
    let verified = barrier.verify_all().await;
    let verified = verified.map_err(|error| Error::Barrier(data.directory.clone(), error))?;
    barrier.engine().close().await?;
    if verified.is_intact() {
        return Ok(Some(verified));
    }
    Err(Error::Faults(format!(
        "the store in {} is not as it was written: {verified}. Keep a copy of it, find out who \
         could write there, and restore a backup",
        data.directory.display()
    )))
}

fn summary(report: &Report) -> String {
    format!("{} records in {} segments are as they were written", report.records, report.segments)
}
