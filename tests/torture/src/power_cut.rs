//! Test 2: the power goes at every sync of a scripted run; writes are lost, reordered and torn.
//!
//! Afterwards the store and the journal open, hold all that was acknowledged, and of what was
//! under way either all or nothing.

use std::sync::Arc;

use bulla_plane::journal::{self as plane, Medium, verify};
use bulla_store::{Disk, Faults};

use crate::journal;
use crate::power_cut_services::every_sync as services;
use crate::run::{Counts, Run, at, demand, say, wait};
use crate::script::{STEPS, check, script};

const RECORDS: i64 = 12;
/// Up to which part of the time the store is cut alone, and the journal; then both under KMS.
const STORE_PERCENT: u32 = 30;
const JOURNAL_PERCENT: u32 = 50;

pub(crate) fn run(run: &mut Run) -> Result<Counts, String> {
    let mut counts = Counts::default();
    while run.goes_on(STORE_PERCENT) {
        let seed = run.random.next();
        let cuts = wait(every_sync(seed, run)).map_err(|error| format!("seed {seed}: {error}"))?;
        counts.add("crash images of a store", cuts);
    }
    while run.goes_on(JOURNAL_PERCENT) {
        let seed = run.random.next();
        let cuts = every_operation(seed).map_err(|error| format!("seed {seed}: {error}"))?;
        counts.add("crash images of a journal", cuts);
    }
    while run.goes_on(100) {
        let seed = run.random.next();
        let cuts = services(seed, run, 100).map_err(|error| format!("seed {seed}: {error}"))?;
        counts.add("crash images of a machine with KMS", cuts);
    }
    let needed = ["a store", "a journal", "a machine with KMS"];
    let needed = needed.map(|what| format!("crash images of {what}"));
    counts.all_of(&needed.each_ref().map(String::as_str))
}

async fn every_sync(seed: u64, run: &Run) -> Result<u64, String> {
    let disk = Disk::new(seed);
    script(&disk, seed).await?;
    let syncs = disk.syncs();
    demand(syncs == 1 + STEPS, || format!("{syncs} syncs in place of one for each commit"))?;
    let mut cuts = 0;
    for cut in (1..=syncs).take_while(|cut| *cut == 1 || run.goes_on(STORE_PERCENT)) {
        let disk = Disk::new(seed.wrapping_add(cut));
        disk.set_faults(Faults { cut_at_sync: Some(cut), ..Faults::default() });
        let (left, _stopped) = script(&disk, seed).await?;
        demand(left.created == (cut > 1), || format!("cut {cut} missed its sync"))?;
        disk.power_cycle();
        check(&disk, &left, seed).await.map_err(|error| format!("cut at sync {cut}: {error}"))?;
        cuts += 1;
    }
    Ok(cuts)
}

/// The same for a journal, at each of its changes and syncs.
fn every_operation(seed: u64) -> Result<u64, String> {
    let whole = Arc::new(plane::Simulated::new(seed));
    let acknowledged = write(&whole);
    demand(acknowledged.len() as i64 == RECORDS, || "a sound disk refused a record".into())?;
    let operations = whole.operations();
    for cut in 1..=operations {
        let disk = Arc::new(plane::Simulated::new(seed.wrapping_add(cut)));
        disk.cut_power_at(cut);
        let acknowledged = write(&disk);
        let medium: Arc<dyn Medium> = Arc::new(disk.after_power_cut());
        let context = format!("the journal's power cut at operation {cut}");
        drop(journal::open(&medium).map_err(at(&context))?);
        let (found, faults) = journal::contents(&medium)?;
        let report = verify(&*medium, &journal::key(), None).map_err(say)?;
        demand(faults == 0 && report.is_clean(), || format!("{context}: {:?}", report.faults))?;
        let kept = found.starts_with(&acknowledged);
        // One more was under way, and has its own number and time.
        let next = acknowledged.len() as u64 + 1;
        let rest = found.get(acknowledged.len()..).unwrap_or_default();
        let sound = rest.is_empty() || rest == [(next, next as i64)];
        demand(kept && sound, || format!("{context}: {acknowledged:?} became {found:?}"))?;
    }
    Ok(operations)
}

/// The records that were acknowledged before the power went.
fn write(disk: &Arc<plane::Simulated>) -> Vec<(u64, i64)> {
    let medium = Arc::clone(disk) as Arc<dyn Medium>;
    let Ok(journal) = journal::open(&medium) else { return Vec::new() };
    let appended = wait(async {
        let mut acknowledged = Vec::new();
        for time in 1..=RECORDS {
            match journal::append(&journal, time).await {
                Ok(sequence) => acknowledged.push((sequence, time)),
                Err(_) => break,
            }
        }
        Ok(acknowledged)
    });
    appended.unwrap_or_default()
}
