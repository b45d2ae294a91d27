//! Test 4: a byte of a row, of the store's file or of the journal rots: it is noticed, never
//! served, and everything else is served on.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use bulla_plane::journal::{self as plane, FaultKind, Medium, Report, verify};
use bulla_store::{BarrierError, DATABASE_FILE, Sqlite, StoreError};

use crate::intruder::{Intruded, RECORDS, name, value};
use crate::journal;
use crate::random::Random;
use crate::run::{Counts, Run, demand, say, wait};
use crate::store::{KEYS, open};

const JOURNAL_RECORDS: i64 = 24;
/// A chain value that rots takes with it its own record and the next one, which it authenticates.
const MOST_LOST: usize = 2;
/// Up to which part of the time rows are altered, and bytes of the file; then the journal.
const ROWS_PERCENT: u32 = 30;
const FILE_PERCENT: u32 = 65;

pub(crate) fn run(run: &mut Run) -> Result<Counts, String> {
    let mut counts = Counts::default();
    counts.add("altered rows", wait(rows(run))?);
    counts.add("altered bytes of the file", file(run)?);
    while run.goes_on(100) {
        segments(run, &mut counts)?;
    }
    counts.all_of(&["altered rows", "altered bytes of the file", "altered bytes of a journal"])
}

async fn rows(run: &mut Run) -> Result<u64, String> {
    let store = Intruded::new(run.seed).await?;
    let mut count = 0;
    while run.goes_on(ROWS_PERCENT) {
        let record = run.random.below(RECORDS);
        let good = store.sealed(record)?;
        let mut bad = good.clone();
        let at = run.random.below(bad.value.len());
        let flip = 1_u8 << run.random.below(8);
        bad.value.get_mut(at).map(|byte| *byte ^= flip).ok_or("an empty row")?;
        store.replace(record, &bad)?;
        for other in 0..RECORDS {
            let got = store.barrier.get(KEYS, name(other).as_bytes()).await;
            let sound = match got {
                Ok(Some(row)) => other != record && row.value.ct_eq(&value(other, 1)),
                Err(BarrierError::Altered { .. } | BarrierError::NoDomainKey { .. }) => {
                    other == record
                }
                _ => false,
            };
            demand(sound, || format!("byte {at} of record {record}: wrong of record {other}"))?;
        }
        let verified = store.barrier.verify_all().await.map_err(say)?;
        let named = verified.altered.iter().map(ToString::to_string).collect::<Vec<_>>();
        demand(named == [format!("keys/{}", name(record))], || format!("named: {named:?}"))?;
        store.replace(record, &good)?;
        count += 1;
    }
    let verified = store.barrier.verify_all().await.map_err(say)?;
    demand(verified.is_intact(), || format!("not as before: {verified}"))?;
    Ok(count)
}

/// Bytes of the database file, in an order by chance until all were altered.
fn file(run: &mut Run) -> Result<u64, String> {
    let (directory, file) = wait(async { Intruded::new(run.seed).await?.close().await })?;
    let good = fs::read(&file).map_err(say)?;
    let mut order: Vec<usize> = (0..good.len()).collect();
    shuffle(&mut order, &mut run.random);
    let mut count = 0;
    for at in order {
        if !run.goes_on(FILE_PERCENT) {
            break;
        }
        let mut bad = good.clone();
        bad.get_mut(at).map(|byte| *byte ^= 0xff).ok_or("an empty file")?;
        fs::write(&file, bad).map_err(say)?;
        for side in ["-wal", "-shm"] {
            // Mostly they are not there.
            let _ = fs::remove_file(directory.path().join(format!("{DATABASE_FILE}{side}")));
        }
        let wrong = wait(unnoticed(directory.path(), run.seed))?;
        demand(wrong.is_empty(), || format!("byte {at} of the file: wrongly served: {wrong:?}"))?;
        count += 1;
    }
    Ok(count)
}

