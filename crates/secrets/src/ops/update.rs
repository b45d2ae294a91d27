//! UpdateSecret.

use bulla_plane::{Call, Stop};
use bulla_shapes::View;
use bulla_shapes::secretsmanager::{UpdateSecretRequest, UpdateSecretResponse};
use bulla_store::{Expected, SealedBatch};

use super::{Answer, key_name};
use crate::conditions;
use crate::live::LiveSecret;
use crate::record::SecretRecord;
use crate::sealing::{Giver, Sealed};
use crate::stages::{CURRENT, PENDING, PREVIOUS};
use crate::{Secrets, VALUES, fault};

pub(crate) async fn update_secret(
    service: &Secrets,
    call: &mut Call,
    input: &UpdateSecretRequest<'_>,
) -> Answer {
    let keys = conditions::of(input.secret_id())
        .with_some("secretsmanager:description", input.description())
        .with_some("secretsmanager:type", input.r#type());
    let keys = conditions::with_kms_key(keys, input.kms_key_id());
    let action = "secretsmanager:UpdateSecret";
    let secret = service.permitted(call, input.secret_id(), action, &keys).await?;
    let token = input.client_request_token().ok_or_else(fault::no_token)?;
    let value = super::value(input.secret_string(), input.secret_binary())?;
    secret.record.must_live()?;
    secret.record.must_keep_its_own()?;
    if secret.record.foreign_primary.is_some() {
        check_foreign_replica(input)?;
    }
    let answer = UpdateSecretResponse::new()
        .with_arn(secret.arn.clone())
        .with_name(secret.record.name.clone())
        .with_some(value.as_ref().map(|_| token.to_owned()), UpdateSecretResponse::with_version_id);
    call.responded(answer.record());
    let known = secret.record.version(token).filter(|version| version.has_own_value());
    if let (Some(value), Some(version)) = (&value, known) {
        if !service.holds(call, &secret, version, value).await? {
            return Err(fault::token_in_use(token, &secret.arn).into());
        }
        return Ok(Some(answer.into_record()));
    }
    let mut record = secret.record.clone();
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    record.description = input.description().map_or(record.description, text);
    record.kind = input.r#type().map_or(record.kind, text);
    record.changed_ms = call.now_ms;
    let mut batch = SealedBatch::new();
    if input.kms_key_id().is_some() {
        record.key = key_name(input.kms_key_id());
        service.try_key(call, &record).await?;
        if service.may_encrypt(call, &record).await? {
            batch = service.reseal(call, &secret, &mut record).await?;
        }
    }
    if let Some(value) = &value {
        batch = service.add(call, &mut record, (token, &[CURRENT]), value, batch).await?;
    }
    service.change(&secret, &record, batch).await?;
    Ok(Some(answer.into_record()))
}

/// Refuses a replica of another account's secret what it has from its primary: it has a KMS key of
/// its own, a customer managed one, and nothing else that this operation changes.
fn check_foreign_replica(input: &UpdateSecretRequest<'_>) -> Result<(), Stop> {
    let more = input.description().is_some() || input.r#type().is_some();
    if more || input.secret_string().is_some() || input.secret_binary().is_some() {
        return Err(fault::on_a_foreign_replica().into());
    }
    match input.kms_key_id() {
        Some(_) if key_name(input.kms_key_id()).is_none() => Err(fault::needs_own_key().into()),
        _ => Ok(()),
    }
}

impl Secrets {
    /// Seals the versions that are in use under the secret's new key; older ones keep theirs.
    async fn reseal(
        &self,
        call: &mut Call,
        secret: &LiveSecret,
        record: &mut SecretRecord,
    ) -> Result<SealedBatch, Stop> {
        let mut batch = SealedBatch::new();
        let target = SecretRecord { versions: vec![], ..record.clone() };
        for version in &mut record.versions {
            let in_use = [CURRENT, PENDING, PREVIOUS];
            let in_use = version.stages.iter().any(|label| in_use.contains(&label.as_str()));
            if !in_use || !version.has_own_value() {
                continue;
            }
            let row = target.value_row(&version.id);
            let stored = self.barrier.get(VALUES, row.as_bytes()).await?.ok_or(Stop::Again)?;
            let sealed = Sealed::read(&stored)?;
            let value = self.open(call, &secret.record, &version.id, &sealed).await?;
            let sealed = self.seal(Giver::Kms, call, &target, (&version.id, &value)).await?;
            let before = Expected::At(stored.version);
            batch = batch.put(VALUES, row, before, sealed.to_bytes());
            version.key.clone_from(&target.key);
        }
        Ok(batch)
    }
}
