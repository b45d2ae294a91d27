//! ListFunctions and ListVersionsByFunction.

use bulla_plane::gate::permit_account;
use bulla_plane::{Call, Stop};
use bulla_shapes::View;
use bulla_shapes::lambda::{
    FunctionConfiguration, ListFunctionsRequest, ListFunctionsResponse,
    ListVersionsByFunctionRequest, ListVersionsByFunctionResponse,
};
use bulla_store::Range;

use super::{Answer, no_keys};
use crate::answer::{Shown, State};
use crate::functions::Stored;
use crate::identifier::{Identifier, LATEST};
use crate::record::{self, FunctionRecord};
use crate::{FUNCTIONS, Lambda, fault};

/// How many a page has at most, whatever is asked for (API reference, `MaxItems`).
const MAX_ITEMS: i64 = 50;

/// How many a page has.
pub(crate) fn page_size(asked: Option<i64>) -> usize {
    usize::try_from(asked.unwrap_or(MAX_ITEMS).clamp(1, MAX_ITEMS)).unwrap_or(1)
}

/// What a marker says: after what the next page begins.
pub(crate) fn after(marker: Option<&str>) -> Result<Option<String>, Stop> {
    let Some(marker) = marker.filter(|marker| !marker.is_empty()) else { return Ok(None) };
    let bytes = base64_simd::STANDARD.decode_to_vec(marker).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    // AWS's text is not recorded; this one is ours.
    Ok(Some(text.ok_or_else(|| fault::invalid("The marker is invalid."))?))
}

pub(crate) fn marker(last: &str) -> String {
    base64_simd::STANDARD.encode_to_string(last)
}

pub(crate) async fn list_functions(
    service: &Lambda,
    call: &mut Call,
    input: &ListFunctionsRequest<'_>,
) -> Answer {
    permit_account(call, "lambda:ListFunctions", "*", &no_keys())?;
    let prefix = format!("{}/{}/", call.account(), call.region);
    let mut range = Range::prefix(prefix.as_str());
    if let Some(name) = after(input.marker())? {
        range = range.resume(format!("{prefix}{name}\0").as_str());
    }
    let all_versions = input.function_version() == Some("ALL");
    let size = page_size(input.max_items());
    let view = service.barrier.view().await?;
    let page = view.range(FUNCTIONS, &range, size).await?;
    drop(view);
    let mut functions: Vec<FunctionConfiguration<'static>> = Vec::new();
    let mut last = None;
    for (_, opened) in &page.rows {
        let record: FunctionRecord = record::read(opened.value.expose())?;
        let latest = Shown {
            record: &record,
            version: LATEST,
            config: &record.latest,
            qualified: all_versions,
            state: State::Active,
        };
        functions.push(service.configuration(call, latest).await?);
        if all_versions {
            for &number in &record.versions {
                functions.extend(published(service, call, &record, number).await?);
            }
        }
        last = Some(record.name.clone());
    }
    let next = page.next.and(last).map(|name| marker(&name));
    let answer = ListFunctionsResponse::new()
        .with_functions(functions)
        .with_some(next, ListFunctionsResponse::with_next_marker);
    Ok(Some(answer.into_record()))
}

async fn published(
    service: &Lambda,
    call: &mut Call,
    record: &FunctionRecord,
    number: u64,
) -> Result<Option<FunctionConfiguration<'static>>, Stop> {
    let Some(config) = service.published(record, number).await? else { return Ok(None) };
    let version = number.to_string();
    let (version, config) = (version.as_str(), &config);
    let shown = Shown { record, version, config, qualified: true, state: State::Active };
    Ok(Some(service.configuration(call, shown).await?))
}

pub(crate) async fn list_versions_by_function(
    service: &Lambda,
    call: &mut Call,
    input: &ListVersionsByFunctionRequest<'_>,
) -> Answer {
    let named = Identifier::of(call, input.function_name(), None)?;
    let action = "lambda:ListVersionsByFunction";
    let (_, Stored { record, .. }) = service.permitted(call, named, action, &no_keys()).await?;
    let size = page_size(input.max_items());
    let from: u64 = match after(input.marker())? {
        None => 0,
        Some(text) => {
            let number: Option<u64> = text.parse().ok();
            number.ok_or_else(|| fault::invalid("The marker is invalid."))?.saturating_add(1)
        }
    };
    let mut versions = Vec::new();
    if from == 0 {
        let (version, config) = (LATEST, &record.latest);
        let shown =
            Shown { record: &record, version, config, qualified: true, state: State::Active };
        versions.push(service.configuration(call, shown).await?);
    }
    let mut left = record.versions.iter().copied().filter(|number| *number >= from.max(1));
    let mut last = None;
    while versions.len() < size {
        let Some(number) = left.next() else { break };
        versions.extend(published(service, call, &record, number).await?);
        last = Some(number);
    }
    let more = left.next().is_some();
    let next = more.then(|| marker(&last.unwrap_or(0).to_string()));
    let answer = ListVersionsByFunctionResponse::new()
        .with_versions(versions)
        .with_some(next, ListVersionsByFunctionResponse::with_next_marker);
    Ok(Some(answer.into_record()))
}
