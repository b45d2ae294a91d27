//! Writing records and faults as JSON.

use std::fmt::Write as _;

use crate::fault::Fault;
use crate::record::Record;
use crate::tables::{Location, Shape, TimestampFormat};
use crate::timestamp;
use crate::value::Value;

/// Appends a record as a JSON object. Absent members are left out.
pub fn encode(record: &Record<'_>, out: &mut Vec<u8>) {
    out.push(b'{');
    members(record, out, true);
    out.push(b'}');
}

/// Appends a fault: `__type`, the message where there is one, and modelled members.
///
/// The message's key is the model's own (`message` in KMS); errors that no model has use `message`.
pub fn encode_fault(fault: &Fault, message_key: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"__type":"#);
    string(&fault.code, out);
    rest_of_fault(fault, message_key, out, false);
}

/// The same without the code, for protocols that have it elsewhere.
pub(crate) fn encode_fault_body(fault: &Fault, message_key: &str, out: &mut Vec<u8>) {
    out.push(b'{');
    rest_of_fault(fault, message_key, out, true);
}

fn rest_of_fault(fault: &Fault, message_key: &str, out: &mut Vec<u8>, first: bool) {
    let mut first = first;
    if let Some(message) = &fault.message {
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        string(message_key, out);
        out.push(b':');
        string(message, out);
    }
    if let Some(detail) = &fault.detail {
        members(detail, out, first);
    }
    out.push(b'}');
}

fn members(record: &Record<'_>, out: &mut Vec<u8>, mut first: bool) {
    for (member, value) in record.entries() {
        // What a REST protocol carries elsewhere is in no body.
        let Some(value) = value.filter(|_| member.location == Location::Body) else { continue };
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        string(member.wire, out);
        out.push(b':');
        self::value(value, &member.shape, out);
    }
}

fn value(value: &Value<'_>, shape: &Shape, out: &mut Vec<u8>) {
    match (value, shape) {
        (Value::Str(text), _) => string(text, out),
        (Value::Blob(blob), _) => {
            out.push(b'"');
            base64_simd::STANDARD.encode_append(blob.as_ref(), out);
            out.push(b'"');
        }
        (Value::Bool(true), _) => out.extend_from_slice(b"true"),
        (Value::Bool(false), _) => out.extend_from_slice(b"false"),
        (Value::Int(number), _) => text(out, |text| write!(text, "{number}")),
        (Value::Double(number), _) => double(*number, out),
        (Value::Time(millis), Shape::Time(format)) => time(*millis, *format, out),
        (Value::Time(millis), _) => time(*millis, TimestampFormat::Protocol, out),
        (Value::List(items), Shape::List(list)) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                self::value(item, &list.member, out);
            }
            out.push(b']');
        }
        (Value::Map(entries), Shape::Map(map)) => {
            out.push(b'{');
            for (at, (key, item)) in entries.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                string(key, out);
                out.push(b':');
                self::value(item, &map.value, out);
            }
            out.push(b'}');
        }
        (Value::Struct(record), _) => encode(record, out),
        // A value that doesn't follow its table has no form: null keeps the answer well formed.
        (Value::Null | Value::List(_) | Value::Map(_), _) => out.extend_from_slice(b"null"),
    }
}

fn double(number: f64, out: &mut Vec<u8>) {
    match number {
        _ if number.is_nan() => string("NaN", out),
        f64::INFINITY => string("Infinity", out),
        f64::NEG_INFINITY => string("-Infinity", out),
        _ => text(out, |text| write!(text, "{number:?}")),
    }
}

fn time(millis: i64, format: TimestampFormat, out: &mut Vec<u8>) {
    let mut text = String::new();
    match format {
        TimestampFormat::Protocol | TimestampFormat::UnixTimestamp => {
            timestamp::write_unix(millis, &mut text);
            out.extend_from_slice(text.as_bytes());
        }
        TimestampFormat::Iso8601 => {
            timestamp::write_iso8601(millis, &mut text);
            string(&text, out);
        }
        TimestampFormat::HttpDate => {
            timestamp::write_http_date(millis, &mut text);
            string(&text, out);
        }
    }
}

/// Appends what a formatter writes. Formatting numbers into memory can't fail.
fn text(out: &mut Vec<u8>, write: impl FnOnce(&mut String) -> std::fmt::Result) {
    let mut text = String::new();
    if write(&mut text).is_ok() {
        out.extend_from_slice(text.as_bytes());
    }
}

/// Appends a JSON string.
fn string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    // Most texts have nothing to escape; without a branch in it, that is seen many bytes at a time.
    if !rest.iter().fold(false, |any, b| any | (*b < 0x20) | (*b == b'"') | (*b == b'\\')) {
        out.extend_from_slice(rest);
        return out.push(b'"');
    }
    while let Some(at) = rest.iter().position(|b| *b < 0x20 || *b == b'"' || *b == b'\\') {
        let (plain, tail) = rest.split_at(at);
        out.extend_from_slice(plain);
        if let Some((byte, tail)) = tail.split_first() {
            escape(*byte, out);
            rest = tail;
        }
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

fn escape(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        _ => {
            out.extend_from_slice(b"\\u00");
            out.extend([byte >> 4, byte & 15].map(|digit| match digit {
                0..=9 => b'0' + digit,
                _ => b'a' + digit - 10,
            }));
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}