/// Opens what is there: the records that are wrong although nobody says that there is damage.
async fn unnoticed(directory: &Path, seed: u64) -> Result<Vec<String>, String> {
    let Ok(engine) = Sqlite::open(directory) else { return Ok(Vec::new()) };
    let Ok(barrier) = open(Arc::new(engine), seed).await else { return Ok(Vec::new()) };
    let (mut wrong, mut silent) = (Vec::new(), Vec::new());
    for record in 0..RECORDS {
        match barrier.get(KEYS, name(record).as_bytes()).await {
            Ok(Some(row)) if row.value.ct_eq(&value(record, 1)) => {}
            // A false value is never excused; a missing one is, if the check of all finds it.
            Ok(Some(_)) => wrong.push(name(record)),
            Ok(None) => silent.push(name(record)),
            Err(
                BarrierError::Altered { .. }
                | BarrierError::NoDomainKey { .. }
                | BarrierError::Store(StoreError::Corrupt { .. } | StoreError::Io { .. }),
            ) => {}
            Err(error) => return Err(say(error)),
        }
    }
    if barrier.verify_all().await.is_ok_and(|verified| verified.is_intact()) {
        wrong.append(&mut silent);
    }
    Ok(wrong)
}

fn segments(run: &mut Run, counts: &mut Counts) -> Result<(), String> {
    let disk = Arc::new(plane::Simulated::new(run.random.next()));
    let medium = Arc::clone(&disk) as Arc<dyn Medium>;
    let journal = journal::open(&medium).map_err(say)?;
    let appended = wait(async {
        for time in 1..=JOURNAL_RECORDS {
            journal::append(&journal, time).await.map_err(say)?;
        }
        Ok(journal.anchor())
    });
    drop(journal);
    let anchor = appended?;
    let (whole, _) = journal::contents(&medium)?;
    let good = disk.tamper(|all| all.clone());
    let mut places = Vec::new();
    for (number, bytes) in &good {
        // Behind the last record there are only zeros made ahead, which say nothing.
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        places.extend((0..used).map(|at| (*number, at)));
    }
    shuffle(&mut places, &mut run.random);
    for (number, at) in places {
        if !run.goes_on(100) {
            break;
        }
        let flip = 1_u8 << run.random.below(8);
        let toggle = || {
            disk.tamper(|all| {
                all.get_mut(&number).and_then(|bytes| bytes.get_mut(at)).map(|byte| *byte ^= flip)
            })
        };
        toggle();
        let place = format!("byte {at} of segment {number}");
        let report = verify(&*medium, &journal::key(), Some(anchor)).map_err(say)?;
        demand(!report.is_clean(), || format!("{place}: not noticed"))?;
        let (found, faults) = journal::contents(&medium)?;
        // What does not hold at the very end may still be being written.
        let end_only = whole.starts_with(&found);
        demand(faults > 0 || end_only, || format!("{place}: no reader notices"))?;
        let unread = whole.iter().filter(|record| !found.contains(record)).count();
        let invented = found.iter().any(|record| !whole.contains(record));
        let held = usize::try_from(report.records).map_err(say)?;
        let lost = whole.len().saturating_sub(held);
        // A record that refers to the one that rots holds, and can't be read: each is named.
        let referring = referring(&report)?;
        let is_told = lost <= MOST_LOST && unread <= MOST_LOST + referring;
        demand(is_told && !invented, || {
            format!(
                "{place}: {lost} lost, {unread} unread, {referring} of them named, records \
                 invented: {invented}"
            )
        })?;
        toggle();
        counts.add("altered bytes of a journal", 1);
    }
    Ok(())
}

/// How many records are named that only refer to what is damaged.
fn referring(report: &Report) -> Result<usize, String> {
    let named = report.faults.iter().filter(|fault| fault.kind == FaultKind::Texts);
    let spans = named.filter_map(|fault| fault.records).map(|(first, last)| last - first + 1);
    usize::try_from(spans.sum::<u64>()).map_err(say)
}

fn shuffle<T>(all: &mut [T], random: &mut Random) {
    for last in (1..all.len()).rev() {
        all.swap(last, random.below(last + 1));
    }
}
