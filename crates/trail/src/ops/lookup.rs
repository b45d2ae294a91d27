//! LookupEvents: what happened in the last 90 days in an account and region, newest first.

use std::sync::Arc;

use bulla_crypto::hex;
use bulla_plane::gate::permit_account;
use bulla_plane::journal::{Place, Record, RecordRef};
use bulla_plane::{Call, Stop};
use bulla_policy::Context;
use bulla_shapes::View;
use bulla_shapes::cloudtrail::{Event, LookupEventsRequest, LookupEventsResponse, Resource};

use super::Answer;
use crate::index::terms::{id_text, truth, user_name};
use crate::index::{Attribute, Found, Query, Range, resources};
use crate::{Trail, fault};

/// The most events of a page, which the model states.
const MAX_RESULTS: usize = 50;
/// How long events are shown (CloudTrail guide, "Viewing event history").
const DAYS: i64 = 90;
const DAY_MS: i64 = 86_400_000;
/// The version of what a token holds.
const TOKEN: &str = "b1";

pub(crate) async fn lookup_events(
    trail: &Trail,
    call: &mut Call,
    input: &LookupEventsRequest<'_>,
) -> Answer {
    permit_account(call, "cloudtrail:LookupEvents", "*", &Context::new())?;
    let mut given = input.lookup_attributes().into_iter().flat_map(|all| all.iter());
    let asked = given.next();
    if given.next().is_some() {
        return Err(fault::lookup("Only one lookup attribute can be given.").into());
    }
    let attribute = match &asked {
        None => Attribute::All,
        Some(asked) => Attribute::named(asked.attribute_key())
            .ok_or_else(|| fault::lookup("The lookup attribute is not known."))?,
    };
    let value = asked.as_ref().map_or("", |asked| asked.attribute_value()).to_owned();
    // Recorded: exactly so.
    if attribute == Attribute::ReadOnly && !matches!(value.as_str(), "true" | "false") {
        return Err(fault::lookup("The value of ReadOnly must be true or false.").into());
    }
    let range = range(call, input)?;
    let from = input.next_token().map(|token| place(token, input)).transpose()?;
    let limit = input.max_results().and_then(|most| usize::try_from(most).ok());
    let limit = limit.unwrap_or(MAX_RESULTS).clamp(1, MAX_RESULTS);
    if input.event_category().is_some() {
        // Insights are not made here: there are none.
        let answer = LookupEventsResponse::new().with_events(Vec::<Event<'_>>::new());
        return Ok(Some(answer.into_record()));
    }
    let index = Arc::clone(&trail.index);
    let (account, region) = (call.account().to_owned(), call.region.clone());
    let look = move || {
        let query = Query { account: &account, region: &region, attribute, value: &value, range };
        index.find(&query, from, limit)
    };
    let found = tokio::task::spawn_blocking(look).await.map_err(|error| {
        tracing::error!(%error, "a lookup ended");
        Stop::Internal
    })?;
    let Found { records, next } = found.map_err(|error| {
        tracing::error!(%error, "events can't be looked up");
        Stop::Internal
    })?;
    let answer = LookupEventsResponse::new()
        .with_events(records.iter().filter_map(event).collect::<Vec<_>>())
        .with_some(next.map(|next| token(next, input)), LookupEventsResponse::with_next_token);
    Ok(Some(answer.into_record()))
}

/// The times that are asked for, as far as they are shown.
fn range(call: &Call, input: &LookupEventsRequest<'_>) -> Result<Range, Stop> {
    let (start, end) = (input.start_time(), input.end_time());
    let is_ahead = start.is_some_and(|start| start > call.now_ms);
    let is_turned = start.zip(end).is_some_and(|(start, end)| start > end);
    if is_ahead || is_turned {
        return Err(fault::times().into());
    }
    let oldest = call.now_ms.saturating_sub(DAYS * DAY_MS);
    let from_ms = start.unwrap_or(oldest).max(oldest);
    // Events are shown with whole seconds: one of the last second is meant by that second.
    let to_ms = end.map_or(i64::MAX, |end| end.div_euclid(1000).saturating_mul(1000) + 999);
    Ok(Range { from_ms: from_ms.div_euclid(1000) * 1000, to_ms })
}

/// An event as it is shown. One that does not read is none.
fn event(record: &Record) -> Option<Event<'static>> {
    let fields = record.fields().ok()?;
    Some(shown(&fields))
}

fn shown(fields: &RecordRef<'_>) -> Event<'static> {
    let named = resources::named(fields).into_iter().map(|(kind, name)| {
        Resource::new().with_resource_type(kind.into_owned()).with_resource_name(name.into_owned())
    });
    let key = fields.identity.access_key_id.map(str::to_owned);
    let user = user_name(&fields.identity).map(str::to_owned);
    Event::new()
        .with_event_id(id_text(fields.event_id))
        .with_event_name(fields.event_name.to_owned())
        .with_read_only(truth(fields.read_only))
        .with_some(key, Event::with_access_key_id)
        .with_event_time(fields.time_ms.div_euclid(1000) * 1000)
        .with_event_source(fields.event_source.to_owned())
        .with_some(user, Event::with_username)
        .with_resources(named)
        .with_cloud_trail_event(fields.to_cloudtrail_json())
}

/// The token of the next page: where it begins, and what was asked for, which must stay the same.
/// It grants nothing.
fn token(next: Place, input: &LookupEventsRequest<'_>) -> String {
    let text = format!("{}.{}.{}", next.segment, next.offset, asked(input));
    format!("{TOKEN}{}", hex::encode(text.as_bytes()))
}

fn place(token: &str, input: &LookupEventsRequest<'_>) -> Result<Place, Stop> {
    let read = || {
        let text = hex::decode(token.strip_prefix(TOKEN)?).ok()?;
        let text = String::from_utf8(text).ok()?;
        let mut parts = text.splitn(3, '.');
        let segment = parts.next()?.parse().ok()?;
        let offset = parts.next()?.parse().ok()?;
        (parts.next()? == asked(input)).then_some(Place { segment, offset })
    };
    Ok(read().ok_or_else(fault::token)?)
}

fn asked(input: &LookupEventsRequest<'_>) -> String {
    let attributes = input.lookup_attributes().into_iter().flat_map(|all| all.iter());
    let attributes: Vec<_> = attributes
        .map(|one| format!("{}={}", one.attribute_key(), one.attribute_value()))
        .collect();
    let time = |time: Option<i64>| time.map_or_else(String::new, |ms| ms.to_string());
    let (start, end) = (time(input.start_time()), time(input.end_time()));
    format!("{start}.{end}.{}", attributes.join("&"))
}
