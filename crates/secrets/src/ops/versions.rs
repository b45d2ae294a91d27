//! ListSecretVersionIds.

use bulla_plane::{Call, marker};
use bulla_shapes::View;
use bulla_shapes::secretsmanager::{
    ListSecretVersionIdsRequest, ListSecretVersionIdsResponse, SecretVersionsListEntry,
};

use super::Answer;
use super::list::PAGE;
use crate::conditions;
use crate::{Secrets, fault};

/// What stands for the AWS managed key (recorded).
const DEFAULT: &str = "DefaultEncryptionKey";

pub(crate) async fn list_secret_version_ids(
    service: &Secrets,
    call: &mut Call,
    input: &ListSecretVersionIdsRequest<'_>,
) -> Answer {
    let keys = conditions::of(input.secret_id());
    let action = "secretsmanager:ListSecretVersionIds";
    let secret = service.permitted(call, input.secret_id(), action, &keys).await?;
    let all = input.include_deprecated() == Some(true);
    let days = service.accesses.days(&secret.record).await?;
    let mut from = match input.next_token() {
        Some(token) => Some(marker::decode(token).ok_or_else(fault::invalid_token)?),
        None => None,
    };
    let size = marker::page_size(input.max_results(), PAGE.0, PAGE.1);
    let (mut versions, mut next) = (Vec::new(), None);
    for version in &secret.record.versions {
        // A version that went meanwhile is no place to go on from: the list then ends here.
        if from.as_ref().is_some_and(|from| *from != version.id) {
            continue;
        }
        from = None;
        if !all && version.stages.is_empty() {
            continue;
        }
        if versions.len() == size {
            next = Some(marker::encode(&version.id));
            break;
        }
        let key = version.key.clone().unwrap_or_else(|| DEFAULT.to_owned());
        let labels = Some(version.stages.clone()).filter(|labels| !labels.is_empty());
        let entry = SecretVersionsListEntry::new()
            .with_version_id(version.id.clone())
            .with_some(labels, SecretVersionsListEntry::with_version_stages)
            .with_some(
                days.get(&version.id).copied(),
                SecretVersionsListEntry::with_last_accessed_date,
            )
            .with_created_date(version.created_ms)
            .with_kms_key_ids([key]);
        versions.push(entry);
    }
    let answer = ListSecretVersionIdsResponse::new()
        .with_versions(versions)
        .with_some(next, ListSecretVersionIdsResponse::with_next_token)
        .with_arn(secret.arn.clone())
        .with_name(secret.record.name.clone());
    Ok(Some(answer.into_record()))
}
