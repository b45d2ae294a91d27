//! BatchGetSecretValue.

use bulla_plane::gate::permit_account;
use bulla_plane::{Call, Stop, marker};
use bulla_policy::RequestKeys;
use bulla_shapes::View;
use bulla_shapes::secretsmanager::{
    APIErrorType, BatchGetSecretValueRequest, BatchGetSecretValueResponse, SecretValueEntry,
};

use super::Answer;
use super::list::{List, token_of};
use super::read::{Asked, Read, text};
use crate::filter;
use crate::sealing::Kind;
use crate::{Secrets, fault};

/// Default and largest page (API Reference).
const PAGE: (usize, usize) = (20, 20);

pub(crate) async fn batch_get_secret_value(
    service: &Secrets,
    call: &mut Call,
    input: &BatchGetSecretValueRequest<'_>,
) -> Answer {
    permit_account(call, "secretsmanager:BatchGetSecretValue", "*", &RequestKeys::none())?;
    let filters = filter::read(input.filters())?;
    let (ids, next): (Vec<String>, _) = match input.secret_id_list() {
        // AWS's texts are not recorded; these are ours.
        Some(_) if !filters.is_empty() => {
            let text = "You can't specify both SecretIdList and Filters.";
            return Err(fault::invalid_parameter(text).into());
        }
        Some(_) if input.max_results().is_some() || input.next_token().is_some() => {
            let text = "You can use MaxResults and NextToken only with Filters.";
            return Err(fault::invalid_parameter(text).into());
        }
        Some(ids) => (ids.iter().map(str::to_owned).collect(), None),
        None if filters.is_empty() => {
            let text = "You must specify either SecretIdList or Filters.";
            return Err(fault::invalid_parameter(text).into());
        }
        None => {
            permit_account(call, "secretsmanager:ListSecrets", "*", &RequestKeys::none())?;
            let size = marker::page_size(input.max_results(), PAGE.0, PAGE.1);
            let list = List::filtered(filters);
            let page = service.page(call, &list, input.next_token(), size).await?;
            let names = page.secrets.iter().map(|(name, _)| name.to_string());
            (names.collect(), page.next.map(token_of))
        }
    };
    let (mut values, mut errors) = (Vec::new(), Vec::new());
    for id in ids {
        let asked = Asked { secret_id: &id, version_id: None, stage: None };
        match service.read(call, asked).await {
            Ok(read) => values.push(entry(read)?),
            Err(Stop::Fault(refused)) => errors.push(
                APIErrorType::new()
                    .with_secret_id(id)
                    .with_error_code(refused.code)
                    .with_message(refused.message.unwrap_or_default()),
            ),
            Err(stop) => return Err(stop),
        }
    }
    let answer = BatchGetSecretValueResponse::new()
        .with_secret_values(values)
        .with_errors(errors)
        .with_some(next, BatchGetSecretValueResponse::with_next_token);
    Ok(Some(answer.into_record()))
}

fn entry(read: Read) -> Result<SecretValueEntry<'static>, Stop> {
    let Read { secret, version, value } = read;
    let entry = SecretValueEntry::new()
        .with_arn(secret.arn.clone())
        .with_name(secret.record.name.clone())
        .with_version_id(version.id)
        .with_version_stages(version.stages)
        .with_created_date(version.created_ms);
    Ok(match value.kind {
        Kind::Text => entry.with_secret_string(text(value)?),
        Kind::Binary => entry.with_secret_binary(value.bytes.into_vec()),
    })
}
