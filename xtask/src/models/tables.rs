//! `tables.rs` of one service: a static for each shape, mirroring `bulla_shapes::tables`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use super::header;
use super::model::{Model, flag, members, requires, text};
use super::names::identifier;
use super::served::ServedService;

/// The file's text.
pub(super) fn tables(model: &Model, service: &ServedService) -> Result<String, String> {
    let mut out = header(&format!("{}: shapes.", model.metadata("serviceFullName")));
    out.push_str(
        "#![expect(non_upper_case_globals, reason = \"shapes keep the model's names\")]\n",
    );
    let imports = out.len();
    let mut used = Vec::new();
    for (name, shape) in model.shapes() {
        let reordered = reordered(name, shape, service)?;
        if let Some(text) = table(model, name, reordered.as_ref().unwrap_or(shape))? {
            out.push_str(&text);
        }
    }
    let body = out.get(imports..).unwrap_or_default();
    for kind in [
        "BlobShape",
        "FloatShape",
        "IntegerShape",
        "Limits",
        "ListShape",
        "Location",
        "MapShape",
        "Member",
        "Shape",
        "StringShape",
        "Structure",
        "TimestampFormat",
        "Width",
        "XmlNamespace",
    ] {
        let [plain, path] = [format!(" {kind} {{"), format!("{kind}::")];
        let bounded = |found: usize| {
            let before = found.checked_sub(1).and_then(|at| body.as_bytes().get(at));
            before.is_none_or(|b| !b.is_ascii_alphanumeric())
        };
        if body.match_indices(&plain).next().is_some()
            || body.match_indices(&path).any(|(at, _)| bounded(at))
        {
            used.push(kind);
        }
    }
    let mut lines = String::from("\n");
    if body.contains("Pattern::new") {
        lines.push_str("use crate::pattern::Pattern;\n");
    }
    let _ = writeln!(lines, "use crate::tables::{{{}}};\n", used.join(", "));
    out.insert_str(imports, &lines);
    Ok(out)
}

/// An enumeration in the order in which AWS prints it, where that is not the model's.
fn reordered(name: &str, shape: &Value, service: &ServedService) -> Result<Option<Value>, String> {
    let Some(order) = service.enumerations.get(name) else { return Ok(None) };
    let mut printed = shape.clone();
    let values = printed.get_mut("enum").and_then(Value::as_array_mut);
    let values = values.ok_or(format!("{name} is no enumeration"))?;
    let sorted = |texts: Vec<&str>| texts.into_iter().map(str::to_owned).collect::<BTreeSet<_>>();
    let modelled = sorted(values.iter().filter_map(Value::as_str).collect());
    if modelled != sorted(order.iter().map(String::as_str).collect()) {
        return Err(format!("{name} has other values than served.toml orders"));
    }
    *values = order.iter().map(|value| Value::from(value.as_str())).collect();
    Ok(Some(printed))
}

/// The static of one shape; booleans and timestamps have none.
fn table(model: &Model, name: &str, shape: &Value) -> Result<Option<String>, String> {
    let id = identifier(name);
    let sensitive = flag(shape, "sensitive");
    let limits = limits(shape);
    let (kind, fields) = match text(shape, "type").unwrap_or_default() {
        "boolean" | "timestamp" => return Ok(None),
        "string" | "character" => return Ok(Some(string(name, shape))),
        "structure" => return structure(model, name, shape).map(Some),
        "blob" => ("BlobShape", format!("length: {limits}, sensitive: {sensitive}")),
        "list" => ("ListShape", list(model, shape, &limits)?),
        "map" => ("MapShape", map(model, shape, &limits)?),
        "float" => ("FloatShape", format!("single: true, range: {limits}")),
        "double" => ("FloatShape", format!("single: false, range: {limits}")),
        kind @ ("byte" | "short" | "integer" | "long") => {
            let (first, rest) = kind.split_at(1);
            let width = first.to_ascii_uppercase() + rest;
            ("IntegerShape", format!("width: Width::{width}, range: {limits}"))
        }
        other => return Err(format!("{name}: type {other} has no table")),
    };
    Ok(Some(format!("pub(super) static {id}: {kind} = {kind} {{ name: {name:?}, {fields} }};\n")))
}

