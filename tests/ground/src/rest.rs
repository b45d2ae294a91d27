//! Requests of REST protocols from inputs that are JSON: what goes into the path, the query and
//! headers, and what is left for the body.

use bulla_shapes::tables::{Location, Shape};
use bulla_shapes::{Operation, Service};
use serde_json::{Map, Value};

use crate::say;

/// A request before it is signed.
pub(crate) struct Parts {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// The request of an operation.
pub(crate) fn parts(model: &Service, name: &str, input: &[u8]) -> Result<Parts, String> {
    let operation = model.operation(name).ok_or_else(|| format!("no operation {name}"))?;
    let mut members: Map<String, Value> =
        if input.is_empty() { Map::new() } else { serde_json::from_slice(input).map_err(say)? };
    let mut parts = Parts {
        method: operation.method.to_owned(),
        path: operation.uri.to_owned(),
        query: String::new(),
        headers: Vec::new(),
        body: Vec::new(),
    };
    let mut query = Vec::new();
    let table = operation.input.map(|table| table.members).unwrap_or_default();
    for member in table.iter().filter(|member| member.location != Location::Body) {
        let Some(value) = members.remove(member.name) else { continue };
        match member.location {
            Location::Uri => {
                let label = format!("{{{}}}", member.wire);
                parts.path = parts.path.replace(&label, &escaped(&text(&value)));
            }
            Location::QueryString => {
                let all = value.as_array().cloned().unwrap_or_else(|| vec![value]);
                let pair = |one: &Value| format!("{}={}", member.wire, escaped(&text(one)));
                query.extend(all.iter().map(pair));
            }
            _ => parts.headers.push((member.wire.to_owned(), text(&value))),
        }
    }
    parts.query = query.join("&");
    parts.body = body(operation, &mut members)?;
    Ok(parts)
}

fn body(operation: &Operation, members: &mut Map<String, Value>) -> Result<Vec<u8>, String> {
    let Some(table) = operation.input else { return Ok(Vec::new()) };
    let payload = table.members.iter().find(|member| member.name == table.payload);
    let Some(payload) = payload else {
        let any = table.members.iter().any(|member| member.location == Location::Body);
        return if any { serde_json::to_vec(members).map_err(say) } else { Ok(Vec::new()) };
    };
    Ok(match (members.remove(payload.name), payload.shape) {
        (None, _) => Vec::new(),
        (Some(Value::String(text)), Shape::Blob(_) | Shape::Str(_)) => text.into_bytes(),
        (Some(value), _) => serde_json::to_vec(&value).map_err(say)?,
    })
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn escaped(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    text.bytes()
        .map(
            |byte| {
                if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
            },
        )
        .collect()
}
