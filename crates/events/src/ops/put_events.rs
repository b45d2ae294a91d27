//! PutEvents.

use bulla_plane::pipeline::new_uuid;
use bulla_plane::{Call, Stop};
use bulla_policy::Context;
use bulla_shapes::View;
use bulla_shapes::events::{
    PutEventsRequest, PutEventsRequestEntry, PutEventsResponse, PutEventsResultEntry,
};
use bulla_store::SealedBatch;
use serde_json::json;

use super::{Answer, BUS_TYPE};
use crate::guard::permit;
use crate::pattern::Event;
use crate::place::Place;
use crate::{Events, fault};

/// The most bytes of all entries together (EventBridge user guide, "Calculating PutEvents event
/// entry size"). Since 2025 AWS takes 1 MB; the older limit is kept, as a delivery has to fit in a
/// row of the store with its target.
const MAX_ENTRIES_BYTES: usize = 256 * 1024;
/// What a time counts (same page).
const TIME_BYTES: usize = 14;
/// What AWS charges an event by, in bytes (EventBridge's price page).
const CHUNK_BYTES: usize = 64 << 10;
/// Sources that only AWS's services tell of.
const RESERVED_SOURCE: &str = "aws.";

/// Why an entry is refused: code and message.
type Refused = (&'static str, String);

pub(crate) async fn put_events(
    events: &Events,
    call: &mut Call,
    input: &PutEventsRequest<'_>,
) -> Answer {
    let entries: Vec<_> = input.entries().map(|all| all.iter().collect()).unwrap_or_default();
    // Recorded.
    if entries.iter().map(size).sum::<usize>() > MAX_ENTRIES_BYTES {
        let text = "Total size of the entries in the request is over the limit.";
        return Err(fault::validation(text).into());
    }
    let mut batch = SealedBatch::new();
    let mut results = Vec::with_capacity(entries.len());
    let mut failed = 0;
    for entry in &entries {
        let place = permitted(events, call, entry).await?;
        let result = match checked(entry) {
            Ok(detail) => {
                call.metered(size(entry).div_ceil(CHUNK_BYTES).max(1) as u64);
                let id = new_uuid(&events.crypto)?;
                if let Some(place) = place {
                    let text = text(call, entry, &id, detail);
                    batch = place.as_bus().put(batch, call.now_ms, &id, text);
                }
                PutEventsResultEntry::new().with_event_id(id)
            }
            Err((code, message)) => {
                failed += 1;
                PutEventsResultEntry::new().with_error_code(code).with_error_message(message)
            }
        };
        results.push(result);
    }
    if !batch.is_empty() {
        events.barrier.commit(batch).await?;
    }
    let answer = PutEventsResponse::new().with_failed_entry_count(failed).with_entries(results);
    Ok(Some(answer.into_record()))
}

/// The bus of an entry, if the caller may put events on it. None for one of the caller's own that
/// is not there: events put on it are lost without a word (recorded).
async fn permitted(
    events: &Events,
    call: &mut Call,
    entry: &PutEventsRequestEntry<'_>,
) -> Result<Option<Place>, Stop> {
    let conditions = Context::new()
        .with("events:source", entry.source().unwrap_or_default())
        .with("events:detail-type", entry.detail_type().unwrap_or_default());
    let found = events.bus(call, entry.event_bus_name()).await?;
    let bus = permit(found, call, "events:PutEvents", &conditions)?;
    call.touched(&bus.arn, &bus.place.account, BUS_TYPE);
    Ok(bus.stored.is_some().then_some(bus.place))
}

fn size(entry: &PutEventsRequestEntry<'_>) -> usize {
    let texts = [entry.source(), entry.detail_type(), entry.detail()];
    let texts = texts.into_iter().flatten();
    let resources = entry.resources().into_iter().flatten();
    let time = entry.time().map_or(0, |_| TIME_BYTES);
    texts.chain(resources).map(str::len).sum::<usize>() + time
}

/// The detail of an entry that can be an event. Texts are recorded.
fn checked<'e>(entry: &'e PutEventsRequestEntry<'_>) -> Result<&'e str, Refused> {
    let required = |name: &str, value: Option<&'e str>| {
        value.filter(|value| !value.is_empty()).ok_or_else(|| {
            let text = format!(
                "Parameter {name} is not valid. Reason: {name} is a required \
                                argument."
            );
            ("InvalidArgument", text)
        })
    };
    let source = required("Source", entry.source())?;
    required("DetailType", entry.detail_type())?;
    let detail = required("Detail", entry.detail())?;
    if source.starts_with(RESERVED_SOURCE) {
        return Err(("NotAuthorizedForSource", "Not authorized for the source.".to_owned()));
    }
    match Event::parse(detail) {
        Ok(_) => Ok(detail),
        Err(_) => Err(("MalformedDetail", "Detail is malformed.".to_owned())),
    }
}

/// The event of an entry. Its detail stays as it was written.
fn text(call: &Call, entry: &PutEventsRequestEntry<'_>, id: &str, detail: &str) -> String {
    let time_ms = entry.time().unwrap_or(call.now_ms);
    let time = jiff::Timestamp::from_second(time_ms.div_euclid(1000));
    let resources: Vec<&str> = entry.resources().into_iter().flatten().collect();
    format!(
        r#"{{"version":"0","id":"{id}","detail-type":{},"source":{},"account":{},"time":"{}","region":{},"resources":{},"detail":{detail}}}"#,
        json!(entry.detail_type()),
        json!(entry.source()),
        json!(call.account()),
        time.unwrap_or_default(),
        json!(call.region),
        json!(resources),
    )
}
