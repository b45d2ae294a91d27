//! `bulla audit`: reads and checks the journal, also while a server writes it.

use std::io::{self, Write};
use std::sync::Arc;

use bulla_crypto::{Crypto, harden_process};
use bulla_plane::journal::{self, ReadError, Reader, Report};
use bulla_plane::root::Anchor;

use crate::cli::{TailOptions, VerifyOptions};
use crate::error::Error;
use crate::foundation::{chain_key, journal_to_read};
use crate::seal::Opener;

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

/// Whether anyone still reads what is printed.
fn goes_on(printed: io::Result<()>) -> Result<bool, Error> {
    match printed {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Error::io("print the calls", error)),
    }
}

/// Checks the whole journal.
pub(crate) fn verify(options: &VerifyOptions) -> Result<(), Error> {
    harden_process()?;
    let data = options.place.data()?;
    let crypto = Crypto::standard();
    let root = Opener::of(&data)?.unseal(&crypto, &data.directory)?;
    // The anchor first: a server that runs may write on, never back.
    let anchor = Anchor::open(&crypto, &data.directory, &root)?;
    let medium = journal_to_read(&data.directory)?;
    let report = journal::verify(&medium, &chain_key(&crypto, &root)?, None)
        .map_err(|cause| Error::io("read the journal", cause))?;
    for fault in &report.faults {
        eprintln!("bulla: {fault}");
    }
    if !report.is_clean() {
        let found = report.faults.len() as u64 + report.more_faults;
        return Err(Error::Faults(format!(
            "the journal in {} is not as it was written: {found} faults. Keep a copy of it, and \
             find out who could write there",
            data.directory.display()
        )));
    }
    anchor.check(u64::MAX, report.last.map_or(0, |last| last.sequence))?;
    println!("{}", summary(&report));
    Ok(())
}

fn summary(report: &Report) -> String {
    format!("{} records in {} segments are as they were written", report.records, report.segments)
}
