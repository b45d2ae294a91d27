//! PutEventSelectors, GetEventSelectors.

use bulla_plane::Call;
use bulla_shapes::cloudtrail::{
    AdvancedEventSelector, AdvancedFieldSelector, EventSelector, GetEventSelectorsRequest,
    GetEventSelectorsResponse, PutEventSelectorsRequest, PutEventSelectorsResponse,
};
use bulla_shapes::{Fault, Strings, View};

use super::Answer;
use super::trails::permitted;
use crate::records::{Advanced, Basic, Field, Selectors};
use crate::{Trail, fault};

/// The most selectors of the older kind of a trail.
const MAX_BASIC: usize = 5;
/// The most values in all selectors of the newer kind of a trail.
const MAX_VALUES: usize = 500;
/// Services whose events the older kind can leave out.
const EXCLUDABLE: [&str; 2] = ["kms.amazonaws.com", "rdsdata.amazonaws.com"];
/// What the newer kind can ask for in management events.
const FIELDS: [&str; 7] = [
    "eventCategory",
    "eventName",
    "eventSource",
    "eventType",
    "readOnly",
    "sessionCredentialFromConsole",
    "userIdentity.arn",
];

fn owned(texts: Option<Strings<'_>>) -> Vec<String> {
    texts.into_iter().flatten().map(str::to_owned).collect()
}

pub(crate) async fn put_event_selectors(
    trail: &Trail,
    call: &mut Call,
    input: &PutEventSelectorsRequest<'_>,
) -> Answer {
    let action = "cloudtrail:PutEventSelectors";
    let mut stored = permitted(trail, call, action, input.trail_name()).await?;
    stored.must_be_home(call)?;
    let selectors = match (input.event_selectors(), input.advanced_event_selectors()) {
        (Some(given), None) => {
            Selectors::Basic(given.iter().map(|one| basic(&one)).collect::<Result<Vec<_>, _>>()?)
        }
        (None, Some(given)) => Selectors::Advanced(
            given.iter().map(|one| advanced(&one)).collect::<Result<Vec<_>, _>>()?,
        ),
        _ => {
            let text = "Specify either EventSelectors or AdvancedEventSelectors.";
            return Err(fault::selectors(text).into());
        }
    };
    check(&selectors)?;
    stored.record.selectors = Some(selectors.clone());
    trail.save(&stored).await?;
    let answer = PutEventSelectorsResponse::new().with_trail_arn(stored.record.arn());
    let answer = match &selectors {
        Selectors::Basic(all) => answer.with_event_selectors(all.iter().map(shown)),
        // In the order in which they were sent (recorded).
        Selectors::Advanced(all) => {
            answer.with_advanced_event_selectors(all.iter().map(shown_advanced))
        }
    };
    call.responded(answer.record());
    Ok(Some(answer.into_record()))
}

fn basic(given: &EventSelector<'_>) -> Result<Basic, Fault> {
    if given.data_resources().is_some_and(|resources| resources.iter().next().is_some()) {
        return Err(fault::selectors("Data events are not recorded here."));
    }
    let excluded = owned(given.exclude_management_event_sources());
    if excluded.iter().any(|source| !EXCLUDABLE.contains(&source.as_str())) {
        let text = "ExcludeManagementEventSources can only have kms.amazonaws.com and \
                    rdsdata.amazonaws.com.";
        return Err(fault::selectors(text));
    }
    Ok(Basic {
        kind: given.read_write_type().unwrap_or("All").to_owned(),
        management: given.include_management_events().unwrap_or(true),
        excluded,
    })
}

fn advanced(given: &AdvancedEventSelector<'_>) -> Result<Advanced, Fault> {
    let fields: Vec<Field> = given
        .field_selectors()
        .into_iter()
        .flat_map(|all| all.iter().map(|one| field(&one)).collect::<Vec<_>>())
        .collect();
    for field in &fields {
        if !FIELDS.contains(&field.field.as_str()) {
            let text = format!("The field {} can't be selected.", field.field);
            return Err(fault::selectors(text));
        }
        if field.lists().iter().all(|(_, list)| list.is_empty()) {
            return Err(fault::selectors("A field selector needs at least one operator."));
        }
    }
    let category = fields.iter().find(|field| field.field == "eventCategory");
    if category.is_none_or(|field| field.equals != ["Management"]) {
        let text = "eventCategory must equal Management: no other events are recorded here.";
        return Err(fault::selectors(text));
    }
    Ok(Advanced { name: given.name().map(str::to_owned), fields })
}

