//! When a rule's schedule is due (EventBridge user guide, "Creating a rule that runs on a
//! schedule"): `rate(5 minutes)` or `cron(0 12 * * ? *)`, in UTC.

mod cron;
mod field;

use cron::Cron;

const MINUTE_MS: i64 = 60_000;
/// The most minutes between two times; what is longer no clock of ours reaches. Our choice.
const MAX_RATE: i64 = 1_000_000_000;

/// A schedule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Schedule {
    /// Every so many milliseconds.
    Rate(i64),
    Cron(Box<Cron>),
}

impl Schedule {
    /// Reads a schedule, if a text is one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if let Some(rate) = within(text, "rate") {
            let (number, unit) = rate.split_once(' ')?;
            let plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            let number: i64 = number.parse().ok().filter(|_| plain)?;
            let minutes = match (unit, number) {
                ("minute", 1) => 1,
                ("hour", 1) => 60,
                ("day", 1) => 1_440,
                ("minutes", 2..=MAX_RATE) => number,
                ("hours", 2..=MAX_RATE) => number.checked_mul(60)?,
                ("days", 2..=MAX_RATE) => number.checked_mul(1_440)?,
                _ => return None,
            };
            return minutes.checked_mul(MINUTE_MS).map(Self::Rate);
        }
        Cron::parse(within(text, "cron")?).map(|cron| Self::Cron(Box::new(cron)))
    }

    /// When it is due first after a time, both in milliseconds since 1970. Never, for a cron whose
    /// years are over or whose day no year has.
    pub(crate) fn next_after(&self, now_ms: i64) -> Option<i64> {
        match self {
            Self::Rate(every_ms) => now_ms.checked_add(*every_ms),
            Self::Cron(cron) => cron.next_after(now_ms),
        }
    }

    /// When it is due after it was due at a time and carried out at a later one. What fell due in
    /// between, while the server was down, is made up for by that one time.
    pub(crate) fn next(&self, due_ms: i64, now_ms: i64) -> Option<i64> {
        let regular = self.next_after(due_ms)?;
        if regular > now_ms { Some(regular) } else { self.next_after(now_ms) }
    }
}

/// What stands in the brackets of a named expression.
fn within<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> i64 {
        text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn rates_are_read_strictly() {
        for (text, minutes) in [
            ("rate(1 minute)", 1),
            ("rate(5 minutes)", 5),
            ("rate(1 hour)", 60),
            ("rate(12 hours)", 720),
            ("rate(1 day)", 1_440),
            ("rate(7 days)", 10_080),
        ] {
            assert_eq!(Schedule::parse(text), Some(Schedule::Rate(minutes * MINUTE_MS)), "{text}");
        }
        for text in [
            "rate(1 minutes)",
            "rate(5 minute)",
            "rate(0 minutes)",
            "rate(-5 minutes)",
            "rate(+5 minutes)",
            "rate(5  minutes)",
            "rate(5 seconds)",
            "rate(5.5 minutes)",
            "rate(5)",
            "rate()",
            "rate 5 minutes",
            "rate(99999999999999999999 days)",
            "Rate(5 minutes)",
            "at(2026-01-01T00:00:00)",
            "",
        ] {
            assert_eq!(Schedule::parse(text), None, "{text}");
        }
    }

    #[test]
    fn crons_are_due_when_they_say() {
        for (text, after, next) in [
            ("0 12 * * ? *", "2026-11-28T11:59:59Z", Some("2026-11-28T12:00:00Z")),
            ("0 12 * * ? *", "2026-11-28T12:00:00Z", Some("2026-11-29T12:00:00Z")),
            ("0/15 * * * ? *", "2026-11-28T12:46:00Z", Some("2026-11-28T13:00:00Z")),
            ("5,35 14 * * ? *", "2026-11-28T14:06:00Z", Some("2026-11-28T14:35:00Z")),
            ("15 10 ? * 6L 2026-2028", "2026-11-28T00:00:00Z", Some("2026-12-25T10:15:00Z")),
            ("0 8 ? * MON-FRI *", "2026-11-27T08:00:00Z", Some("2026-11-30T08:00:00Z")),
            ("0 8 1 * ? *", "2026-12-31T23:59:00Z", Some("2027-01-01T08:00:00Z")),
            ("0 0 29 2 ? *", "2026-03-01T00:00:00Z", Some("2028-02-29T00:00:00Z")),
            ("0 0 L * ? *", "2027-02-01T00:00:00Z", Some("2027-02-28T00:00:00Z")),
            // 2026-08-15 is a Saturday, 2026-11-01 a Sunday.
            ("0 0 15W * ? *", "2026-08-01T00:00:00Z", Some("2026-08-14T00:00:00Z")),
            ("0 0 1W 11 ? *", "2026-10-01T00:00:00Z", Some("2026-11-02T00:00:00Z")),
            ("0 0 LW * ? *", "2026-10-31T00:00:00Z", Some("2026-11-30T00:00:00Z")),
            ("0 9 ? * 2#1 *", "2026-11-28T00:00:00Z", Some("2026-12-07T09:00:00Z")),
            ("0 9 ? * 2#5 *", "2026-11-30T09:00:00Z", Some("2027-03-29T09:00:00Z")),
            ("0 0 1 JAN,jul ? *", "2026-01-01T00:00:00Z", Some("2026-07-01T00:00:00Z")),
            ("0 0 31 2 ? *", "2026-01-01T00:00:00Z", None),
            ("0 0 1 1 ? 2025", "2026-01-01T00:00:00Z", None),
        ] {
            let schedule = Schedule::parse(&format!("cron({text})")).unwrap();
            assert_eq!(schedule.next_after(ms(after)), next.map(ms), "{text} after {after}");
        }
    }

    #[test]
    fn crons_are_read_strictly() {
        for text in [
            "* * * * * *",
            "0 12 ? * ? *",
            "0 12 1 * 2 *",
            "60 12 * * ? *",
            "0 24 * * ? *",
            "0 0 0 * ? *",
            "0 0 32 * ? *",
            "0 0 * 13 ? *",
            "0 0 ? * 8 *",
            "0 0 ? * 0 *",
            "0 0 * * ? 1969",
            "0 0 * * ? 2200",
            "0 0 ? * 2#6 *",
            "0 0 5-1 * ? *",
            "0 0 */0 * ? *",
            "0 0 * * ?",
            "0 0 * * ? * *",
            "a 0 * * ? *",
            "0 0 * FOO ? *",
            ",0 0 * * ? *",
            "0 ? * * ? *",
            "",
        ] {
            assert_eq!(Schedule::parse(&format!("cron({text})")), None, "{text}");
        }
    }

    #[test]
    fn what_was_missed_is_made_up_for_once() {
        let schedule = Schedule::Rate(5 * MINUTE_MS);
        assert_eq!(schedule.next(0, 1), Some(5 * MINUTE_MS));
        assert_eq!(schedule.next(0, 60 * MINUTE_MS), Some(65 * MINUTE_MS));
    }
}
