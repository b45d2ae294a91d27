//! CreateEventBus, UpdateEventBus, DescribeEventBus, ListEventBuses, DeleteEventBus.

use bulla_plane::gate::permit_account;
use bulla_plane::{Call, Stop};
use bulla_policy::{Context, RequestKeys};
use bulla_shapes::View;
use bulla_shapes::events::{
    CreateEventBusRequest, CreateEventBusResponse, DeadLetterConfig, DeleteEventBusRequest,
    DescribeEventBusRequest, DescribeEventBusResponse, EventBus, ListEventBusesRequest,
    ListEventBusesResponse, LogConfig, UpdateEventBusRequest, UpdateEventBusResponse,
};
use bulla_store::{Range, SealedBatch};

use super::tags::{self, pairs};
use super::{Answer, BUS_TYPE};
use crate::guard::{BusAt, permit};
use crate::place::{DEFAULT, Place};
use crate::records::{BUSES, BusRecord, RULES, bytes, read};
use crate::{Events, fault, page, quotas};

pub(crate) async fn create_event_bus(
    events: &Events,
    call: &mut Call,
    input: &CreateEventBusRequest<'_>,
) -> Answer {
    let tags = pairs(input.tags());
    let name = input.name();
    let found = events.bus(call, Some(name)).await?;
    let bus = permit(found, call, "events:CreateEventBus", &RequestKeys::none().tags(&tags))?;
    call.touched(&bus.arn, &bus.place.account, BUS_TYPE);
    // Buses with a slash are those of partners' event sources, which there are none of here.
    if let Some(source) = input.event_source_name() {
        return Err(fault::no_event_source(source).into());
    }
    if name.contains('/') {
        let text = "Event bus name must not contain '/'.";
        return Err(fault::validation(text).into());
    }
    if bus.stored.is_some() {
        return Err(fault::bus_exists(name).into());
    }
    tags::check(call, &tags)?;
    must_have_room(events, call, &bus.place).await?;
    let given = input.kms_key_identifier().unwrap_or_default();
    let kms_key = events.keys.of_bus(call, &bus.arn, given, None).await?;
    let record = BusRecord {
        created_ms: Some(call.now_ms),
        modified_ms: Some(call.now_ms),
        description: input.description().map(str::to_owned),
        kms_key,
        dead_letter: input.dead_letter_config().and_then(|it| it.arn().map(str::to_owned)),
        log: input.log_config().map(log),
        policy: None,
        principals: Vec::new(),
        tags,
    };
    let answer = CreateEventBusResponse::new()
        .with_event_bus_arn(bus.arn.clone())
        .with_some(record.description.clone(), CreateEventBusResponse::with_description)
        .with_some(record.kms_key.clone(), CreateEventBusResponse::with_kms_key_identifier)
        .with_some(dead_letter(&record), CreateEventBusResponse::with_dead_letter_config)
        .with_some(log_config(&record), CreateEventBusResponse::with_log_config);
    events.save_bus(&bus, &record).await?;
    Ok(Some(answer.into_record()))
}

fn log(given: LogConfig<'_>) -> (Option<String>, Option<String>) {
    (given.include_detail().map(str::to_owned), given.level().map(str::to_owned))
}

fn dead_letter(record: &BusRecord) -> Option<DeadLetterConfig<'static>> {
    record.dead_letter.clone().map(|arn| DeadLetterConfig::new().with_arn(arn))
}

fn log_config(record: &BusRecord) -> Option<LogConfig<'static>> {
    record.log.clone().map(|(detail, level)| {
        LogConfig::new()
            .with_some(detail, LogConfig::with_include_detail)
            .with_some(level, LogConfig::with_level)
    })
}

async fn must_have_room(events: &Events, call: &Call, place: &Place) -> Result<(), Stop> {
    let most = quotas::BUSES.limit(call);
    let view = events.barrier.view().await?;
    let prefix = format!("{}/{}/", place.account, place.region);
    let mut range = Range::prefix(prefix.as_str());
    let mut count = 0;
    loop {
        let page = view.range(BUSES, &range, most.saturating_add(1)).await?;
        let others = page.rows.iter().filter(|(key, _)| !is_default(key.as_bytes()));
        count += others.count();
        if count >= most {
            return Err(fault::too_many().into());
        }
        let Some(next) = page.next else { return Ok(()) };
        range = range.resume(next);
    }
}

fn is_default(row: &[u8]) -> bool {
    row.ends_with(b"/default")
}

impl Events {
    /// Writes a bus.
    pub(crate) async fn save_bus(&self, bus: &BusAt, record: &BusRecord) -> Result<(), Stop> {
        let expected = match &bus.stored {
            Some((_, expected)) => *expected,
            None => bulla_store::Expected::Absent,
        };
        let batch =
            SealedBatch::new().put(BUSES, bus.place.row().as_str(), expected, bytes(record)?);
        self.barrier.commit(batch).await?;
        Ok(())
    }
}

impl BusAt {
    /// The bus, if it is there.
    pub(crate) fn must_be_there(&self) -> Result<&BusRecord, Stop> {
        let stored = self.stored.as_ref().map(|(record, _)| record);
        Ok(stored.ok_or_else(|| fault::no_bus(&self.place.bus))?)
    }
}

