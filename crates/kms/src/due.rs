//! What the scheduler carries out: rotations and deletions.

use bulla_plane::Stop;
use bulla_plane::scheduler::{DUE, Job, due_key};
use bulla_plane::service::MAX_ATTEMPTS;
use bulla_shapes::Fault;
use bulla_store::{Expected, Key, SealedBatch};

use crate::events::Happening;
use crate::family::with_record;
use crate::fault;
use crate::grants::without_grant;
use crate::imports::{EXPIRE, Place};
use crate::key::{self, DAY_MS, Material, Origin, Rotation, State};
use crate::live::LiveKey;
use crate::ops::lifecycle::await_deletion;
use crate::orphans::DESTROY;
use crate::usage::USAGES;
use crate::{ALIASES, KEYS, Kms, MATERIALS};

/// The job that removes grants of a key that is gone.
const SWEEP: &str = "sweep-grants";
/// How many grants one commit removes, each of three rows.
const GRANTS_A_COMMIT: usize = 500;

/// Carries out a job, or drops it when it no longer applies.
pub(crate) async fn run(kms: &Kms, job: &Job) -> Result<(), Fault> {
    for _ in 0..MAX_ATTEMPTS {
        match attempt(kms, job).await {
            Ok(()) => return Ok(()),
            Err(Stop::Fault(fault)) => return Err(fault),
            Err(Stop::Again) => {}
            Err(Stop::Internal) => return Err(fault::internal()),
        }
    }
    Err(fault::internal())
}

async fn attempt(kms: &Kms, job: &Job) -> Result<(), Stop> {
    let row = Key::from(job.key.clone());
    let done = SealedBatch::new().delete(DUE, row.clone(), Expected::At(job.version));
    if kms.barrier.get(DUE, row.as_bytes()).await?.is_none() {
        return Ok(());
    }
    // What is kept in memory may be older than the commit that put this job there.
    kms.cache.forget(&job.subject);
    if job.kind == SWEEP {
        return sweep(kms, job, done).await;
    }
    if job.kind == DESTROY {
        return kms.destroy_orphan(job, done).await;
    }
    if job.kind == EXPIRE {
        return expire(kms, job, done).await;
    }
    let Some(live) = kms.live(&job.subject).await? else {
        return kms.commit(&[&job.subject], done).await;
    };
    match job.kind.as_str() {
        "rotate" => rotate(kms, &live, job, done).await,
        "rotate-on-demand" => rotate_on_demand(kms, &live, job, done).await,
        "delete" => delete(kms, &live, job, done).await,
        _ => kms.commit(&[&job.subject], done).await,
    }
}

async fn rotate(kms: &Kms, live: &LiveKey, job: &Job, done: SealedBatch) -> Result<(), Stop> {
    let due = live.record.rotation.filter(|r| r.scheduled && r.next_ms == job.due_ms);
    let Some(rotation) = due.filter(|_| live.record.state == State::Enabled) else {
        return kms.commit(&[&job.subject], done).await;
    };
    let rotated = Some((job.due_ms, "AUTOMATIC"));
    let material = kms.new_material(live.record.kind).await?;
    let (mut record, batch) = kms.with_material(live.record.clone(), done, &material, rotated);
    let next_ms = rotation.next_ms.saturating_add(rotation.period_days.saturating_mul(DAY_MS));
    record.rotation = Some(Rotation { next_ms, ..rotation });
    let due = due_key(next_ms, "kms", "rotate", &job.subject);
    let batch = batch.put(DUE, due, Expected::Absent, b"{}".to_vec());
    let batch = kms.tell(batch, &record, Happening::Rotation, job.now_ms)?;
    kms.change(live, &record, batch, job.now_ms).await
}

async fn rotate_on_demand(
    kms: &Kms,
    live: &LiveKey,
    job: &Job,
    done: SealedBatch,
) -> Result<(), Stop> {
    let under_way = live.record.on_demand.is_some_and(|asked| asked.done_ms == job.due_ms);
    if !under_way {
        return kms.commit(&[&job.subject], done).await;
    }
    if live.record.origin == Origin::External {
        return rotate_to_pending(kms, live, job, done).await;
    }
    let rotated = Some((job.due_ms, "ON_DEMAND"));
    let material = kms.new_material(live.record.kind).await?;
    let (mut record, batch) = kms.with_material(live.record.clone(), done, &material, rotated);
    record.on_demand = None;
    let batch = kms.tell(batch, &record, Happening::Rotation, job.now_ms)?;
    kms.change(live, &record, batch, job.now_ms).await
}

/// Makes the material that was brought in for it the current one. It may have gone in between:
/// then the rotation ends without effect, which is our choice, as AWS's end is not recorded.
async fn rotate_to_pending(
    kms: &Kms,
    live: &LiveKey,
    job: &Job,
    done: SealedBatch,
) -> Result<(), Stop> {
    let mut record = live.record.clone();
    record.on_demand = None;
    let waits = record.pending.as_ref().map(|pending| pending.id.clone());
    let whole = match waits {
        Some(id) => kms.is_everywhere(&record, &id).await?,
        None => false,
    };
    let mut batch = done;
    if let Some(pending) = record.pending.take_if(|_| whole) {
        let (rotated_ms, rotated_by) = (Some(job.due_ms), Some("ON_DEMAND".to_owned()));
        record.materials.push(Material { rotated_ms, rotated_by, ..pending });
        batch = kms.tell(batch, &record, Happening::Rotation, job.now_ms)?;
    }
    kms.change(live, &record, batch, job.now_ms).await
}

