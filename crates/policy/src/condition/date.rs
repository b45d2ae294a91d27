//! Dates: ISO 8601 in the W3C profile, or seconds since 1970; compared in whole milliseconds.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

/// Milliseconds since 1970, finer fractions cut off. A time without zone is UTC, a date alone its
/// midnight.
pub(super) fn millis(text: &str) -> Option<i64> {
    epoch_seconds(text).or_else(|| iso(text))
}

fn epoch_seconds(text: &str) -> Option<i64> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let (seconds, fraction) = match text.split_once('.') {
        Some((seconds, fraction)) => (seconds, milliseconds(fraction)?),
        None => (text, 0),
    };
    number(seconds, seconds.len())?.checked_mul(1_000)?.checked_add(fraction)
}

fn iso(text: &str) -> Option<i64> {
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let mut fields = date.split('-');
    let year = i16::try_from(number(fields.next()?, 4)?).ok()?;
    let month = i8::try_from(number(fields.next()?, 2)?).ok()?;
    let day = match (fields.next(), time) {
        (Some(day), _) => i8::try_from(number(day, 2)?).ok()?,
        (None, None) => 1,
        (None, Some(_)) => return None,
    };
    if fields.next().is_some() {
        return None;
    }
    let date = Date::new(year, month, day).ok()?;
    let (clock, fraction, offset) = match time {
        Some(time) => clock(time)?,
        None => (Time::midnight(), 0, 0),
    };
    let zone = Offset::from_seconds(offset).ok()?;
    let instant = zone.to_timestamp(DateTime::from_parts(date, clock)).ok()?;
    instant.as_second().checked_mul(1_000)?.checked_add(fraction)
}

/// `hh:mm[:ss[.fraction]][zone]` as the clock, milliseconds, and seconds east of UTC.
fn clock(text: &str) -> Option<(Time, i64, i32)> {
    let (time, offset) = match text.strip_suffix('Z') {
        Some(time) => (time, 0),
        None => match text.rfind(['+', '-']) {
            Some(at) => {
                let (time, zone) = text.split_at_checked(at)?;
                (time, zone_offset(zone)?)
            }
            None => (text, 0),
        },
    };
    let mut fields = time.split(':');
    let hour = i8::try_from(number(fields.next()?, 2)?).ok()?;
    let minute = i8::try_from(number(fields.next()?, 2)?).ok()?;
    let (second, fraction) = match fields.next() {
        None => (0, 0),
        Some(field) => match field.split_once('.') {
            Some((second, fraction)) => (number(second, 2)?, milliseconds(fraction)?),
            None => (number(field, 2)?, 0),
        },
    };
    if fields.next().is_some() {
        return None;
    }
    let time = Time::new(hour, minute, i8::try_from(second).ok()?, 0).ok()?;
    Some((time, fraction, offset))
}

fn zone_offset(zone: &str) -> Option<i32> {
    let (sign, rest) = match zone.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, zone.strip_prefix('+')?),
    };
    let (hours, minutes) = rest.split_once(':')?;
    let (hours, minutes) = (number(hours, 2)?, number(minutes, 2)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    i32::try_from((hours * 60 + minutes) * 60).ok().map(|seconds| sign * seconds)
}

/// The first three digits of a fraction of a second.
fn milliseconds(fraction: &str) -> Option<i64> {
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = fraction.bytes().chain([b'0', b'0']).take(3);
    Some(digits.fold(0, |value, digit| value * 10 + i64::from(digit - b'0')))
}

/// Exactly `length` digits.
fn number(text: &str, length: usize) -> Option<i64> {
    let plain = !text.is_empty() && text.len() == length;
    if !plain || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}
