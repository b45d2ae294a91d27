//! Scalars of form parameters.

use std::borrow::Cow;

use crate::decode_error::{DecodeError, DecodeErrorKind};
use crate::json::special;
use crate::tables::{Shape, Width};
use crate::timestamp;
use crate::value::{Blob, Value};

/// A value of a scalar shape. AWS's integers take a sign and leading zeros and nothing else, its
/// booleans `true`, `false`, `1` and `0` (recorded from IAM and STS).
pub(crate) fn scalar<'a>(text: &Cow<'a, str>, shape: &Shape) -> Result<Value<'a>, DecodeError> {
    let (value, kind) = match shape {
        Shape::Str(_) => (Some(Value::Str(text.clone())), "a String"),
        Shape::Blob(_) => {
            let bytes = base64_simd::STANDARD.decode_to_vec(text.as_bytes()).ok();
            (bytes.map(|bytes| Value::Blob(Blob::from(bytes))), "a Blob")
        }
        Shape::Bool => (boolean(text).map(Value::Bool), "a Boolean"),
        Shape::Int(shape) => {
            let value = text.parse().ok().filter(|value| shape.width.fits(*value));
            let kind = match shape.width {
                Width::Byte => "a Byte",
                Width::Short => "a Short",
                Width::Integer => "an Integer",
                Width::Long => "a Long",
            };
            (value.map(Value::Int), kind)
        }
        Shape::Double(_) => (double(text).map(Value::Double), "a Double"),
        Shape::Time(_) => {
            let numeric = text.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b'-')
                && text.matches('-').count() < 2;
            let read = if numeric { timestamp::parse_unix } else { timestamp::parse_text };
            (read(text).map(Value::Time), "a Timestamp")
        }
        Shape::List(_) | Shape::Map(_) | Shape::Struct(_) => (None, "a structure"),
    };
    value.ok_or_else(|| mismatch(format!("STRING_VALUE can not be converted to {kind}")))
}

/// An error with AWS's text. Form parameters have no offsets once they are sorted.
pub(super) fn mismatch(text: impl Into<Cow<'static, str>>) -> DecodeError {
    DecodeError::new(DecodeErrorKind::Mismatch(text.into()), 0)
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

fn double(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    let finite = || text.parse().ok().filter(|value: &f64| plain && value.is_finite());
    special(text).or_else(finite)
}
