//! What the scheduler carries out: the end of recovery windows, and rotations.

use std::sync::Arc;
use std::time::Duration;

use bulla_plane::Stop;
use bulla_plane::pipeline::new_uuid;
use bulla_plane::scheduler::{DUE, Job};
use bulla_plane::service::MAX_ATTEMPTS;
use bulla_shapes::Fault;
use bulla_store::{Expected, Key, SealedBatch};

use crate::course::{begin, end_trial, next_window, scheduled};
use crate::events::Happening;
use crate::live::LiveSecret;
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
/// How long the first failure is waited out, halved; each further one takes twice as long. All
/// attempts fit into the shortest window, which is an hour.
const RETRY_MS: i64 = 30_000;
/// How long a step may take: longer than any function runs.
const STEP_TIMEOUT: Duration = Duration::from_secs(16 * 60);
/// How much of a failure's text is told, in bytes.
const MAX_WHY_BYTES: usize = 1024;

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
    // What is kept in memory may be older than the commit that put this job there.
    service.cache.forget(&job.subject);
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

/// Begins a rotation whose window has opened, or has the one that has begun carried out.
async fn turn(
    service: &Secrets,
    job: &Job,
    secret: &LiveSecret,
    mut rotation: Rotation,
    done: SealedBatch,
) -> Result<(), Stop> {
    if secret.record.deletion_ms.is_some() {
        // It is planned again when the secret is restored.
        rotation.due_ms = None;
        let record = SecretRecord { rotation: Some(rotation), ..secret.record.clone() };
        return service.change(secret, &record, done).await;
    }
    if rotation.under_way.is_some() {
        let rotator = rotation.rotator.as_deref().unwrap_or_default();
        if let Some(shared) = service.this.upgrade() {
            let job = job.clone();
            let carried_out = async move { carry_through(shared, job).await };
            service.turns.take(&secret.path, rotator, carried_out);
        }
        return Ok(());
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

/// Carries out a rotation that has begun, and writes down how it went. What can't be written stays
/// due.
async fn carry_through(service: Arc<Secrets>, job: Job) {
    let failed = |stop: &Stop| {
        let internal = !matches!(stop, Stop::Fault(_) | Stop::Again);
        tracing::error!(secret = job.subject, internal, "a rotation can't go on and stays due");
    };
    let begun = match service.live(&job.subject).await {
        Ok(Some(secret)) => secret,
        Ok(None) => return,
        Err(stop) => return failed(&stop),
    };
    let Some(rotation) = &begun.record.rotation else { return };
    let Some(under_way) = &rotation.under_way else { return };
    let outcome = carry_out(&service, &begun, rotation, under_way).await;
    for _ in 0..MAX_ATTEMPTS {
        match conclude(&service, &job, under_way, &outcome).await {
            Ok(()) => return,
            Err(Stop::Again) => {}
            Err(stop) => return failed(&stop),
        }
    }
    failed(&Stop::Again);
}

/// The four steps, until one fails; of a trial the third alone.
async fn carry_out(
    service: &Secrets,
    secret: &LiveSecret,
    rotation: &Rotation,
    under_way: &UnderWay,
) -> Result<(), Failure> {
    let rotator = rotation.rotator.as_deref().unwrap_or_default();
    let current = secret.record.labelled(CURRENT).map(|version| &version.id);
    let steps: &[Step] = match under_way.trial {
        true => &[Step::Test],
        // A crash came between the last step and the note of it.
        false if current == Some(&under_way.token) => &[],
        false => &Step::ALL,
    };
    for step in steps {
        let of = StepOf { step: *step, secret: &secret.arn, token: &under_way.token };
        let carried_out = service.rotators.carry_out(rotator, of);
        let outcome = tokio::time::timeout(STEP_TIMEOUT, carried_out).await;
        outcome.unwrap_or_else(|_| Err(Failure("it did not end in time".to_owned()))).map_err(
            |Failure(why)| Failure(format!("{rotator} failed in the step {}: {why}", step.name())),
        )?;
    }
    match service.live(&secret.path).await {
        Ok(Some(after)) if !under_way.trial && !is_settled(&after.record) => {
            let text = "the steps ended, and the new version is not AWSCURRENT";
            Err(Failure(format!("{rotator} failed in the step finishSecret: {text}")))
        }
        _ => Ok(()),
    }
}

/// Whether labels are where a rotation must leave them: the pending version is the current one, or
/// there is none (user guide, "Lambda rotation functions").
fn is_settled(record: &SecretRecord) -> bool {
    let on = |stage: &str| record.labelled(stage).map(|version| version.id.as_str());
    on(PENDING).is_none() || on(PENDING) == on(CURRENT)
}

/// Writes down how a rotation went: the secret as the rotator left it, the next job, the event.
async fn conclude(
    service: &Secrets,
    job: &Job,
    of: &UnderWay,
    outcome: &Result<(), Failure>,
) -> Result<(), Stop> {
    // Whoever carried it out has changed the secret meanwhile, or somebody has deleted it.
    let Some(secret) = service.live(&job.subject).await? else { return Ok(()) };
    let row = Key::from(job.key.clone());
    let done = SealedBatch::new().delete(DUE, row, Expected::At(job.version));
    let mut record = secret.record.clone();
    let still = |now: &Rotation| {
        now.due_ms == Some(job.due_ms) && now.under_way.as_ref().is_some_and(|it| it == of)
    };
    let Some(mut rotation) = record.rotation.take().filter(still) else { return Ok(()) };
    rotation.due_ms = None;
    let now_ms = job.now_ms;
    let next = next_window(&rotation, now_ms)?;
    let failures = of.failures.saturating_add(1);
    let (happening, due_ms) = match outcome {
        _ if of.trial => {
            end_trial(&mut record, &of.token);
            let happening = match outcome {
                Ok(()) => Happening::TestRotationSucceeded,
                Err(_) => Happening::TestRotationFailed,
            };
            (happening, next.map(|window| window.opens_ms))
        }
        Ok(()) => {
            record.rotated_ms = Some(now_ms);
            (Happening::RotationSucceeded, next.map(|window| window.opens_ms))
        }
        Err(_) if failures < MAX_FAILURES => {
            let wait = RETRY_MS.saturating_mul(1 << failures.min(16));
            (Happening::RotationFailed, Some(now_ms.saturating_add(wait)))
        }
        Err(_) => (Happening::RotationAbandoned, next.map(|window| window.opens_ms)),
    };
    rotation.under_way = (happening == Happening::RotationFailed).then(|| UnderWay {
        token: of.token.clone(),
        failures,
        trial: false,
    });
    rotation.next_ms = next.map(|window| window.closes_ms);
    let batch = match due_ms {
        Some(due_ms) => scheduled(done, &secret.path, &mut rotation, due_ms),
        None => done,
    };
    record.rotation = Some(rotation);
    let why = outcome.as_ref().err().map(|failure| told(&failure.0));
    if let Some(why) = why {
        tracing::warn!(secret = secret.arn, why, "a rotation failed");
    }
    let about = (of.token.as_str(), why);
    let batch = service.tell_of_rotation(batch, &record, happening, about, now_ms)?;
    service.change(&secret, &record, batch).await
}

/// As much of a failure's text as is told.
fn told(why: &str) -> &str {
    why.get(..why.floor_char_boundary(MAX_WHY_BYTES)).unwrap_or_default()
}