fn field(given: &AdvancedFieldSelector<'_>) -> Field {
    Field {
        field: given.field().to_owned(),
        equals: owned(given.equals()),
        starts: owned(given.starts_with()),
        ends: owned(given.ends_with()),
        not_equals: owned(given.not_equals()),
        not_starts: owned(given.not_starts_with()),
        not_ends: owned(given.not_ends_with()),
    }
}

fn check(selectors: &Selectors) -> Result<(), Fault> {
    match selectors {
        Selectors::Basic(all) if all.is_empty() || all.len() > MAX_BASIC => {
            Err(fault::selectors("A trail can have 1 to 5 event selectors."))
        }
        Selectors::Advanced(all) if all.is_empty() => {
            Err(fault::selectors("A trail needs at least one event selector."))
        }
        Selectors::Advanced(all) => {
            let fields = all.iter().flat_map(|one| &one.fields);
            let values: usize = fields.flat_map(Field::lists).map(|(_, list)| list.len()).sum();
            if values > MAX_VALUES {
                return Err(fault::selectors("A trail can have at most 500 values in selectors."));
            }
            Ok(())
        }
        Selectors::Basic(_) => Ok(()),
    }
}

fn shown(selector: &Basic) -> EventSelector<'static> {
    EventSelector::new()
        .with_read_write_type(selector.kind.clone())
        .with_include_management_events(selector.management)
        .with_data_resources(Vec::new())
        .with_exclude_management_event_sources(selector.excluded.clone())
}

fn shown_advanced(selector: &Advanced) -> AdvancedEventSelector<'static> {
    AdvancedEventSelector::new()
        .with_some(selector.name.clone(), AdvancedEventSelector::with_name)
        .with_field_selectors(selector.fields.iter().map(shown_field))
}

fn shown_field(field: &Field) -> AdvancedFieldSelector<'static> {
    let some = |list: &Vec<String>| Some(list.clone()).filter(|list| !list.is_empty());
    AdvancedFieldSelector::new()
        .with_field(field.field.clone())
        .with_some(some(&field.equals), AdvancedFieldSelector::with_equals)
        .with_some(some(&field.starts), AdvancedFieldSelector::with_starts_with)
        .with_some(some(&field.ends), AdvancedFieldSelector::with_ends_with)
        .with_some(some(&field.not_equals), AdvancedFieldSelector::with_not_equals)
        .with_some(some(&field.not_starts), AdvancedFieldSelector::with_not_starts_with)
        .with_some(some(&field.not_ends), AdvancedFieldSelector::with_not_ends_with)
}

pub(crate) async fn get_event_selectors(
    trail: &Trail,
    call: &mut Call,
    input: &GetEventSelectorsRequest<'_>,
) -> Answer {
    let action = "cloudtrail:GetEventSelectors";
    let stored = permitted(trail, call, action, input.trail_name()).await?;
    let answer = GetEventSelectorsResponse::new().with_trail_arn(stored.record.arn());
    let answer = match &stored.record.selectors {
        None => {
            let all = Basic { kind: "All".to_owned(), management: true, excluded: Vec::new() };
            answer.with_event_selectors([shown(&all)])
        }
        Some(Selectors::Basic(all)) => answer.with_event_selectors(all.iter().map(shown)),
        // By the fields' names (recorded).
        Some(Selectors::Advanced(all)) => {
            let sorted = all.iter().cloned().map(|mut selector| {
                selector.fields.sort_by(|one, other| one.field.cmp(&other.field));
                shown_advanced(&selector)
            });
            answer.with_advanced_event_selectors(sorted)
        }
    };
    Ok(Some(answer.into_record()))
}
