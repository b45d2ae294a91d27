//! Cron expressions of AWS's kind: minutes, hours, day of month, month, day of week, year.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

use super::field::{Kind, Numbers};

const MINUTES: Kind = Kind { first: 0, last: 59, names: &[] };
const HOURS: Kind = Kind { first: 0, last: 23, names: &[] };
const DAYS: Kind = Kind { first: 1, last: 31, names: &[] };
const MONTHS: Kind = Kind {
    first: 1,
    last: 12,
    names: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
};
const WEEKDAYS: Kind =
    Kind { first: 1, last: 7, names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"] };
const YEARS: Kind = Kind { first: 1970, last: 2199, names: &[] };
/// The weeks of a month in which a weekday may come.
const WEEKS: Kind = Kind { first: 1, last: 5, names: &[] };

/// A cron expression.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cron {
    minutes: Numbers,
    hours: Numbers,
    days: Days,
    months: Numbers,
    years: Numbers,
}

/// Which days of a month.
#[derive(Debug, PartialEq, Eq)]
enum Days {
    /// These.
    OfMonth(Numbers),
    /// `L`.
    Last,
    /// `LW`: the last that is no Saturday or Sunday.
    LastWorking,
    /// `15W`: the working day nearest to one, within the month.
    Working(u16),
    /// All days of the week that are these; 1 is Sunday.
    OfWeek(Numbers),
    /// `6L`: the last such day of the week.
    LastOfWeek(u16),
    /// `2#1`: the n-th such day of the week.
    NthOfWeek(u16, u16),
}

impl Cron {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let [minutes, hours, day, month, weekday, year] = fields.as_slice() else { return None };
        Some(Self {
            minutes: MINUTES.numbers(minutes)?,
            hours: HOURS.numbers(hours)?,
            days: Days::parse(day, weekday)?,
            months: MONTHS.numbers(month)?,
            years: YEARS.numbers(year)?,
        })
    }

    /// The first time after one, both in milliseconds since 1970.
    pub(super) fn next_after(&self, now_ms: i64) -> Option<i64> {
        let now = jiff::Timestamp::from_millisecond(now_ms).ok()?.to_zoned_datetime(TimeZone::UTC);
        let (today, time) = (now.date(), now.time());
        for year in self.years.iter().filter_map(|year| i16::try_from(*year).ok()) {
            if year < today.year() {
                continue;
            }
            for month in self.months.iter().filter_map(|month| i8::try_from(*month).ok()) {
                let first = Date::new(year, month, 1).ok()?;
                for day in 1..=first.days_in_month() {
                    let date = Date::new(year, month, day).ok()?;
                    if date < today || !self.days.has(date) {
                        continue;
                    }
                    let after = (date == today).then_some(time);
                    if let Some(at) = self.time_after(after) {
                        let then = date.to_datetime(at).to_zoned_datetime(TimeZone::UTC).ok()?;
                        return Some(then.timestamp().as_millisecond());
                    }
                }
            }
        }
        None
    }

    /// The first time of a day, after one if there is one.
    fn time_after(&self, after: Option<Time>) -> Option<Time> {
        let small = |number: &u16| i8::try_from(*number).ok();
        for hour in self.hours.iter().filter_map(small) {
            for minute in self.minutes.iter().filter_map(small) {
                let time = Time::new(hour, minute, 0, 0).ok()?;
                if after.is_none_or(|after| time > after) {
                    return Some(time);
                }
            }
        }
        None
    }
}

impl Days {
    fn parse(day: &str, weekday: &str) -> Option<Self> {
        match (day, weekday) {
            ("?", "?") => None,
            (day, "?") => Self::of_month(day),
            ("?", weekday) => Self::of_week(weekday),
            // One of both must be left open.
            _ => None,
        }
    }

    fn of_month(text: &str) -> Option<Self> {
        match text {
            "L" => Some(Self::Last),
            "LW" => Some(Self::LastWorking),
            _ => match text.strip_suffix('W') {
                Some(day) => DAYS.number(day).map(Self::Working),
                None => DAYS.numbers(text).map(Self::OfMonth),
            },
        }
    }

    fn of_week(text: &str) -> Option<Self> {
        if let Some((day, week)) = text.split_once('#') {
            return Some(Self::NthOfWeek(WEEKDAYS.number(day)?, WEEKS.number(week)?));
        }
        match text.strip_suffix('L') {
            Some("") => Some(Self::OfWeek(vec![7])),
            Some(day) => WEEKDAYS.number(day).map(Self::LastOfWeek),
            None => WEEKDAYS.numbers(text).map(Self::OfWeek),
        }
    }

    fn has(&self, date: Date) -> bool {
        let day = date.day();
        let last = date.days_in_month();
        let weekday = weekday(date);
        match self {
            Self::OfMonth(days) => u16::try_from(day).is_ok_and(|day| days.contains(&day)),
            Self::Last => day == last,
            Self::LastWorking => working(date, last) == day,
            Self::Working(near) => {
                i8::try_from(*near).is_ok_and(|near| near <= last && working(date, near) == day)
            }
            Self::OfWeek(days) => days.contains(&weekday),
            Self::LastOfWeek(wanted) => weekday == *wanted && day > last - 7,
            Self::NthOfWeek(wanted, week) => {
                weekday == *wanted
                    && i8::try_from(*week).is_ok_and(|week| (day - 1) / 7 + 1 == week)
            }
        }
    }
}

/// 1 for Sunday to 7 for Saturday.
fn weekday(date: Date) -> u16 {
    u16::try_from(date.weekday().to_sunday_one_offset()).unwrap_or_default()
}

/// The working day nearest to a day of a date's month, within the month.
fn working(date: Date, near: i8) -> i8 {
    let last = date.days_in_month();
    let Ok(there) = Date::new(date.year(), date.month(), near.min(last)) else { return 0 };
    match weekday(there) {
        7 if near == 1 => 3,
        7 => near - 1,
        1 if near == last => near - 2,
        1 => near + 1,
        _ => near,
    }
}
