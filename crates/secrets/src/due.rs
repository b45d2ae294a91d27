//! What the scheduler carries out: the end of recovery windows.

use bulla_plane::Stop;
use bulla_plane::scheduler::{DUE, Job};
use bulla_plane::service::MAX_ATTEMPTS;
use bulla_shapes::Fault;
use bulla_store::{Expected, Key, SealedBatch};

use crate::events::Happening;
use crate::{Secrets, fault};

/// The job that takes a secret away.
pub(crate) const PURGE: &str = "purge";

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
    let secret = service.live(&job.subject).await?;
    let due =
        secret.filter(|secret| job.kind == PURGE && secret.record.deletion_ms == Some(job.due_ms));
    let Some(secret) = due else {
        return service.commit(&[&job.subject], done).await;
    };
    let batch = service.without(done, &secret).await?;
    let batch = service.tell(batch, &secret.record, Happening::Deleted, job.now_ms)?;
    service.commit(&[&job.subject], batch).await
}
