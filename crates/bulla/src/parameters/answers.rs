//! How answers of AWS's JSON services are read.

use bulla_plane::SecretText;
use serde_json::Value;

use crate::error::Error;

/// The members of a list, taken out.
pub(super) fn items(answer: &mut Value, list: &str) -> Vec<Value> {
    match answer.get_mut(list).map(Value::take) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

/// A member that is always there.
pub(super) fn text(item: &Value, member: &str) -> Result<String, Error> {
    let found = item.get(member).and_then(Value::as_str);
    found.map(str::to_owned).ok_or_else(|| lacking(member))
}

/// The value of a parameter, taken out.
pub(super) fn secret(item: &mut Value) -> Result<SecretText, Error> {
    match item.get_mut("Value").map(Value::take) {
        Some(Value::String(text)) => Ok(SecretText::new(text)),
        _ => Err(lacking("Value")),
    }
}

fn lacking(member: &str) -> Error {
    Error::Usage(format!("an answer lacks {member}: is its endpoint right?"))
}
