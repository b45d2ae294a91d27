//! DescribeParameters.

use std::sync::Arc;

use bulla_plane::gate::{Named, permit_account};
use bulla_plane::{Call, Guarded, Stop, marker};
use bulla_policy::RequestKeys;
use bulla_shapes::View;
use bulla_shapes::ssm::{
    DescribeParametersRequest, DescribeParametersResult, ParameterInlinePolicy, ParameterMetadata,
};
use bulla_store::Key;

use super::Answer;
use crate::filter::{Filters, List};
use crate::live::{Held, Live};
use crate::record::Plan;
use crate::sharing::{self, SHARED};
use crate::{Ssm, fault, place};

const ACTION: &str = "ssm:DescribeParameters";
/// Default and largest page of parameters.
const PAGE: (usize, usize) = (10, 50);

pub(crate) async fn describe_parameters(
    ssm: &Ssm,
    call: &mut Call,
    input: &DescribeParametersRequest<'_>,
) -> Answer {
    // Policies can't name single parameters for this (recorded).
    let (partition, region, account) = (call.partition, &call.region, call.account());
    let arn = format!("arn:{partition}:ssm:{region}:{account}:*");
    permit_account(call, ACTION, &arn, &RequestKeys::none())?;
    let (old, new) = (input.filters(), input.parameter_filters());
    let given = |is_empty: Option<bool>| is_empty == Some(false);
    if given(old.as_ref().map(|f| f.is_empty())) && given(new.as_ref().map(|f| f.is_empty())) {
        // The text is ours.
        let text = "Filters and ParameterFilters can't be used together.";
        return Err(fault::validation(text).into());
    }
    let mut filters = Filters::read(List::Describe, new)?;
    if filters.is_empty() {
        filters = Filters::read_old(old);
    }
    let size = marker::page_size(input.max_results(), PAGE.0, PAGE.1);
    let (mut parameters, next) = if input.shared() == Some(true) {
        shared(ssm, call, &filters, input.next_token(), size).await?
    } else {
        let home = place::home(call.account(), &call.region);
        let all = || vec![place::children(&home, ""), place::descendants(&home, "")];
        let ranges = filters.ranges(&home).unwrap_or_else(all);
        let passes = |live: &Live| filters.pass(&live.record);
        let page = ssm.page(&ranges, input.next_token(), size, passes).await?;
        (page.parameters, page.next)
    };
    // Within a page by name (recorded), between pages by the order of the rows.
    parameters.sort_by(|a, b| a.record.name.cmp(&b.record.name));
    let answer = DescribeParametersResult::new()
        .with_parameters(parameters.iter().map(|live| metadata(live)))
        .with_some(next, DescribeParametersResult::with_next_token);
    Ok(Some(answer.into_record()))
}

/// The parameters of other accounts that the caller may see, and where the next page begins.
async fn shared(
    ssm: &Ssm,
    call: &Call,
    filters: &Filters,
    token: Option<&str>,
    size: usize,
) -> Result<(Vec<Arc<Live>>, Option<String>), Stop> {
    let mut range = sharing::shared_with(call.account(), &call.region);
    if let Some(token) = token {
        let from = marker::decode(token).map(Key::from);
        let from = from.filter(|from| range.contains(from.as_bytes()));
        range.from = from.ok_or_else(|| fault::invalid_token(token))?;
    }
    let view = ssm.barrier.view().await?;
    let page = view.range(SHARED, &range, size).await?;
    drop(view);
    let mut parameters = Vec::with_capacity(page.rows.len());
    for (key, _) in &page.rows {
        let Some(row) = sharing::target(key.as_bytes()) else { continue };
        let Some(live) = ssm.live(row).await? else { continue };
        let (arn, account) = (live.arn.clone(), live.record.account.clone());
        let held = Guarded::new(Held { parameter: Some(live), arn, account });
        // Its policy may speak of others, or of other actions.
        let Ok(held) = held.permit(call, ACTION, &RequestKeys::none(), Named::Arn) else {
            continue;
        };
        parameters.extend(held.parameter.filter(|live| filters.pass(&live.record)));
    }
    let next = page.next.map(|key| String::from_utf8_lossy(key.as_bytes()).into_owned());
    Ok((parameters, next.map(|next| marker::encode(&next))))
}

fn metadata(live: &Live) -> ParameterMetadata<'static> {
    let (record, newest) = (&live.record, &live.record.newest);
    ParameterMetadata::new()
        .with_name(record.name.clone())
        .with_arn(live.arn.clone())
        .with_type(newest.kind.name())
        .with_some(newest.key_id.clone(), ParameterMetadata::with_key_id)
        .with_last_modified_date(newest.modified_ms)
        .with_last_modified_user(newest.modified_by.clone())
        .with_some(newest.description.clone(), ParameterMetadata::with_description)
        .with_some(newest.allowed_pattern.clone(), ParameterMetadata::with_allowed_pattern)
        .with_version(i64::try_from(newest.number).unwrap_or(i64::MAX))
        .with_tier(newest.tier.name())
        .with_policies(record.plans.iter().map(policy))
        .with_data_type(newest.data_type.clone())
}

fn policy(plan: &Plan) -> ParameterInlinePolicy<'static> {
    ParameterInlinePolicy::new()
        .with_policy_text(plan.text.clone())
        .with_policy_type(plan.kind.name())
        .with_policy_status(if plan.done { "Finished" } else { "Pending" })
}
