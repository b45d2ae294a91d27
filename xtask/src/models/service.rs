//! A service's own file: its row, its operations and its errors.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::header;
use super::model::{Model, flag, text};
use super::names::identifier;
use super::served::ServedService;

/// The file that lists all services.
pub(super) fn index(services: &[ServedService]) -> String {
    let mut out = header("Tables and views of the served services.");
    for service in services {
        let _ = writeln!(out, "#[rustfmt::skip]\npub mod {};", service.id);
    }
    out
}

/// `mod.rs` of one service.
pub(super) fn service(model: &Model, service: &ServedService) -> Result<String, String> {
    let mut out = header(&format!("{}: operations and errors.", model.metadata("serviceFullName")));
    out.push_str("use crate::tables::{Auth, ErrorShape, Operation, Protocol, Service};\n\n");
    out.push_str("mod tables;\nmod views;\n\npub use views::*;\n\n");
    let _ = writeln!(out, "/// The service's tables.");
    let _ = writeln!(out, "pub static SERVICE: Service = Service {{");
    let signing = match model.metadata("signingName") {
        "" => model.metadata("endpointPrefix"),
        name => name,
    };
    for (field, value) in [
        ("id", service.id.as_str()),
        ("service_id", model.metadata("serviceId")),
        ("signing_name", signing),
        ("target_prefix", model.metadata("targetPrefix")),
        ("api_version", model.metadata("apiVersion")),
        ("xml_namespace", model.metadata("xmlNamespace")),
    ] {
        let _ = writeln!(out, "    {field}: {value:?},");
    }
    let _ = writeln!(out, "    protocol: Protocol::{},", protocol(model)?);
    out.push_str("    operations: &OPERATIONS,\n");
    let _ = writeln!(out, "    untabled: &{:?},", model.untabled());
    out.push_str("    errors: &ERRORS,\n");
    let keys: Vec<_> = service.message_keys.iter().collect();
    let _ = writeln!(out, "    message_keys: &{keys:?},");
    out.push_str("};\n\n");
    operations(model, &mut out)?;
    errors(model, service, &mut out)?;
    Ok(out)
}

fn protocol(model: &Model) -> Result<&'static str, String> {
    match (model.metadata("protocol"), model.metadata("jsonVersion")) {
        ("json", "1.1") => Ok("Json11"),
        ("json", "1.0") => Ok("Json10"),
        ("query", _) => Ok("Query"),
        ("ec2", _) => Ok("Ec2"),
        ("rest-json", _) => Ok("RestJson"),
        ("rest-xml", _) => Ok("RestXml"),
        (other, _) => Err(format!("protocol {other} has no tables")),
    }
}

fn operations(model: &Model, out: &mut String) -> Result<(), String> {
    let rows = model.operations();
    let _ = writeln!(out, "static OPERATIONS: [Operation; {}] = [", rows.len());
    for (name, row) in rows {
        let end = |key: &str| match row.get(key).and_then(|end| text(end, "shape")) {
            Some(shape) => format!("Some(&tables::{})", identifier(shape)),
            None => "None".to_owned(),
        };
        let http = row.get("http").unwrap_or(&Value::Null);
        let wrapper = row.get("output").and_then(|end| text(end, "resultWrapper"));
        let auth = match text(row, "authtype") {
            Some("none") => "Unsigned",
            Some("v4-unsigned-body") => "UnsignedBody",
            _ => "Signed",
        };
        let codes = operation_errors(model, row)?;
        let _ = writeln!(
            out,
            "    Operation {{ name: {name:?}, input: {}, output: {}, result_wrapper: {:?}, \
             method: {:?}, uri: {:?}, status: {}, auth: Auth::{auth}, errors: &{codes:?} }},",
            end("input"),
            end("output"),
            wrapper.unwrap_or_default(),
            text(http, "method").unwrap_or("POST"),
            text(http, "requestUri").unwrap_or("/"),
            http.get("responseCode").and_then(Value::as_u64).unwrap_or(200),
        );
    }
    out.push_str("];\n\n");
    Ok(())
}

fn operation_errors<'m>(model: &'m Model, row: &'m Value) -> Result<Vec<&'m str>, String> {
    let errors = row.get("errors").and_then(Value::as_array).into_iter().flatten();
    let names = errors.filter_map(|error| text(error, "shape"));
    names.map(|name| Ok(code(name, model.shape(name)?))).collect()
}

/// The wire code of an error shape: the model's own, else the shape's name.
fn code<'m>(name: &'m str, shape: &'m Value) -> &'m str {
    shape.get("error").and_then(|error| text(error, "code")).unwrap_or(name)
}

fn errors(model: &Model, service: &ServedService, out: &mut String) -> Result<(), String> {
    let mut rows = BTreeMap::new();
    for (name, shape) in model.shapes() {
        if flag(shape, "exception") {
            rows.insert(code(name, shape), (name, shape));
        }
    }
    if let Some(unknown) = service.status.keys().find(|code| !rows.contains_key(code.as_str())) {
        return Err(format!("{}: a status for {unknown}, which is no error", service.id));
    }
    let _ = writeln!(out, "static ERRORS: [ErrorShape; {}] = [", rows.len());
    for (code, (name, shape)) in rows {
        let error = shape.get("error").unwrap_or(&Value::Null);
        let fault = flag(shape, "fault") || flag(error, "fault");
        let modelled = error.get("httpStatusCode").and_then(Value::as_i64);
        let own = service.status.get(code).copied();
        let status = own.or(modelled).unwrap_or(if fault { 500 } else { 400 });
        let sender = error.get("senderFault").and_then(Value::as_bool).unwrap_or(!fault);
        let _ = writeln!(
            out,
            "    ErrorShape {{ code: {code:?}, status: {status}, sender: {sender}, \
             structure: &tables::{} }},",
            identifier(name),
        );
    }
    out.push_str("];\n");
    Ok(())
}
