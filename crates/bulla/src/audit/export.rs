//! `bulla audit export`: records in a file, as lines of JSON or as Parquet.
//!
//! The file is written under another name and gets its own when it is complete, so that an export
//! that was interrupted is not taken for a whole one.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use bulla_crypto::harden_process;
use bulla_plane::journal::RecordRef;
use bulla_plane::pipeline::id_text;
use bulla_trail::index::user_name;
use bulla_trail::parquet::{Cell, Kind, Writer};

use super::search::each;
use crate::cli::audit::{ExportAuditOptions, Format};
use crate::error::Error;

/// The columns of a Parquet file.
const COLUMNS: [(&str, Kind); 17] = [
    ("sequence", Kind::Number),
    ("eventTime", Kind::Millis),
    ("eventID", Kind::Text),
    ("eventSource", Kind::Text),
    ("eventName", Kind::Text),
    ("awsRegion", Kind::Text),
    ("recipientAccountId", Kind::Text),
    ("userType", Kind::Text),
    ("userName", Kind::Text),
    ("userArn", Kind::Text),
    ("accessKeyId", Kind::Text),
    ("sourceIPAddress", Kind::Text),
    ("userAgent", Kind::Text),
    ("readOnly", Kind::Truth),
    ("errorCode", Kind::Text),
    ("resource", Kind::Text),
    ("event", Kind::Text),
];

/// Writes the records that fit to a file.
pub(crate) fn export(options: &ExportAuditOptions) -> Result<(), Error> {
    harden_process()?;
    let failed = |cause| Error::io(format!("write {}", options.output.display()), cause);
    let mut unfinished = options.output.clone().into_os_string();
    unfinished.push(".unfinished");
    let unfinished = Path::new(&unfinished);
    let mut file = OpenOptions::new();
    let file = file.write(true).create(true).truncate(true).mode(0o600);
    let out = BufWriter::new(file.open(unfinished).map_err(failed)?);
    let mut count = 0_u64;
    let out = match options.format {
        Format::Jsonl => lines(options, out, &mut count),
        Format::Parquet => parquet(options, out, &mut count),
    }?;
    let file = out.into_inner().map_err(|error| failed(error.into_error()))?;
    file.sync_all().map_err(failed)?;
    std::fs::rename(unfinished, &options.output).map_err(failed)?;
    eprintln!("{count} records are in {}", options.output.display());
    Ok(())
}

fn lines(
    options: &ExportAuditOptions,
    mut out: BufWriter<File>,
    count: &mut u64,
) -> Result<BufWriter<File>, Error> {
    each(&options.place, &options.wanted, |_, fields| {
        *count += 1;
        written(options, writeln!(out, "{}", fields.to_cloudtrail_json()))?;
        Ok(true)
    })?;
    Ok(out)
}

fn parquet(
    options: &ExportAuditOptions,
    out: BufWriter<File>,
    count: &mut u64,
) -> Result<BufWriter<File>, Error> {
    let mut writer = written(options, Writer::new(out, &COLUMNS))?;
    each(&options.place, &options.wanted, |record, fields| {
        *count += 1;
        let sequence = i64::try_from(record.sequence()).unwrap_or(i64::MAX);
        written(options, row(&mut writer, sequence, fields))?;
        Ok(true)
    })?;
    written(options, writer.finish())
}

fn row(
    writer: &mut Writer<BufWriter<File>>,
    sequence: i64,
    record: &RecordRef<'_>,
) -> io::Result<()> {
    let (id, whole) = (id_text(record.event_id), record.to_cloudtrail_json());
    let identity = &record.identity;
    writer.row(&[
        Cell::Number(sequence),
        Cell::Number(record.time_ms),
        Cell::Text(Some(&id)),
        Cell::Text(Some(record.event_source)),
        Cell::Text(Some(record.event_name)),
        Cell::Text(Some(record.region)),
        Cell::Text(Some(record.recipient_account_id)),
        Cell::Text(identity.kind),
        Cell::Text(user_name(identity)),
        Cell::Text(identity.arn),
        Cell::Text(identity.access_key_id),
        Cell::Text(Some(record.source_ip)),
        Cell::Text(record.user_agent),
        Cell::Truth(record.read_only),
        Cell::Text(record.error_code),
        Cell::Text(record.resources.first().map(|resource| resource.arn)),
        Cell::Text(Some(&whole)),
    ])
}

fn written<T>(options: &ExportAuditOptions, done: io::Result<T>) -> Result<T, Error> {
    done.map_err(|cause| Error::io(format!("write {}", options.output.display()), cause))
}
