//! StartLogging, StopLogging, GetTrailStatus.

use bulla_plane::Call;
use bulla_shapes::View;
use bulla_shapes::cloudtrail::{
    GetTrailStatusRequest, GetTrailStatusResponse, StartLoggingRequest, StopLoggingRequest,
};
use bulla_store::{Expected, SealedBatch};

use super::Answer;
use super::trails::permitted;
use crate::records::{DELIVERIES, Delivery, Stretch, TRAILS, bytes};
use crate::{Trail, fault};

/// How often logging can be ended and begun again before what was recorded is delivered.
const MAX_STRETCHES: usize = 64;

pub(crate) async fn start_logging(
    trail: &Trail,
    call: &mut Call,
    input: &StartLoggingRequest<'_>,
) -> Answer {
    let stored = permitted(trail, call, "cloudtrail:StartLogging", input.name()).await?;
    stored.must_be_home(call)?;
    let key = stored.record.row();
    let (mut delivery, expected) = trail.delivery(&key).await?;
    if delivery.is_logging() {
        return Ok(None);
    }
    if delivery.stretches.len() >= MAX_STRETCHES {
        let text = "What was recorded before is still being delivered.";
        return Err(fault::of("ConflictException", text).into());
    }
    let next = trail.journal.anchor().sequence.saturating_add(1);
    delivery.stretches.push(Stretch { next, to: None });
    delivery.started_ms = Some(call.now_ms);
    let batch = SealedBatch::new().expect(TRAILS, key.as_str(), stored.expected).put(
        DELIVERIES,
        key.as_str(),
        expected,
        bytes(&delivery)?,
    );
    trail.barrier.commit(batch).await?;
    Ok(None)
}

impl Delivery {
    /// Ends logging with the last record that is durable.
    pub(crate) fn end(&mut self, last: u64, now_ms: i64) {
        if let Some(stretch) = self.stretches.last_mut() {
            stretch.to = stretch.to.or(Some(last));
        }
        self.stopped_ms = Some(now_ms);
    }
}

pub(crate) async fn stop_logging(
    trail: &Trail,
    call: &mut Call,
    input: &StopLoggingRequest<'_>,
) -> Answer {
    let stored = permitted(trail, call, "cloudtrail:StopLogging", input.name()).await?;
    stored.must_be_home(call)?;
    let key = stored.record.row();
    let (mut delivery, expected) = trail.delivery(&key).await?;
    if !delivery.is_logging() || expected == Expected::Absent {
        return Ok(None);
    }
    delivery.end(trail.journal.anchor().sequence, call.now_ms);
    let batch = SealedBatch::new().expect(TRAILS, key.as_str(), stored.expected).put(
        DELIVERIES,
        key.as_str(),
        expected,
        bytes(&delivery)?,
    );
    trail.barrier.commit(batch).await?;
    Ok(None)
}

pub(crate) async fn get_trail_status(
    trail: &Trail,
    call: &mut Call,
    input: &GetTrailStatusRequest<'_>,
) -> Answer {
    let stored = permitted(trail, call, "cloudtrail:GetTrailStatus", input.name()).await?;
    let (delivery, _) = trail.delivery(&stored.record.row()).await?;
    let text = |time: Option<i64>| {
        let instant = time.and_then(|ms| jiff::Timestamp::from_second(ms.div_euclid(1000)).ok());
        instant.map_or_else(String::new, |instant| instant.to_string())
    };
    let succeeded = if delivery.error.is_none() { delivery.delivered_ms } else { None };
    let answer = GetTrailStatusResponse::new()
        .with_is_logging(delivery.is_logging())
        .with_some(delivery.error, GetTrailStatusResponse::with_latest_delivery_error)
        .with_some(delivery.delivered_ms, GetTrailStatusResponse::with_latest_delivery_time)
        .with_some(delivery.started_ms, GetTrailStatusResponse::with_start_logging_time)
        .with_some(delivery.stopped_ms, GetTrailStatusResponse::with_stop_logging_time)
        .with_some(delivery.digested_ms, GetTrailStatusResponse::with_latest_digest_delivery_time)
        .with_some(delivery.digest_error, GetTrailStatusResponse::with_latest_digest_delivery_error)
        .with_latest_delivery_attempt_time(text(delivery.attempted_ms))
        .with_latest_notification_attempt_time("")
        .with_latest_notification_attempt_succeeded("")
        .with_latest_delivery_attempt_succeeded(text(succeeded))
        .with_time_logging_started(text(delivery.started_ms))
        .with_time_logging_stopped(text(delivery.stopped_ms));
    Ok(Some(answer.into_record()))
}
