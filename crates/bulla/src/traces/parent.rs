//! The span that a client says its request belongs to (W3C Trace Context, level 1).
//!
//! Anybody may send anything here. Of what does not keep to the letter of the standard nothing is
//! taken, and whoever takes it must have seen that the request's signature holds.

use http::HeaderMap;

/// The header.
const TRACEPARENT: &str = "traceparent";
/// The length of what every version begins with, in bytes.
const LEN: usize = 55;
/// The flag of a request whose client's own spans are kept.
const SAMPLED: u8 = 1;

/// A client's span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parent {
    pub(super) trace_id: u128,
    pub(super) span_id: u64,
}

impl Parent {
    /// The span that a request names: none if there is not exactly one, if it is malformed, or if
    /// the client doesn't keep it.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut named = headers.get_all(TRACEPARENT).iter();
        match (named.next(), named.next()) {
            (Some(value), None) => Self::parse(value.as_bytes()),
            _ => None,
        }
    }

    fn parse(value: &[u8]) -> Option<Self> {
        let (head, rest) = value.split_at_checked(LEN)?;
        let mut fields = head.split(|byte| *byte == b'-');
        let mut field = |len| hex(fields.next().filter(|field| field.len() == len)?);
        let (version, trace_id) = (field(2)?, field(32)?);
        let (span_id, flags) = (u64::try_from(field(16)?).ok()?, u8::try_from(field(2)?).ok()?);
        let is_known = match (version, rest) {
            (0xff, _) => false,
            // What later versions add begins with a dash.
            (0, rest) => rest.is_empty(),
            (_, rest) => rest.is_empty() || rest.starts_with(b"-"),
        };
        let is_kept = is_known && trace_id != 0 && span_id != 0 && flags & SAMPLED != 0;
        is_kept.then_some(Self { trace_id, span_id })
    }
}

/// A number in small hex digits, 32 at most.
fn hex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number: u128, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    fn of(values: &[&[u8]]) -> Option<Parent> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(TRACEPARENT, HeaderValue::from_bytes(value).unwrap());
        }
        Parent::of(&headers)
    }

    #[test]
    fn what_keeps_to_the_standard_is_taken() {
        let parent = Parent {
            trace_id: 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c,
            span_id: 0xb7ad_6b71_6920_3331,
        };
        for (version, end) in [("00", "01"), ("00", "03"), ("cc", "01"), ("cc", "01-what-comes")] {
            let value = format!("{version}-{TRACE}-{SPAN}-{end}");
            assert_eq!(of(&[value.as_bytes()]), Some(parent), "{value}");
        }
    }

    #[test]
    fn anything_else_is_nothing() {
        let good = format!("00-{TRACE}-{SPAN}-01");
        let zeros = "0".repeat(32);
        let long = format!("cc-{TRACE}-{SPAN}-01{}", "-".repeat(60_000));
        assert!(of(&[long.as_bytes()]).is_some(), "nothing but its beginning is looked at");
        let cases = [
            String::new(),
            "x".to_owned(),
            "00".to_owned(),
            "-".repeat(LEN),
            "é".repeat(LEN),
            good.replace("-01", ""),
            good.replace("-01", "-00"),
            good.replace("-01", "-0g"),
            good.replace("00-", "ff-"),
            good.replace("00-", "0-"),
            good.replace("00-", "0x-"),
            good.to_uppercase(),
            good.replace('-', "_"),
            good.replace(TRACE, &zeros),
            good.replace(SPAN, "0000000000000000"),
            good.replace(TRACE, "0af7651916cd43dd8448eb211c80319"),
            good.replace(SPAN, "b7ad6b71692033311"),
            format!("{good}-00"),
            format!("{good} "),
            format!(" {good}"),
            format!("{good},{good}"),
            good.replace("00-", "cc-") + "x",
        ];
        for case in &cases {
            assert_eq!(of(&[case.as_bytes()]), None, "{case:?}");
        }
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[good.as_bytes(), good.as_bytes()]), None);
        assert_eq!(of(&[&[0xff; LEN]]), None);
    }
}
