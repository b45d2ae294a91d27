//! Cuts a botocore model down to what the tables need: no documentation, no unserved shapes.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::model::shapes_of;
use super::served::ServedService;

const METADATA: [&str; 9] = [
    "apiVersion",
    "endpointPrefix",
    "jsonVersion",
    "protocol",
    "serviceFullName",
    "serviceId",
    "signingName",
    "targetPrefix",
    "xmlNamespace",
];
const OPERATION: [&str; 7] = ["name", "http", "input", "output", "errors", "auth", "authtype"];
const SHAPE: [&str; 22] = [
    "type",
    "required",
    "members",
    "member",
    "key",
    "value",
    "min",
    "max",
    "pattern",
    "enum",
    "sensitive",
    "exception",
    "fault",
    "error",
    "flattened",
    "locationName",
    "payload",
    "timestampFormat",
    "union",
    "wrapper",
    "xmlNamespace",
    "xmlOrder",
];
const REFERENCE: [&str; 15] = [
    "name",
    "shape",
    "box",
    "deprecated",
    "flattened",
    "idempotencyToken",
    "jsonvalue",
    "location",
    "locationName",
    "queryName",
    "resultWrapper",
    "streaming",
    "timestampFormat",
    "xmlAttribute",
    "xmlNamespace",
];

/// The trimmed model as pretty JSON.
pub(super) fn trim(full: &str, service: &ServedService) -> Result<String, String> {
    let full: Value = serde_json::from_str(full).map_err(|e| format!("{}: {e}", service.id))?;
    let object = |key: &str| {
        full.get(key).and_then(Value::as_object).ok_or(format!("{}: no `{key}`", service.id))
    };
    let (operations, shapes) = (object("operations")?, object("shapes")?);
    let mut kept = Map::new();
    let mut untabled = Vec::new();
    let mut wanted = BTreeSet::new();
    for (name, operation) in operations {
        if service.tables.takes(name) {
            let operation = trim_operation(operation);
            collect(&operation, &mut wanted);
            kept.insert(name.clone(), operation);
        } else {
            untabled.push(Value::from(name.as_str()));
        }
    }
    let mut kept_shapes = Map::new();
    while let Some(name) = wanted.pop_first() {
        let shape = shapes.get(&name).ok_or(format!("{}: no shape {name}", service.id))?;
        let shape = trim_shape(shape);
        wanted.extend(shapes_of(&shape).filter(|name| !kept_shapes.contains_key(name)));
        kept_shapes.insert(name, shape);
    }
    let of = service.model.as_deref();
    let trimmed = json!({
        "source": format!("botocore, data/{}/service-2.json.gz, trimmed", of.unwrap_or_default()),
        "metadata": pick(full.get("metadata").unwrap_or(&Value::Null), &METADATA),
        "operations": kept,
        "untabled": untabled,
        "shapes": kept_shapes,
    });
    let text = serde_json::to_string_pretty(&trimmed).map_err(|e| e.to_string())?;
    Ok(text + "\n")
}

fn collect(operation: &Value, wanted: &mut BTreeSet<String>) {
    let errors = operation.get("errors").and_then(Value::as_array).into_iter().flatten();
    let ends = [operation.get("input"), operation.get("output")].into_iter().flatten();
    for reference in ends.chain(errors) {
        if let Some(name) = reference.get("shape").and_then(Value::as_str) {
            wanted.insert(name.to_owned());
        }
    }
}

fn trim_operation(operation: &Value) -> Value {
    let mut kept = pick(operation, &OPERATION);
    for key in ["input", "output"] {
        if let Some(reference) = kept.get_mut(key) {
            *reference = trim_reference(reference);
        }
    }
    if let Some(Value::Array(errors)) = kept.get_mut("errors") {
        errors.iter_mut().for_each(|error| *error = trim_reference(error));
    }
    kept
}

fn trim_shape(shape: &Value) -> Value {
    let mut kept = pick(shape, &SHAPE);
    for key in ["member", "key", "value"] {
        if let Some(reference) = kept.get_mut(key) {
            *reference = trim_reference(reference);
        }
    }
    if let Some(Value::Array(members)) = kept.get_mut("members") {
        members.iter_mut().for_each(|member| *member = trim_reference(member));
    }
    kept
}

fn trim_reference(reference: &Value) -> Value {
    pick(reference, &REFERENCE)
}

fn pick(from: &Value, keys: &[&str]) -> Value {
    let picked = keys.iter().filter_map(|key| Some(((*key).to_owned(), from.get(key)?.clone())));
    Value::Object(picked.collect())
}
