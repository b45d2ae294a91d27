//! The one error shape of the wire: what every refusal becomes before it is written.

use std::borrow::Cow;
use std::fmt;

use crate::record::Record;
use crate::tables::{Protocol, Service};

/// An error as a caller sees it.
#[derive(Debug)]
pub struct Fault {
    /// The code: `NotFoundException`.
    pub code: Cow<'static, str>,
    /// The message. AWS sends some errors without any.
    pub message: Option<Cow<'static, str>>,
    /// What records and logs say in place of the message, where that repeats something secret.
    pub recorded: Option<Cow<'static, str>>,
    /// The HTTP status.
    pub status: u16,
    /// Whether the caller is at fault; Query's `Sender` and `Receiver`.
    pub sender: bool,
    /// Modelled members other than the message.
    pub detail: Option<Box<Record<'static>>>,
    /// Whether the answer stands in AWS's fault namespace, not the service's (Query, for requests
    /// that never reached a service's operation).
    pub front: bool,
    /// After how many milliseconds the caller may try again, where that is known.
    pub retry_after_ms: Option<u64>,
}

impl Fault {
    /// A fault without a message. A status below 500 makes it the caller's.
    #[must_use]
    pub fn new(code: impl Into<Cow<'static, str>>, status: u16) -> Self {
        Self {
            code: code.into(),
            message: None,
            recorded: None,
            status,
            sender: status < 500,
            detail: None,
            front: false,
            retry_after_ms: None,
        }
    }

    /// A fault of a service's model, with the model's status and side.
    #[must_use]
    pub fn of(service: &Service, code: impl Into<Cow<'static, str>>) -> Self {
        let code = code.into();
        let status = service.error_status(&code);
        let sender = service.error(&code).map_or(status < 500, |error| error.sender);
        Self { sender, ..Self::new(code, status) }
    }

    /// The same with a message.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// The same, told otherwise in records and logs, as the message repeats something secret.
    #[must_use]
    pub fn recorded_as(mut self, text: impl Into<Cow<'static, str>>) -> Self {
        self.recorded = Some(text.into());
        self
    }

    /// What records and logs say.
    #[must_use]
    pub fn told(&self) -> Option<&str> {
        self.recorded.as_deref().or(self.message.as_deref())
    }

    /// The same with modelled members.
    #[must_use]
    pub fn with_detail(mut self, detail: Record<'static>) -> Self {
        self.detail = Some(Box::new(detail));
        self
    }

    /// The same, answered in AWS's fault namespace on Query.
    #[must_use]
    pub fn from_front(mut self) -> Self {
        self.front = true;
        self
    }

    /// The code and message a body that passed no validation gets.
    #[must_use]
    pub fn validation(protocol: Protocol, message: impl Into<Cow<'static, str>>) -> Self {
        let code = match protocol {
            Protocol::Query => "ValidationError",
            _ => "ValidationException",
        };
        Self::new(code, 400).with_message(message)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.code)?;
        match self.told() {
            Some(message) => write!(f, ": {message}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Fault {}

/// The status of an error that AWS documents as common to all services and no model lists.
///
/// JSON services answer 400 even to signature failures and denials; Query services answer 403.
#[must_use]
pub(crate) fn common_status(code: &str, protocol: Protocol) -> u16 {
    let json = matches!(protocol, Protocol::Json11 | Protocol::Json10);
    match code {
        "InternalFailure" | "InternalError" | "InternalServerError" => 500,
        "ServiceUnavailable" | "ServiceUnavailableException" => 503,
        "AccessDenied"
        | "AccessDeniedException"
        | "ExpiredToken"
        | "InvalidClientTokenId"
        | "MissingAuthenticationToken"
        | "OptInRequired"
        | "RequestExpired"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException"
            if !json =>
        {
            403
        }
        _ => 400,
    }
}
