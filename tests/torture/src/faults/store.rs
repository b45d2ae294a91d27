//! A store whose disk fails at one operation after the other of a script.

use std::sync::Arc;

use bulla_store::{Barrier, BarrierError, Disk, DiskFault, Faults, Simulated, StoreError};

use crate::power_cut::{Left, check};
use crate::random::Random;
use crate::run::{Run, demand, say, wait};
use crate::store::{create, rows_of, step};

const STEPS: u64 = 12;

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

/// Writes over and over; what was acknowledged, and the store unless it has stopped.
async fn script(disk: &Disk, seed: u64) -> Result<(Left, Option<Barrier>), String> {
    let mut left = Left::default();
    let engine = Arc::new(Simulated::open(disk.clone()).map_err(say)?);
    let Ok(barrier) = create(engine, seed).await else { return Ok((left, None)) };
    left.created = true;
    let mut random = Random::new(seed);
    for _ in 0..STEPS {
        let (batch, after) = step(&mut random, &left.acknowledged);
        match barrier.commit(batch).await {
            Ok(_) if left.under_way.is_some() => {
                return Err("a commit was answered after a failed sync".into());
            }
            Ok(_) => left.acknowledged = after,
            // Said before anything was in doubt: nothing of it may be there.
            Err(BarrierError::Store(StoreError::Full)) => {
                let found = rows_of(&barrier).await?;
                demand(found == left.acknowledged, || "a refused commit is there".into())?;
            }
            Err(BarrierError::Store(StoreError::FailStopped { .. })) => {
                left.under_way.get_or_insert(after);
            }
            Err(error) => return Err(say(error)),
        }
    }
    let stopped = left.under_way.is_some();
    if stopped {
        let read = barrier.view().await;
        demand(read.is_err(), || "a read was answered after a failed sync".into())?;
    }
    Ok((left, (!stopped).then_some(barrier)))
}
