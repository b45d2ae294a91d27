//! Reading a request by its operation's tables.

use std::borrow::Cow;

use super::path::{label, labels};
use crate::decode_error::{DecodeError, DecodeErrorKind};
use crate::entries::Entries;
use crate::json;
use crate::protocol::{Incoming, NO_MEMBERS};
use crate::query::{scalar, unescape};
use crate::record::Record;
use crate::tables::{Location, Member, Operation, Shape, Structure};
use crate::value::{Blob, Value};

/// How many parameters a query may have.
const MAX_PARAMETERS: usize = 1_000;

/// Reads a request. Members of the path, the query and headers are taken from there alone: one of
/// the same name in the body is passed over.
///
/// # Errors
/// When the body is not JSON where it must be, or something is not of its member's type.
pub fn decode<'a>(
    operation: &Operation,
    request: &Incoming<'a>,
) -> Result<Record<'a>, DecodeError> {
    let table = operation.input.unwrap_or(&NO_MEMBERS);
    let mut record = body(table, request.body)?;
    let path = labels(operation.uri, request.path).unwrap_or_default();
    let query = parameters(request.query)?;
    for (position, member) in table.members.iter().enumerate() {
        let found = match member.location {
            Location::Body | Location::StatusCode => continue,
            Location::Uri => {
                let raw = path.iter().find(|(name, _)| *name == member.wire);
                raw.map(|(_, raw)| scalar(&label(raw)?, &member.shape)).transpose()?
            }
            Location::QueryString => from_query(member, &query)?,
            Location::Header => from_header(member, request.headers)?,
            Location::Headers => Some(from_headers(member, request.headers)?),
        };
        match found {
            Some(value) => {
                record.set(position, value);
            }
            None => record.clear(position),
        }
    }
    Ok(record)
}

/// The members that the body carries.
fn body<'a>(table: &'static Structure, body: &'a [u8]) -> Result<Record<'a>, DecodeError> {
    let Some(position) = table.position(table.payload) else { return json::decode(table, body) };
    let mut record = Record::new(table);
    let shape = table.members.get(position).map(|member| member.shape);
    let value = match shape {
        _ if body.is_empty() => return Ok(record),
        Some(Shape::Blob(_)) => Value::Blob(Blob::from(body)),
        Some(Shape::Struct(table)) => Value::Struct(json::decode(table, body)?),
        Some(Shape::Str(_)) => {
            let text = std::str::from_utf8(body).map_err(|_| malformed("the body is not UTF-8"))?;
            Value::Str(Cow::Borrowed(text))
        }
        _ => return Err(malformed("the body has no form")),
    };
    record.set(position, value);
    Ok(record)
}

type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

fn parameters(query: &str) -> Result<Vec<Pair<'_>>, DecodeError> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    if pairs.clone().count() > MAX_PARAMETERS {
        return Err(DecodeError::new(DecodeErrorKind::TooMany("parameters"), 0));
    }
    let mut all = Vec::new();
    for pair in pairs {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        all.push((unescape(name.as_bytes(), 0)?, unescape(value.as_bytes(), 0)?));
    }
    Ok(all)
}

fn from_query<'a>(member: &Member, query: &[Pair<'a>]) -> Result<Option<Value<'a>>, DecodeError> {
    let mut given = query.iter().filter(|(name, _)| name == member.wire).map(|(_, value)| value);
    match member.shape {
        Shape::List(list) => {
            let items: Result<Vec<_>, _> = given.map(|text| scalar(text, &list.member)).collect();
            Ok(Some(items?).filter(|items| !items.is_empty()).map(Value::List))
        }
        _ => given.next_back().map(|text| scalar(text, &member.shape)).transpose(),
    }
}

fn text(value: &[u8]) -> Result<Cow<'_, str>, DecodeError> {
    std::str::from_utf8(value).map(Cow::Borrowed).map_err(|_| malformed("a header is not UTF-8"))
}

fn from_header<'a>(
    member: &Member,
    headers: &[(&'a str, &'a [u8])],
) -> Result<Option<Value<'a>>, DecodeError> {
    let named = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(member.wire));
    let Some(&(_, value)) = named else { return Ok(None) };
    let value = text(value)?;
    let value = match member.shape {
        Shape::List(list) => {
            let items: Result<Vec<_>, _> = elements(&value, &list.member)
                .iter()
                .map(|text| scalar(text, &list.member))
                .collect();
            Value::List(items?)
        }
        Shape::Str(_) if member.json_value => {
            let decoded = base64_simd::STANDARD.decode_to_vec(value.as_bytes()).ok();
            let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
            Value::Str(decoded.ok_or_else(|| malformed("a header is not base64"))?.into())
        }
        shape => scalar(&value, &shape)?,
    };
    Ok(Some(value))
}

/// The elements of a list in a header: separated by commas, some in quotes. An HTTP date has a
/// comma of its own.
fn elements<'a>(value: &str, shape: &Shape) -> Vec<Cow<'a, str>> {
    let dates = matches!(shape, Shape::Time(_)) && value.contains("GMT");
    let mut all: Vec<String> = Vec::new();
    let (mut now, mut quoted, mut commas) = (String::new(), false, 0);
    let mut letters = value.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if quoted => now.extend(letters.next()),
            '"' => quoted = !quoted,
            ',' if !(quoted || dates && commas % 2 == 0) => {
                all.push(std::mem::take(&mut now));
                commas += 1;
            }
            ',' => {
                commas += 1;
                now.push(',');
            }
            ' ' if now.is_empty() && !quoted => {}
            letter => now.push(letter),
        }
    }
    if !value.is_empty() {
        all.push(now);
    }
    all.into_iter().map(Cow::Owned).collect()
}

/// All headers whose names begin with the member's.
fn from_headers<'a>(
    member: &Member,
    headers: &[(&'a str, &'a [u8])],
) -> Result<Value<'a>, DecodeError> {
    let mut entries = Entries::default();
    for &(name, value) in headers {
        let split = name.split_at_checked(member.wire.len());
        if let Some((prefix, rest)) = split
            && prefix.eq_ignore_ascii_case(member.wire)
        {
            entries.put(Cow::Borrowed(rest), Value::Str(text(value)?));
        }
    }
    Ok(Value::Map(entries.into_list()))
}

const fn malformed(what: &'static str) -> DecodeError {
    DecodeError::new(DecodeErrorKind::Malformed(what), 0)
}
