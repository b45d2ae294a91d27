//! RotateSecret and CancelRotateSecret.

use bulla_plane::scheduler::{DUE, due_key};
use bulla_plane::{Call, Stop};
use bulla_shapes::View;
use bulla_shapes::secretsmanager::{
    CancelRotateSecretRequest, CancelRotateSecretResponse, RotateSecretRequest,
    RotateSecretResponse,
};
use bulla_store::{Expected, SealedBatch};

use super::Answer;
use crate::conditions::RequestKeys;
use crate::due::ROTATE;
use crate::events::Happening;
use crate::record::{Rotation, Rules, SecretRecord, UnderWay, Version};
use crate::schedule::Schedule;
use crate::stages::{CURRENT, PENDING};
use crate::{Secrets, fault};

pub(crate) async fn rotate_secret(
    service: &Secrets,
    call: &mut Call,
    input: &RotateSecretRequest<'_>,
) -> Answer {
    let rules = rules(input);
    let immediately = input.rotate_immediately();
    let keys = RequestKeys::of(input.secret_id())
        .with_some("secretsmanager:rotationlambdaarn", input.rotation_lambda_arn())
        .with_flag("secretsmanager:modifyrotationrules", Some(rules.is_some()))
        .with_flag("secretsmanager:rotateimmediately", Some(immediately != Some(false)));
    let action = "secretsmanager:RotateSecret";
    let secret = service.permitted(call, input.secret_id(), action, &keys).await?;
    // Recorded: here it is another exception than elsewhere.
    let token = input.client_request_token();
    let token = token.ok_or_else(|| fault::invalid_parameter(fault::NO_TOKEN))?;
    secret.record.must_live()?;
    secret.record.must_be_primary()?;
    if input.external_secret_rotation_role_arn().is_some() {
        // Our text: partners' secrets need the partners.
        let text = "This server does not rotate managed external secrets.";
        return Err(fault::invalid_parameter(text).into());
    }
    let mut record = secret.record.clone();
    let mut rotation = record.rotation.take().unwrap_or_default();
    let asked = input.rotation_lambda_arn().filter(|arn| !arn.is_empty());
    let rotator = asked.map(str::to_owned).or_else(|| rotation.rotator.clone());
    let rotator = rotator.ok_or_else(fault::no_rotator)?;
    rotation.rules = rules.or(rotation.rules);
    let schedule = schedule(&rotation)?;
    if !service.rotators.may_invoke(&rotator, &secret.arn).await? {
        return Err(fault::cannot_invoke().into());
    }
    rotation.enabled = true;
    rotation.rotator = Some(rotator);
    let mut batch = unscheduled(SealedBatch::new(), &secret.path, &mut rotation);
    if immediately == Some(false) {
        let window = schedule.and_then(|schedule| schedule.next(call.now_ms));
        rotation.next_ms = window.map(|window| window.closes_ms);
        if let Some(window) = window {
            batch = scheduled(batch, &secret.path, &mut rotation, window.opens_ms);
        }
    } else {
        begin(&mut record, &mut rotation, token, call.now_ms)?;
        batch = scheduled(batch, &secret.path, &mut rotation, call.now_ms);
        batch = service.tell_of_rotation(
            batch,
            &record,
            Happening::RotationStarted,
            (token, None),
            call.now_ms,
        )?;
    }
    record.rotation = Some(rotation);
    service.change(&secret, &record, batch).await?;
    let answer = RotateSecretResponse::new()
        .with_arn(secret.arn.clone())
        .with_name(record.name)
        .with_version_id(token.to_owned());
    call.responded(answer.record());
    Ok(Some(answer.into_record()))
}

fn rules(input: &RotateSecretRequest<'_>) -> Option<Rules> {
    let rules = input.rotation_rules()?;
    Some(Rules {
        days: rules.automatically_after_days(),
        expression: rules.schedule_expression().map(str::to_owned),
        duration: rules.duration().map(str::to_owned),
    })
}

/// The schedule of a rotation's rules, if they have one.
pub(crate) fn schedule(rotation: &Rotation) -> Result<Option<Schedule>, Stop> {
    Ok(rotation.rules.as_ref().map(Schedule::read).transpose()?.flatten())
}

/// Begins a rotation: a version without a value yet gets the label AWSPENDING. One that is not
/// through is taken up again, by its own token alone.
pub(crate) fn begin(
    record: &mut SecretRecord,
    rotation: &mut Rotation,
    token: &str,
    now_ms: i64,
) -> Result<(), Stop> {
    let current = record.labelled(CURRENT).map(|version| version.id.clone());
    let pending = record.labelled(PENDING).map(|version| version.id.clone());
    if pending.is_some_and(|pending| Some(&pending) != current.as_ref() && pending != token) {
        let text = "A previous rotation isn't complete. That rotation will be reattempted.";
        return Err(fault::invalid_request(text).into());
    }
    if record.version(token).is_none() {
        record.versions.push(Version {
            id: token.to_owned(),
            created_ms: now_ms,
            stages: vec![],
            key: record.key.clone(),
            has_value: false,
        });
    }
    record.label(PENDING, token);
    record.must_have_few_labels()?;
    rotation.under_way = Some(UnderWay { token: token.to_owned(), failures: 0 });
    Ok(())
}

/// Takes the job of a rotation out of the schedule. It is written once, so that it always has its
/// first version.
pub(crate) fn unscheduled(batch: SealedBatch, path: &str, rotation: &mut Rotation) -> SealedBatch {
    match rotation.due_ms.take() {
        Some(due) => {
            batch.delete(DUE, due_key(due, "secretsmanager", ROTATE, path), Expected::At(1))
        }
        None => batch,
    }
}

/// Puts the job of a rotation into the schedule.
pub(crate) fn scheduled(
    batch: SealedBatch,
    path: &str,
    rotation: &mut Rotation,
    due_ms: i64,
) -> SealedBatch {
    rotation.due_ms = Some(due_ms);
    let due = due_key(due_ms, "secretsmanager", ROTATE, path);
    batch.put(DUE, due, Expected::Absent, b"{}".to_vec())
}

pub(crate) async fn cancel_rotate_secret(
    service: &Secrets,
    call: &mut Call,
    input: &CancelRotateSecretRequest<'_>,
) -> Answer {
    let keys = RequestKeys::of(input.secret_id());
    let action = "secretsmanager:CancelRotateSecret";
    let secret = service.permitted(call, input.secret_id(), action, &keys).await?;
    secret.record.must_live()?;
    secret.record.must_be_primary()?;
    let mut record = secret.record.clone();
    // A secret that was never rotated has nothing to cancel, which is a success (recorded).
    let mut version = None;
    if let Some(rotation) = &mut record.rotation {
        let batch = unscheduled(SealedBatch::new(), &secret.path, rotation);
        version = rotation.under_way.take().map(|under_way| under_way.token);
        rotation.enabled = false;
        rotation.next_ms = None;
        service.change(&secret, &record, batch).await?;
    }
    let answer = CancelRotateSecretResponse::new()
        .with_arn(secret.arn.clone())
        .with_name(secret.record.name.clone())
        .with_some(version, CancelRotateSecretResponse::with_version_id);
    call.responded(answer.record());
    Ok(Some(answer.into_record()))
}
