//! When a secret is rotated (user guide, "Schedule expressions").
//!
//! A rotation begins when its window opens; the date that is shown is the window's end. All times
//! are UTC. Windows of days open at midnight, those of hours on the hour.

use bulla_shapes::Fault;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::fault;
use crate::record::Rules;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// The shortest interval of a rate, in hours.
const LEAST_HOURS: i64 = 4;
/// The longest interval, in days.
const MOST_DAYS: i64 = 1_000;
/// How far a date is looked for: past the next 29th of February, also around the year 2100.
const HORIZON_DAYS: i64 = 366 * 8 + 1;

/// A window in which a rotation begins, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) opens_ms: i64,
    pub(crate) closes_ms: i64,
}

/// A schedule, ready for use.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    every: Every,
    /// How long a window is, in hours; none for the usual length.
    duration: Option<i64>,
}

#[derive(Debug, PartialEq, Eq)]
enum Every {
    Days(i64),
    Hours(i64),
    Cron(Cron),
}

/// The days and hours of a cron expression.
#[derive(Debug, PartialEq, Eq)]
struct Cron {
    hours: u32,
    days: Days,
    months: u32,
}

#[derive(Debug, PartialEq, Eq)]
enum Days {
    Any,
    /// Days of the month, by bit.
    Month(u32),
    LastOfMonth,
    /// Days of the week, by bit; Sunday is 1.
    Week(u32),
    /// The so-manieth such day of a month.
    Nth(u32, u32),
    /// The last such day of a month.
    LastOfWeek(u32),
}

/// AWS's texts are not recorded; these are ours.
fn invalid(what: &str) -> Fault {
    fault::invalid_parameter(format!("Invalid RotationRules: {what}."))
}

impl Schedule {
    /// Reads the rules of a request; none if they tell no time.
    pub(crate) fn read(rules: &Rules) -> Result<Option<Self>, Fault> {
        let duration = rules.duration.as_deref().map(read_duration).transpose()?;
        let every = match (rules.days, rules.expression.as_deref()) {
            (Some(_), Some(_)) => {
                return Err(invalid("AutomaticallyAfterDays excludes ScheduleExpression"));
            }
            (Some(days), None) => Every::Days(days),
            (None, Some(text)) => read_expression(text)?,
            (None, None) if duration.is_some() => return Err(invalid("Duration needs a schedule")),
            (None, None) => return Ok(None),
        };
        let schedule = Self { every, duration };
        schedule.check()?;
        Ok(Some(schedule))
    }

    /// Refuses windows that reach the next one, and schedules that never come.
    fn check(&self) -> Result<(), Fault> {
        let first = self.next(0).ok_or_else(|| invalid("the schedule has no date"))?;
        let second = self.next(first.opens_ms);
        if second.is_some_and(|second| first.closes_ms > second.opens_ms) {
            return Err(invalid("the window extends into the next one"));
        }
        Ok(())
    }

    /// The first window that opens after a time.
    pub(crate) fn next(&self, after_ms: i64) -> Option<Window> {
        let floor = |unit: i64| after_ms.saturating_sub(after_ms.rem_euclid(unit));
        let end_of_day = |at: i64| at.saturating_sub(at.rem_euclid(DAY_MS)).saturating_add(DAY_MS);
        let (opens_ms, usual) = match &self.every {
            Every::Days(days) => {
                let opens = floor(DAY_MS).saturating_add(days.saturating_mul(DAY_MS));
                (opens, opens.saturating_add(DAY_MS))
            }
            Every::Hours(hours) => {
                let opens = floor(HOUR_MS).saturating_add(hours.saturating_mul(HOUR_MS));
                (opens, opens.saturating_add(HOUR_MS))
            }
            Every::Cron(cron) => {
                let opens = cron.next(after_ms)?;
                let hourly = cron.hours.count_ones() > 1;
                let usual = if hourly { opens.saturating_add(HOUR_MS) } else { end_of_day(opens) };
                (opens, usual)
            }
        };
        let closes_ms = match self.duration {
            Some(hours) => opens_ms.saturating_add(hours.saturating_mul(HOUR_MS)),
            None => usual,
        };
        Some(Window { opens_ms, closes_ms })
    }
}

fn read_duration(text: &str) -> Result<i64, Fault> {
    let hours = text.strip_suffix('h').and_then(|hours| hours.parse().ok());
    hours.filter(|hours| *hours >= 1).ok_or_else(|| invalid("Duration must be like 3h"))
}

