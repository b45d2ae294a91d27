//! What the journal keeps of a request: its parameters without anything secret.
//!
//! Members are named as CloudTrail names them, with a small first letter. Left out are all shapes
//! that the model calls sensitive, at any depth, and all blobs: plaintexts, ciphertexts, key
//! material, signatures. Services that CloudTrail shows with a word in place of a sensitive text
//! have it here too.

use std::fmt::Write as _;

use bulla_shapes::tables::Shape;
use bulla_shapes::{Record, Service, Value};

use crate::journal::MAX_ELEMENTS_BYTES;

/// The deepest nesting that is written; no shape of the services nests deeper, but a recursive
/// shape could.
const MAX_DEPTH: usize = 32;

/// The room that parameters are given at first; most take less.
const PARAMETERS_BYTES: usize = 512;

/// `requestParameters` as JSON; nothing where no member is left to tell.
///
/// Writing stops once the text is over the journal's limit [`MAX_ELEMENTS_BYTES`]; what is longer
/// than that the journal records as omitted and never reads.
#[must_use]
pub fn parameters(service: &Service, input: &Record<'_>) -> Option<String> {
    let hides = HIDING.contains(&service.id);
    let mut out = Writer { text: String::with_capacity(PARAMETERS_BYTES), hides };
    out.record(input, 0);
    (out.text != "{}").then_some(out.text)
}

/// What CloudTrail shows in place of a sensitive text.
const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";
/// The services of which it shows that (recorded); of others it leaves the member out.
const HIDING: [&str; 1] = ["ssm"];

struct Writer {
    text: String,
    hides: bool,
}

impl Writer {
    fn full(&self) -> bool {
        self.text.len() > MAX_ELEMENTS_BYTES
    }

    fn record(&mut self, record: &Record<'_>, depth: usize) {
        self.text.push('{');
        let mut first = true;
        for (member, value) in record.entries() {
            let Some(value) = value else { continue };
            let is_hidden = self.hides && matches!(member.shape, Shape::Str(_));
            if !told(&member.shape) && !is_hidden {
                continue;
            }
            if self.full() {
                return;
            }
            self.comma(&mut first);
            self.text.push('"');
            let mut letters = member.name.chars();
            self.text.extend(letters.next().map(|letter| letter.to_ascii_lowercase()));
            self.text.push_str(letters.as_str());
            self.text.push_str("\":");
            if told(&member.shape) {
                self.value(value, &member.shape, depth);
            } else {
                self.string(HIDDEN);
            }
        }
        self.text.push('}');
    }

    fn value(&mut self, value: &Value<'_>, shape: &Shape, depth: usize) {
        if depth >= MAX_DEPTH {
            return self.text.push_str("null");
        }
        match (value, shape) {
            (Value::Str(text), _) => self.string(text),
            (Value::Bool(flag), _) => self.plain(flag),
            (Value::Int(number), _) => self.plain(number),
            (Value::Double(number), _) if number.is_finite() => self.plain(number),
            (Value::Time(ms), _) => match jiff::Timestamp::from_millisecond(*ms) {
                Ok(instant) => {
                    self.text.push('"');
                    self.plain(&instant);
                    self.text.push('"');
                }
                Err(_) => self.plain(ms),
            },
            (Value::List(items), Shape::List(list)) if told(&list.member) => {
                self.text.push('[');
                let mut first = true;
                for item in items {
                    if self.full() {
                        return;
                    }
                    self.comma(&mut first);
                    self.value(item, &list.member, depth + 1);
                }
                self.text.push(']');
            }
            (Value::Map(entries), Shape::Map(map)) if told(&map.value) && !map.key.sensitive => {
                self.text.push('{');
                let mut first = true;
                for (key, value) in entries {
                    if self.full() {
                        return;
                    }
                    self.comma(&mut first);
                    self.string(key);
                    self.text.push(':');
                    self.value(value, &map.value, depth + 1);
                }
                self.text.push('}');
            }
            (Value::Struct(record), _) => self.record(record, depth + 1),
            // A blob, a null, or a list or map of what is not told.
            _ => self.text.push_str("null"),
        }
    }