/// Takes away material that was brought in until now.
async fn expire(kms: &Kms, job: &Job, done: SealedBatch) -> Result<(), Stop> {
    let (path, id) = job.subject.rsplit_once('/').ok_or_else(fault::internal)?;
    let Some(live) = kms.live(path).await? else {
        return kms.commit(&[path], done).await;
    };
    let mut record = live.record.clone();
    let place = record.place_of(id);
    let due = place.and_then(|place| record.material_at(place)?.import.as_ref()?.valid_to_ms);
    let (Some(place), true) = (place, due == Some(job.due_ms)) else {
        return kms.commit(&[path], done).await;
    };
    record.take_away(place);
    if place != Place::Pending && record.state.going().is_none() {
        record.state = State::PendingImport;
    }
    let batch = kms.put_material(done, &record, id, &[]).await?;
    let batch = kms.tell(batch, &record, Happening::MaterialExpiration, job.now_ms)?;
    kms.change(&live, &record, batch, job.now_ms).await
}

/// Removes the key, every generation of its material, all its aliases and grants, in one commit.
/// Without their key grants give nothing: where they are too many for the commit, a job of its own
/// removes the others.
async fn delete(kms: &Kms, live: &LiveKey, job: &Job, done: SealedBatch) -> Result<(), Stop> {
    let record = &live.record;
    let due = record.state == State::PendingDeletion && record.deletion_ms == Some(job.due_ms);
    if !due {
        return kms.commit(&[&job.subject], done).await;
    }
    let (mut batch, mut paths) = part(kms, live, job.now_ms, done).await?;
    batch = batch.delete(KEYS, job.subject.as_str(), Expected::At(live.version));
    batch = kms.tell(batch, record, Happening::Deletion, job.now_ms)?;
    for material in record.materials.iter().chain(&record.pending) {
        let row = key::material_path(&record.region, &material.id);
        if let Some(stored) = kms.barrier.get(MATERIALS, row.as_bytes()).await? {
            batch = batch.delete(MATERIALS, row.as_str(), Expected::At(stored.version));
        }
    }
    for alias in &record.aliases {
        let row = key::path(&record.account, &record.region, alias);
        if let Some(stored) = kms.barrier.get(ALIASES, row.as_bytes()).await? {
            batch = batch.delete(ALIASES, row.as_str(), Expected::At(stored.version));
        }
    }
    batch = kms.leave_store(record, batch).await?;
    let (mut batch, cluster) = kms.abandon_outer_key(record, batch, job.now_ms).await?;
    if let Some(stored) = kms.barrier.get(USAGES, job.subject.as_bytes()).await? {
        batch = batch.delete(USAGES, job.subject.as_str(), Expected::At(stored.version));
    }
    if let Some(asked) = record.on_demand {
        let row = due_key(asked.done_ms, "kms", "rotate-on-demand", &job.subject);
        if let Some(stored) = kms.barrier.get(DUE, row.as_bytes()).await? {
            batch = batch.delete(DUE, row, Expected::At(stored.version));
        }
    }
    let (mut batch, more) = without_grants(kms, &job.subject, batch).await?;
    if more {
        let sweep = due_key(job.due_ms, "kms", SWEEP, &job.subject);
        batch = batch.put(DUE, sweep, Expected::Absent, b"{}".to_vec());
    }
    paths.push(job.subject.clone());
    let paths: Vec<_> = paths.iter().map(String::as_str).collect();
    // The token's key goes last: should the commit fail, the key is whole. A token that cannot be
    // reached must not keep a key here; a job asks it again.
    let (batch, count) = kms.counted(batch, record, -1).await?;
    kms.commit(&paths, batch).await?;
    count.end();
    if let Some(cluster) = cluster {
        kms.destroy_outer_key(&cluster, &record.id).await;
    }
    Ok(())
}

/// Takes a replica out of its family. The last one that goes begins the waiting period of a primary
/// that waited for it. Gives the rows that the batch touches by it.
async fn part(
    kms: &Kms,
    live: &LiveKey,
    now_ms: i64,
    mut batch: SealedBatch,
) -> Result<(SealedBatch, Vec<String>), Stop> {
    let mut paths = Vec::new();
    for relative in kms.relatives(&live.record).await? {
        let mut record = relative.record.clone();
        if let Some(family) = &mut record.family {
            family.replicas.retain(|region| *region != live.record.region);
        }
        let waits = record.window_days.filter(|_| !record.has_replicas());
        if let Some(days) = waits {
            batch = await_deletion(&mut record, days, now_ms, batch);
        }
        batch = with_record(batch, &relative, &record)?;
        paths.push(relative.path.clone());
    }
    Ok((batch, paths))
}

/// Removes the grants that a key has left behind.
async fn sweep(kms: &Kms, job: &Job, done: SealedBatch) -> Result<(), Stop> {
    loop {
        let (batch, more) = without_grants(kms, &job.subject, SealedBatch::new()).await?;
        if !more {
            let (batch, _) = without_grants(kms, &job.subject, done).await?;
            return kms.commit(&[&job.subject], batch).await;
        }
        kms.commit(&[&job.subject], batch).await?;
    }
}

/// Deletes some of a key's grants; also whether there are more.
async fn without_grants(
    kms: &Kms,
    path: &str,
    mut batch: SealedBatch,
) -> Result<(SealedBatch, bool), Stop> {
    let page = kms.grants_on(path, None, None, GRANTS_A_COMMIT).await?;
    for (grant, version) in &page.grants {
        batch = without_grant(batch, path, grant, *version);
    }
    Ok((batch, page.next.is_some()))
}
