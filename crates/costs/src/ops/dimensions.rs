//! GetDimensionValues.

use std::collections::BTreeSet;

use bulla_plane::gate::permit_account;
use bulla_plane::{Call, marker};
use bulla_shapes::View as _;
use bulla_shapes::ce::{
    DimensionValuesWithAttributes, GetDimensionValuesRequest, GetDimensionValuesResponse,
};

use super::{Answer, period};
use crate::facet::Facet;
use crate::filter::Filter;
use crate::report::Asked;
use crate::sums::MAX_GROUPS;
use crate::{CostExplorer, fault};

/// Default and largest page.
const VALUES_A_PAGE: usize = 1_000;

pub(crate) async fn get_dimension_values(
    explorer: &CostExplorer,
    call: &mut Call,
    input: &GetDimensionValuesRequest<'_>,
) -> Answer {
    permit_account(call, "ce:GetDimensionValues", "*", &())?;
    let span = period(input.time_period().as_ref(), call.now_ms, false)?;
    let facet = Facet::dimension(input.dimension(), false)?;
    let filter = input.filter().map(|given| Filter::read(&given, false)).transpose()?;
    let wanted = input.search_string().unwrap_or_default();
    explorer.meter.settle().await?;
    let times = span.months();
    let asked = Asked { account: Some(call.account()), times: &times, now_ms: call.now_ms };
    let mut values = BTreeSet::new();
    let mut add = |line: &crate::report::Line<'_>| {
        let value = facet.of(line);
        let is_asked_for = filter.as_ref().is_none_or(|filter| filter.takes(line));
        if is_asked_for && value.contains(wanted) && values.len() <= MAX_GROUPS {
            values.insert(value.into_owned());
        }
    };
    explorer.meter.report(&asked, &mut add).await?;
    if values.len() > MAX_GROUPS {
        return Err(fault::too_many(MAX_GROUPS).into());
    }
    let from = match input.next_page_token() {
        Some(token) => marker::decode(token)
            .and_then(|text| text.parse::<usize>().ok())
            .filter(|from| *from < values.len())
            .ok_or_else(fault::token)?,
        None => 0,
    };
    let size = marker::page_size(input.max_results(), VALUES_A_PAGE, VALUES_A_PAGE);
    let (total, end) = (values.len(), from.saturating_add(size));
    let next = (end < total).then(|| marker::encode(&end.to_string()));
    let page: Vec<_> = values.into_iter().skip(from).take(size).collect();
    let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let answer = GetDimensionValuesResponse::new()
        .with_return_size(count(page.len()))
        .with_total_size(count(total))
        .with_dimension_values(page.into_iter().map(|value| {
            DimensionValuesWithAttributes::new().with_value(value).with_attributes(Vec::<(
                &str,
                &str,
            )>::new(
            ))
        }))
        .with_some(next, GetDimensionValuesResponse::with_next_page_token);
    Ok(Some(answer.into_record()))
}