    fn comma(&mut self, first: &mut bool) {
        if !std::mem::take(first) {
            self.text.push(',');
        }
    }

    fn plain(&mut self, value: &dyn std::fmt::Display) {
        // Writing to a string cannot fail.
        let _infallible = write!(self.text, "{value}");
    }

    /// A JSON string (RFC 8259, section 7).
    fn string(&mut self, text: &str) {
        self.text.push('"');
        if text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
            self.text.push_str(text);
        } else {
            for letter in text.chars() {
                match letter {
                    '"' => self.text.push_str("\\\""),
                    '\\' => self.text.push_str("\\\\"),
                    '\n' => self.text.push_str("\\n"),
                    '\0'..='\x1f' => {
                        let _infallible = write!(self.text, "\\u{:04x}", u32::from(letter));
                    }
                    _ => self.text.push(letter),
                }
            }
        }
        self.text.push('"');
    }
}

/// Whether values of a shape may stand in the journal.
fn told(shape: &Shape) -> bool {
    !shape.sensitive() && !matches!(shape, Shape::Blob(_))
}

#[cfg(test)]
mod tests {
    use bulla_shapes::kms::EncryptRequest;
    use bulla_shapes::ssm::PutParameterRequest;
    use bulla_shapes::{Blob, View as _, kms, ssm};

    use super::*;

    #[test]
    fn names_are_lowered_and_secrets_left_out() {
        let mut record = EncryptRequest::new().into_record();
        let mut set = |name, value| {
            let at = record.shape().position(name).unwrap();
            assert!(record.set(at, value));
        };
        set("KeyId", Value::Str("alias/\"a\"\u{1}".into()));
        set("Plaintext", Value::Blob(Blob::from(b"secret")));
        let context = vec![("Key".into(), Value::Str("Value".into()))];
        set("EncryptionContext", Value::Map(context));
        set("GrantTokens", Value::List(vec![Value::Str("t".into()), Value::Null]));
        set("DryRun", Value::Bool(true));
        assert_eq!(
            parameters(&kms::SERVICE, &record).unwrap(),
            "{\"keyId\":\"alias/\\\"a\\\"\\u0001\",\"encryptionContext\":{\"Key\":\"Value\"},\
             \"grantTokens\":[\"t\",null],\"dryRun\":true}"
        );
    }

    #[test]
    fn a_word_stands_for_a_value_where_cloudtrail_has_one() {
        let record = PutParameterRequest::new().with_name("/a").with_value("secret").into_record();
        let shown = parameters(&ssm::SERVICE, &record).unwrap();
        assert_eq!(shown, "{\"name\":\"/a\",\"value\":\"HIDDEN_DUE_TO_SECURITY_REASONS\"}");
        assert_eq!(parameters(&kms::SERVICE, &record).unwrap(), "{\"name\":\"/a\"}");
    }

    #[test]
    fn nothing_to_tell_is_nothing() {
        let mut record = EncryptRequest::new().into_record();
        let at = record.shape().position("Plaintext").unwrap();
        record.set(at, Value::Blob(Blob::from(b"secret")));
        assert_eq!(parameters(&kms::SERVICE, &record), None);
    }

    #[test]
    fn writing_stops_over_the_limit() {
        let mut record = EncryptRequest::new().into_record();
        let at = record.shape().position("GrantTokens").unwrap();
        let tokens = (0..200_000).map(|_| Value::Str("token".into())).collect();
        record.set(at, Value::List(tokens));
        let length = parameters(&kms::SERVICE, &record).unwrap().len();
        assert!(length > MAX_ELEMENTS_BYTES && length < MAX_ELEMENTS_BYTES + 64, "{length}");
    }
}
