//! What the scheduler carries out: the end of recovery windows, and rotations.

use bulla_plane::Stop;
use bulla_plane::pipeline::new_uuid;
use bulla_plane::scheduler::{DUE, Job};
use bulla_plane::service::MAX_ATTEMPTS;
use bulla_shapes::Fault;
use bulla_store::{Expected, Key, SealedBatch};

use crate::events::Happening;
use crate::live::LiveSecret;
use crate::ops::rotate::{begin, schedule, scheduled};
use crate::record::{Rotation, SecretRecord, UnderWay};
use crate::rotation::{Failure, Step, StepOf};
use crate::stages::{CURRENT, PENDING};
use crate::{Secrets, fault};

/// The job that takes a secret away.
pub(crate) const PURGE: &str = "purge";
/// The job that begins a rotation, or carries out the one that has begun.
pub(crate) const ROTATE: &str = "rotate";
/// How often a rotation is tried. AWS names no number; this one is ours.
const MAX_FAILURES: u32 = 5;
/// How long the first failure is waited out, halved; each further one takes twice as long.
const RETRY_MS: i64 = 30_000;

/// Carries out a job, or drops it when it no longer applies.
pub(crate) async fn run(service: &Secrets, job: &Job) -> Result<(), Fault> {
    for _ in 0..MAX_ATTEMPTS {
        match attempt(service, job).await {
            Ok(()) => return Ok(()),
            Err(Stop::Fault(fault)) => return Err(fault),
            Err(Stop::Again) => {}
            Err(Stop::Internal) => return Err(fault::internal()),
        }
    }
    Err(fault::internal())
}

async fn attempt(service: &Secrets, job: &Job) -> Result<(), Stop> {
    let row = Key::from(job.key.clone());
    if service.barrier.get(DUE, row.as_bytes()).await?.is_none() {
        return Ok(());
    }
    let done = SealedBatch::new().delete(DUE, row, Expected::At(job.version));
    let Some(secret) = service.live(&job.subject).await? else {
        return service.commit(&[&job.subject], done).await;
    };
    let rotation = secret.record.rotation.clone();
    match (job.kind.as_str(), rotation) {
        (PURGE, _) if secret.record.deletion_ms == Some(job.due_ms) => {
            let batch = service.without(done, &secret).await?;
            let batch = service.tell(batch, &secret.record, Happening::Deleted, job.now_ms)?;
            service.commit(&[&job.subject], batch).await
        }
        (ROTATE, Some(rotation)) if rotation.enabled && rotation.due_ms == Some(job.due_ms) => {
            turn(service, job, &secret, rotation, done).await
        }
        _ => service.commit(&[&job.subject], done).await,
    }
}

/// Begins a rotation whose window has opened, or carries out the one that has begun.
async fn turn(
    service: &Secrets,
    job: &Job,
    secret: &LiveSecret,
    mut rotation: Rotation,
    done: SealedBatch,
) -> Result<(), Stop> {
    if secret.record.deletion_ms.is_some() {
        // It goes on when the secret is restored and rotated anew.
        rotation.due_ms = None;
        let record = SecretRecord { rotation: Some(rotation), ..secret.record.clone() };
        return service.change(secret, &record, done).await;
    }
    if let Some(under_way) = rotation.under_way.clone() {
        let outcome = carry_out(service, secret, &rotation, &under_way).await;
        return conclude(service, job, &under_way, outcome).await;
    }
    let mut record = secret.record.clone();
    let current = record.labelled(CURRENT).map(|version| version.id.clone());
    let pending = record.labelled(PENDING).map(|version| version.id.clone());
    // What an earlier rotation left behind is taken up again.
    let token = match pending.filter(|pending| Some(pending) != current.as_ref()) {
        Some(pending) => pending,
        None => new_uuid(&service.crypto)?,
    };
    begin(&mut record, &mut rotation, &token, job.now_ms)?;
    // Not in the row of this job, which goes.
    let soon = job.now_ms.max(job.due_ms.saturating_add(1));
    let batch = scheduled(done, &secret.path, &mut rotation, soon);
    let started = Happening::RotationStarted;
    let batch = service.tell_of_rotation(batch, &record, started, (&token, None), job.now_ms)?;
    record.rotation = Some(rotation);
    service.change(secret, &record, batch).await
}

/// The four steps, until one fails.
async fn carry_out(
    service: &Secrets,
    secret: &LiveSecret,
    rotation: &Rotation,
    under_way: &UnderWay,
) -> Result<(), Failure> {
    let rotator = rotation.rotator.as_deref().unwrap_or_default();
    for step in Step::ALL {
        let of = StepOf { step, secret: &secret.arn, token: &under_way.token };
        service.rotators.carry_out(rotator, of).await?;
    }
    Ok(())
}

/// Writes down how a rotation went: the secret as the rotator left it, the next job, the event.
async fn conclude(
    service: &Secrets,
    job: &Job,
    of: &UnderWay,
    outcome: Result<(), Failure>,
) -> Result<(), Stop> {
    // Whoever carried it out has changed the secret meanwhile.
    let secret = service.live(&job.subject).await?.ok_or(Stop::Again)?;
    let row = Key::from(job.key.clone());
    let done = SealedBatch::new().delete(DUE, row, Expected::At(job.version));
    let mut record = secret.record.clone();
    let Some(mut rotation) = record.rotation.take().filter(|now| now.due_ms == Some(job.due_ms))
    else {
        return Ok(());
    };
    rotation.due_ms = None;
    let next = schedule(&rotation)?.and_then(|schedule| schedule.next(job.now_ms));
    let failures = of.failures.saturating_add(1);
    let (happening, due_ms) = match &outcome {
        Ok(()) => {
            record.rotated_ms = Some(job.now_ms);
            (Happening::RotationSucceeded, next.map(|window| window.opens_ms))
        }
        Err(_) if failures < MAX_FAILURES => {
            let wait = RETRY_MS.saturating_mul(1 << failures.min(16));
            (Happening::RotationFailed, Some(job.now_ms.saturating_add(wait)))
        }
        Err(_) => (Happening::RotationAbandoned, next.map(|window| window.opens_ms)),
    };
    rotation.under_way = (happening == Happening::RotationFailed)
        .then(|| UnderWay { token: of.token.clone(), failures });
    rotation.next_ms = next.map(|window| window.closes_ms);
    let batch = match due_ms {
        Some(due_ms) => scheduled(done, &secret.path, &mut rotation, due_ms),
        None => done,
    };
    record.rotation = Some(rotation);
    let why = outcome.as_ref().err().map(|failure| failure.0.as_str());
    if let Some(why) = why {
        tracing::warn!(secret = secret.arn, why, "a rotation failed");
    }
    let about = (of.token.as_str(), why);
    let batch = service.tell_of_rotation(batch, &record, happening, about, job.now_ms)?;
    service.change(&secret, &record, batch).await
}