fn read_expression(text: &str) -> Result<Every, Fault> {
    let within = |name: &str| text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
    if let Some(rate) = within("rate") {
        return read_rate(rate);
    }
    let cron = within("cron").and_then(read_cron);
    cron.map(Every::Cron).ok_or_else(|| {
        invalid("ScheduleExpression must be rate(N days), rate(N hours) or cron(0 H D M W *)")
    })
}

fn read_rate(text: &str) -> Result<Every, Fault> {
    let (number, unit) = text.split_once(' ').unwrap_or_default();
    let number: i64 = number.parse().map_err(|_| invalid("a rate needs a number"))?;
    match unit {
        "day" | "days" if (1..=MOST_DAYS).contains(&number) => Ok(Every::Days(number)),
        "hour" | "hours" if (LEAST_HOURS..=MOST_DAYS * 24).contains(&number) => {
            Ok(Every::Hours(number))
        }
        "day" | "days" | "hour" | "hours" => {
            Err(invalid("a rate must be between 4 hours and 1000 days"))
        }
        _ => Err(invalid("a rate must be in hours or days")),
    }
}

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEK: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

fn read_cron(text: &str) -> Option<Cron> {
    let mut fields = text.split_ascii_whitespace();
    let mut next = || fields.next();
    let (minute, hours, days, months, week, year) =
        (next()?, next()?, next()?, next()?, next()?, next()?);
    if minute != "0" || year != "*" || next().is_some() {
        return None;
    }
    let hours = read_set(hours, (0, 23), &[])?;
    let months = read_set(months, (1, 12), &MONTHS)?;
    let any = |field: &str| matches!(field, "*" | "?");
    let days = match (any(days), any(week)) {
        (true, true) => Days::Any,
        (false, true) if days == "L" => Days::LastOfMonth,
        (false, true) => Days::Month(read_set(days, (1, 31), &[])?),
        (true, false) => read_week(week)?,
        (false, false) => return None,
    };
    Some(Cron { hours, days, months })
}

fn read_week(text: &str) -> Option<Days> {
    let one = |text: &str| read_number(text, (1, 7), &WEEK);
    if let Some((day, nth)) = text.split_once('#') {
        return Some(Days::Nth(one(day)?, read_number(nth, (1, 5), &[])?));
    }
    match text.strip_suffix('L') {
        Some("") => Some(Days::Week(1 << 7)),
        Some(day) => Some(Days::LastOfWeek(one(day)?)),
        None => Some(Days::Week(read_set(text, (1, 7), &WEEK)?)),
    }
}

/// A field's numbers, by bit: lists of numbers, ranges and steps.
fn read_set(text: &str, bounds: (u32, u32), names: &[&str]) -> Option<u32> {
    let mut set = 0;
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step.parse().ok().filter(|step| *step > 0)?)),
            None => (part, None),
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => bounds,
            Some((first, last)) => {
                (read_number(first, bounds, names)?, read_number(last, bounds, names)?)
            }
            None => {
                let one = read_number(range, bounds, names)?;
                (one, if step.is_some() { bounds.1 } else { one })
            }
        };
        if first > last {
            return None;
        }
        let numbers = (first..=last).step_by(step.unwrap_or(1_usize));
        numbers.for_each(|number| set |= 1 << number);
    }
    Some(set)
}

fn read_number(text: &str, (least, most): (u32, u32), names: &[&str]) -> Option<u32> {
    let named = names.iter().position(|name| name.eq_ignore_ascii_case(text));
    let number = match named {
        Some(at) => u32::try_from(at).ok()? + least,
        None if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok()?,
        None => return None,
    };
    (least..=most).contains(&number).then_some(number)
}

impl Cron {
    /// The first hour after a time, in milliseconds.
    fn next(&self, after_ms: i64) -> Option<i64> {
        let after = Timestamp::from_millisecond(after_ms).ok()?;
        let mut day = TimeZone::UTC.to_datetime(after).date();
        for _ in 0..HORIZON_DAYS {
            if self.has_day(day)? {
                let midnight = day.at(0, 0, 0, 0);
                let midnight = TimeZone::UTC.to_timestamp(midnight).ok()?.as_millisecond();
                let hours = (0..24_i64).filter(|hour| self.hours & (1 << hour) != 0);
                let mut opens = hours.map(|hour| midnight.saturating_add(hour * HOUR_MS));
                if let Some(opens) = opens.find(|opens| *opens > after_ms) {
                    return Some(opens);
                }
            }
            day = day.tomorrow().ok()?;
        }
        None
    }

