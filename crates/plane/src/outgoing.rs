//! Requests that go out. A service says what is to be sent; the program knows how, and where it
//! may be sent.

use std::fmt;
use std::time::Duration;

use crate::BoxFuture;

/// A request.
pub struct Message<'a> {
    /// The method, such as `POST`.
    pub method: &'a str,
    /// Scheme, host, path, and a query if there is one. The scheme is `https`; whoever sends may
    /// let `http` pass to this machine itself.
    pub url: &'a str,
    /// Its headers, `Host` among them.
    pub headers: &'a [(String, String)],
    /// Its body.
    pub body: Vec<u8>,
    /// How long everything may take, connection and TLS included.
    pub timeout: Duration,
    /// The longest answer that is read, in bytes.
    pub max_answer_bytes: usize,
}

/// What was answered, whatever the status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The `Retry-After` header.
    pub retry_after: Option<String>,
    /// The whole body.
    pub body: Vec<u8>,
}

/// Why there is no answer. The texts are for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutgoingError {
    /// There is no way there, or none that the program's owner allows, or it ended before the
    /// answer did.
    Unreachable(String),
    /// The server is not who it should be, or speaks no TLS.
    Tls(String),
    /// The time was over.
    Late,
    /// What came is not HTTP, or longer than was asked for.
    Garbled(String),
}

impl fmt::Display for OutgoingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(cause) => write!(f, "the server can't be reached: {cause}"),
            Self::Tls(cause) => write!(f, "the server can't be trusted: {cause}"),
            Self::Late => f.write_str("the server did not answer in time"),
            Self::Garbled(cause) => write!(f, "the server's answer can't be read: {cause}"),
        }
    }
}

impl std::error::Error for OutgoingError {}

/// Sends requests. The program implements it; tests bring their own.
pub trait Outgoing: Send + Sync {
    /// Sends one request and reads the answer. Redirects are not followed. A request whose
    /// connection ended early may be sent twice.
    ///
    /// # Errors
    /// [`OutgoingError`] says what went wrong.
    fn send<'a>(&'a self, message: Message<'a>) -> BoxFuture<'a, Result<Reply, OutgoingError>>;
}

/// No way out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nowhere;

impl Outgoing for Nowhere {
    fn send<'a>(&'a self, _message: Message<'a>) -> BoxFuture<'a, Result<Reply, OutgoingError>> {
        let refused = OutgoingError::Unreachable("this server sends no requests".to_owned());
        Box::pin(std::future::ready(Err(refused)))
    }
}
