//! Tables built from a test case's own shapes, leaked to be static.

use bulla_shapes::tables::{
    BlobShape, ErrorShape, FloatShape, IntegerShape, Limits, ListShape, Location, MapShape, Member,
    Protocol, Service, Shape, StringShape, Structure, TimestampFormat, Width,
};
use serde_json::Value;

/// How often a recursive shape is unrolled; no case nests deeper.
const UNROLLED: usize = 4;

pub(crate) fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str)
}

fn flag(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool).unwrap_or(false)
}

pub(crate) fn leaked(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

fn keep<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

/// Builds the structure of a reference; `None` where it needs what tables don't have.
pub(crate) fn structure(
    shapes: &Value,
    name: &str,
    open: &mut Vec<String>,
) -> Option<&'static Structure> {
    let shape = &shapes[name];
    // Beyond what any case nests, a recursive structure has no members.
    let deep = open.iter().filter(|seen| *seen == name).count() > UNROLLED;
    open.push(name.to_owned());
    let mut members = Vec::new();
    let listed = shape["members"].as_object().filter(|_| !deep);
    for (key, reference) in listed.into_iter().flatten() {
        let target = text(reference, "shape")?;
        let mut member = Member::new(leaked(key), self::shape(shapes, reference, open)?);
        if let Some(wire) = text(reference, "locationName") {
            member = member.wire(leaked(wire));
        }
        member.flattened = flag(reference, "flattened") || flag(&shapes[target], "flattened");
        member.xml_attribute = flag(reference, "xmlAttribute");
        member.json_value = flag(reference, "jsonvalue");
        member.location = match text(reference, "location") {
            Some("uri") => Location::Uri,
            Some("querystring") => Location::QueryString,
            Some("header") => Location::Header,
            Some("headers") => Location::Headers,
            Some("statusCode") => Location::StatusCode,
            _ => Location::Body,
        };
        members.push(member);
    }
    open.pop();
    Some(keep(Structure {
        name: leaked(name),
        members: members.leak(),
        sensitive: false,
        union: flag(shape, "union"),
        payload: leaked(text(shape, "payload").unwrap_or_default()),
        xml_namespace: "",
    }))
}

fn string(name: &str) -> &'static StringShape {
    keep(StringShape {
        name: leaked(name),
        length: Limits::NONE,
        pattern: None,
        values: &[],
        sensitive: false,
    })
}

fn shape(shapes: &Value, reference: &Value, open: &mut Vec<String>) -> Option<Shape> {
    let target = text(reference, "shape")?;
    let shape = &shapes[target];
    if flag(shape, "document") {
        return None;
    }
    let name = leaked(target);
    let range = Limits::NONE;
    Some(match text(shape, "type")? {
        "string" | "character" => Shape::Str(string(name)),
        "blob" => Shape::Blob(keep(BlobShape { name, length: range, sensitive: false })),
        "boolean" => Shape::Bool,
        "integer" => Shape::Int(keep(IntegerShape { name, width: Width::Integer, range })),
        "long" => Shape::Int(keep(IntegerShape { name, width: Width::Long, range })),
        kind @ ("float" | "double") => {
            Shape::Double(keep(FloatShape { name, single: kind == "float", range }))
        }
        "timestamp" => Shape::Time(
            match text(reference, "timestampFormat").or(text(shape, "timestampFormat")) {
                None => TimestampFormat::Protocol,
                Some("iso8601") => TimestampFormat::Iso8601,
                Some("unixTimestamp") => TimestampFormat::UnixTimestamp,
                Some("rfc822") => TimestampFormat::HttpDate,
                Some(_) => return None,
            },
        ),
        "list" => {
            let wire = text(&shape["member"], "locationName");
            Shape::List(keep(ListShape {
                name,
                member: self::shape(shapes, &shape["member"], open)?,
                wire: leaked(wire.unwrap_or("member")),
                named: wire.is_some(),
                flattened: flag(shape, "flattened"),
                length: range,
                sensitive: false,
            }))
        }
        "map" => Shape::Map(keep(MapShape {
            name,
            key: string(text(&shape["key"], "shape")?),
            value: self::shape(shapes, &shape["value"], open)?,
            key_wire: leaked(text(&shape["key"], "locationName").unwrap_or("key")),
            value_wire: leaked(text(&shape["value"], "locationName").unwrap_or("value")),
            flattened: flag(shape, "flattened"),
            length: range,
            sensitive: false,
        })),
        "structure" => Shape::Struct(structure(shapes, target, open)?),
        _ => return None,
    })
}

/// A service with one error at most.
pub(crate) fn service(
    protocol: Protocol,
    namespace: &str,
    error: Option<(&str, u16, &'static Structure)>,
) -> &'static Service {
    let errors = error.map(|(code, status, structure)| ErrorShape {
        code: leaked(code),
        status,
        sender: status < 500,
        structure,
    });
    keep(Service {
        id: "test",
        service_id: "Test",
        signing_name: "test",
        target_prefix: "Test",
        api_version: "2020-01-08",
        xml_namespace: leaked(namespace),
        protocol,
        operations: &[],
        untabled: &[],
        errors: errors.into_iter().collect::<Vec<_>>().leak(),
        message_keys: &[],
    })
}
