//! The seam between the wire and the tables: one codec for each protocol that is served.

use std::fmt;

use crate::decode_error::DecodeError;
use crate::fault::Fault;
use crate::json;
use crate::query;
use crate::record::Record;
use crate::tables::{Operation, Protocol, Service, Structure};

/// `Content-Type` of AWS JSON 1.1.
pub const JSON_1_1: &str = "application/x-amz-json-1.1";
/// `Content-Type` of AWS JSON 1.0.
pub const JSON_1_0: &str = "application/x-amz-json-1.0";
/// `Content-Type` of Query answers.
pub const TEXT_XML: &str = "text/xml";
/// `Content-Type` of Query requests.
pub const FORM: &str = "application/x-www-form-urlencoded";

/// Reads requests and writes answers of one protocol.
pub trait Codec: Send + Sync {
    /// The `Content-Type` of answers.
    fn content_type(&self) -> &'static str;

    /// Reads a request's body.
    ///
    /// # Errors
    /// When the body doesn't follow the protocol or the operation's input.
    fn decode<'a>(&self, operation: &Operation, body: &'a [u8]) -> Result<Record<'a>, DecodeError>;

    /// Appends the body of an answer. An operation without an output has an empty one in JSON.
    fn encode(
        &self,
        service: &Service,
        operation: &Operation,
        output: Option<&Record<'_>>,
        request_id: &str,
        out: &mut Vec<u8>,
    );

    /// Appends the body of an error's answer.
    fn encode_fault(&self, service: &Service, fault: &Fault, request_id: &str, out: &mut Vec<u8>);
}

/// A protocol that no codec is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnservedProtocol(pub Protocol);

impl fmt::Display for UnservedProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no codec for the protocol {:?}; serve its operations by another", self.0)
    }
}

impl std::error::Error for UnservedProtocol {}

/// The codec of a protocol.
///
/// # Errors
/// For the protocols whose services are not served: EC2, REST-JSON and REST-XML.
pub fn codec(protocol: Protocol) -> Result<&'static dyn Codec, UnservedProtocol> {
    match protocol {
        Protocol::Json11 => Ok(&Json { content_type: JSON_1_1 }),
        Protocol::Json10 => Ok(&Json { content_type: JSON_1_0 }),
        Protocol::Query => Ok(&Query),
        Protocol::Ec2 | Protocol::RestJson | Protocol::RestXml => Err(UnservedProtocol(protocol)),
    }
}

/// What an operation without an input is read with.
pub(crate) static NO_MEMBERS: Structure = Structure {
    name: "Unit",
    members: &[],
    sensitive: false,
    union: false,
    payload: "",
    xml_namespace: "",
};

struct Json {
    content_type: &'static str,
}

impl Codec for Json {
    fn content_type(&self) -> &'static str {
        self.content_type
    }

    fn decode<'a>(&self, operation: &Operation, body: &'a [u8]) -> Result<Record<'a>, DecodeError> {
        json::decode(operation.input.unwrap_or(&NO_MEMBERS), body)
    }

    fn encode(
        &self,
        _service: &Service,
        operation: &Operation,
        output: Option<&Record<'_>>,
        _request_id: &str,
        out: &mut Vec<u8>,
    ) {
        match (operation.output, output) {
            (_, Some(record)) => json::encode(record, out),
            (Some(_), None) => out.extend_from_slice(b"{}"),
            (None, None) => {}
        }
    }

    fn encode_fault(&self, service: &Service, fault: &Fault, _request_id: &str, out: &mut Vec<u8>) {
        json::encode_fault(fault, service.message_key(&fault.code), out);
    }
}

struct Query;

impl Codec for Query {
    fn content_type(&self) -> &'static str {
        TEXT_XML
    }

    fn decode<'a>(&self, operation: &Operation, body: &'a [u8]) -> Result<Record<'a>, DecodeError> {
        let params = query::Params::parse(body)?;
        query::decode(operation.input.unwrap_or(&NO_MEMBERS), &params)
    }

    fn encode(
        &self,
        service: &Service,
        operation: &Operation,
        output: Option<&Record<'_>>,
        request_id: &str,
        out: &mut Vec<u8>,
    ) {
        query::encode(service, operation, output, request_id, out);
    }

    fn encode_fault(&self, service: &Service, fault: &Fault, request_id: &str, out: &mut Vec<u8>) {
        query::encode_fault(service, fault, request_id, out);
    }
}
