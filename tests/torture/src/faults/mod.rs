//! Test 3: every write and every sync fails in its turn, with an I/O error or for want of room,
//! once or until the disk is well again; of the store, of the journal, of both under KMS, and of
//! the program on a disk of our own.
//!
//! Nothing is answered after a sync that failed, what was answered is there when the fault is
//! over, also after a power cut, and the record has no gap.

mod journal;
mod program;
mod services;
mod store;

use crate::run::{Counts, Run};

/// Up to which part of the time the store's disk fails alone, the journal's, both under the
/// services; then the program's.
const STORE_PERCENT: u32 = 10;
const JOURNAL_PERCENT: u32 = 20;
const SERVICES_PERCENT: u32 = 50;

const COUNTED: [&str; 3] =
    ["faults of a store", "faults of a journal", "faults of a machine with KMS"];

pub(crate) fn run(run: &mut Run) -> Result<Counts, String> {
    let mut counts = Counts::default();
    let [store, journal, services] = COUNTED;
    while run.goes_on(STORE_PERCENT) {
        let seed = run.random.next();
        let faults = store::every_operation(seed, run, STORE_PERCENT);
        counts.add(store, faults.map_err(|error| format!("seed {seed}: {error}"))?);
    }
    while run.goes_on(JOURNAL_PERCENT) {
        let seed = run.random.next();
        let faults = journal::every_operation(seed, run, JOURNAL_PERCENT);
        counts.add(journal, faults.map_err(|error| format!("seed {seed}: {error}"))?);
    }
    while run.goes_on(SERVICES_PERCENT) {
        let seed = run.random.next();
        let faults = services::every_operation(seed, run, SERVICES_PERCENT);
        counts.add(services, faults.map_err(|error| format!("seed {seed}: {error}"))?);
    }
    let mut first = true;
    while first || run.goes_on(100) {
        first = false;
        let seed = run.random.next();
        let faults = program::every_operation(seed, run, &mut counts);
        if !faults.map_err(|error| format!("seed {seed}: {error}"))? {
            break;
        }
    }
    counts.all_of(&COUNTED)
}
