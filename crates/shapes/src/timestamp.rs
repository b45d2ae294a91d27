//! Timestamps in every form the protocols write, as milliseconds since 1970.

use std::fmt::Write as _;

/// Milliseconds in a second.
const SECOND: i64 = 1_000;
/// Seconds in a day.
const DAY: i64 = 86_400;
/// The years a timestamp may lie in; four digits in every written form.
const YEARS: std::ops::RangeInclusive<i64> = 0..=9_999;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/// A point in time by the proleptic Gregorian calendar, UTC.
#[derive(Clone, Copy)]
struct Civil {
    year: i64,
    month: i64,
    day: i64,
    /// Seconds of the day.
    second: i64,
    /// Milliseconds of the second.
    millis: i64,
}

impl Civil {
    /// Milliseconds since 1970; `None` where a part is out of range.
    fn millis(self) -> Option<i64> {
        let leap = self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0);
        let length = match self.month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        let sound = YEARS.contains(&self.year)
            && (1..=length).contains(&self.day)
            && (0..=DAY).contains(&self.second);
        // Days since 1970 by Howard Hinnant's formula: years begin in March, eras last 400 years.
        let year = if self.month <= 2 { self.year - 1 } else { self.year };
        let era = year.div_euclid(400);
        let of_era = year.rem_euclid(400);
        let of_year = (153 * ((self.month + 9) % 12) + 2) / 5 + self.day - 1;
        let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
        sound.then_some((days * DAY + self.second) * SECOND + self.millis)
    }

    fn of(millis: i64) -> Self {
        let seconds = millis.div_euclid(SECOND);
        let days = seconds.div_euclid(DAY) + 719_468;
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let shifted = (5 * of_year + 2) / 153;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        Self {
            year: year + era * 400 + i64::from(month <= 2),
            month,
            day: of_year - (153 * shifted + 2) / 5 + 1,
            second: seconds.rem_euclid(DAY),
            millis: millis.rem_euclid(SECOND),
        }
    }
}

/// Appends seconds since 1970 as a plain decimal with up to three places.
pub(crate) fn write_unix(millis: i64, out: &mut String) {
    let sign = if millis < 0 { "-" } else { "" };
    let whole = millis.unsigned_abs() / 1_000;
    let _ = write!(out, "{sign}{whole}");
    write_fraction(i64::try_from(millis.unsigned_abs() % 1_000).unwrap_or(0), out);
}

/// Appends `2024-11-24T00:00:00Z`, with milliseconds where there are any.
pub(crate) fn write_iso8601(millis: i64, out: &mut String) {
    let c = Civil::of(millis);
    let (hour, minute, second) = (c.second / 3_600, c.second / 60 % 60, c.second % 60);
    let Civil { year, month, day, .. } = c;
    let _ = write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    write_fraction(c.millis, out);
    out.push('Z');
}

/// Appends `Sun, 24 Nov 2024 00:00:00 GMT`; the form has no fractions.
pub(crate) fn write_http_date(millis: i64, out: &mut String) {
    let c = Civil::of(millis);
    let (hour, minute, second) = (c.second / 3_600, c.second / 60 % 60, c.second % 60);
    // 1970-01-01 was a Thursday.
    let weekday = (millis.div_euclid(SECOND).div_euclid(DAY) + 4).rem_euclid(7);
    let name = |names: &[&'static str], at: i64| {
        usize::try_from(at).ok().and_then(|at| names.get(at).copied()).unwrap_or_default()
    };
    let weekday = name(&WEEKDAYS, weekday);
    let month = name(&MONTHS, c.month - 1);
    let Civil { year, day, .. } = c;
    let _ =
        write!(out, "{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT");
}

fn write_fraction(millis: i64, out: &mut String) {
    if millis != 0 {
        let text = format!("{millis:03}");
        out.push('.');
        out.push_str(text.trim_end_matches('0'));
    }
}

/// Seconds since 1970 as a decimal, to milliseconds; `None` beyond the years of the calendar.
pub(crate) fn parse_unix(text: &str) -> Option<i64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit());
    let millis = if plain && (1..=15).contains(&text.len()) {
        text.parse::<i64>().ok()?.checked_mul(SECOND)?
    } else {
        let seconds = text.parse::<f64>().ok().filter(|seconds| seconds.is_finite())?;
        let millis = (seconds * 1_000.0).round();
        if millis.abs() > 1e15 {
            return None;
        }
        // Below 2^53 by the check above: exact.
        #[expect(clippy::cast_possible_truncation, reason = "bounded to 1e15 above")]
        let whole = millis as i64;
        whole
    };
    YEARS.contains(&Civil::of(millis).year).then_some(millis)
}

/// Any written form: ISO 8601 with `Z` or an offset, or an HTTP date.
pub(crate) fn parse_text(text: &str) -> Option<i64> {
    if text.as_bytes().first()?.is_ascii_alphabetic() {
        parse_http_date(text)
    } else {
        parse_iso8601(text)
    }
}

