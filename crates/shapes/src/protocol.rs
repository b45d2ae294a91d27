//! The seam between the wire and the tables: one codec for each protocol that is served.

use std::fmt;

use crate::decode_error::DecodeError;
use crate::fault::Fault;
use crate::json;
use crate::query;
use crate::record::Record;
use crate::rest;
use crate::tables::{Operation, Protocol, Service, Structure};

/// `Content-Type` of AWS JSON 1.1.
pub const JSON_1_1: &str = "application/x-amz-json-1.1";
/// `Content-Type` of AWS JSON 1.0.
pub const JSON_1_0: &str = "application/x-amz-json-1.0";
/// `Content-Type` of Query answers.
pub const TEXT_XML: &str = "text/xml";
/// `Content-Type` of Query requests.
pub const FORM: &str = "application/x-www-form-urlencoded";

/// `Content-Type` of REST-JSON answers.
pub const JSON: &str = "application/json";

/// A request as codecs read it.
#[derive(Clone, Copy)]
pub struct Incoming<'a> {
    /// The raw path; only REST protocols look at it.
    pub path: &'a str,
    /// The raw query, without `?`; only REST protocols look at it.
    pub query: &'a str,
    /// The header lines; only REST protocols look at them.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The body; for a form that came as a query, that.
    pub body: &'a [u8],
}

impl<'a> Incoming<'a> {
    /// A request whose body says everything.
    #[must_use]
    pub const fn body(body: &'a [u8]) -> Self {
        Self { path: "/", query: "", headers: &[], body }
    }
}

/// The head of an answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Head {
    /// The status.
    pub status: u16,
    /// The `Content-Type`.
    pub content_type: &'static str,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
}

/// The header in which REST-JSON names an error.
const ERROR_TYPE: &str = "x-amzn-ErrorType";

/// The header that says after how many milliseconds to try again; botocore waits at least so long.
const RETRY_AFTER: &str = "x-amz-retry-after";

fn retry_after(fault: &Fault) -> impl Iterator<Item = (&'static str, String)> {
    fault.retry_after_ms.map(|ms| (RETRY_AFTER, ms.to_string())).into_iter()
}

/// Reads requests and writes answers of one protocol.
pub trait Codec: Send + Sync {
    /// The `Content-Type` of answers.
    fn content_type(&self) -> &'static str;

    /// Reads a request.
    ///
    /// # Errors
    /// When it doesn't follow the protocol or the operation's input.
    fn decode<'a>(
        &self,
        operation: &Operation,
        request: &Incoming<'a>,
    ) -> Result<Record<'a>, DecodeError>;

    /// The head of an answer that succeeded.
    fn head(&self, _operation: &Operation, _output: Option<&Record<'_>>) -> Head {
        Head { status: 200, content_type: self.content_type(), headers: Vec::new() }
    }

    /// The head of an error's answer.
    fn fault_head(&self, fault: &Fault) -> Head {
        let (status, content_type) = (fault.status, self.content_type());
        Head { status, content_type, headers: retry_after(fault).collect() }
    }

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
/// For the protocols whose services are not served: EC2 and REST-XML.
pub fn codec(protocol: Protocol) -> Result<&'static dyn Codec, UnservedProtocol> {
    match protocol {
        Protocol::Json11 => Ok(&Json { content_type: JSON_1_1 }),
        Protocol::Json10 => Ok(&Json { content_type: JSON_1_0 }),
        Protocol::Query => Ok(&Query),
        Protocol::RestJson => Ok(&RestJson),
        Protocol::Ec2 | Protocol::RestXml => Err(UnservedProtocol(protocol)),
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

    fn decode<'a>(
        &self,
        operation: &Operation,
        request: &Incoming<'a>,
    ) -> Result<Record<'a>, DecodeError> {
        json::decode(operation.input.unwrap_or(&NO_MEMBERS), request.body)
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

    fn decode<'a>(
        &self,
        operation: &Operation,
        request: &Incoming<'a>,
    ) -> Result<Record<'a>, DecodeError> {
        let params = query::Params::parse(request.body)?;
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

struct RestJson;

impl Codec for RestJson {
    fn content_type(&self) -> &'static str {
        JSON
    }

    fn decode<'a>(
        &self,
        operation: &Operation,
        request: &Incoming<'a>,
    ) -> Result<Record<'a>, DecodeError> {
        rest::decode(operation, request)
    }

    fn head(&self, operation: &Operation, output: Option<&Record<'_>>) -> Head {
        rest::head(operation, output)
    }

    fn fault_head(&self, fault: &Fault) -> Head {
        let mut headers = vec![(ERROR_TYPE, fault.code.as_ref().to_owned())];
        headers.extend(retry_after(fault));
        Head { status: fault.status, content_type: JSON, headers }
    }

    fn encode(
        &self,
        _service: &Service,
        operation: &Operation,
        output: Option<&Record<'_>>,
        _request_id: &str,
        out: &mut Vec<u8>,
    ) {
        rest::encode(operation, output, out);
    }

    fn encode_fault(&self, service: &Service, fault: &Fault, _request_id: &str, out: &mut Vec<u8>) {
        rest::encode_fault(service, fault, out);
    }
}
