//! Writing an answer: its head by members that have a place there, its body by the others.

use crate::fault::Fault;
use crate::json;
use crate::protocol::{Head, JSON};
use crate::record::Record;
use crate::tables::{Location, Operation, Service};
use crate::value::Value;

/// Status, type and headers of an answer that succeeded.
#[must_use]
pub fn head(operation: &Operation, output: Option<&Record<'_>>) -> Head {
    let mut head = Head { status: operation.status, content_type: JSON, headers: Vec::new() };
    for (member, value) in output.into_iter().flat_map(Record::entries) {
        match (member.location, value) {
            (Location::StatusCode, Some(Value::Int(status))) => {
                head.status = u16::try_from(*status).unwrap_or(operation.status);
            }
            (Location::Header, Some(Value::Str(text))) if member.json_value => {
                let text = base64_simd::STANDARD.encode_to_string(text.as_bytes());
                head.headers.push((member.wire, text));
            }
            (Location::Header, Some(Value::Str(text))) => {
                head.headers.push((member.wire, text.as_ref().to_owned()));
            }
            (Location::Header, Some(Value::Int(number))) => {
                head.headers.push((member.wire, number.to_string()));
            }
            (Location::Header, Some(Value::Bool(flag))) => {
                head.headers.push((member.wire, flag.to_string()));
            }
            _ => {}
        }
    }
    head
}

/// Appends the body of an answer: the payload member, or the members that have no other place.
/// An output without any such member has an empty body.
pub fn encode(operation: &Operation, output: Option<&Record<'_>>, out: &mut Vec<u8>) {
    let Some(table) = operation.output else { return };
    if let Some(position) = table.position(table.payload) {
        return match output.and_then(|output| output.get(position)) {
            Some(Value::Blob(blob)) => out.extend_from_slice(blob.as_ref()),
            Some(Value::Str(text)) => out.extend_from_slice(text.as_bytes()),
            Some(Value::Struct(record)) => json::encode(record, out),
            _ => {}
        };
    }
    match output {
        _ if table.members.iter().all(|member| member.location != Location::Body) => {}
        Some(output) => json::encode(output, out),
        None => out.extend_from_slice(b"{}"),
    }
}

/// Appends the body of an error's answer; its code stands in a header.
pub fn encode_fault(service: &Service, fault: &Fault, out: &mut Vec<u8>) {
    json::encode_fault_body(fault, service.message_key(&fault.code), out);
}
