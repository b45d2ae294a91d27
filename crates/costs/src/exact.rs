//! Amounts that add up: quantities and costs as whole numbers of one very small unit.
//!
//! What a key costs an hour is a dollar by the hours of its month, which no decimal number says. So
//! amounts are counted in parts that all of it is a whole number of, and rounded only when printed.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};

/// The smallest price in the list: a ten-billionth of a dollar.
pub(crate) const STEPS: i128 = 10_000_000_000;
/// What the hours of every month divide: the least common multiple of 672, 696, 720 and 744.
const HOURS: i128 = 9_061_920;
/// One of anything.
const ONE: i128 = STEPS * HOURS;
/// How many decimals are printed, as AWS does.
const DECIMALS: usize = 10;

/// An amount, of dollars or of what they are paid for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exact(i128);

impl Exact {
    /// So many.
    #[must_use]
    pub fn of(count: u64) -> Self {
        Self(i128::from(count).saturating_mul(ONE))
    }

    /// Reads what was printed: digits, and up to ten decimals behind a point.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (whole, rest) = text.split_once('.').unwrap_or((text, "0"));
        let are_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !are_digits(whole) || !are_digits(rest) || rest.len() > DECIMALS {
            return None;
        }
        let steps: i128 = format!("{whole}{rest:0<DECIMALS$}").parse().ok()?;
        steps.checked_mul(HOURS).map(Self)
    }

    /// So many, at a price in [`STEPS`] of a dollar each.
    pub(crate) fn cost(count: u64, steps: u64) -> Self {
        let steps = i128::from(count).saturating_mul(i128::from(steps));
        Self(steps.saturating_mul(HOURS))
    }

    /// So many hours' part of something that is counted, or priced in [`STEPS`], by months of
    /// `of` hours, which must be those of a month.
    pub(crate) fn part(hours: u64, steps: u64, of: u64) -> Self {
        let steps = i128::from(hours).saturating_mul(i128::from(steps));
        Self(steps.saturating_mul(HOURS / i128::from(of.max(1))))
    }
}

impl Add for Exact {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Exact {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Exact {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}

impl fmt::Display for Exact {
    /// With up to ten decimals, the last one rounded half up.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps = (self.0 + HOURS / 2).div_euclid(HOURS);
        let (whole, rest) = (steps.div_euclid(STEPS), steps.rem_euclid(STEPS));
        if rest == 0 {
            return write!(f, "{whole}");
        }
        let decimals = format!("{rest:0DECIMALS$}");
        write!(f, "{whole}.{}", decimals.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_month_add_up_to_one() {
        let steps = u64::try_from(STEPS).unwrap();
        for hours in [672, 696, 720, 744] {
            let one: Exact = (0..hours).map(|_| Exact::part(1, steps, hours)).sum();
            assert_eq!(one, Exact::of(1), "{hours}");
        }
    }

    #[test]
    fn what_was_printed_reads_again() {
        for text in ["0", "3", "0.000021", "2.0027777778", "120.5"] {
            assert_eq!(Exact::read(text).unwrap().to_string(), text);
        }
        for text in ["", ".", "1.", ".5", "-1", "1e3", "0.00000000001", "1.2.3"] {
            assert_eq!(Exact::read(text), None, "{text}");
        }
    }

    #[test]
    fn amounts_are_printed_with_ten_decimals_at_most() {
        let steps = u64::try_from(STEPS).unwrap();
        assert_eq!(Exact::default().to_string(), "0");
        assert_eq!(Exact::of(3).to_string(), "3");
        assert_eq!(Exact::cost(7, 30_000).to_string(), "0.000021");
        assert_eq!(Exact::part(1, steps, 744).to_string(), "0.001344086");
        assert_eq!(Exact::part(500, steps, 744).to_string(), "0.6720430108");
        assert_eq!((Exact::of(2) + Exact::part(2, steps, 720)).to_string(), "2.0027777778");
    }
}
