//! Test 2, whole: KMS over a store and a journal on one machine, whose power goes at every sync
//! of either while writes are made.

use std::io;
use std::sync::Arc;

use bulla_crypto::hex;
use bulla_plane::journal::{self as plane, Medium, Reader, verify};
use bulla_store::{
    Barrier, BarrierError, Disk, Faults, MAX_PAGE_ROWS, Opened, Range, Simulated, Space,
};

use crate::client::REGION;
use crate::house::House;
use crate::journal;
use crate::run::{Run, at, demand, say, wait};
use crate::store::{create, crypto, open};
use crate::writes::{Step, Worker, World, make_shared};

pub(crate) const ACCOUNT: &str = "111122223333";
const STEPS: usize = 40;
/// How many writes are made after the power is back.
const STEPS_AFTERWARDS: usize = 5;
/// After so many writes a rotation's time passes.
const STEPS_OF_A_ROTATION: usize = 8;
const ROTATION_MS: u64 = 11_000;

/// When the power goes: at a sync of the store, or at a change or sync of the journal.
#[derive(Clone, Copy, Debug)]
enum Cut {
    Never,
    AtSync(u64),
    AtOperation(u64),
}

/// A machine with a disk for the store and one for the journal.
struct Machine {
    disk: Disk,
    journal: Arc<plane::Simulated>,
    cut: Cut,
}

impl Machine {
    fn new(seed: u64, cut: Cut) -> Self {
        let (disk, journal) = (Disk::new(seed), Arc::new(plane::Simulated::new(seed)));
        match cut {
            Cut::AtSync(sync) => {
                disk.set_faults(Faults { cut_at_sync: Some(sync), ..Faults::default() });
            }
            Cut::AtOperation(operation) => journal.cut_power_at(operation),
            Cut::Never => {}
        }
        Self { disk, journal, cut }
    }

    /// What the journal is written to: it loses its power with the store's disk.
    fn medium(&self) -> Arc<dyn Medium> {
        let sync = match self.cut {
            Cut::AtSync(sync) => sync,
            Cut::Never | Cut::AtOperation(_) => u64::MAX,
        };
        Arc::new(Wired { journal: Arc::clone(&self.journal), disk: self.disk.clone(), sync })
    }

    /// The same machine when the power is back.
    fn again(&self) -> Self {
        self.disk.power_cycle();
        let journal = Arc::new(self.journal.after_power_cut());
        Self { disk: self.disk.clone(), journal, cut: Cut::Never }
    }

    fn house(&self, seed: u64) -> Result<House, String> {
        house_on(&self.disk, &self.medium(), seed)
    }
}

/// The services over what is on two disks; over a new store where there is none.
pub(crate) fn house_on(disk: &Disk, medium: &Arc<dyn Medium>, seed: u64) -> Result<House, String> {
    let engine = Arc::new(Simulated::open(disk.clone()).map_err(say)?);
    let opened = wait(async { Ok(open(Arc::clone(&engine) as _, seed).await) })?;
    let barrier: Barrier = match opened {
        Err(BarrierError::NotInitialized) => {
            wait(async { create(engine, seed).await.map_err(at("create the store")) })?
        }
        opened => opened.map_err(at("open the store"))?,
    };
    let journal = journal::open_roomy(medium).map_err(at("open the journal"))?;
    House::new(crypto(seed), Arc::new(barrier), journal)
}

/// All cuts of one script: one at each sync of the store and at each operation of the journal.
pub(crate) fn every_sync(seed: u64, run: &Run, percent: u32) -> Result<u64, String> {
    let whole = Machine::new(seed, Cut::Never);
    let worker = script(&whole, seed)?.ok_or("a sound machine loses a write")?;
    demand(worker.answered.len() == STEPS, || "a sound machine loses writes".into())?;
    let syncs = (1..=whole.disk.syncs()).map(Cut::AtSync);
    let operations = (1..=whole.journal.operations()).map(Cut::AtOperation);
    let mut cuts = 0;
    for cut in syncs.chain(operations) {
        if cuts > 0 && !run.goes_on(percent) {
            break;
        }
        one(seed, cut).map_err(|error| format!("{cut:?}: {error}"))?;
        cuts += 1;
    }
    Ok(cuts)
}

