//! Why a request body could not be read: the caller's fault, always.

use std::borrow::Cow;
use std::fmt;

use crate::fault::Fault;
use crate::tables::Protocol;

/// A body which does not follow its protocol or its table. Never holds a value of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError {
    kind: DecodeErrorKind,
    at: usize,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// Not JSON, not UTF-8, or not a form.
    Malformed(&'static str),
    /// Nested deeper than the limit.
    TooDeep,
    /// More parameters, elements or members than the limit.
    TooMany(&'static str),
    /// A value of the wrong type; the text is AWS's.
    Mismatch(Cow<'static, str>),
}

impl DecodeError {
    /// An error at a byte offset of the body.
    #[must_use]
    pub const fn new(kind: DecodeErrorKind, at: usize) -> Self {
        Self { kind, at }
    }

    /// What went wrong.
    #[must_use]
    pub const fn kind(&self) -> &DecodeErrorKind {
        &self.kind
    }

    /// The byte offset at which reading stopped; 0 where none is known.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.at
    }

    /// AWS's message, where it sends one: bodies that are no JSON at all get none.
    #[must_use]
    pub fn message(&self) -> Option<Cow<'static, str>> {
        match &self.kind {
            DecodeErrorKind::Malformed(_) | DecodeErrorKind::TooDeep => None,
            DecodeErrorKind::TooMany(what) => Some(Cow::Owned(format!("Too many {what}"))),
            DecodeErrorKind::Mismatch(text) => Some(text.clone()),
        }
    }

    /// The fault the caller gets: `SerializationException` on JSON, `MalformedInput` on Query.
    #[must_use]
    pub fn fault(&self, protocol: Protocol) -> Fault {
        let code = match protocol {
            Protocol::Query | Protocol::Ec2 => "MalformedInput",
            Protocol::RestXml => "MalformedXML",
            Protocol::Json11 | Protocol::Json10 | Protocol::RestJson => "SerializationException",
        };
        let fault = Fault::new(code, 400);
        match self.message() {
            Some(message) => fault.with_message(message),
            None => fault,
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            DecodeErrorKind::Malformed(what) => write!(f, "malformed body: {what}")?,
            DecodeErrorKind::TooDeep => f.write_str("body is nested too deeply")?,
            DecodeErrorKind::TooMany(what) => write!(f, "body has too many {what}")?,
            DecodeErrorKind::Mismatch(text) => write!(f, "body does not fit its shape: {text}")?,
        }
        write!(f, ", at byte {}", self.at)
    }
}

impl std::error::Error for DecodeError {}
