//! What the journal keeps of a request: its parameters without anything secret.
//!
//! Members are named as CloudTrail names them, with a small first letter. Left out are all shapes
//! that the model calls sensitive, at any depth, and all blobs: plaintexts, ciphertexts, key
//! material, signatures. Services that CloudTrail shows with a word in place of a sensitive text
//! have it here too.

mod copies;
mod service_event;
mod shown;

use std::fmt::Write as _;

use bulla_shapes::tables::{Member, Shape};
use bulla_shapes::{Record, Service, Value};

use self::shown::{Answer, Filled};
use crate::call::Trail;
use crate::journal::MAX_ELEMENTS_BYTES;

pub(crate) use self::copies::with_copies;
pub use self::service_event::{ServiceEvent, TOLD, settle};
pub(crate) use self::service_event::{Written, write};

/// The deepest nesting that is written; no shape of the services nests deeper, but a recursive
/// shape could.
const MAX_DEPTH: usize = 32;

/// The room that parameters are given at first; most take less.
const PARAMETERS_BYTES: usize = 512;

/// `requestParameters` of an operation as JSON; nothing where no member is left to tell.
///
/// Writing stops once the text is over the journal's limit [`MAX_ELEMENTS_BYTES`]; what is longer
/// than that the journal records as omitted and never reads.
#[must_use]
pub fn parameters(service: &Service, operation: &str, input: &Record<'_>) -> Option<String> {
    if shown::is_untold(service.id, operation) {
        return None;
    }
    written(service, input, shown::filled(service.id, operation))
}

/// `responseElements` as JSON, else as [`parameters`].
#[must_use]
pub fn elements(service: &Service, output: &Record<'_>) -> Option<String> {
    written(service, output, &[])
}

fn written(
    service: &Service,
    record: &Record<'_>,
    filled: &'static [(&'static str, Filled)],
) -> Option<String> {
    let hides = HIDING.contains(&service.id);
    let text = String::with_capacity(PARAMETERS_BYTES);
    let mut out = Writer { text, hides, service: service.id, filled };
    out.record(record, 0);
    (out.text != "{}").then_some(out.text)
}

/// Adds what the record of a successful call has by CloudTrail's rules, as far as the operation
/// itself did not say it.
pub(crate) fn answered(
    service: &Service,
    operation: &str,
    trail: &mut Trail,
    output: Option<&Record<'_>>,
) {
    if trail.response.is_none() {
        trail.response = match shown::answer(service.id, operation) {
            Answer::Own => None,
            Answer::Output => output.and_then(|output| elements(service, output)),
            Answer::KeyArn => {
                let key = trail.resources.iter().find(|(arn, ..)| arn.contains(":key/"));
                key.map(|(arn, ..)| serde_json::json!({ "keyId": arn }).to_string())
            }
        };
    }
    if trail.additional.is_none()
        && let Some(output) = output
    {
        trail.additional = shown::additional(service.id, operation, output);
    }
}

/// What CloudTrail shows in place of a sensitive text.
const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";
/// The services of which it shows that (recorded); of others it leaves the member out.
const HIDING: [&str; 1] = ["ssm"];

struct Writer {
    text: String,
    hides: bool,
    service: &'static str,
    /// What is filled in on the first level.
    filled: &'static [(&'static str, Filled)],
}

impl Writer {
    fn full(&self) -> bool {
        self.text.len() > MAX_ELEMENTS_BYTES
    }

    fn record(&mut self, record: &Record<'_>, depth: usize) {
        self.text.push('{');
        let mut first = true;
        for (member, value) in record.entries() {
            let Some(value) = value else {
                if depth == 0 {
                    self.fill_in(member, record, &mut first);
                }
                continue;
            };
            let is_hidden = self.hides && matches!(member.shape, Shape::Str(_));
            let is_told = told(&member.shape) && !shown::is_hushed(self.service, member.name);
            if !is_told && !is_hidden {
                continue;
            }
            if self.full() {
                return;
            }
            self.comma(&mut first);
            self.name(member);
            if is_told {
                self.value(value, &member.shape, depth);
            } else {
                string(&mut self.text, HIDDEN);
            }
        }
        self.text.push('}');
    }

