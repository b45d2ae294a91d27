//! The moment of a signature: `20150830T123600Z`, or an HTTP date.

use std::fmt;

const DAY: i64 = 86_400;
/// 0000-01-01T00:00:00Z and 9999-12-31T23:59:59Z: what four digits can say.
const FIRST: i64 = -62_167_219_200;
const LAST: i64 = 253_402_300_799;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A moment in whole seconds since 1970, in the years 0 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp(i64);

impl Stamp {
    /// The moment `seconds` after 1970-01-01T00:00:00Z, or the nearest that four digits of year
    /// can say.
    #[must_use]
    pub fn from_unix(seconds: i64) -> Self {
        Self(seconds.clamp(FIRST, LAST))
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn unix(self) -> i64 {
        self.0
    }

    /// Reads ISO 8601's basic format as signatures use it: `YYYYMMDDTHHMMSSZ` and nothing else.
    #[must_use]
    pub fn parse_basic(text: &str) -> Option<Self> {
        let &[y1, y2, y3, y4, m1, m2, d1, d2, b'T', h1, h2, n1, n2, s1, s2, b'Z'] = text.as_bytes()
        else {
            return None;
        };
        let (year, month) = (number(&[y1, y2, y3, y4])?, number(&[m1, m2])?);
        let (hour, minute) = (number(&[h1, h2])?, number(&[n1, n2])?);
        Self::civil([year, month, number(&[d1, d2])?], [hour, minute, number(&[s1, s2])?])
    }

    /// Reads an HTTP date in its one current form (RFC 9110, 5.6.7): `Sun, 06 Nov 1994 08:49:37
    /// GMT`. The name of the day is not compared with the date.
    #[must_use]
    pub fn parse_http(text: &str) -> Option<Self> {
        let (weekday, rest) = text.split_once(", ")?;
        if weekday.len() != 3 || text.len() != 29 {
            return None;
        }
        let mut words = rest.split(' ');
        let day = number(words.next()?.as_bytes())?;
        let name = words.next()?;
        let month = MONTHS.iter().position(|month| *month == name)? + 1;
        let year = number(words.next()?.as_bytes())?;
        let mut clock = words.next()?.splitn(3, ':').map(|part| number(part.as_bytes()));
        let time = [clock.next()??, clock.next()??, clock.next()??];
        if words.next() != Some("GMT") || words.next().is_some() {
            return None;
        }
        Self::civil([year, i64::try_from(month).ok()?, day], time)
    }

    fn civil([year, month, day]: [i64; 3], [hour, minute, second]: [i64; 3]) -> Option<Self> {
        let valid = (1..=12).contains(&month)
            && (1..=days_in(year, month)).contains(&day)
            && (0..=23).contains(&hour)
            && (0..=59).contains(&minute)
            && (0..=59).contains(&second);
        let seconds = hour * 3600 + minute * 60 + second;
        valid.then(|| Self(days_from_civil(year, month, day) * DAY + seconds))
    }

    /// `YYYYMMDDTHHMMSSZ`, in ASCII.
    #[must_use]
    pub fn basic(self) -> [u8; 16] {
        let (days, seconds) = (self.0.div_euclid(DAY), self.0.rem_euclid(DAY));
        let (year, month, day) = civil_from_days(days);
        let [y1, y2] = digits(year / 100);
        let [y3, y4] = digits(year % 100);
        let ([m1, m2], [d1, d2]) = (digits(month), digits(day));
        let ([h1, h2], [n1, n2]) = (digits(seconds / 3600), digits(seconds / 60 % 60));
        let [s1, s2] = digits(seconds % 60);
        [y1, y2, y3, y4, m1, m2, d1, d2, b'T', h1, h2, n1, n2, s1, s2, b'Z']
    }

    /// `YYYYMMDD`, in ASCII: the date of a credential scope.
    #[must_use]
    pub fn date(self) -> [u8; 8] {
        let [y1, y2, y3, y4, m1, m2, d1, d2, ..] = self.basic();
        [y1, y2, y3, y4, m1, m2, d1, d2]
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.basic().iter().try_for_each(|&byte| fmt::Write::write_char(f, char::from(byte)))
    }
}

fn number(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() || digits.len() > 4 {
        return None;
    }
    digits.iter().try_fold(0, |sum, &c| c.is_ascii_digit().then(|| sum * 10 + i64::from(c - b'0')))
}

fn digits(value: i64) -> [u8; 2] {
    // Below 100 by construction, so that both digits fit.
    let value = u8::try_from(value).unwrap_or(0);
    [b'0' + value / 10 % 10, b'0' + value % 10]
}

fn days_in(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a date in the proleptic Gregorian calendar. Years are counted from
/// March, so that a leap day is the last of its year.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - 719_468
}

/// The inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * of_era + of_era / 4 - of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + of_era + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments() {
        let stamp = Stamp::parse_basic("20150830T123600Z").unwrap();
        assert_eq!(stamp.unix(), 1_440_938_160);
        assert_eq!(stamp.to_string(), "20150830T123600Z");
        assert_eq!(&stamp.date(), b"20150830");
        let http = Stamp::parse_http("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        assert_eq!(http.unix(), 784_111_777);
        assert_eq!(Stamp::from_unix(i64::MIN).to_string(), "00000101T000000Z");
        assert_eq!(Stamp::from_unix(i64::MAX).to_string(), "99991231T235959Z");
        assert_eq!(Stamp::from_unix(0).to_string(), "19700101T000000Z");
        assert_eq!(Stamp::from_unix(-1).to_string(), "19691231T235959Z");
    }

    #[test]
    fn days_go_there_and_back() {
        let mut last = String::new();
        for day in
            (FIRST / DAY..=LAST / DAY).filter(|day| day % 5 == 0 || (0..30_000).contains(day))
        {
            let text = Stamp::from_unix(day * DAY + 3_661).to_string();
            assert!(last < text, "{text} after {last}");
            assert_eq!(Stamp::parse_basic(&text), Some(Stamp(day * DAY + 3_661)), "{text}");
            last = text;
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "201",
            "2015-08-30T12:36:00Z",
            "20150830T123600",
            "20150830T123600z",
            "20150830T123600Z ",
            "20150230T123600Z",
            "20151330T123600Z",
            "20150830T243600Z",
            "20150830T126000Z",
            "20150830T123660Z",
            "20150800T123600Z",
            "+0150830T123600Z",
            "٢٠١٥٠٨٣",
            "20190229T000000Z",
            "21000229T000000Z",
        ] {
            assert_eq!(Stamp::parse_basic(text), None, "{text}");
        }
        assert!(Stamp::parse_basic("20000229T000000Z").is_some());
        for text in [
            "",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun, 31 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:61 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT ",
        ] {
            assert_eq!(Stamp::parse_http(text), None, "{text}");
        }
    }
}