/// Runs the script until the power goes; nothing if it went before there was anyone to write.
fn script(machine: &Machine, seed: u64) -> Result<Option<Worker>, String> {
    let Ok(house) = machine.house(seed) else { return Ok(None) };
    let mut door = house.door(ACCOUNT, REGION);
    let Ok(shared) = make_shared(&mut door, ACCOUNT) else { return Ok(None) };
    let mut worker = Worker::new("w", ACCOUNT, &shared, seed);
    for step in 1..=STEPS {
        if worker.step(&mut door)? == Step::Lost {
            break;
        }
        if step % STEPS_OF_A_ROTATION == 0 {
            // Without power it does nothing, and the next write tells.
            let _done = house.pass(ROTATION_MS);
        }
    }
    Ok(Some(worker))
}

fn one(seed: u64, cut: Cut) -> Result<(), String> {
    let machine = Machine::new(seed, cut);
    let worker = script(&machine, seed)?;
    let machine = machine.again();
    let house = machine.house(!seed)?;
    let report = verify(&*machine.medium(), &journal::key(), None).map_err(say)?;
    demand(report.is_clean(), || format!("the journal does not hold: {:?}", report.faults))?;
    let verified = wait(async { house.plane.barrier.verify_all().await.map_err(say) })?;
    demand(verified.is_intact(), || verified.to_string())?;
    counted(&house)?;
    let mut door = house.door(ACCOUNT, REGION);
    let world = World::observe(&mut door)?;
    let Some(mut worker) = worker else { return Ok(()) };
    recorded(machine.medium(), &worker)?;
    worker.reconcile(&world)?;
    worker.use_keys(&mut door)?;
    for _ in 0..STEPS_AFTERWARDS {
        let step = worker.step(&mut door)?;
        demand(step == Step::Acknowledged, || "a write is lost on a sound machine".into())?;
    }
    Ok(())
}

/// The counts of keys come to as many as there are: none of them is an AWS managed one.
fn counted(house: &House) -> Result<(), String> {
    let (keys, counts) = house.wait(async {
        let view = house.plane.barrier.view().await.map_err(say)?;
        let every = Range::all();
        let keys = view.range(Space::new("kms.key"), &every, MAX_PAGE_ROWS).await.map_err(say)?;
        let counts = view.range(Space::new("kms.count"), &every, MAX_PAGE_ROWS).await;
        Ok::<_, String>((keys, counts.map_err(say)?))
    })?;
    demand(keys.next.is_none() && counts.next.is_none(), || "too many keys to count".into())?;
    let number = |row: &Opened| row.value.expose().try_into().map(i64::from_be_bytes);
    let numbers: Result<Vec<i64>, _> = counts.rows.iter().map(|(_, row)| number(row)).collect();
    let sum: i64 = numbers.map_err(say)?.into_iter().sum();
    let there_are = keys.rows.len();
    demand(usize::try_from(sum) == Ok(there_are), || format!("{there_are} keys count as {sum}"))
}

/// Every call that was answered has its record.
pub(crate) fn recorded(medium: Arc<dyn Medium>, worker: &Worker) -> Result<(), String> {
    let reader = Reader::from_sequence(medium, journal::key(), 1).map_err(say)?;
    let mut known = Vec::new();
    for record in reader {
        known.extend(record.map_err(say)?.fields().map_err(say)?.request_id);
    }
    for id in &worker.answered {
        let bytes = hex::decode(id.replace('-', "")).map_err(say)?;
        let there = known.iter().any(|known| known[..] == bytes[..]);
        demand(there, || format!("the call {id} was answered and is not recorded"))?;
    }
    Ok(())
}

/// A journal on a machine whose power goes at a sync of another disk.
struct Wired {
    journal: Arc<plane::Simulated>,
    disk: Disk,
    sync: u64,
}

impl Wired {
    fn powered(&self) -> io::Result<&plane::Simulated> {
        if self.disk.syncs() >= self.sync {
            return Err(io::Error::other("the power is cut"));
        }
        Ok(&self.journal)
    }
}

impl Medium for Wired {
    fn list(&self) -> io::Result<Vec<u64>> {
        self.powered()?.list()
    }

    fn create(&self, segment: u64, capacity: u64) -> io::Result<()> {
        self.powered()?.create(segment, capacity)
    }

    fn size(&self, segment: u64) -> io::Result<u64> {
        self.powered()?.size(segment)
    }

    fn read(&self, segment: u64, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        self.powered()?.read(segment, offset, out)
    }

    fn append(&self, segment: u64, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.powered()?.append(segment, offset, bytes)
    }

    fn sync(&self, segment: u64) -> io::Result<()> {
        self.powered()?.sync(segment)
    }

    fn remove(&self, segment: u64) -> io::Result<()> {
        self.powered()?.remove(segment)
    }
}
