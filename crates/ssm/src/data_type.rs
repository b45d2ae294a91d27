//! Data types: what a value must look like (API Reference, `PutParameter`).
//!
//! AWS checks `aws:ec2:image` against EC2 later on, and lets the parameter appear then. There is no
//! EC2 here, so that such a parameter is there at once, whatever its value.

use std::net::{Ipv4Addr, Ipv6Addr};

use base64_simd::STANDARD as BASE64;
use bulla_plane::region;
use bulla_shapes::Fault;

use crate::fault;
use crate::jsonc;
use crate::record::Kind;

/// What a parameter has that names no other.
pub(crate) const TEXT: &str = "text";

const INTEGRATION: &str = "aws:ssm:integration";
const INTEGRATIONS: &str = "/d9d01087-4a3f-49e0-b0b4-d568d7826553/ssm/integrations";
const IMAGE: &str = "aws:ec2:image";
const MAX_HOST_CHARACTERS: usize = 253;
const MAX_LABEL_CHARACTERS: usize = 63;
/// RFC 5321, section 4.5.3.1.1.
const MAX_MAILBOX_CHARACTERS: usize = 64;

/// A data type by its name, and what its values are.
type Check = fn(&str) -> bool;

const TYPES: &[(&str, Check)] = &[
    (TEXT, |_| true),
    (IMAGE, |_| true),
    (INTEGRATION, |_| true),
    ("aws:region", region::is_region),
    ("aws:account:id", |value| value.len() == 12 && value.bytes().all(|b| b.is_ascii_digit())),
    ("boolean", |value| matches!(value, "true" | "false")),
    ("integer", is_integer),
    ("float", |value| is_float(value)),
    ("binary", |value| BASE64.check(value.as_bytes()).is_ok()),
    ("hostname", is_host),
    ("email", is_email),
    ("ipv4-address", |value| value.parse::<Ipv4Addr>().is_ok()),
    ("ipv6-address", |value| value.parse::<Ipv6Addr>().is_ok()),
    ("url", is_url),
    ("json", jsonc::is_json),
    ("jsonc", jsonc::is_jsonc),
];

/// The data types whose parameters Intelligent-Tiering makes advanced ones.
pub(crate) fn is_advanced(data_type: &str) -> bool {
    matches!(data_type, "url" | "json" | "jsonc")
}

/// Whether a value may have a data type. The items of a list are looked at one by one.
pub(crate) fn check(data_type: &str, name: &str, kind: Kind, value: &str) -> Result<(), Fault> {
    let Some((_, check)) = TYPES.iter().find(|(known, _)| *known == data_type) else {
        return Err(fault::validation(format!(
            "The following data type is not supported: {data_type}. (Data type names are all \
             lowercase.)"
        )));
    };
    if data_type == IMAGE && kind != Kind::String {
        return Err(fault::validation(format!(
            "The {IMAGE} data type is not supported for the following input type: {}",
            kind.name()
        )));
    }
    if data_type == INTEGRATION && !name.starts_with(INTEGRATIONS) {
        return Err(fault::validation(format!(
            "Parameters with data type: {INTEGRATION} must start with prefix: {INTEGRATIONS}"
        )));
    }
    let fits = match kind {
        Kind::StringList => value.split(',').all(check),
        Kind::String | Kind::SecureString => check(value),
    };
    // AWS's text is not recorded; this one is ours, and does not repeat the value.
    let text = || format!("The value is not one of the data type {data_type}.");
    if fits { Ok(()) } else { Err(fault::validation(text())) }
}

fn is_integer(value: &str) -> bool {
    let digits = value.strip_prefix(['-', '+']).unwrap_or(value);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Digits with a point and an exponent, as JSON and Java have them; no infinities.
fn is_float(value: &str) -> bool {
    let decimal = |b: u8| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E');
    value.bytes().all(decimal) && value.parse::<f64>().is_ok_and(f64::is_finite)
}

/// RFC 1123, section 2.1.
fn is_host(value: &str) -> bool {
    let label = |label: &str| {
        (1..=MAX_LABEL_CHARACTERS).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    value.len() <= MAX_HOST_CHARACTERS && value.split('.').all(label)
}

fn is_email(value: &str) -> bool {
    let Some((mailbox, host)) = value.rsplit_once('@') else { return false };
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b".!#$%&'*+-/=?^_`{|}~".contains(&byte);
    (1..=MAX_MAILBOX_CHARACTERS).contains(&mailbox.len())
        && mailbox.bytes().all(letter)
        && is_host(host)
}

fn is_url(value: &str) -> bool {
    value.parse::<http::Uri>().is_ok_and(|uri| uri.scheme().is_some() && uri.host().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(data_type: &str, value: &str) -> bool {
        check(data_type, "/a", Kind::String, value).is_ok()
    }

    #[test]
    fn values_are_of_their_types() {
        for (data_type, good, bad) in [
            ("aws:region", "eu-central-1", "Frankfurt"),
            ("aws:account:id", "111122223333", "1111-2222-3333"),
            ("boolean", "true", "True"),
            ("integer", "-42", "4.2"),
            ("float", "-4.2e10", "NaN"),
            ("binary", "YQ==", "a"),
            ("hostname", "db-1.example.com", "-db.example.com"),
            ("email", "ann+ssm@example.com", "ann"),
            ("ipv4-address", "192.0.2.1", "192.0.2.256"),
            ("ipv6-address", "2001:db8::1", "2001:db8:::1"),
            ("url", "https://example.com/a?b=c", "example.com"),
            ("json", r#"{"a": [1, null]}"#, "{a: 1}"),
            ("jsonc", "{ // one\n \"a\": 1 /* two */ }", "{ // one"),
        ] {
            assert!(accepted(data_type, good), "{data_type} {good}");
            assert!(!accepted(data_type, bad), "{data_type} {bad}");
        }
    }

    #[test]
    fn items_of_a_list_are_looked_at_one_by_one() {
        assert!(check("integer", "/a", Kind::StringList, "1,2,3").is_ok());
        assert!(check("integer", "/a", Kind::StringList, "1,,3").is_err());
    }
}
