//! Writes to a store on a simulated disk that may fail, and what must be left of them.

use std::sync::Arc;

use bulla_store::{Barrier, BarrierError, Disk, Simulated, StoreError};

use crate::random::Random;
use crate::run::{at, demand, say};
use crate::store::{Rows, create, open, rows_of, step};

/// How many commits the script has.
pub(crate) const STEPS: u64 = 12;

/// What a run left behind.
#[derive(Default)]
pub(crate) struct Left {
    pub(crate) created: bool,
    pub(crate) acknowledged: Rows,
    /// The rows with the commit that the power cut hit.
    pub(crate) under_way: Option<Rows>,
}

/// Writes over and over; what was acknowledged, and the store unless it has stopped.
pub(crate) async fn script(disk: &Disk, seed: u64) -> Result<(Left, Option<Barrier>), String> {
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

/// Opens what is left, holds it against what was acknowledged, and goes on writing; the rows then.
pub(crate) async fn check(disk: &Disk, left: &Left, seed: u64) -> Result<Rows, String> {
    let engine = Arc::new(Simulated::open(disk.clone()).map_err(say)?);
    let barrier = match open(Arc::clone(&engine) as _, seed).await {
        Ok(barrier) => barrier,
        Err(BarrierError::NotInitialized) if !left.created => {
            create(engine, seed).await.map_err(at("create anew"))?
        }
        Err(error) => return Err(format!("it does not open: {error}")),
    };
    let found = rows_of(&barrier).await?;
    let whole = left.under_way.as_ref() == Some(&found);
    demand(found == left.acknowledged || whole, || "acknowledged rows are not there".into())?;
    let verified = barrier.verify_all().await.map_err(say)?;
    demand(verified.is_intact(), || verified.to_string())?;
    let (batch, after) = step(&mut Random::new(!seed), &found);
    barrier.commit(batch).await.map_err(at("go on writing"))?;
    let written = rows_of(&barrier).await? == after;
    demand(written, || "what was written afterwards is not there".into())?;
    Ok(after)
}
