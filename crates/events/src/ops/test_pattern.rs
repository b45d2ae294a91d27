//! TestEventPattern.

use bulla_plane::Call;
use bulla_plane::gate::permit_account;
use bulla_policy::Context;
use bulla_shapes::View;
use bulla_shapes::events::{TestEventPatternRequest, TestEventPatternResponse};

use super::Answer;
use crate::pattern::{Event, Pattern};
use crate::{Events, fault};

/// The members that an event must have to be tested (API reference, `TestEventPattern`).
const REQUIRED: [&str; 6] = ["id", "account", "source", "time", "region", "detail-type"];

pub(crate) async fn test_event_pattern(
    _events: &Events,
    call: &mut Call,
    input: &TestEventPatternRequest<'_>,
) -> Answer {
    permit_account(call, "events:TestEventPattern", "*", &Context::new())?;
    let text = input.event_pattern();
    let pattern =
        Pattern::parse(text).map_err(|refusal| fault::invalid_pattern(refusal.in_text(text)))?;
    // Recorded.
    let invalid = || fault::validation("Parameter Event is not valid.");
    let event = Event::parse(input.event()).map_err(|_| invalid())?;
    if !REQUIRED.iter().all(|name| event.has(name)) {
        return Err(invalid().into());
    }
    let answer = TestEventPatternResponse::new().with_result(pattern.matches(&event));
    Ok(Some(answer.into_record()))
}
