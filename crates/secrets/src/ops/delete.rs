//! DeleteSecret and RestoreSecret.

use bulla_plane::scheduler::{DUE, due_key};
use bulla_plane::{Call, Stop};
use bulla_shapes::View;
use bulla_shapes::secretsmanager::{
    DeleteSecretRequest, DeleteSecretResponse, RestoreSecretRequest, RestoreSecretResponse,
};
use bulla_store::{Expected, SealedBatch};

use super::Answer;
use crate::access::{ACCESSES, DAY_MS};
use crate::conditions;
use crate::course::{replanned, unscheduled};
use crate::due::PURGE;
use crate::events::Happening;
use crate::live::LiveSecret;
use crate::record::SecretRecord;
use crate::secrets::Permitted;
use crate::{SECRETS, Secrets, fault};

/// A recovery window in days: least, most, default (API Reference).
const WINDOW_DAYS: (i64, i64, i64) = (7, 30, 30);

pub(crate) async fn delete_secret(
    service: &Secrets,
    call: &mut Call,
    input: &DeleteSecretRequest<'_>,
) -> Answer {
    let force = input.force_delete_without_recovery() == Some(true);
    let days = input.recovery_window_in_days();
    let keys = conditions::of(input.secret_id())
        .with_some("secretsmanager:recoverywindowindays", days.map(|days| days.to_string()))
        .with_flag(
            "secretsmanager:forcedeletewithoutrecovery",
            input.force_delete_without_recovery(),
        );
    let action = "secretsmanager:DeleteSecret";
    let found = service.permitted_or_nothing(call, input.secret_id(), action, &keys).await?;
    let days = window(days, force)?;
    let (arn, name, deletion_ms) = match found {
        Permitted::Secret(secret) => {
            let deletion_ms = service.delete(call, &secret, days).await?;
            (secret.arn.clone(), secret.record.name.clone(), deletion_ms)
        }
        // What is not there is as good as deleted (API Reference).
        Permitted::Nothing(arn) if force => (arn, input.secret_id().to_owned(), call.now_ms),
        Permitted::Nothing(_) => return Err(fault::not_found().into()),
    };
    let answer =
        DeleteSecretResponse::new().with_arn(arn).with_name(name).with_deletion_date(deletion_ms);
    call.responded(answer.record());
    Ok(Some(answer.into_record()))
}

/// The recovery window in days; none for a deletion at once.
fn window(days: Option<i64>, force: bool) -> Result<Option<i64>, Stop> {
    let (least, most, usual) = WINDOW_DAYS;
    match days {
        Some(_) if force => {
            let text = "You can't use ForceDeleteWithoutRecovery in conjunction with \
                        RecoveryWindowInDays.";
            Err(fault::invalid_parameter(text).into())
        }
        Some(days) if !(least..=most).contains(&days) => {
            let text = format!(
                "The RecoveryWindowInDays value must be between {least} and {most} days \
                 (inclusive)."
            );
            Err(fault::invalid_parameter(text).into())
        }
        _ if force => Ok(None),
        days => Ok(Some(days.unwrap_or(usual))),
    }
}

/// Refuses to delete what its own account has not ended the replication of (user guide, "Stop
/// cross-account replication"; the texts are ours).
fn must_be_unlinked(record: &SecretRecord) -> Result<(), Stop> {
    let arn = record.arn();
    if let Some(link) = &record.foreign_replica {
        let replica = &link.arn;
        let text = format!(
            "You can't delete secret {arn} that still has a cross-account replica {replica}."
        );
        return Err(fault::invalid_parameter(text).into());
    }
    if record.foreign_primary.is_some() {
        let text = format!(
            "You can't delete cross-account replica secret {arn}. Stop its replication first."
        );
        return Err(fault::invalid_parameter(text).into());
    }
    Ok(())
}

impl Secrets {
    /// Deletes a secret at once, or schedules its deletion; gives the date.
    async fn delete(
        &self,
        call: &Call,
        secret: &LiveSecret,
        days: Option<i64>,
    ) -> Result<i64, Stop> {
        let record = &secret.record;
        record.must_keep_its_own()?;
        must_be_unlinked(record)?;
        let regions: Vec<_> = record.replicas().iter().map(|one| one.region.as_str()).collect();
        if !regions.is_empty() {
            let text = format!(
                "You can't delete secret {} that still has replica regions [{}].",
                secret.arn,
                regions.join(", ")
            );
            return Err(fault::invalid_parameter(text).into());
        }
        let now_ms = call.now_ms;
        let Some(days) = days else {
            let batch = self.without(SealedBatch::new(), secret).await?;
            let batch = match record.deletion_ms {
                Some(due) => batch.delete(DUE, job(secret, due), Expected::At(1)),
                None => batch,
            };
            let batch = self.tell(batch, record, Happening::Deleted, now_ms)?;
            self.commit(&[&secret.path], batch).await?;
            return Ok(now_ms);
        };
        record.must_live()?;
        let mut record = record.clone();
        let deletion_ms = now_ms.saturating_add(days.saturating_mul(DAY_MS));
        record.deletion_ms = Some(deletion_ms);
        let due = job(secret, deletion_ms);
        let batch = SealedBatch::new().put(DUE, due, Expected::Absent, b"{}".to_vec());
        let batch = self.tell(batch, &record, Happening::DeletionStarted, now_ms)?;
        self.change(secret, &record, batch).await?;
        Ok(deletion_ms)
    }

    /// Takes a secret away, its values and all else that there is of it.
    pub(crate) async fn without(
        &self,
        batch: SealedBatch,
        secret: &LiveSecret,
    ) -> Result<SealedBatch, Stop> {
        let versions = secret.record.versions.iter().map(|version| version.id.as_str());
        let mut batch = self.without_values(batch, &secret.record, versions).await?;
        if let Some(stored) = self.barrier.get(ACCESSES, secret.path.as_bytes()).await? {
            batch = batch.delete(ACCESSES, secret.path.as_str(), Expected::At(stored.version));
        }
        if let Some(mut rotation) = secret.record.rotation.clone() {
            batch = unscheduled(batch, &secret.path, &mut rotation);
        }
        Ok(batch.delete(SECRETS, secret.path.as_str(), Expected::At(secret.version)))
    }
}

/// The row of the job that takes a secret away. It is written once, so that it always has its
/// first version.
fn job(secret: &LiveSecret, due_ms: i64) -> bulla_store::Key {
    due_key(due_ms, "secretsmanager", PURGE, &secret.path)
}

pub(crate) async fn restore_secret(
    service: &Secrets,
    call: &mut Call,
    input: &RestoreSecretRequest<'_>,
) -> Answer {
    let keys = conditions::of(input.secret_id());
    let action = "secretsmanager:RestoreSecret";
    let secret = service.permitted(call, input.secret_id(), action, &keys).await?;
    let mut record = secret.record.clone();
    if let Some(due) = record.deletion_ms.take() {
        let batch = SealedBatch::new().delete(DUE, job(&secret, due), Expected::At(1));
        let happening = Happening::DeletionCancelled;
        let batch = service.tell(batch, &record, happening, call.now_ms)?;
        // A rotation that fell due meanwhile was let go.
        let unplanned = record.rotation.as_ref().is_some_and(|rotation| rotation.due_ms.is_none());
        let batch = if unplanned { replanned(batch, &mut record, call.now_ms)? } else { batch };
        service.change(&secret, &record, batch).await?;
    }
    let answer = RestoreSecretResponse::new()
        .with_arn(secret.arn.clone())
        .with_name(secret.record.name.clone());
    call.responded(answer.record());
    Ok(Some(answer.into_record()))
}
