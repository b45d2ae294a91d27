//! Hours, days and months, in UTC, as bills have them.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

const HOUR_MS: i64 = 3_600_000;
const HOURS_A_DAY: i64 = 24;
/// How many months before the present one are told of.
const KEPT_MONTHS: i64 = 13;

/// An hour, counted from 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(pub(crate) i64);

/// A day, counted from 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Day(pub(crate) i64);

/// Hours one after the other: the first, and the first that is no longer among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first hour.
    pub from: Hour,
    /// The hour after the last.
    pub to: Hour,
}

impl Hour {
    /// The hour of an instant in milliseconds since 1970.
    #[must_use]
    pub fn of(ms: i64) -> Self {
        Self(ms.div_euclid(HOUR_MS))
    }

    /// The hour with which everything has begun that has before an instant.
    pub(crate) fn after(ms: i64) -> Self {
        Self(ms.saturating_add(HOUR_MS - 1).div_euclid(HOUR_MS))
    }

    pub(crate) fn day(self) -> Day {
        Day(self.0.div_euclid(HOURS_A_DAY))
    }

    /// The hour of its day.
    pub(crate) fn of_day(self) -> u8 {
        u8::try_from(self.0.rem_euclid(HOURS_A_DAY)).unwrap_or(0)
    }

    fn civil(self) -> Date {
        let instant = Timestamp::from_millisecond(self.0.saturating_mul(HOUR_MS));
        TimeZone::UTC.to_datetime(instant.unwrap_or_default()).date()
    }

    /// The hours of the month that this one is in.
    #[must_use]
    pub fn month(self) -> Span {
        let first = self.civil().first_of_month();
        Span { from: start_of(first), to: start_of(next_month(first)) }
    }

    /// The earliest hour that is told of in this one: Cost Explorer has this month and the thirteen
    /// before it (user guide, "Best practices for the AWS Cost Explorer API").
    #[must_use]
    pub fn kept_from(self) -> Self {
        let first = self.civil().first_of_month();
        start_of(first.checked_sub(KEPT_MONTHS.months()).unwrap_or(Date::MIN))
    }

    /// Its day as `2026-11-28`.
    #[must_use]
    pub fn date(self) -> String {
        self.text(false)
    }

    /// As `2026-11-28`, or `2026-11-28T13:00:00Z`.
    pub(crate) fn text(self, with_time: bool) -> String {
        let date = self.civil();
        if with_time { format!("{date}T{:02}:00:00Z", self.of_day()) } else { date.to_string() }
    }

    /// Reads what [`Hour::text`] writes; an instant within an hour is none.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (date, time) = text.split_once('T').unwrap_or((text, "00:00:00Z"));
        let hour: i64 = time.strip_suffix(":00:00Z")?.parse().ok()?;
        let within = (0..HOURS_A_DAY).contains(&hour);
        within.then(|| Some(Self(start_of(date.parse().ok()?).0.saturating_add(hour))))?
    }

    /// The first hour of a month as `2026-11`.
    #[must_use]
    pub fn of_month(text: &str) -> Option<Self> {
        Self::read(&format!("{text}-01"))
    }
}

impl Day {
    pub(crate) fn start(self) -> Hour {
        Hour(self.0.saturating_mul(HOURS_A_DAY))
    }
}

impl Span {
    /// How many hours.
    pub(crate) fn hours(self) -> u64 {
        u64::try_from(self.to.0.saturating_sub(self.from.0)).unwrap_or(0)
    }

    /// What both have.
    pub(crate) fn and(self, other: Self) -> Self {
        let (from, to) = (self.from.max(other.from), self.to.min(other.to));
        Self { from, to: to.max(from) }
    }

    /// The days, cut to the span.
    pub(crate) fn days(self) -> Vec<Self> {
        self.cut(|hour| Hour(hour.day().start().0.saturating_add(HOURS_A_DAY)))
    }

    /// The months, cut to the span.
    pub(crate) fn months(self) -> Vec<Self> {
        self.cut(|hour| hour.month().to)
    }

    /// The hours, each by itself.
    pub(crate) fn each(self) -> Vec<Self> {
        self.cut(|hour| Hour(hour.0.saturating_add(1)))
    }

    fn cut(self, end: impl Fn(Hour) -> Hour) -> Vec<Self> {
        let mut parts = Vec::new();
        let mut from = self.from;
        while from < self.to {
            let to = end(from).min(self.to);
            parts.push(Self { from, to });
            from = to;
        }
        parts
    }
}

fn next_month(date: Date) -> Date {
    date.checked_add(1.month()).unwrap_or(Date::MAX)
}

fn start_of(date: Date) -> Hour {
    let midnight = TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0));
    Hour::of(midnight.map_or(0, Timestamp::as_millisecond))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fourteen_months_are_told_of() {
        let from = |month| Hour::of_month(month).unwrap().kept_from().date();
        assert_eq!((from("2027-11"), from("2027-01")), ("2026-10-01".into(), "2025-12-01".into()));
        let end = Hour(Hour::of_month("2027-12").unwrap().0 - 1);
        assert_eq!(end.kept_from().date(), "2026-10-01");
    }

    #[test]
    fn texts_are_read_and_written() {
        for text in ["2026-11-28", "2024-02-29", "1970-01-01"] {
            assert_eq!(Hour::read(text).unwrap().text(false), text);
        }
        let hour = Hour::read("2026-11-28T13:00:00Z").unwrap();
        assert_eq!((hour.text(true).as_str(), hour.of_day()), ("2026-11-28T13:00:00Z", 13));
        for wrong in ["2026-11-31", "2026-11-28T13:30:00Z", "2026-11-28T24:00:00Z", "2026", ""] {
            assert_eq!(Hour::read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn months_have_their_hours() {
        for (text, hours) in
            [("2026-02", 672), ("2024-02", 696), ("2026-11", 720), ("2026-12", 744)]
        {
            assert_eq!(Hour::of_month(text).unwrap().month().hours(), hours);
        }
    }

    #[test]
    fn spans_are_cut_where_months_end() {
        let span = Span {
            from: Hour::read("2026-11-28").unwrap(),
            to: Hour::of_month("2027-01").unwrap(),
        };
        let texts = |parts: Vec<Span>| -> Vec<_> {
            parts.into_iter().map(|part| (part.from.text(false), part.hours())).collect()
        };
        let months = [("2026-11-28".to_owned(), 72), ("2026-12-01".to_owned(), 744)];
        assert_eq!(texts(span.months()), months);
        assert_eq!(span.days().len(), 34);
        assert_eq!(span.each().len(), 72 + 744);
    }
}