    fn has_day(&self, day: Date) -> Option<bool> {
        let month = u32::try_from(day.month()).ok()?;
        let number = u32::try_from(day.day()).ok()?;
        let weekday = u32::try_from(day.weekday().to_sunday_one_offset()).ok()?;
        let week_later = day.checked_add(7.days()).ok()?;
        let fits = match self.days {
            Days::Any => true,
            Days::Month(set) => set & (1 << number) != 0,
            Days::LastOfMonth => day == day.last_of_month(),
            Days::Week(set) => set & (1 << weekday) != 0,
            Days::Nth(on, nth) => weekday == on && (number - 1) / 7 + 1 == nth,
            Days::LastOfWeek(on) => weekday == on && week_later.month() != day.month(),
        };
        Some(fits && self.months & (1 << month) != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(expression: &str, duration: Option<&str>) -> Result<Option<Schedule>, Fault> {
        let rules = Rules {
            days: None,
            expression: Some(expression.to_owned()),
            duration: duration.map(str::to_owned),
        };
        Schedule::read(&rules)
    }

    fn windows(expression: &str, duration: Option<&str>, from: &str, count: usize) -> String {
        let schedule = read(expression, duration).unwrap().unwrap();
        let mut at = from.parse::<Timestamp>().unwrap().as_millisecond();
        let mut told = vec![];
        for _ in 0..count {
            let window = schedule.next(at).unwrap();
            let text = |ms: i64| {
                let time = Timestamp::from_millisecond(ms).unwrap();
                time.strftime("%m-%dT%H").to_string()
            };
            told.push(format!("{}/{}", text(window.opens_ms), text(window.closes_ms)));
            at = window.opens_ms;
        }
        told.join(" ")
    }

    #[test]
    fn windows_open_when_the_expression_says() {
        let from = "2026-02-03T04:05:06Z";
        for (expression, duration, wanted) in [
            ("rate(10 days)", None, "02-13T00/02-14T00 02-23T00/02-24T00"),
            ("rate(4 hours)", None, "02-03T08/02-03T09 02-03T12/02-03T13"),
            ("rate(1 day)", Some("2h"), "02-04T00/02-04T02 02-05T00/02-05T02"),
            ("cron(0 8 * * ? *)", None, "02-03T08/02-04T00 02-04T08/02-05T00"),
            ("cron(0 4 * * ? *)", Some("3h"), "02-04T04/02-04T07 02-05T04/02-05T07"),
            ("cron(0 0/8 * * ? *)", None, "02-03T08/02-03T09 02-03T16/02-03T17"),
            ("cron(0 1 L * ? *)", None, "02-28T01/03-01T00 03-31T01/04-01T00"),
            ("cron(0 1 1,15 * ? *)", None, "02-15T01/02-16T00 03-01T01/03-02T00"),
            ("cron(0 1 ? * SUN#1 *)", None, "03-01T01/03-02T00 04-05T01/04-06T00"),
            ("cron(0 1 ? * 6L *)", None, "02-27T01/02-28T00 03-27T01/03-28T00"),
            ("cron(0 1 ? * MON-TUE *)", None, "02-09T01/02-10T00 02-10T01/02-11T00"),
            ("cron(0 1 1 JAN,APR ? *)", None, "04-01T01/04-02T00 01-01T01/01-02T00"),
            ("cron(0 1 1 1/3 ? *)", None, "04-01T01/04-02T00 07-01T01/07-02T00"),
            ("cron(0 1 29 2 ? *)", None, "02-29T01/03-01T00 02-29T01/03-01T00"),
        ] {
            assert_eq!(windows(expression, duration, from, 2), wanted, "{expression}");
        }
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for (expression, duration) in [
            ("rate(3 hours)", None),
            ("rate(0 days)", None),
            ("rate(1001 days)", None),
            ("rate(5 weeks)", None),
            ("rate(4 hours)", Some("5h")),
            ("rate(1 day)", Some("25h")),
            ("cron(5 8 * * ? *)", None),
            ("cron(0 8 * * ? 2026)", None),
            ("cron(0 8 1 * MON *)", None),
            ("cron(0 24 * * ? *)", None),
            ("cron(0 8 31 2 ? *)", None),
            ("cron(0 9-8 * * ? *)", None),
            ("cron(0 */0 * * ? *)", None),
            ("cron(0 8 * * ?)", None),
            ("cron(0 0/2 * * ? *)", Some("3h")),
            ("daily", None),
            ("rate(1 day)", Some("0h")),
        ] {
            let refused = read(expression, duration);
            assert!(refused.is_err(), "{expression} {duration:?}: {refused:?}");
        }
        let rules = Rules { days: Some(3), expression: Some("rate(1 day)".into()), duration: None };
        assert!(Schedule::read(&rules).is_err());
        assert_eq!(Schedule::read(&Rules::default()).unwrap(), None);
    }
}
