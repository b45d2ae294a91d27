//! Writing answers and faults of the Query protocol.

use super::read::parameter_name;
use super::xml;
use crate::fault::Fault;
use crate::record::Record;
use crate::tables::{Operation, Service, Shape, TimestampFormat, XmlNamespace};
use crate::timestamp;
use crate::value::Value;

/// The namespace of faults from before a service's operation is reached.
pub const FAULT_NAMESPACE: &str = "http://webservices.amazon.com/AWSFault/2005-15-09";

/// Appends `<XResponse>` with the result and the request's id. An operation without an output has
/// no result element.
pub fn encode(
    service: &Service,
    operation: &Operation,
    output: Option<&Record<'_>>,
    request_id: &str,
    out: &mut Vec<u8>,
) {
    let response = [operation.name, "Response"].concat();
    open(&response, service.xml_namespace, out);
    if operation.output.is_some() || output.is_some() {
        let wrapper = operation.result_wrapper;
        if !wrapper.is_empty() {
            open(wrapper, "", out);
        }
        if let Some(record) = output {
            members(record, out);
        }
        if !wrapper.is_empty() {
            xml::end(wrapper, out);
        }
    }
    open("ResponseMetadata", "", out);
    xml::leaf("RequestId", request_id, out);
    xml::end("ResponseMetadata", out);
    xml::end(&response, out);
}

/// Appends `<ErrorResponse>`.
pub fn encode_fault(service: &Service, fault: &Fault, request_id: &str, out: &mut Vec<u8>) {
    let namespace = if fault.front { FAULT_NAMESPACE } else { service.xml_namespace };
    open("ErrorResponse", namespace, out);
    open("Error", "", out);
    xml::leaf("Type", if fault.sender { "Sender" } else { "Receiver" }, out);
    xml::leaf("Code", &fault.code, out);
    if let Some(message) = &fault.message {
        xml::leaf("Message", message, out);
    }
    if let Some(detail) = &fault.detail {
        members(detail, out);
    }
    xml::end("Error", out);
    xml::leaf("RequestId", request_id, out);
    xml::end("ErrorResponse", out);
}

fn open(name: &str, namespace: &str, out: &mut Vec<u8>) {
    xml::start(name, out);
    if !namespace.is_empty() {
        xml::attribute("xmlns", namespace, out);
    }
    xml::close_start(out);
}

fn members(record: &Record<'_>, out: &mut Vec<u8>) {
    for (member, value) in record.entries() {
        let Some(value) = value.filter(|_| !member.xml_attribute) else { continue };
        let name = parameter_name(member);
        let tag = Tag { name, namespace: member.xml_namespace };
        match (value, &member.shape) {
            (Value::List(items), Shape::List(list)) if member.flattened || list.flattened => {
                items.iter().for_each(|item| element(tag, item, &list.member, out));
            }
            (Value::Map(entries), Shape::Map(map)) if member.flattened || map.flattened => {
                for (key, item) in entries {
                    tag.open(None, out);
                    xml::leaf(map.key_wire, key, out);
                    element(Tag::plain(map.value_wire), item, &map.value, out);
                    xml::end(name, out);
                }
            }
            _ => element(tag, value, &member.shape, out),
        }
    }
}

/// An element's name and own namespace.
#[derive(Clone, Copy)]
struct Tag {
    name: &'static str,
    namespace: Option<XmlNamespace>,
}

impl Tag {
    const fn plain(name: &'static str) -> Self {
        Self { name, namespace: None }
    }

    /// The start tag, with the attributes that a structure's members make.
    fn open(self, record: Option<&Record<'_>>, out: &mut Vec<u8>) {
        xml::start(self.name, out);
        match self.namespace {
            Some(XmlNamespace { prefix: "", uri }) => xml::attribute("xmlns", uri, out),
            Some(XmlNamespace { prefix, uri }) => {
                xml::attribute(&["xmlns:", prefix].concat(), uri, out);
            }
            None => {}
        }
        for (member, value) in record.into_iter().flat_map(Record::entries) {
            if let (true, Some(Value::Str(text))) = (member.xml_attribute, value) {
                xml::attribute(member.wire, text, out);
            }
        }
        xml::close_start(out);
    }
}

fn element(tag: Tag, value: &Value<'_>, shape: &Shape, out: &mut Vec<u8>) {
    let record = match value {
        // XML has no null: the element is left out.
        Value::Null => return,
        Value::Struct(record) => Some(record),
        _ => None,
    };
    tag.open(record, out);
    match (value, shape) {
        (Value::Struct(record), _) => members(record, out),
        (Value::List(items), Shape::List(list)) => {
            items.iter().for_each(|item| element(Tag::plain(list.wire), item, &list.member, out));
        }
        (Value::Map(entries), Shape::Map(map)) => {
            for (key, item) in entries {
                xml::start("entry", out);
                xml::close_start(out);
                xml::leaf(map.key_wire, key, out);
                element(Tag::plain(map.value_wire), item, &map.value, out);
                xml::end("entry", out);
            }
        }
        _ => scalar(value, shape, out),
    }
    xml::end(tag.name, out);
}

fn scalar(value: &Value<'_>, shape: &Shape, out: &mut Vec<u8>) {
    match value {
        Value::Str(text) => xml::text(text, out),
        Value::Blob(blob) => {
            base64_simd::STANDARD.encode_append(blob.as_ref(), out);
        }
        Value::Bool(flag) => out.extend_from_slice(flag.to_string().as_bytes()),
        Value::Int(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Value::Double(number) => out.extend_from_slice(double(*number).as_bytes()),
        Value::Time(millis) => {
            let mut text = String::new();
            match shape {
                Shape::Time(TimestampFormat::UnixTimestamp) => {
                    timestamp::write_unix(*millis, &mut text);
                }
                Shape::Time(TimestampFormat::HttpDate) => {
                    timestamp::write_http_date(*millis, &mut text);
                }
                _ => timestamp::write_iso8601(*millis, &mut text),
            }
            out.extend_from_slice(text.as_bytes());
        }
        // A value that doesn't follow its table has no form: the element stays empty.
        Value::List(_) | Value::Map(_) | Value::Struct(_) | Value::Null => {}
    }
}

fn double(number: f64) -> String {
    match number {
        f64::INFINITY => "Infinity".to_owned(),
        f64::NEG_INFINITY => "-Infinity".to_owned(),
        _ => number.to_string(),
    }
}
