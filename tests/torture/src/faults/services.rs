//! KMS over a store and a journal, of whose disks one fails at one operation after the other.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use bulla_plane::journal::{self as plane, Medium, verify};
use bulla_store::{Disk, DiskFault, Faults};
use serde_json::json;

use crate::client::REGION;
use crate::door::Door;
use crate::house::House;
use crate::journal;
use crate::power_cut_services::{ACCOUNT, house_on, recorded};
use crate::run::{Run, demand, say, wait};
use crate::writes::{Step, Worker, World, make_shared};

const STEPS: usize = 24;
/// How many writes are made once the disk is well again.
const STEPS_AFTERWARDS: usize = 5;
/// A journal that has not recovered by then hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// What fails, counted in the operations of one disk.
#[derive(Clone, Copy, Debug)]
struct Fault {
    of: Of,
    at: u64,
    full: bool,
    for_ever: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Store,
    Journal,
}

/// A machine with a disk for the store and one for the journal.
struct Machine {
    disk: Disk,
    journal: Arc<plane::Simulated>,
}

impl Machine {
    fn new(seed: u64) -> Self {
        Self { disk: Disk::new(seed), journal: Arc::new(plane::Simulated::new(seed)) }
    }

    fn medium(&self) -> Arc<dyn Medium> {
        Arc::clone(&self.journal) as _
    }

    fn house(&self, seed: u64) -> Result<House, String> {
        house_on(&self.disk, &self.medium(), seed)
    }

    /// The disks count from here on. Answers how many operations the one that fails has then done.
    fn fail(&self, fault: Fault) -> u64 {
        match fault.of {
            Of::Store => {
                let kind = if fault.full { DiskFault::Full } else { DiskFault::Io };
                self.disk.set_faults(Faults {
                    fail_at: Some((fault.at, kind)),
                    fail_forever: fault.for_ever,
                    ..Faults::default()
                });
                fault.at
            }
            Of::Journal => {
                let kind = if fault.full { ErrorKind::StorageFull } else { ErrorKind::Other };
                let at = self.journal.operations() + fault.at;
                self.journal.fail_at(at, fault.for_ever, kind);
                at
            }
        }
    }

    /// How many operations a disk has done.
    fn done(&self, of: Of) -> u64 {
        match of {
            Of::Store => self.disk.operations(),
            Of::Journal => self.journal.operations(),
        }
    }

    fn heal(&self) {
        self.disk.set_faults(Faults::default());
        self.journal.heal();
    }

    /// The same machine after a power cut.
    fn again(&self) -> Self {
        self.disk.power_cycle();
        Self { disk: self.disk.clone(), journal: Arc::new(self.journal.after_power_cut()) }
    }
}

/// One fault after the other, as long as there is time; how many there were.
pub(super) fn every_operation(seed: u64, run: &Run, percent: u32) -> Result<u64, String> {
    let sound = Machine::new(seed);
    let (house, mut worker) = begin(&sound, seed)?;
    let before = sound.journal.operations();
    sound.disk.set_faults(Faults::default());
    let lost = write(&house, &mut worker, STEPS)?;
    demand(!lost, || "a sound machine loses a write".into())?;
    let operations =
        [(Of::Store, sound.disk.operations()), (Of::Journal, sound.journal.operations() - before)];
    let faults = operations.into_iter().flat_map(|(of, count)| {
        (1..=count).flat_map(move |at| {
            [(false, false), (false, true), (true, false), (true, true)]
                .map(|(full, for_ever)| Fault { of, at, full, for_ever })
        })
    });
    let mut faults: Vec<_> = faults.collect();
    // Both kinds get their turn where there is no time for all.
    let mut random = crate::random::Random::new(seed);
    for last in (1..faults.len()).rev() {
        faults.swap(last, random.below(last + 1));
    }
    let mut tried = 0;
    for fault in faults {
        if tried > 0 && !run.goes_on(percent) {
            break;
        }
        let hit = one(seed, fault).map_err(|error| format!("{fault:?}: {error}"))?;
        tried += u64::from(hit);
    }
    Ok(tried)
}

fn begin(machine: &Machine, seed: u64) -> Result<(House, Worker), String> {
    let house = machine.house(seed)?;
    let shared = make_shared(&mut house.door(ACCOUNT, REGION), ACCOUNT)?;
    Ok((house, Worker::new("w", ACCOUNT, &shared, seed)))
}

/// Writes so often, or until a write is lost; whether one was.
fn write(house: &House, worker: &mut Worker, steps: usize) -> Result<bool, String> {
    let mut door = house.door(ACCOUNT, REGION);
    for _ in 0..steps {
        if worker.step(&mut door)? == Step::Lost {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the fault came.
fn one(seed: u64, fault: Fault) -> Result<bool, String> {
    let machine = Machine::new(seed);
    let (mut house, mut worker) = begin(&machine, seed)?;
    let at = machine.fail(fault);
    let lost = write(&house, &mut worker, STEPS)?;
    let stopped = wait(async { Ok(house.plane.barrier.view().await.is_err()) })?;
    // What is done beside the writes, such as sweeping, differs from run to run.
    let hit = machine.done(fault.of) >= at;
    demand(hit || !lost, || "a write is lost before anything failed".into())?;
    if stopped || (hit && fault.for_ever) {
        refused(&house)?;
    }
    machine.heal();
    if stopped {
        drop(house);
        house = machine.house(!seed)?;
    }
    let recovered =
        house.wait(async { tokio::time::timeout(PATIENCE, house.plane.journal.recovered()).await });
    recovered.map_err(|_| "the journal does not recover by itself".to_owned())?;
    look(&machine, &house, &mut worker)?;
    drop(house);
    let machine = machine.again();
    look(&machine, &machine.house(seed)?, &mut worker)?;
    Ok(hit)
}

/// While the disk fails, and after a store has stopped, nothing that writes is answered.
fn refused(house: &House) -> Result<(), String> {
    let mut door = house.door(ACCOUNT, REGION);
    for _ in 0..3 {
        let reply = door.call("CreateKey", &json!({})).map_err(|lost| lost.0)?;
        demand(reply.is_our_fault(), || format!("a write was answered by {}", reply.status))?;
    }
    Ok(())
}

/// All that was answered is there and recorded, the chain holds, and writing goes on.
fn look(machine: &Machine, house: &House, worker: &mut Worker) -> Result<(), String> {
    let mut door = house.door(ACCOUNT, REGION);
    let world = World::observe(&mut door)?;
    worker.reconcile(&world)?;
    worker.use_keys(&mut door)?;
    let lost = write(house, worker, STEPS_AFTERWARDS)?;
    demand(!lost, || "a write is lost on a sound machine".into())?;
    recorded(machine.medium(), worker)?;
    let anchor = house.plane.journal.anchor();
    let report = verify(&*machine.medium(), &journal::key(), Some(anchor)).map_err(say)?;
    demand(report.is_clean(), || format!("the journal does not hold: {:?}", report.faults))?;
    let verified = wait(async { house.plane.barrier.verify_all().await.map_err(say) })?;
    demand(verified.is_intact(), || verified.to_string())
}
