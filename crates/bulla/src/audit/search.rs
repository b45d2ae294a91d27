//! `bulla audit search`: the records that fit, read from the journal and checked.

use std::io::{self, Write};
use std::sync::Arc;

use bulla_crypto::{Crypto, harden_process};
use bulla_plane::journal::{ReadError, Reader, Record, RecordRef};
use bulla_trail::index::user_name;

use crate::cli::Place;
use crate::cli::audit::{SearchOptions, Wanted};
use crate::error::Error;
use crate::foundation::{chain_key, journal_to_read};
use crate::seal::Opener;
use crate::stdout::goes_on;

/// Prints the calls that fit.
pub(crate) fn search(options: &SearchOptions) -> Result<(), Error> {
    harden_process()?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut left = options.limit.unwrap_or(u64::MAX);
    let whole = each(&options.place, &options.wanted, |_, fields| {
        if left == 0 {
            return Ok(false);
        }
        left -= 1;
        goes_on(writeln!(out, "{}", fields.to_cloudtrail_json()))
    });
    goes_on(out.flush())?;
    whole
}

/// Gives each record that fits to `act`, oldest first, until that says that it is enough.
///
/// # Errors
/// When the journal can't be read, what `act` fails with, and at the end if records were damaged.
pub(super) fn each(
    place: &Place,
    wanted: &Wanted,
    mut act: impl FnMut(&Record, &RecordRef<'_>) -> Result<bool, Error>,
) -> Result<(), Error> {
    let data = place.data()?;
    let crypto = Crypto::standard();
    let root = Opener::of(&data)?.unseal(&crypto, &data.directory)?;
    let medium = Arc::new(journal_to_read(&data.directory)?);
    let key = Arc::new(chain_key(&crypto, &root)?);
    let failed = |cause| Error::io("read the journal", cause);
    let mut faults = 0_u64;
    for record in Reader::from_sequence(medium, key, 1).map_err(failed)? {
        let fault = match record {
            Ok(record) => match record.fields() {
                Ok(fields) if !wanted.fits(&fields) => continue,
                Ok(fields) if act(&record, &fields)? => continue,
                Ok(_) => return Ok(()),
                Err(error) => error.to_string(),
            },
            Err(ReadError::Io(cause)) => return Err(failed(cause)),
            Err(ReadError::Fault(fault)) => fault.to_string(),
        };
        faults += 1;
        eprintln!("bulla: {fault}");
    }
    if faults == 0 {
        return Ok(());
    }
    Err(Error::Faults("the journal is damaged: run `bulla audit verify`".to_owned()))
}

impl Wanted {
    fn fits(&self, record: &RecordRef<'_>) -> bool {
        let is = |wanted: &Option<String>, text: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| text == Some(wanted))
        };
        let service = record.event_source.split('.').next();
        let identity = &record.identity;
        let by = self.user.as_deref().is_none_or(|wanted| {
            user_name(identity) == Some(wanted) || identity.arn == Some(wanted)
        });
        let touched = self
            .resource
            .as_deref()
            .is_none_or(|wanted| record.resources.iter().any(|resource| resource.arn == wanted));
        let since = self.since.is_none_or(|since| record.time_ms >= since.as_millisecond());
        let until = self.until.is_none_or(|until| record.time_ms < until.as_millisecond());
        is(&self.event, Some(record.event_name))
            && is(&self.service, service)
            && is(&self.account, Some(record.recipient_account_id))
            && is(&self.region, Some(record.region))
            && is(&self.access_key, identity.access_key_id)
            && is(&self.error, record.error_code)
            && by
            && touched
            && since
            && until
    }
}

#[cfg(test)]
mod tests {
    use bulla_plane::journal::Identity;

    use super::*;

    #[test]
    fn all_that_is_given_must_fit() {
        let record = RecordRef {
            event_name: "Decrypt",
            event_source: "kms.amazonaws.com",
            error_code: Some("AccessDenied"),
            time_ms: 1_000,
            identity: Identity {
                kind: Some("AssumedRole"),
                principal_id: Some("AROA:night"),
                arn: Some("arn:session"),
                ..Identity::default()
            },
            ..RecordRef::default()
        };
        let some = |text: &str| Some(text.to_owned());
        let fits = |wanted: Wanted| wanted.fits(&record);
        assert!(fits(Wanted::default()));
        let both = Wanted { event: some("Decrypt"), service: some("kms"), ..Wanted::default() };
        assert!(fits(both));
        for user in ["night", "arn:session"] {
            assert!(fits(Wanted { user: some(user), ..Wanted::default() }));
        }
        let other = Wanted { event: some("Decrypt"), error: some("Other"), ..Wanted::default() };
        assert!(!fits(other));
        let second = jiff::Timestamp::from_second(1).unwrap();
        assert!(fits(Wanted { since: Some(second), ..Wanted::default() }));
        assert!(!fits(Wanted { until: Some(second), ..Wanted::default() }));
    }
}