pub(crate) async fn update_event_bus(
    events: &Events,
    call: &mut Call,
    input: &UpdateEventBusRequest<'_>,
) -> Answer {
    let found = events.bus(call, input.name()).await?;
    let bus = permit(found, call, "events:UpdateEventBus", &())?;
    call.touched(&bus.arn, &bus.place.account, BUS_TYPE);
    let mut record = bus.must_be_there()?.clone();
    // What the request does not speak of stays: recorded of key and dead letters, and done alike
    // with the others.
    if let Some(description) = input.description() {
        record.description = Some(description.to_owned());
    }
    if let Some(given) = input.kms_key_identifier() {
        let before = record.kms_key.take();
        record.kms_key = events.keys.of_bus(call, &bus.arn, given, before.as_deref()).await?;
    }
    if let Some(given) = input.dead_letter_config() {
        record.dead_letter = given.arn().map(str::to_owned);
    }
    if let Some(given) = input.log_config() {
        record.log = Some(log(given));
    }
    record.modified_ms = Some(call.now_ms);
    events.save_bus(&bus, &record).await?;
    let answer = UpdateEventBusResponse::new()
        .with_arn(bus.arn)
        .with_name(bus.place.bus)
        .with_some(record.description.clone(), UpdateEventBusResponse::with_description)
        .with_some(record.kms_key.clone(), UpdateEventBusResponse::with_kms_key_identifier)
        .with_some(dead_letter(&record), UpdateEventBusResponse::with_dead_letter_config)
        .with_some(log_config(&record), UpdateEventBusResponse::with_log_config);
    Ok(Some(answer.into_record()))
}

pub(crate) async fn describe_event_bus(
    events: &Events,
    call: &mut Call,
    input: &DescribeEventBusRequest<'_>,
) -> Answer {
    let found = events.bus(call, input.name()).await?;
    let bus = permit(found, call, "events:DescribeEventBus", &())?;
    let record = bus.must_be_there()?;
    let answer = DescribeEventBusResponse::new()
        .with_name(bus.place.bus.clone())
        .with_arn(bus.arn.clone())
        .with_some(record.description.clone(), DescribeEventBusResponse::with_description)
        .with_some(record.kms_key.clone(), DescribeEventBusResponse::with_kms_key_identifier)
        .with_some(dead_letter(record), DescribeEventBusResponse::with_dead_letter_config)
        .with_some(log_config(record), DescribeEventBusResponse::with_log_config)
        .with_some(record.policy.clone(), DescribeEventBusResponse::with_policy)
        .with_some(record.created_ms, DescribeEventBusResponse::with_creation_time)
        .with_some(record.modified_ms, DescribeEventBusResponse::with_last_modified_time);
    Ok(Some(answer.into_record()))
}

pub(crate) async fn list_event_buses(
    events: &Events,
    call: &mut Call,
    input: &ListEventBusesRequest<'_>,
) -> Answer {
    permit_account(call, "events:ListEventBuses", "*", &Context::new())?;
    let here = Place::of(call, None)?;
    let view = events.barrier.view().await?;
    let first = format!("{}/{}/", here.account, here.region);
    let wanted = input.name_prefix().unwrap_or_default();
    // The default bus comes first while nothing was ever set on it, wherever its name belongs.
    let unset = view.get(BUSES, here.row().as_bytes()).await?.is_none();
    let with_default = unset && DEFAULT.starts_with(wanted) && input.next_token().is_none();
    let size = page::size(input.limit()) - usize::from(with_default);
    let prefix = format!("{first}{wanted}");
    let rows = page::rows(&view, (BUSES, &prefix), input.next_token(), size, |key, opened| {
        let name = key.as_bytes().get(first.len()..).unwrap_or_default();
        let bus = String::from_utf8_lossy(name).into_owned();
        Ok(Some(shown(Place { bus, ..here.clone() }, read::<BusRecord>(opened)?.record)))
    });
    let (mut buses, next) = rows.await?;
    if with_default {
        buses.insert(0, shown(here, BusRecord::default()));
    }
    let answer = ListEventBusesResponse::new()
        .with_event_buses(buses)
        .with_some(next, ListEventBusesResponse::with_next_token);
    Ok(Some(answer.into_record()))
}

fn shown(place: Place, record: BusRecord) -> EventBus<'static> {
    EventBus::new()
        .with_arn(place.arn())
        .with_name(place.bus)
        .with_some(record.description, EventBus::with_description)
        .with_some(record.policy, EventBus::with_policy)
        .with_some(record.created_ms, EventBus::with_creation_time)
        .with_some(record.modified_ms, EventBus::with_last_modified_time)
}

pub(crate) async fn delete_event_bus(
    events: &Events,
    call: &mut Call,
    input: &DeleteEventBusRequest<'_>,
) -> Answer {
    let found = events.bus(call, Some(input.name())).await?;
    let bus = permit(found, call, "events:DeleteEventBus", &())?;
    call.touched(&bus.arn, &bus.place.account, BUS_TYPE);
    // Recorded.
    if bus.place.bus == DEFAULT {
        return Err(fault::validation("Cannot delete event bus default.").into());
    }
    // Whether it is there makes no difference (recorded).
    let Some((_, expected)) = bus.stored else { return Ok(None) };
    let view = events.barrier.view().await?;
    let rules = Range::prefix(bus.place.rule_row("").as_str());
    if !view.range(RULES, &rules, 1).await?.rows.is_empty() {
        // The text is ours.
        let text = "Event bus can't be deleted since it has rules.";
        return Err(fault::validation(text).into());
    }
    drop(view);
    let batch = SealedBatch::new().delete(BUSES, bus.place.row().as_str(), expected);
    events.barrier.commit(batch).await?;
    events.compiled.forget(&bus.place.row());
    Ok(None)
}
