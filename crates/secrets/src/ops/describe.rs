//! DescribeSecret.

use std::borrow::Cow;

use bulla_plane::Call;
use bulla_shapes::secretsmanager::{
    DescribeSecretRequest, DescribeSecretResponse, RotationRulesType, SecretListEntry, Tag,
};
use bulla_shapes::{Value, View};

use super::Answer;
use crate::conditions;
use crate::record::{DEFAULT_KEY, Rules, SecretRecord};
use crate::{Secrets, across, replicas};

/// Version ids, and the labels of each.
type Stages = Vec<(Cow<'static, str>, Value<'static>)>;

pub(crate) async fn describe_secret(
    service: &Secrets,
    call: &mut Call,
    input: &DescribeSecretRequest<'_>,
) -> Answer {
    let keys = conditions::of(input.secret_id());
    let action = "secretsmanager:DescribeSecret";
    let secret = service.permitted(call, input.secret_id(), action, &keys).await?;
    let record = &secret.record;
    let accessed = service.accesses.days(record).await?.into_values().max();
    let replicas = record.replicas.as_ref().map(|all| replicas::status(all, |_| false));
    let turns = Turns::of(record);
    let answer = DescribeSecretResponse::new()
        .with_arn(secret.arn.clone())
        .with_name(record.name.clone())
        .with_some(record.kind.clone(), DescribeSecretResponse::with_type)
        .with_some(record.description.clone(), DescribeSecretResponse::with_description)
        .with_some(shown_key(record), DescribeSecretResponse::with_kms_key_id)
        .with_some(turns.enabled, DescribeSecretResponse::with_rotation_enabled)
        .with_some(turns.rotator, DescribeSecretResponse::with_rotation_lambda_arn)
        .with_some(turns.rules, DescribeSecretResponse::with_rotation_rules)
        .with_some(turns.last_ms, DescribeSecretResponse::with_last_rotated_date)
        .with_some(turns.next_ms, DescribeSecretResponse::with_next_rotation_date)
        .with_last_changed_date(record.changed_ms)
        .with_some(accessed, DescribeSecretResponse::with_last_accessed_date)
        .with_some(record.deletion_ms, DescribeSecretResponse::with_deleted_date)
        .with_some(tags(record), DescribeSecretResponse::with_tags)
        .with_some(stages(record), DescribeSecretResponse::with_version_ids_to_stages)
        .with_created_date(record.created_ms)
        .with_some(record.primary_region.clone(), DescribeSecretResponse::with_primary_region)
        .with_some(replicas, DescribeSecretResponse::with_replication_status)
        .with_some(across::primary_of(record), DescribeSecretResponse::with_cross_account_primary)
        .with_some(
            across::replicas_of(record),
            DescribeSecretResponse::with_cross_account_replicas,
        );
    Ok(Some(answer.into_record()))
}

/// A secret in a list.
pub(crate) fn listed(record: &SecretRecord, accessed: Option<i64>) -> SecretListEntry<'static> {
    let turns = Turns::of(record);
    SecretListEntry::new()
        .with_arn(record.arn())
        .with_name(record.name.clone())
        .with_some(record.kind.clone(), SecretListEntry::with_type)
        .with_some(record.description.clone(), SecretListEntry::with_description)
        .with_some(shown_key(record), SecretListEntry::with_kms_key_id)
        .with_some(turns.enabled, SecretListEntry::with_rotation_enabled)
        .with_some(turns.rotator, SecretListEntry::with_rotation_lambda_arn)
        .with_some(turns.rules, SecretListEntry::with_rotation_rules)
        .with_some(turns.last_ms, SecretListEntry::with_last_rotated_date)
        .with_some(turns.next_ms, SecretListEntry::with_next_rotation_date)
        .with_last_changed_date(record.changed_ms)
        .with_some(accessed, SecretListEntry::with_last_accessed_date)
        .with_some(record.deletion_ms, SecretListEntry::with_deleted_date)
        .with_some(tags(record), SecretListEntry::with_tags)
        .with_some(stages(record), SecretListEntry::with_secret_versions_to_stages)
        .with_created_date(record.created_ms)
        .with_some(record.primary_region.clone(), SecretListEntry::with_primary_region)
}

/// What is shown of a secret's rotation; nothing until something was said about it (recorded).
#[derive(Default)]
struct Turns {
    enabled: Option<bool>,
    rotator: Option<String>,
    rules: Option<RotationRulesType<'static>>,
    /// Neither date is shown while rotation is off (API reference, DescribeSecret).
    last_ms: Option<i64>,
    next_ms: Option<i64>,
}

impl Turns {
    fn of(record: &SecretRecord) -> Self {
        let Some(rotation) = &record.rotation else { return Self::default() };
        let rules = |rules: &Rules| {
            RotationRulesType::new()
                .with_some(rules.days, RotationRulesType::with_automatically_after_days)
                .with_some(rules.duration.clone(), RotationRulesType::with_duration)
                .with_some(rules.expression.clone(), RotationRulesType::with_schedule_expression)
        };
        Self {
            enabled: Some(rotation.enabled),
            rotator: rotation.rotator.clone(),
            rules: rotation.rules.as_ref().map(rules),
            last_ms: record.rotated_ms.filter(|_| rotation.enabled),
            next_ms: rotation.next_ms,
        }
    }
}

/// The KMS key as it is shown: a replica shows the AWS managed one too (recorded).
fn shown_key(record: &SecretRecord) -> Option<String> {
    let default = record.is_replica().then(|| DEFAULT_KEY.to_owned());
    record.key.clone().or(default)
}

/// The tags, where there are any.
fn tags(record: &SecretRecord) -> Option<Vec<Tag<'static>>> {
    let tag = |(key, value): &(String, String)| {
        Tag::new().with_key(key.clone()).with_value(value.clone())
    };
    let tags: Vec<_> = record.tags.iter().map(tag).collect();
    Some(tags).filter(|tags| !tags.is_empty())
}

/// The versions that have labels, where there are any.
fn stages(record: &SecretRecord) -> Option<Stages> {
    let labelled = record.versions.iter().filter(|version| !version.stages.is_empty());
    let stages: Vec<_> = labelled
        .map(|version| {
            let labels = version.stages.iter().map(|label| Value::Str(label.clone().into()));
            (Cow::Owned(version.id.clone()), Value::List(labels.collect()))
        })
        .collect();
    Some(stages).filter(|stages| !stages.is_empty())
}
