//! GetSecretValue.

use std::sync::Arc;

use bulla_plane::{Call, Stop};
use bulla_shapes::View;
use bulla_shapes::secretsmanager::{GetSecretValueRequest, GetSecretValueResponse};

use super::Answer;
use crate::conditions;
use crate::live::LiveSecret;
use crate::record::{SecretRecord, Version};
use crate::sealing::{Kind, Sealed, Value};
use crate::stages::CURRENT;
use crate::{Secrets, VALUES, fault};

/// The action, by its whole name.
pub(crate) const ACTION: &str = "secretsmanager:GetSecretValue";

/// A value that was read.
pub(crate) struct Read {
    pub(crate) secret: Arc<LiveSecret>,
    pub(crate) version: Version,
    pub(crate) value: Value,
}

pub(crate) async fn get_secret_value(
    service: &Secrets,
    call: &mut Call,
    input: &GetSecretValueRequest<'_>,
) -> Answer {
    let asked = Asked {
        secret_id: input.secret_id(),
        version_id: input.version_id(),
        stage: input.version_stage(),
    };
    let Read { secret, version, value } = service.read(call, asked).await?;
    let answer = GetSecretValueResponse::new()
        .with_arn(secret.arn.clone())
        .with_name(secret.record.name.clone())
        .with_version_id(version.id)
        .with_version_stages(version.stages)
        .with_created_date(version.created_ms);
    let answer = match value.kind {
        Kind::Text => answer.with_secret_string(text(value)?),
        Kind::Binary => answer.with_secret_binary(value.bytes.into_vec()),
    };
    Ok(Some(answer.into_record()))
}

/// A value's text; what was stored as text is text.
pub(crate) fn text(value: Value) -> Result<String, Stop> {
    String::from_utf8(value.bytes.into_vec()).map_err(|_| fault::internal().into())
}

/// What a request asks for.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) secret_id: &'a str,
    pub(crate) version_id: Option<&'a str>,
    pub(crate) stage: Option<&'a str>,
}

impl Asked<'_> {
    /// Finds the version that is asked for.
    fn version<'r>(&self, record: &'r SecretRecord) -> Result<&'r Version, Stop> {
        let found = match (self.version_id, self.stage) {
            (Some(id), stage) => {
                let none = || fault::no_value(&format!("VersionId: {id}"));
                let version = record.version(id).ok_or_else(none)?;
                if stage.is_some_and(|stage| !version.stages.iter().any(|label| label == stage)) {
                    let text = "You provided a VersionStage that is not associated to the \
                                provided VersionId.";
                    return Err(fault::invalid_request(text).into());
                }
                Some(version)
            }
            (None, stage) => record.labelled(stage.unwrap_or(CURRENT)),
        };
        found.filter(|version| version.has_value).ok_or_else(|| {
            let named = match self.version_id {
                Some(id) => format!("VersionId: {id}"),
                None => format!("staging label: {}", self.stage.unwrap_or(CURRENT)),
            };
            fault::no_value(&named).into()
        })
    }
}

impl Secrets {
    /// Reads a value for the caller.
    pub(crate) async fn read(&self, call: &mut Call, asked: Asked<'_>) -> Result<Read, Stop> {
        let usual = asked.version_id.is_none().then_some(CURRENT);
        let keys = conditions::of(asked.secret_id)
            .with_some("secretsmanager:versionid", asked.version_id)
            .with_some("secretsmanager:versionstage", asked.stage.or(usual));
        let secret = self.permitted(call, asked.secret_id, ACTION, &keys).await?;
        secret.record.must_live()?;
        let version = asked.version(&secret.record)?.clone();
        let value = self.open_version(call, &secret, &version).await?;
        self.accesses.note(&secret, &version.id, call.now_ms).await?;
        Ok(Read { secret, version, value })
    }

    /// Opens the value of a version, if KMS lets the caller.
    pub(crate) async fn open_version(
        &self,
        call: &mut Call,
        secret: &LiveSecret,
        version: &Version,
    ) -> Result<Value, Stop> {
        let is_current = secret.record.labelled(CURRENT).is_some_and(|it| it.id == version.id);
        if let Some(sealed) = secret.current.as_ref().filter(|_| is_current) {
            return self.open(call, &secret.record, &version.id, sealed).await;
        }
        let row = secret.record.value_row(version.sealed_as());
        // It can have gone only together with the version.
        let stored = self.barrier.get(VALUES, row.as_bytes()).await?.ok_or(Stop::Again)?;
        let sealed = Sealed::read(&stored)?;
        self.open(call, &secret.record, version.sealed_as(), &sealed).await
    }

    /// Whether a version has this very value, for requests that come twice.
    pub(crate) async fn holds(
        &self,
        call: &mut Call,
        secret: &LiveSecret,
        version: &Version,
        value: &Value,
    ) -> Result<bool, Stop> {
        Ok(self.open_version(call, secret, version).await?.is_same(value))
    }
}
