//! GetParametersByPath.

use bulla_plane::gate::permit_account;
use bulla_plane::{Call, Stop, marker};
use bulla_policy::RequestKeys;
use bulla_shapes::View;
use bulla_shapes::ssm::{GetParametersByPathRequest, GetParametersByPathResult, Parameter};

use super::{Answer, get};
use crate::filter::{Filters, List};
use crate::live::Live;
use crate::{Ssm, name, place};

/// Default and largest page.
const PAGE: usize = 10;

/// Who may list a path may read all below it (recorded): permission is asked for on the path alone.
pub(crate) async fn get_parameters_by_path(
    ssm: &Ssm,
    call: &mut Call,
    input: &GetParametersByPathRequest<'_>,
) -> Answer {
    const ACTION: &str = "ssm:GetParametersByPath";
    let path = name::of_path(input.path())?;
    let recursive = input.recursive() == Some(true);
    let arn = name::arn(call, call.account(), path);
    permit_account(call, ACTION, &arn, &RequestKeys::none().with_flag("ssm:recursive", recursive))?;
    let account = call.account().to_owned();
    call.touched(&arn, &account, "");
    let filters = Filters::read(List::ByPath, input.parameter_filters())?;
    let home = place::home(call.account(), &call.region);
    let mut ranges = vec![place::children(&home, path)];
    if recursive {
        ranges.push(place::descendants(&home, path));
    }
    let size = marker::page_size(input.max_results(), PAGE, PAGE);
    let passes = |live: &Live| filters.pass(&live.record);
    let page = ssm.page(&ranges, input.next_token(), size, passes).await?;
    let mut parameters = Vec::with_capacity(page.parameters.len());
    for live in &page.parameters {
        let decrypt = input.with_decryption() == Some(true);
        parameters.extend(labelled(ssm, call, live, (filters.label(), decrypt)).await?);
    }
    // Within a page by name (recorded), between pages by the order of the rows.
    parameters.sort_by(|a, b| a.name().cmp(&b.name()));
    let answer = GetParametersByPathResult::new()
        .with_parameters(parameters)
        .with_some(page.next, GetParametersByPathResult::with_next_token);
    Ok(Some(answer.into_record()))
}

/// The newest version, or the one that has the label.
async fn labelled(
    ssm: &Ssm,
    call: &mut Call,
    live: &Live,
    (label, decrypt): (Option<&str>, bool),
) -> Result<Option<Parameter<'static>>, Stop> {
    let record = &live.record;
    let Some(label) = label else {
        let shown = (record.name.as_str(), decrypt);
        return get::parameter(ssm, call, live, &record.newest, shown).await.map(Some);
    };
    let number = record.labels.iter().find(|(known, _)| known == label).map(|(_, at)| *at);
    let Some(number) = number else { return Ok(None) };
    // One that went away since the list was read is left out.
    let Some(version) = ssm.version(live, number).await? else { return Ok(None) };
    get::parameter(ssm, call, live, &version, (&record.name, decrypt)).await.map(Some)
}
