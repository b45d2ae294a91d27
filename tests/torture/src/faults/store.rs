//! A store whose disk fails at one operation after the other of a script.

use bulla_store::{Disk, DiskFault, Faults};

use crate::random::Random;
use crate::run::{Run, demand, say, wait};
use crate::script::{Left, check, script};
use crate::store::{rows_of, step};

/// One fault after the other, as long as there is time; how many there were.
pub(super) fn every_operation(seed: u64, run: &Run, percent: u32) -> Result<u64, String> {
    wait(async {
        let sound = Disk::new(seed);
        script(&sound, seed).await?;
        let mut tried = 0;
        for at in 1..=sound.operations() {
            for fault in [DiskFault::Io, DiskFault::Full] {
                for for_ever in [false, true] {
                    if tried > 0 && !run.goes_on(percent) {
                        return Ok(tried);
                    }
                    let faults = Faults {
                        fail_at: Some((at, fault)),
                        fail_forever: for_ever,
                        ..Faults::default()
                    };
                    one(seed, faults).await.map_err(|error| format!("{faults:?}: {error}"))?;
                    tried += 1;
                }
            }
        }
        Ok(tried)
    })
}

async fn one(seed: u64, faults: Faults) -> Result<(), String> {
    let disk = Disk::new(seed);
    disk.set_faults(faults);
    let (mut left, engine) = script(&disk, seed).await?;
    disk.set_faults(Faults::default());
    if let Some(barrier) = engine {
        // It did not stop, so it must go on by itself.
        let (batch, after) = step(&mut Random::new(!seed), &left.acknowledged);
        barrier.commit(batch).await.map_err(say)?;
        demand(rows_of(&barrier).await? == after, || "rows are not as they were written".into())?;
        left.acknowledged = after;
    }
    // The system still shows what it never brought to the disk.
    let after = check(&disk, &left, seed).await?;
    disk.power_cycle();
    let left = Left { created: true, acknowledged: after, under_way: None };
    check(&disk, &left, seed).await.map(drop)
}