fn string(name: &str, shape: &Value) -> String {
    let id = identifier(name);
    let mut out = String::new();
    let pattern = match text(shape, "pattern") {
        Some(pattern) => {
            let _ = writeln!(out, "static {name}_pattern: Pattern = Pattern::new({pattern:?});");
            format!("Some(&{name}_pattern)")
        }
        None => "None".to_owned(),
    };
    let values: Vec<&str> = shape
        .get("enum")
        .and_then(Value::as_array)
        .map(|values| values.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let _ = writeln!(
        out,
        "pub(super) static {id}: StringShape = StringShape {{ name: {name:?}, length: {}, \
         pattern: {pattern}, values: &{values:?}, sensitive: {} }};",
        limits(shape),
        flag(shape, "sensitive"),
    );
    out
}

fn list(model: &Model, shape: &Value, limits: &str) -> Result<String, String> {
    let member = shape.get("member").ok_or("a list lacks its member")?;
    let wire = text(member, "locationName");
    Ok(format!(
        "member: {}, wire: {:?}, named: {}, flattened: {}, length: {limits}, sensitive: {}",
        reference(model, member)?,
        wire.unwrap_or("member"),
        wire.is_some(),
        flag(shape, "flattened"),
        flag(shape, "sensitive"),
    ))
}

fn map(model: &Model, shape: &Value, limits: &str) -> Result<String, String> {
    let key = shape.get("key").ok_or("a map lacks its key")?;
    let value = shape.get("value").ok_or("a map lacks its value")?;
    Ok(format!(
        "key: &{}, value: {}, key_wire: {:?}, value_wire: {:?}, flattened: {}, \
         length: {limits}, sensitive: {}",
        identifier(text(key, "shape").unwrap_or_default()),
        reference(model, value)?,
        text(key, "locationName").unwrap_or("key"),
        text(value, "locationName").unwrap_or("value"),
        flag(shape, "flattened"),
        flag(shape, "sensitive"),
    ))
}

fn structure(model: &Model, name: &str, shape: &Value) -> Result<String, String> {
    let namespace = shape.get("xmlNamespace").and_then(|space| text(space, "uri"));
    let mut out = format!(
        "pub(super) static {}: Structure = Structure {{ name: {name:?}, sensitive: {}, \
         union: {}, payload: {:?}, xml_namespace: {:?}, members: &[",
        identifier(name),
        flag(shape, "sensitive"),
        flag(shape, "union"),
        text(shape, "payload").unwrap_or_default(),
        namespace.unwrap_or_default(),
    );
    for member in members(shape) {
        let _ = write!(out, "\n    {},", self::member(model, shape, member)?);
    }
    if !members(shape).is_empty() {
        out.push('\n');
    }
    out.push_str("] };\n");
    Ok(out)
}

fn member(model: &Model, shape: &Value, member: &Value) -> Result<String, String> {
    let name = text(member, "name").ok_or("a member lacks its name")?;
    let mut out = format!("Member::new({name:?}, {})", reference(model, member)?);
    if requires(shape, name) {
        out.push_str(".required()");
    }
    if let Some(wire) = text(member, "locationName") {
        let _ = write!(out, ".wire({wire:?})");
    }
    if let Some(query) = text(member, "queryName") {
        let _ = write!(out, ".query_name({query:?})");
    }
    for (key, call) in [
        ("flattened", ".flattened()"),
        ("xmlAttribute", ".xml_attribute()"),
        ("idempotencyToken", ".idempotency_token()"),
        ("jsonvalue", ".json_value()"),
    ] {
        if flag(member, key) {
            out.push_str(call);
        }
    }
    let location = match text(member, "location") {
        None => "",
        Some("header") => "Header",
        Some("headers") => "Headers",
        Some("querystring") => "QueryString",
        Some("uri") => "Uri",
        Some("statusCode") => "StatusCode",
        Some(other) => return Err(format!("{name}: location {other} has no table")),
    };
    if !location.is_empty() {
        let _ = write!(out, ".location(Location::{location})");
    }
    if let Some(space) = member.get("xmlNamespace") {
        let _ = write!(
            out,
            ".xml_namespace(XmlNamespace {{ prefix: {:?}, uri: {:?} }})",
            text(space, "prefix").unwrap_or_default(),
            text(space, "uri").unwrap_or_default(),
        );
    }
    Ok(out)
}

/// What a reference holds, as a `Shape`.
fn reference(model: &Model, reference: &Value) -> Result<String, String> {
    let name = text(reference, "shape").ok_or("a reference lacks its shape")?;
    let shape = model.shape(name)?;
    let variant = match text(shape, "type").unwrap_or_default() {
        "boolean" => return Ok("Shape::Bool".to_owned()),
        "timestamp" => {
            let format = text(reference, "timestampFormat").or(text(shape, "timestampFormat"));
            let format = match format {
                None => "Protocol",
                Some("iso8601") => "Iso8601",
                Some("unixTimestamp") => "UnixTimestamp",
                Some("rfc822") => "HttpDate",
                Some(other) => return Err(format!("{name}: timestamp format {other}")),
            };
            return Ok(format!("Shape::Time(TimestampFormat::{format})"));
        }
        "string" | "character" => "Str",
        "blob" => "Blob",
        "byte" | "short" | "integer" | "long" => "Int",
        "float" | "double" => "Double",
        "list" => "List",
        "map" => "Map",
        "structure" => "Struct",
        other => return Err(format!("{name}: type {other} has no table")),
    };
    Ok(format!("Shape::{variant}(&{})", identifier(name)))
}

fn limits(shape: &Value) -> String {
    let limit = |key: &str| {
        let value = shape.get(key)?;
        #[expect(clippy::cast_possible_truncation, reason = "limits are whole numbers")]
        value.as_i64().or_else(|| value.as_f64().map(|limit| limit as i64))
    };
    match (limit("min"), limit("max")) {
        (Some(min), Some(max)) => format!("Limits::both({min}, {max})"),
        (Some(min), None) => format!("Limits::least({min})"),
        (None, Some(max)) => format!("Limits::most({max})"),
        (None, None) => "Limits::NONE".to_owned(),
    }
}
