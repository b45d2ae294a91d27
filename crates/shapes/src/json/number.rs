//! Numbers and timestamps of JSON bodies.

use super::reader::{Reader, Token};
use crate::decode_error::{DecodeError, DecodeErrorKind};
use crate::tables::{FloatShape, IntegerShape, Width};
use crate::timestamp;
use crate::value::Value;

impl<'a> Reader<'a> {
    /// A whole number. A fraction of zero is taken (`5.0`), any other is refused, as is an
    /// exponent and what the width can't hold.
    pub(super) fn whole(
        &mut self,
        token: Token,
        shape: &IntegerShape,
    ) -> Result<Value<'a>, DecodeError> {
        let at = self.position();
        let kind = match shape.width {
            Width::Byte => "Byte",
            Width::Short => "Short",
            Width::Integer => "Integer",
            Width::Long => "Long",
        };
        if token != Token::Number {
            return Err(self.mismatch(token, kind));
        }
        let text = self.number()?;
        let (digits, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let whole = fraction.bytes().all(|b| b == b'0');
        match digits.parse().ok().filter(|value| whole && shape.width.fits(*value)) {
            Some(value) => Ok(Value::Int(value)),
            None => {
                let text = format!("NUMBER_VALUE can not be converted to {} {kind}", article(kind));
                Err(DecodeError::new(DecodeErrorKind::Mismatch(text.into()), at))
            }
        }
    }

    /// A floating-point number, or one of the three strings for those that JSON can't write.
    pub(super) fn double(
        &mut self,
        token: Token,
        shape: &FloatShape,
    ) -> Result<Value<'a>, DecodeError> {
        let kind = if shape.single { "Float" } else { "Double" };
        let at = self.position();
        let value = match token {
            Token::Number => self.number()?.parse().ok().filter(|value: &f64| value.is_finite()),
            Token::String => special(&self.string()?),
            _ => return Err(self.mismatch(token, kind)),
        };
        value.map(Value::Double).ok_or_else(|| mismatch_at(token, kind, at))
    }

    /// A timestamp: seconds as a number, or any written form as a string.
    pub(super) fn time(&mut self, token: Token) -> Result<Value<'a>, DecodeError> {
        let at = self.position();
        let millis = match token {
            Token::Number => timestamp::parse_unix(self.number()?),
            Token::String => timestamp::parse_text(&self.string()?),
            _ => return Err(self.mismatch(token, "Timestamp")),
        };
        millis.map(Value::Time).ok_or_else(|| mismatch_at(token, "Timestamp", at))
    }

    /// AWS's text for a value of the wrong type, here.
    pub(super) fn mismatch(&self, token: Token, kind: &'static str) -> DecodeError {
        mismatch_at(token, kind, self.position())
    }
}

/// `NaN` and the infinities, as AWS's protocols write them.
pub(crate) fn special(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

/// AWS's texts for a value of the wrong type.
///
/// Source: tests of Kinesis and SES emulators that were run against AWS, as nothing is recorded of
/// KMS itself. The older of them name Java classes where the newer name the parser's tokens.
fn mismatch_at(token: Token, kind: &'static str, at: usize) -> DecodeError {
    let text = match (token, kind) {
        (Token::Object, _) => "Start of structure or map found where not expected.".into(),
        (Token::Array, _) => "Start of list found where not expected".into(),
        (_, "List") => "Expected list or null".into(),
        (_, "Map") => "Expected map or null".into(),
        (_, "Structure") => "Expected null".into(),
        (token, kind) => {
            let name = match token {
                Token::String => "STRING_VALUE",
                Token::Number => "NUMBER_VALUE",
                Token::True => "TRUE_VALUE",
                Token::False => "FALSE_VALUE",
                _ => "NULL_VALUE",
            };
            format!("{name} can not be converted to {} {kind}", article(kind)).into()
        }
    };
    DecodeError::new(DecodeErrorKind::Mismatch(text), at)
}

fn article(kind: &str) -> &'static str {
    if kind.starts_with(['I', 'A', 'E', 'O', 'U']) { "an" } else { "a" }
}
