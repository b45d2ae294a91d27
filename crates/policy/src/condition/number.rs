//! Decimal numbers of any precision, compared in place.

use std::cmp::Ordering;

/// A number as its digits and the power of ten of the first one.
#[derive(Debug)]
pub(super) struct Decimal<'a> {
    negative: bool,
    /// Digits before and after the point, leading zeros of the number removed.
    whole: &'a [u8],
    fraction: &'a [u8],
    /// The power of ten of the first digit; meaningless for zero.
    magnitude: i64,
}

impl<'a> Decimal<'a> {
    /// Reads an optional sign, digits with an optional point, and an optional exponent that fits 32
    /// bits.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, read_exponent(exponent)?),
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if mantissa.len() <= usize::from(mantissa.contains('.')) {
            return None;
        }
        if !digits(whole) || !digits(fraction) {
            return None;
        }
        Some(Self::normal(negative, whole.as_bytes(), fraction.as_bytes(), exponent))
    }

    fn normal(negative: bool, whole: &'a [u8], fraction: &'a [u8], exponent: i64) -> Self {
        let significant = |digits: &'a [u8]| {
            let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
            digits.get(zeros..).unwrap_or(&[])
        };
        let whole = significant(whole);
        if !whole.is_empty() {
            let magnitude = whole.len() as i64 - 1 + exponent;
            return Self { negative, whole, fraction, magnitude };
        }
        let rest = significant(fraction);
        let magnitude = exponent - (fraction.len() - rest.len()) as i64 - 1;
        Self { negative, whole, fraction: rest, magnitude }
    }

    fn digits(&self) -> impl Iterator<Item = u8> + '_ {
        self.whole.iter().chain(self.fraction).copied()
    }

    fn is_zero(&self) -> bool {
        self.digits().all(|digit| digit == b'0')
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        match (self.is_zero(), other.is_zero()) {
            (true, true) => Ordering::Equal,
            (true, false) if other.negative => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, true) if self.negative => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => match (self.negative, other.negative) {
                (false, false) => self.compare_size(other),
                (true, true) => other.compare_size(self),
                (false, true) => Ordering::Greater,
                (true, false) => Ordering::Less,
            },
        }
    }

    fn compare_size(&self, other: &Self) -> Ordering {
        self.magnitude.cmp(&other.magnitude).then_with(|| {
            let (mut left, mut right) = (self.digits(), other.digits());
            loop {
                match (left.next(), right.next()) {
                    (None, None) => return Ordering::Equal,
                    (left, right) => {
                        let order = left.unwrap_or(b'0').cmp(&right.unwrap_or(b'0'));
                        if order.is_ne() {
                            return order;
                        }
                    }
                }
            }
        })
    }
}

fn read_exponent(text: &str) -> Option<i64> {
    text.parse::<i32>().ok().map(i64::from)
}