    /// What a service fills in for a member that was not sent.
    fn fill_in(&mut self, member: &Member, record: &Record<'_>, first: &mut bool) {
        let Some((_, filled)) = self.filled.iter().find(|(name, _)| *name == member.name) else {
            return;
        };
        self.comma(first);
        self.name(member);
        match filled {
            Filled::Text(text) => string(&mut self.text, text),
            Filled::False => self.plain(&false),
            Filled::As(other, text) => match record.named(other) {
                Some(Value::Str(sent)) => string(&mut self.text, sent),
                _ => string(&mut self.text, text),
            },
        }
    }

    /// A member's name: its first letter is small, whatever follows, but for the ARNs of Secrets
    /// Manager since 2024.
    fn name(&mut self, member: &Member) {
        self.text.push('"');
        if member.name == "ARN" && self.service == "secretsmanager" {
            self.text.push_str("arn");
        } else {
            let mut letters = member.name.chars();
            self.text.extend(letters.next().map(|letter| letter.to_ascii_lowercase()));
            self.text.push_str(letters.as_str());
        }
        self.text.push_str("\":");
    }

    fn value(&mut self, value: &Value<'_>, shape: &Shape, depth: usize) {
        if depth >= MAX_DEPTH {
            return self.text.push_str("null");
        }
        match (value, shape) {
            (Value::Str(text), _) => string(&mut self.text, text),
            (Value::Bool(flag), _) => self.plain(flag),
            (Value::Int(number), _) => self.plain(number),
            (Value::Double(number), _) if number.is_finite() => self.plain(number),
            // Whole seconds, as in all of CloudTrail.
            (Value::Time(ms), _) => match jiff::Timestamp::from_second(ms.div_euclid(1000)) {
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
                    string(&mut self.text, key);
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
}

/// A JSON string (RFC 8259, section 7).
fn string(out: &mut String, text: &str) {
    out.push('"');
    if text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        out.push_str(text);
    } else {
        for letter in text.chars() {
            match letter {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\0'..='\x1f' => {
                    let _infallible = write!(out, "\\u{:04x}", u32::from(letter));
                }
                _ => out.push(letter),
            }
        }
    }
    out.push('"');
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
            parameters(&kms::SERVICE, "Encrypt", &record).unwrap(),
            "{\"keyId\":\"alias/\\\"a\\\"\\u0001\",\"encryptionContext\":{\"Key\":\"Value\"},\
             \"encryptionAlgorithm\":\"SYMMETRIC_DEFAULT\",\"dryRun\":true}"
        );
    }

    #[test]
    fn a_word_stands_for_a_value_where_cloudtrail_has_one() {
        let record = PutParameterRequest::new().with_name("/a").with_value("secret").into_record();
        let shown = parameters(&ssm::SERVICE, "PutParameter", &record).unwrap();
        assert_eq!(shown, "{\"name\":\"/a\",\"value\":\"HIDDEN_DUE_TO_SECURITY_REASONS\"}");
        assert_eq!(parameters(&kms::SERVICE, "Encrypt", &record).unwrap(), "{\"name\":\"/a\"}");
    }

    #[test]
    fn nothing_to_tell_is_nothing() {
        let mut record = EncryptRequest::new().into_record();
        let at = record.shape().position("Plaintext").unwrap();
        record.set(at, Value::Blob(Blob::from(b"secret")));
        assert_eq!(elements(&kms::SERVICE, &record), None);
    }

    #[test]
    fn writing_stops_over_the_limit() {
        let mut record = EncryptRequest::new().into_record();
        let at = record.shape().position("EncryptionContext").unwrap();
        let pairs = (0..200_000).map(|_| ("key".into(), Value::Str("value".into()))).collect();
        record.set(at, Value::Map(pairs));
        let length = elements(&kms::SERVICE, &record).unwrap().len();
        assert!(length > MAX_ELEMENTS_BYTES && length < MAX_ELEMENTS_BYTES + 64, "{length}");
    }
}
