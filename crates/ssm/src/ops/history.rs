//! GetParameterHistory.

use std::sync::Arc;

use bulla_plane::{Call, Stop, marker};
use bulla_policy::RequestKeys;
use bulla_shapes::View;
use bulla_shapes::ssm::{
    GetParameterHistoryRequest, GetParameterHistoryResult, ParameterHistory, ParameterInlinePolicy,
};

use super::Answer;
use crate::live::Live;
use crate::place::{self, PARAMETERS, VERSIONS};
use crate::record::Version;
use crate::{Ssm, fault, name, parameters};

/// Default and largest page.
const PAGE: usize = 50;

pub(crate) async fn get_parameter_history(
    ssm: &Ssm,
    call: &mut Call,
    input: &GetParameterHistoryRequest<'_>,
) -> Answer {
    const ACTION: &str = "ssm:GetParameterHistory";
    let selected = name::of_any(call, input.name(), ACTION)?;
    if selected.selector.is_some() {
        return Err(name::misformed_selector().into());
    }
    let from = match input.next_token() {
        Some(token) => started(token)?,
        None => 0,
    };
    let name = selected.name;
    let live = ssm.permitted(call, &name, ACTION, &RequestKeys::none()).await?.existing()?;
    let size = marker::page_size(input.max_results(), PAGE, PAGE);
    let (live, mut versions) = page(ssm, &live.row, from, size).await?;
    let next = (versions.len() > size).then(|| versions.pop()).flatten();
    let next = next.map(|version| marker::encode(&version.number.to_string()));
    let shown = if name.by_arn { &live.record.name } else { &name.spelling };
    let decrypt = input.with_decryption() == Some(true);
    let mut answer = Vec::with_capacity(versions.len());
    for version in &versions {
        let value = ssm.value(call, &live.arn, version, decrypt).await?;
        version.tier.metered(call);
        answer.push(entry(&live, version, shown, value));
    }
    let answer = GetParameterHistoryResult::new()
        .with_parameters(answer)
        .with_some(next, GetParameterHistoryResult::with_next_token);
    Ok(Some(answer.into_record()))
}

fn started(token: &str) -> Result<u64, Stop> {
    let number = marker::decode(token).and_then(|text| text.parse().ok());
    Ok(number.ok_or_else(|| fault::invalid_token(token))?)
}

/// A parameter and its versions from one on, at one moment; one more than a page has, if there is
/// one.
async fn page(
    ssm: &Ssm,
    row: &str,
    from: u64,
    size: usize,
) -> Result<(Arc<Live>, Vec<Version>), Stop> {
    let view = ssm.barrier.view().await?;
    let opened = view.get(PARAMETERS, row.as_bytes()).await?.ok_or_else(fault::not_found)?;
    let live = parameters::alive(row, opened.version, opened.value.expose())?;
    let more = size.saturating_add(1);
    let old = view.range(VERSIONS, &place::versions(row, from), more).await?;
    let mut versions = Vec::with_capacity(more);
    for (_, opened) in &old.rows {
        versions.push(Version::read(opened.value.expose())?);
    }
    if versions.len() < more && live.record.newest.number >= from {
        versions.push(live.record.newest.clone());
    }
    Ok((Arc::new(live), versions))
}

fn entry(live: &Live, version: &Version, name: &str, value: String) -> ParameterHistory<'static> {
    let labels: Vec<_> = live.record.labels_of(version.number).map(str::to_owned).collect();
    let policy = |(text, kind): &(String, String)| {
        ParameterInlinePolicy::new().with_policy_text(text.clone()).with_policy_type(kind.clone())
    };
    let policies: Vec<_> = version.policies.iter().map(policy).collect();
    ParameterHistory::new()
        .with_name(name.to_owned())
        .with_type(version.kind.name())
        .with_some(version.key_id.clone(), ParameterHistory::with_key_id)
        .with_last_modified_date(version.modified_ms)
        .with_last_modified_user(version.modified_by.clone())
        .with_some(version.description.clone(), ParameterHistory::with_description)
        .with_value(value)
        .with_some(version.allowed_pattern.clone(), ParameterHistory::with_allowed_pattern)
        .with_version(i64::try_from(version.number).unwrap_or(i64::MAX))
        .with_labels(labels)
        .with_tier(version.tier.name())
        .with_policies(policies)
        .with_data_type(version.data_type.clone())
}
