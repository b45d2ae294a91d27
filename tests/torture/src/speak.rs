//! Calls to any service by the bodies that rules are written in, and what came back.

use bulla_ground::Signer;
use serde_json::Value;

use crate::door::Reply;
use crate::house::House;
use crate::run::demand;

/// IAM, STS and Organizations are there and nowhere else.
pub(crate) const REGION: &str = "us-east-1";

/// Whether a service takes forms rather than JSON.
pub(crate) fn is_form(service: &str) -> bool {
    matches!(service, "iam" | "sts")
}

/// The body of a call: a form gets its operation's name and version.
pub(crate) fn body(house: &House, service: &str, op: &str, input: &str) -> Result<Vec<u8>, String> {
    if !is_form(service) {
        return Ok(input.as_bytes().to_vec());
    }
    let version = house.service(service)?.model().api_version;
    Ok(format!("Action={op}&Version={version}&{input}").into_bytes())
}

/// Calls an operation.
pub(crate) fn call(
    house: &House,
    signer: &Signer,
    service: &str,
    operation: &str,
    input: &str,
) -> Result<Reply, String> {
    let body = body(house, service, operation, input)?;
    house.call(signer, service, operation, REGION, body)
}

/// Calls an operation, which must succeed.
pub(crate) fn must(
    house: &House,
    signer: &Signer,
    service: &str,
    operation: &str,
    input: &str,
) -> Result<Reply, String> {
    let reply = call(house, signer, service, operation, input)?;
    reply.must_succeed(operation)?;
    Ok(reply)
}

/// The text of the first member or element of this name.
pub(crate) fn element(reply: &Reply, name: &str) -> Option<String> {
    let body = String::from_utf8_lossy(&reply.body);
    if body.starts_with('{') {
        return member(&reply.json(), name);
    }
    let (_, rest) = body.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(text.replace("&quot;", "\"").replace("&apos;", "'").replace("&#39;", "'"))
}

fn member(value: &Value, name: &str) -> Option<String> {
    match value {
        Value::Object(members) => match members.get(name).and_then(Value::as_str) {
            Some(text) => Some(text.to_owned()),
            None => members.values().find_map(|value| member(value, name)),
        },
        Value::Array(values) => values.iter().find_map(|value| member(value, name)),
        _ => None,
    }
}

/// As [`element`], which must be there.
pub(crate) fn need(reply: &Reply, name: &str) -> Result<String, String> {
    let text = || String::from_utf8_lossy(&reply.body).into_owned();
    element(reply, name).ok_or_else(|| format!("an answer has no {name}: {}", text()))
}

/// Code and message of a refusal; empty for a success.
pub(crate) fn refusal(reply: &Reply) -> (String, String) {
    if (200..300).contains(&reply.status) {
        return (String::new(), String::new());
    }
    let either = |one, other| element(reply, one).or_else(|| element(reply, other));
    (either("__type", "Code").unwrap_or_default(), either("message", "Message").unwrap_or_default())
}

/// A text as a form has it.
pub(crate) fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// A text as it stands between the quotes of JSON.
pub(crate) fn quoted(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted.trim_matches('"').to_owned()
}

/// Replaces each `{name}` that is known; a rule that uses another name is a fault.
pub(crate) fn expand(
    template: &str,
    names: impl Fn(&str) -> Option<String>,
) -> Result<String, String> {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let named = after.split_once('}').filter(|(name, _)| is_name(name));
        match named {
            Some((name, after)) => {
                out.push_str(&names(name).ok_or_else(|| format!("a rule names {{{name}}}"))?);
                rest = after;
            }
            None => {
                out.push('{');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    demand(!out.is_empty() || template.is_empty(), || format!("{template} became empty"))?;
    Ok(out)
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || matches!(b, b'_' | b'.'))
}
