//! PutSecretValue.

use bulla_plane::{Call, Stop};
use bulla_shapes::View;
use bulla_shapes::secretsmanager::{PutSecretValueRequest, PutSecretValueResponse};
use bulla_store::SealedBatch;

use super::Answer;
use crate::conditions;
use crate::course::replanned;
use crate::live::LiveSecret;
use crate::record::{SecretRecord, Version};
use crate::sealing::Value;
use crate::stages::CURRENT;
use crate::{Secrets, fault};

pub(crate) async fn put_secret_value(
    service: &Secrets,
    call: &mut Call,
    input: &PutSecretValueRequest<'_>,
) -> Answer {
    let keys = conditions::of(input.secret_id());
    let action = "secretsmanager:PutSecretValue";
    let secret = service.permitted(call, input.secret_id(), action, &keys).await?;
    let token = input.client_request_token().ok_or_else(fault::no_token)?;
    let value = super::value(input.secret_string(), input.secret_binary())?;
    let value = value.ok_or_else(|| {
        fault::invalid_request("You must provide either SecretString or SecretBinary.")
    })?;
    let stages: Vec<&str> = match input.version_stages() {
        Some(stages) => stages.iter().collect(),
        None => vec![CURRENT],
    };
    let record = service.put(call, &secret, (token, &stages), &value).await?;
    let answer = PutSecretValueResponse::new()
        .with_arn(secret.arn.clone())
        .with_name(secret.record.name.clone())
        .with_version_id(token.to_owned())
        .with_version_stages(record.stages_of(token));
    call.responded(answer.record());
    Ok(Some(answer.into_record()))
}

impl Secrets {
    /// Adds a version with a value and these labels, unless it is there already; then it only gets
    /// the labels, if the value is the same (recorded). Gives the secret as it is then.
    pub(crate) async fn put(
        &self,
        call: &mut Call,
        secret: &LiveSecret,
        (token, stages): (&str, &[&str]),
        value: &Value,
    ) -> Result<SecretRecord, Stop> {
        secret.record.must_live()?;
        secret.record.must_be_primary()?;
        let mut record = secret.record.clone();
        if let Some(version) =
            secret.record.version(token).filter(|version| version.has_own_value())
        {
            if !self.holds(call, secret, version, value).await? {
                return Err(fault::token_in_use(token, &secret.arn).into());
            }
            // Whoever repeats a request must not undo what came after it.
            let has = |stage: &&str| version.stages.iter().any(|label| label == stage);
            let is_new = |stage: &&&str| !has(stage) && **stage != CURRENT;
            let new: Vec<_> = stages.iter().filter(is_new).collect();
            if !new.is_empty() {
                new.iter().for_each(|stage| record.label(stage, token));
                record.must_have_few_labels()?;
                record.changed_ms = call.now_ms;
                self.change(secret, &record, SealedBatch::new()).await?;
            }
            return Ok(record);
        }
        let batch = SealedBatch::new();
        let batch = self.add(call, &mut record, (token, stages), value, batch).await?;
        self.change(secret, &record, batch).await?;
        Ok(record)
    }

    /// Adds a version to a record, and its value to a batch; takes away versions that are too many.
    pub(crate) async fn add(
        &self,
        call: &mut Call,
        record: &mut SecretRecord,
        (token, stages): (&str, &[&str]),
        value: &Value,
        batch: SealedBatch,
    ) -> Result<SealedBatch, Stop> {
        let version = Version {
            id: token.to_owned(),
            created_ms: call.now_ms,
            stages: vec![],
            key: record.key.clone(),
            has_value: true,
            shows: None,
        };
        record.add_version(version, stages)?;
        record.changed_ms = call.now_ms;
        let gone = record.thin_out(call.now_ms)?;
        let gone = gone.iter().map(String::as_str);
        let batch = self.without_values(batch, record, gone).await?;
        let batch =
            if stages.contains(&CURRENT) { replanned(batch, record, call.now_ms)? } else { batch };
        self.seal_everywhere(call, record, token, value, batch).await
    }
}
