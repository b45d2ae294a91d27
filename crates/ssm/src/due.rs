//! What the scheduler carries out: parameter policies.
//!
//! A parameter has one job for each time at which some of its policies are due. The jobs' rows are
//! written and deleted together with the record that names the times, so that neither is ever
//! without the other, and each policy is carried out once.

use std::collections::BTreeSet;
use std::sync::Arc;

use bulla_plane::Stop;
use bulla_plane::scheduler::{DUE, Job, due_key};
use bulla_plane::service::MAX_ATTEMPTS;
use bulla_shapes::Fault;
use bulla_store::{Expected, Key, SealedBatch};

use crate::events::Change;
use crate::live::Live;
use crate::place::{self, PARAMETERS, VERSIONS};
use crate::record::{ParameterRecord, Plan, PlanKind};
use crate::{Ssm, fault, sharing};

/// The kind of the jobs. Short, as the row's key holds the longest name as well.
const POLICY: &str = "policy";

/// The times at which something is still to be done.
fn times(plans: &[Plan]) -> BTreeSet<i64> {
    plans.iter().filter(|plan| !plan.done).map(|plan| plan.due_ms.max(0)).collect()
}

fn job_row(record: &ParameterRecord, due_ms: i64) -> Key {
    let ParameterRecord { account, region, .. } = record;
    due_key(due_ms, "ssm", POLICY, &format!("{account}/{region}/{}", record.path()))
}

/// Adds the jobs of a record's plans to the commit of the record, and takes away those of the plans
/// that it had before.
pub(crate) fn schedule(
    mut batch: SealedBatch,
    record: &ParameterRecord,
    before: &[Plan],
) -> SealedBatch {
    let (old, new) = (times(before), times(&record.plans));
    for due_ms in old.difference(&new) {
        // A job's row is written once.
        batch = batch.delete(DUE, job_row(record, *due_ms), Expected::At(1));
    }
    for due_ms in new.difference(&old) {
        batch = batch.put(DUE, job_row(record, *due_ms), Expected::Absent, b"{}".to_vec());
    }
    batch
}

/// Takes a parameter away, with everything that belongs to it.
pub(crate) fn removed(mut batch: SealedBatch, live: &Live) -> SealedBatch {
    let record = &live.record;
    batch = batch.delete(PARAMETERS, live.row.as_str(), Expected::At(live.version));
    for number in record.oldest..record.newest.number {
        let row = place::version_row(&live.row, number);
        batch = batch.delete(VERSIONS, row, Expected::At(1));
    }
    let without = ParameterRecord { plans: Vec::new(), ..record.clone() };
    batch = schedule(batch, &without, &record.plans);
    sharing::reindexed(batch, record, &[])
}

/// Carries out a job, or drops it when it no longer applies.
pub(crate) async fn run(ssm: &Ssm, job: &Job) -> Result<(), Fault> {
    for _ in 0..MAX_ATTEMPTS {
        match attempt(ssm, job).await {
            Ok(()) => return Ok(()),
            Err(Stop::Fault(fault)) => return Err(fault),
            Err(Stop::Again) => {}
            Err(Stop::Internal) => return Err(fault::internal()),
        }
    }
    Err(fault::internal())
}

async fn attempt(ssm: &Ssm, job: &Job) -> Result<(), Stop> {
    let key = Key::from(job.key.clone());
    if ssm.barrier.get(DUE, key.as_bytes()).await?.is_none() {
        return Ok(());
    }
    let mut parts = job.subject.splitn(3, '/');
    let mut next = || parts.next().unwrap_or_default();
    let row = place::row(next(), next(), next());
    // What is kept in memory may be older than the commit that put this job there.
    ssm.cache.forget(&row);
    let live = ssm.live(&row).await?;
    let due = |plan: &&Plan| !plan.done && plan.due_ms.max(0) == job.due_ms;
    let Some(live) = live.filter(|live| live.record.plans.iter().any(|plan| due(&plan))) else {
        let done = SealedBatch::new().delete(DUE, key, Expected::At(job.version));
        ssm.barrier.commit(done).await?;
        return Ok(());
    };
    let mut plans: Vec<&Plan> = live.record.plans.iter().filter(due).collect();
    // What is told of an expiration comes last.
    plans.sort_by_key(|plan| plan.kind == PlanKind::Expiration);
    let mut batch = SealedBatch::new();
    for plan in &plans {
        batch = ssm.tell_policy(batch, &live.record, plan, job.now_ms)?;
    }
    if plans.iter().any(|plan| plan.kind == PlanKind::Expiration) {
        return expire(ssm, &live, job, batch).await;
    }
    let mut record = live.record.clone();
    for plan in &mut record.plans {
        plan.done |= plan.due_ms.max(0) == job.due_ms;
    }
    let batch = schedule(batch, &record, &live.record.plans);
    ssm.save(batch, Some(&live), record).await
}

async fn expire(ssm: &Ssm, live: &Arc<Live>, job: &Job, batch: SealedBatch) -> Result<(), Stop> {
    let batch = removed(batch, live);
    let batch = ssm.tell_change(batch, &live.record, Change::Delete, job.now_ms)?;
    ssm.remove(batch, std::slice::from_ref(live)).await
}
