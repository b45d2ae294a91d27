//! RotateSecret and CancelRotateSecret.

use bulla_plane::Call;
use bulla_shapes::View;
use bulla_shapes::secretsmanager::{
    CancelRotateSecretRequest, CancelRotateSecretResponse, RotateSecretRequest,
    RotateSecretResponse,
};
use bulla_store::SealedBatch;

use super::Answer;
use crate::conditions;
use crate::course::{begin, begin_trial, end_trial, next_window, rescheduled, unscheduled};
use crate::events::Happening;
use crate::record::Rules;
use crate::{Secrets, fault};

pub(crate) async fn rotate_secret(
    service: &Secrets,
    call: &mut Call,
    input: &RotateSecretRequest<'_>,
) -> Answer {
    let rules = rules(input);
    let immediately = input.rotate_immediately();
    let keys = conditions::of(input.secret_id())
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
    next_window(&rotation, call.now_ms)?;
    if !service.rotators.may_invoke(call, &rotator, &secret.arn).await? {
        return Err(fault::cannot_invoke().into());
    }
    rotation.enabled = true;
    rotation.rotator = Some(rotator);
    let (now_ms, path) = (call.now_ms, secret.path.as_str());
    let batch = SealedBatch::new();
    let (started, due_ms) = if immediately != Some(false) {
        begin(&mut record, &mut rotation, token, now_ms)?;
        (Some(Happening::RotationStarted), Some(now_ms))
    } else {
        let window = next_window(&rotation, now_ms)?;
        rotation.next_ms = window.map(|window| window.closes_ms);
        match begin_trial(&mut record, &mut rotation, token, now_ms)? {
            true => (Some(Happening::TestRotationStarted), Some(now_ms)),
            false => (None, window.map(|window| window.opens_ms)),
        }
    };
    let batch = match due_ms {
        Some(due_ms) => rescheduled(batch, path, &mut rotation, due_ms),
        None => unscheduled(batch, path, &mut rotation),
    };
    let about = (token, None);
    let tell = |(batch, started)| service.tell_of_rotation(batch, &record, started, about, now_ms);
    let batch = match started {
        Some(started) => tell((batch, started))?,
        None => batch,
    };
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

pub(crate) async fn cancel_rotate_secret(
    service: &Secrets,
    call: &mut Call,
    input: &CancelRotateSecretRequest<'_>,
) -> Answer {
    let keys = conditions::of(input.secret_id());
    let action = "secretsmanager:CancelRotateSecret";
    let secret = service.permitted(call, input.secret_id(), action, &keys).await?;
    secret.record.must_live()?;
    secret.record.must_be_primary()?;
    let mut record = secret.record.clone();
    // A secret that was never rotated has nothing to cancel, which is a success (recorded).
    let mut version = None;
    if let Some(rotation) = &mut record.rotation {
        let batch = unscheduled(SealedBatch::new(), &secret.path, rotation);
        let under_way = rotation.under_way.take();
        rotation.enabled = false;
        rotation.next_ms = None;
        if let Some(trial) = under_way.as_ref().filter(|under_way| under_way.trial) {
            end_trial(&mut record, &trial.token);
        }
        version = under_way.map(|under_way| under_way.token);
        service.change(&secret, &record, batch).await?;
    }
    let answer = CancelRotateSecretResponse::new()
        .with_arn(secret.arn.clone())
        .with_name(secret.record.name.clone())
        .with_some(version, CancelRotateSecretResponse::with_version_id);
    call.responded(answer.record());
    Ok(Some(answer.into_record()))
}
