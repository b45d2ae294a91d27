//! Test 17: the same seed gives the same history and the same disk, bit for bit.

use std::sync::Arc;

use bulla_plane::journal::{self as plane, Medium};
use bulla_store::{Batch, Disk, DiskFault, Faults, Simulated, Store};

use crate::clones;
use crate::journal;
use crate::random::Random;
use crate::run::{Counts, Run, demand, say, wait};
use crate::store::{KEYS, Rows, create, step};

const STEPS: u64 = 10;
const RECORDS: i64 = 10;

pub(crate) fn run(run: &mut Run) -> Result<Counts, String> {
    let mut counts = Counts::default();
    let (mut images, mut before) = (0_u64, None);
    while run.goes_on(100) {
        let seed = run.random.next();
        let again = |what: &str| format!("seed {seed}: {what} differs the second time");
        let engine = wait(engine_run(seed))?;
        demand(engine == wait(engine_run(seed))?, || again("the disk of the store"))?;
        demand(journal_run(seed) == journal_run(seed), || again("the disk of the journal"))?;
        // Two runs that fail at once may be the same; were all the same, nothing would be compared.
        let differs = before.replace(engine.clone()).is_some_and(|before| before != engine);
        counts.add("unlike the seed before", u64::from(differs));
        if images.is_multiple_of(64) {
            let sealed = || clones::ask("image", seed, 0, 0);
            demand(sealed()? == sealed()?, || again("the sealed disk"))?;
            counts.add("sealed stores by processes", 1);
        }
        images += 1;
    }
    counts.add("seeds", images);
    counts.all_of(&["seeds", "unlike the seed before", "sealed stores by processes"])
}

/// What commits answered, and the disk, of a run with faults.
async fn engine_run(seed: u64) -> Result<(Vec<String>, Vec<u8>), String> {
    let (mut random, disk) = (Random::new(seed), Disk::new(seed));
    let engine = Simulated::open(disk.clone()).map_err(say)?;
    let kind = if random.below(2) == 0 { DiskFault::Io } else { DiskFault::Full };
    let within = usize::try_from(2 * STEPS).map_err(say)?;
    disk.set_faults(Faults {
        cut_at_sync: (random.below(2) == 0).then(|| 1 + random.below(within / 2) as u64),
        fail_at: Some((1 + random.below(within) as u64, kind)),
        fail_forever: random.below(2) == 0,
    });
    let mut history = Vec::new();
    for number in 0..STEPS {
        let size = random.below(3000);
        let value = random.bytes(size);
        let batch = Batch::new().put(KEYS, format!("key{}", random.below(5)), number + 1, value);
        history.push(format!("{:?}", engine.commit(batch).await));
    }
    disk.power_cycle();
    Ok((history, disk.durable()))
}

/// The same of a journal.
fn journal_run(seed: u64) -> (Vec<String>, Vec<(u64, Vec<u8>)>) {
    let mut random = Random::new(seed);
    let disk = Arc::new(plane::Simulated::new(seed));
    disk.cut_power_at(1 + random.below(30) as u64);
    let medium = Arc::clone(&disk) as Arc<dyn Medium>;
    let mut history = Vec::new();
    match journal::open(&medium) {
        Err(error) => history.push(error.to_string()),
        Ok(journal) => {
            let all = wait(async {
                let mut all = Vec::new();
                for time in 1..=RECORDS {
                    let outcome = journal::append(&journal, time).await;
                    all.push(format!("{outcome:?}"));
                    // What is tried again by itself depends on time, and is not repeated.
                    if outcome.is_err() {
                        break;
                    }
                }
                Ok(all)
            });
            history.extend(all.unwrap_or_default());
        }
    }
    let image = disk.tamper(|segments| segments.clone().into_iter().collect());
    (history, image)
}

/// The disk of a sealed store. Nonces count within a process, so only processes can agree on it.
pub(crate) async fn sealed_image(seed: u64) -> Result<Vec<u8>, String> {
    let (mut random, disk) = (Random::new(seed), Disk::new(seed));
    let engine = Arc::new(Simulated::open(disk.clone()).map_err(say)?);
    let barrier = create(engine, seed).await.map_err(say)?;
    let mut rows = Rows::new();
    for _ in 0..STEPS {
        let (batch, after) = step(&mut random, &rows);
        barrier.commit(batch).await.map_err(say)?;
        rows = after;
    }
    Ok(disk.durable())
}