/// `YYYY-MM-DD`, optionally with `Thh:mm[:ss[.fff]]` and `Z`, `+hh:mm` or `-hh:mm`; UTC by default.
fn parse_iso8601(text: &str) -> Option<i64> {
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 {
        return None;
    }
    let (second, millis, offset) = match time {
        Some(time) => parse_time(time)?,
        None => (0, 0, 0),
    };
    let (year, month, day) = (digits(year, 4)?, digits(month, 2)?, digits(day, 2)?);
    let civil = Civil { year, month, day, second, millis };
    civil.millis()?.checked_sub(offset * SECOND)
}

/// Seconds of the day, milliseconds, and the offset from UTC in seconds.
fn parse_time(text: &str) -> Option<(i64, i64, i64)> {
    let (clock, offset) = match text.find(['Z', 'z', '+', '-']) {
        Some(at) => {
            let (clock, zone) = text.split_at_checked(at)?;
            (clock, parse_zone(zone)?)
        }
        None => (text, 0),
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut parts = clock.split(':');
    let hour = digits(parts.next()?, 2)?;
    let minute = digits(parts.next()?, 2)?;
    let second = parts.next().map_or(Some(0), |second| digits(second, 2))?;
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    Some((hour * 3_600 + minute * 60 + second, parse_fraction(fraction)?, offset))
}

fn parse_zone(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, rest) = match zone.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':').or_else(|| rest.split_at_checked(2))?;
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 3_600 + minutes * 60))
}

/// `Sun, 24 Nov 2024 00:00:00 GMT`, with or without a fraction of the second.
fn parse_http_date(text: &str) -> Option<i64> {
    let mut parts = text.split_ascii_whitespace();
    parts.next()?.strip_suffix(',')?;
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    let (second, millis, offset) = parse_time(parts.next()?)?;
    if parts.next()? != "GMT" || parts.next().is_some() || offset != 0 {
        return None;
    }
    let month = MONTHS.iter().position(|name| *name == month)?;
    let month = i64::try_from(month).ok()? + 1;
    let civil = Civil { year: digits(year, 4)?, month, day: digits(day, 2)?, second, millis };
    civil.millis()
}

/// Up to nine decimal places, cut to milliseconds.
fn parse_fraction(text: &str) -> Option<i64> {
    if text.is_empty() || text.len() > 9 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut millis = 0;
    let mut places = text.bytes().map(|b| i64::from(b - b'0'));
    for _ in 0..3 {
        millis = millis * 10 + places.next().unwrap_or(0);
    }
    Some(millis)
}

fn digits(text: &str, length: usize) -> Option<i64> {
    let sound = text.len() == length && text.bytes().all(|b| b.is_ascii_digit());
    sound.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn iso(millis: i64) -> String {
        let mut out = String::new();
        write_iso8601(millis, &mut out);
        out
    }

    #[test]
    fn known_instants() {
        assert_eq!(iso(0), "1970-01-01T00:00:00Z");
        assert_eq!(iso(951_782_400_000), "2000-02-29T00:00:00Z");
        assert_eq!(iso(1_732_406_400_120), "2024-11-24T00:00:00.12Z");
        assert_eq!(iso(-1), "1969-12-31T23:59:59.999Z");
        let mut out = String::new();
        write_http_date(1_732_406_400_123, &mut out);
        assert_eq!(out, "Sun, 24 Nov 2024 00:00:00 GMT");
        assert_eq!(parse_text(&out), Some(1_732_406_400_000));
    }

    #[test]
    fn offsets_are_taken_off() {
        assert_eq!(parse_text("2019-12-16T22:48:18-01:00"), Some(1_576_540_098_000));
        assert_eq!(parse_text("2019-12-17T00:48:18+01:00"), Some(1_576_540_098_000));
    }

    #[test]
    fn unix_seconds_keep_milliseconds() {
        assert_eq!(parse_unix("1.732406400123E9"), Some(1_732_406_400_123));
        assert_eq!(parse_unix("1732406400.123"), Some(1_732_406_400_123));
        assert_eq!(parse_unix("1e300"), None);
        assert_eq!(parse_unix("999999999999999"), None);
        let mut out = String::new();
        write_unix(1_732_406_400_120, &mut out);
        assert_eq!(out, "1732406400.12");
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "2024", "2024-13-01", "2023-02-29T00:00:00Z", "2024-01-01T25:00:00Z", "x"]
        {
            assert_eq!(parse_text(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(millis in -60_000_000_000_000i64..250_000_000_000_000) {
            prop_assert_eq!(parse_text(&iso(millis)), Some(millis));
            let mut out = String::new();
            write_unix(millis, &mut out);
            prop_assert_eq!(parse_unix(&out), Some(millis));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = parse_text(&text);
            let _ = parse_unix(&text);
        }
    }
}
