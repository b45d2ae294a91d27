//! A journal whose medium fails at one operation after the other of a script.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use bulla_plane::journal::{self as plane, Journal, Medium, verify};

use crate::journal;
use crate::run::{Run, at, demand, say};

/// Records of a script, three of them at a time.
const RECORDS: i64 = 15;
/// A journal that has not recovered by then hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sequence numbers and times of records that were acknowledged.
type Acknowledged = Vec<(u64, i64)>;

/// A fault: at which operation, whether for ever, and what the medium says.
#[derive(Clone, Copy, Debug)]
struct Fault {
    at: u64,
    for_ever: bool,
    kind: ErrorKind,
}

/// One fault after the other, as long as there is time; how many there were.
pub(super) fn every_operation(seed: u64, run: &Run, percent: u32) -> Result<u64, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.map_err(say)?.block_on(async {
        let sound = Arc::new(plane::Simulated::new(seed));
        let medium: Arc<dyn Medium> = sound.clone();
        let mut acknowledged = Vec::new();
        let journal = journal::open(&medium).map_err(say)?;
        write(&journal, 1..=RECORDS, &mut acknowledged).await;
        demand(acknowledged.len() as i64 == RECORDS, || "a sound disk refused a record".into())?;
        let mut tried = 0;
        for at in 1..=sound.operations() {
            for kind in [ErrorKind::Other, ErrorKind::StorageFull] {
                for for_ever in [false, true] {
                    if tried > 0 && !run.goes_on(percent) {
                        return Ok(tried);
                    }
                    let fault = Fault { at, for_ever, kind };
                    let hit = one(seed.wrapping_add(at), fault);
                    let hit = hit.await.map_err(|error| format!("{fault:?}: {error}"))?;
                    tried += u64::from(hit);
                }
            }
        }
        Ok(tried)
    })
}

/// Appends records, three of them together.
async fn write(
    journal: &Journal,
    mut times: impl Iterator<Item = i64>,
    acknowledged: &mut Acknowledged,
) -> u64 {
    let mut refused = 0;
    while let (Some(a), Some(b), Some(c)) = (times.next(), times.next(), times.next()) {
        let append = |time| journal::append(journal, time);
        let (first, second, third) = tokio::join!(append(a), append(b), append(c));
        for (answer, time) in [(first, a), (second, b), (third, c)] {
            match answer {
                Ok(sequence) => acknowledged.push((sequence, time)),
                Err(_) => refused += 1,
            }
        }
    }
    refused
}

/// Whether the fault came to pass: how many operations there are depends on which appends share a
/// sync.
async fn one(seed: u64, fault: Fault) -> Result<bool, String> {
    let disk = Arc::new(plane::Simulated::new(seed));
    let medium: Arc<dyn Medium> = disk.clone();
    disk.fail_at(fault.at, fault.for_ever, fault.kind);
    let mut acknowledged = Vec::new();
    let Ok(journal) = journal::open(&medium) else {
        disk.heal();
        let journal = journal::open(&medium).map_err(at("once the disk is well"))?;
        go_on(&journal, &mut acknowledged).await?;
        look(&medium, &journal, &acknowledged)?;
        return Ok(true);
    };
    let refused = write(&journal, 1..=RECORDS, &mut acknowledged).await;
    let hit = disk.operations() >= fault.at;
    if hit && fault.for_ever {
        let before = acknowledged.len();
        let more = write(&journal, 100..=102, &mut acknowledged).await;
        demand(acknowledged.len() == before && more == 3, || {
            "a record was acknowledged on a disk that fails".into()
        })?;
        demand(refused > 0, || "no record was refused on a disk that fails".into())?;
    }
    disk.heal();
    let recovered = tokio::time::timeout(PATIENCE, journal.recovered()).await;
    recovered.map_err(|_| "it does not recover by itself".to_owned())?;
    go_on(&journal, &mut acknowledged).await?;
    look(&medium, &journal, &acknowledged)?;
    drop(journal);
    let medium: Arc<dyn Medium> = Arc::new(disk.after_power_cut());
    let journal = journal::open(&medium).map_err(at("after a power cut"))?;
    go_on(&journal, &mut acknowledged).await?;
    look(&medium, &journal, &acknowledged)?;
    Ok(hit)
}

/// A sound disk takes every record.
async fn go_on(journal: &Journal, acknowledged: &mut Acknowledged) -> Result<(), String> {
    let refused = write(journal, 200..=205, acknowledged).await;
    demand(refused == 0, || format!("{refused} records are refused on a sound disk"))
}

/// What is there must be what was acknowledged, numbered without a gap.
fn look(
    medium: &Arc<dyn Medium>,
    journal: &Journal,
    acknowledged: &Acknowledged,
) -> Result<(), String> {
    let report = verify(&**medium, &journal::key(), Some(journal.anchor())).map_err(say)?;
    let (found, faults) = journal::contents(medium)?;
    demand(report.is_clean() && faults == 0, || format!("it does not hold: {:?}", report.faults))?;
    let gapless = found.iter().map(|(sequence, _)| *sequence).eq(1..=found.len() as u64);
    demand(gapless && found == *acknowledged, || format!("{acknowledged:?} became {found:?}"))
}
