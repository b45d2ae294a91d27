//! The program's own addresses: health and metrics, and in `bulla dev` the clock and the reset.

use std::net::IpAddr;

use bytes::Bytes;
use http::{Method, StatusCode};
use jiff::fmt::temporal::{DateTimePrinter, SpanParser};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::answer::{Answer, json, typed};
use crate::house::House;
use crate::metrics;
use crate::standing::{self, Health};

/// Where the program's own addresses begin.
pub(crate) const PREFIX: &str = "/_bulla/";

/// Prometheus's text format, version 0.0.4.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";
const READY: &str = r#"{"status":"ready"}"#;
const DEGRADED: &str = "{\"status\":\"degraded\",\"reason\":\"the last check found that the store was \
                        altered outside Bulla: see the log\"}";
/// Digits of a second's fraction in the times that are answered.
const FRACTION_DIGITS: u8 = 3;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance<'a> {
    /// An ISO 8601 duration.
    advance: &'a str,
}

/// Answers one of the program's own addresses.
pub(crate) async fn answer(
    house: &House,
    (method, address): (&Method, &str),
    body: &Bytes,
    peer: IpAddr,
) -> Answer {
    match (address, method) {
        ("status", &Method::GET) if peer.is_loopback() => status(house).await,
        ("health", &Method::GET | &Method::HEAD) => health(house),
        ("metrics", &Method::GET) => typed(StatusCode::OK, PROMETHEUS, metrics::render(house)),
        ("clock", &Method::POST) if house.dev => advance(house, body).await,
        ("reset", &Method::POST) if house.dev => reset(house).await,
        ("status", &Method::GET) => {
            refused(StatusCode::FORBIDDEN, "the status is told to this machine only")
        }
        ("health" | "metrics" | "status", _) => refused(StatusCode::METHOD_NOT_ALLOWED, "use GET"),
        ("clock" | "reset", _) if house.dev => refused(StatusCode::METHOD_NOT_ALLOWED, "use POST"),
        _ => refused(StatusCode::NOT_FOUND, "there is nothing at this address"),
    }
}

fn health(house: &House) -> Answer {
    match Health::of(house) {
        Health::Unavailable => {
            let body = r#"{"status":"unavailable","reason":"the journal can't be written"}"#;
            json(StatusCode::SERVICE_UNAVAILABLE, body.to_owned())
        }
        Health::Degraded => json(StatusCode::OK, DEGRADED.to_owned()),
        Health::Ready => json(StatusCode::OK, READY.to_owned()),
    }
}

async fn status(house: &House) -> Answer {
    match standing::of(house).await {
        Ok(told) => json(StatusCode::OK, told.to_string()),
        Err(error) => failed("the status can't be told", &error),
    }
}

async fn advance(house: &House, body: &[u8]) -> Answer {
    let Some(by_ms) = duration_ms(body, house.plane.clock.now_ms()) else {
        let text = "give {\"advance\": \"P90D\"}: an ISO 8601 duration that is not negative and \
                    ends before the year 10000";
        return refused(StatusCode::BAD_REQUEST, text);
    };
    house.plane.clock.advance(by_ms);
    let run = async {
        house.plane.run_due().await?;
        house.plane.run_upkeep().await
    };
    match run.await {
        Ok(_) => now(house),
        Err(error) => failed("the due jobs did not all run", &error),
    }
}

/// The length of the duration from `now_ms` on, in milliseconds.
fn duration_ms(body: &[u8], now_ms: i64) -> Option<u64> {
    let Advance { advance } = serde_json::from_slice(body).ok()?;
    let span = SpanParser::new().parse_span(advance).ok()?;
    if span.is_negative() {
        return None;
    }
    let now = Timestamp::from_millisecond(now_ms).ok()?;
    let then = now.to_zoned_datetime(TimeZone::UTC).checked_add(span).ok()?.timestamp();
    let between: SignedDuration = then.duration_since(now);
    u64::try_from(between.as_millis()).ok()
}

async fn reset(house: &House) -> Answer {
    match house.plane.reset(&crate::house::RESET_SPACES.concat()).await {
        Ok(_) => now(house),
        Err(error) => failed("the reset did not finish", &error),
    }
}

fn now(house: &House) -> Answer {
    let now = Timestamp::from_millisecond(house.plane.clock.now_ms()).unwrap_or(Timestamp::MAX);
    let printer = DateTimePrinter::new().precision(Some(FRACTION_DIGITS));
    let text = printer.timestamp_to_string(&now);
    json(StatusCode::OK, format!("{{\"now\":\"{text}\"}}"))
}

fn failed(what: &str, error: &dyn std::fmt::Display) -> Answer {
    tracing::error!(%error, "{what}");
    refused(StatusCode::INTERNAL_SERVER_ERROR, &format!("{what}: see the log"))
}

fn refused(status: StatusCode, message: &str) -> Answer {
    json(status, serde_json::json!({ "message": message }).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: u64 = 86_400_000;

    #[test]
    fn durations_are_read_and_bounded() {
        let ms = |text: &str| duration_ms(text.as_bytes(), 1_767_225_600_000);
        assert_eq!(ms(r#"{"advance":"P90D"}"#), Some(90 * DAY_MS));
        assert_eq!(ms(r#"{"advance":"PT0S"}"#), Some(0));
        assert_eq!(ms(r#"{"advance":"PT1.5S"}"#), Some(1500));
        // 2026 has 365 days.
        assert_eq!(ms(r#"{"advance":"P1Y"}"#), Some(365 * DAY_MS));
        for wrong in [
            "{}",
            "[]",
            "",
            r#"{"advance":"soon"}"#,
            r#"{"advance":"90 days"}"#,
            r#"{"advance":7}"#,
            r#"{"advance":"-P1D"}"#,
            r#"{"advance":"P9999999Y"}"#,
            r#"{"advance":"P9000Y"}"#,
        ] {
            assert_eq!(ms(wrong), None, "{wrong}");
        }
    }
}
