//! Requests that go out. A service says what is to be sent; the program knows how, and where it
//! may be sent.

use std::time::Duration;

use crate::BoxFuture;

/// A POST request.
pub struct Post<'a> {
    /// `https://`, host and path.
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

/// Sends requests. The program implements it; tests bring their own.
pub trait Outgoing: Send + Sync {
    /// Sends one request, over HTTPS alone, and reads the answer. Redirects are not followed.
    ///
    /// # Errors
    /// [`OutgoingError`] says what went wrong.
    fn post<'a>(&'a self, post: Post<'a>) -> BoxFuture<'a, Result<Reply, OutgoingError>>;
}

/// No way out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nowhere;

impl Outgoing for Nowhere {
    fn post<'a>(&'a self, _post: Post<'a>) -> BoxFuture<'a, Result<Reply, OutgoingError>> {
        let refused = OutgoingError::Unreachable("this server sends no requests".to_owned());
        Box::pin(std::future::ready(Err(refused)))
    }
}
