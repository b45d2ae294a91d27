//! Crimes on journals of the library's own.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bulla_plane::journal::{
    Anchor, Directory, Journal, MAX_TOGETHER, Medium, Options, RecordRef, verify,
};
use tempfile::TempDir;

use super::crime::{ALL, Findings, commit, must_be_named, spree};
use super::layout::{Segment, layout, some};
use crate::journal;
use crate::run::{Counts, Run, demand, say, wait};

const RECORDS_OF_A_SMALL_ONE: u64 = 40;
/// A large journal has so many records for each so much time that there is, and a million at most.
const RECORDS_OF_A_LARGE_ONE: u64 = 20_000;
const FOR_EACH: Duration = Duration::from_secs(30);
const MOST_RECORDS: u64 = 1_000_000;

/// A journal in a folder, complete.
struct Written {
    folder: TempDir,
    anchor: Anchor,
    segments: Vec<Segment>,
}

impl Written {
    fn new(records: u64, options: Options) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(say)?;
        let path = folder.path().join("journal");
        let medium: Arc<dyn Medium> = Arc::new(Directory::open(&path).map_err(say)?);
        let (journal, _) = Journal::open(medium, journal::key(), options).map_err(say)?;
        wait(fill(&journal, records))?;
        let anchor = journal.anchor();
        drop(journal);
        let segments = layout(&path, &journal::key())?;
        let written = Self { folder, anchor, segments };
        written.must_be_clean()?;
        Ok(written)
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("journal")
    }

    fn verify(&self) -> Result<Findings, String> {
        let medium = Directory::open_to_read(self.path()).map_err(say)?;
        let report = verify(&medium, &journal::key(), Some(self.anchor)).map_err(say)?;
        let named = report.faults.iter().filter_map(|fault| fault.records).collect();
        Ok(Findings { named, all_listed: report.more_faults == 0 })
    }

    fn must_be_clean(&self) -> Result<(), String> {
        let named = self.verify()?.named;
        demand(named.is_empty(), || format!("all is as it was written, and yet named: {named:?}"))
    }
}

async fn fill(journal: &Journal, records: u64) -> Result<(), String> {
    let mut written = 0;
    while written < records {
        let together = (records - written).min(MAX_TOGETHER as u64);
        let group: Vec<_> = (written..written + together)
            .map(|number| RecordRef {
                time_ms: number as i64,
                event_source: "kms.amazonaws.com",
                event_name: "Decrypt",
                region: "eu-west-1",
                recipient_account_id: "111122223333",
                source_ip: "203.0.113.9",
                request_parameters: Some("{\"encryptionAlgorithm\":\"SYMMETRIC_DEFAULT\"}"),
                ..RecordRef::default()
            })
            .collect();
        journal.append_all(&group).await.map_err(say)?;
        written += together;
    }
    Ok(())
}

/// Every crime on every record of a small journal, one after the other.
pub(super) fn small(run: &mut Run, percent: u32, counts: &mut Counts) -> Result<(), String> {
    let written = Written::new(RECORDS_OF_A_SMALL_ONE, journal::small())?;
    let mut first = true;
    while first || run.goes_on(percent) {
        first = false;
        for (segment, index) in written
            .segments
            .iter()
            .flat_map(|segment| (0..segment.records.len()).map(move |index| (segment, index)))
        {
            let good = segment.read()?;
            for crime in ALL {
                let mut bad = good.clone();
                let Some(done) = commit(crime, segment, index, &mut bad, &mut run.random) else {
                    continue;
                };
                segment.write(&bad)?;
                must_be_named(&[done], &written.verify()?)?;
                counts.add("crimes on each record of a small journal", 1);
            }
            segment.write(&good)?;
        }
    }
    written.must_be_clean()
}

/// Crimes all over a large journal, all named by one check.
pub(super) fn large(run: &mut Run, percent: u32, counts: &mut Counts) -> Result<(), String> {
    let records = RECORDS_OF_A_LARGE_ONE * u64::from(run.parts(FOR_EACH));
    let written = Written::new(records.min(MOST_RECORDS), Options::default())?;
    let in_all: usize = written.segments.iter().map(|segment| segment.records.len()).sum();
    counts.add("records of a large journal", in_all as u64);
    // Fewer at once, if more is found than one list has room for.
    let mut most = written.segments.len();
    let mut first = true;
    while first || run.goes_on(percent) {
        first = false;
        let chosen = some(&written.segments, most, &mut run.random);
        let good = chosen.iter().map(|segment| segment.read()).collect::<Result<Vec<_>, _>>()?;
        let mut done = Vec::new();
        for segment in &chosen {
            done.extend(spree(segment, &ALL, &mut run.random)?);
        }
        let findings = written.verify()?;
        counts.add("crimes in a large journal", must_be_named(&done, &findings)?);
        if !findings.all_listed {
            most = (most / 2).max(1);
        }
        for (segment, good) in chosen.iter().zip(good) {
            segment.write(&good)?;
        }
    }
    written.must_be_clean()
}
