//! A request and an answer as bytes, with no library of HTTP's sockets behind them.

use std::net::IpAddr;

use bytes::Bytes;
use http::HeaderMap;

/// The largest body the house reads, but for operations that a service says take more: the largest
/// shape of the others (a policy of 131,072 characters, every one escaped) stays below it.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// A request as it came.
pub struct WireRequest {
    /// The method.
    pub method: http::Method,
    /// The raw path.
    pub path: String,
    /// The raw query, without `?`.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body, at most what [`Plane::body_limit`](crate::Plane::body_limit) lets it have.
    pub body: Bytes,
    /// The peer's address.
    pub peer: IpAddr,
    /// What TLS it came over, if any.
    pub tls: Option<TlsSession>,
}

/// What was agreed on for a connection, in CloudTrail's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TlsSession {
    /// Such as `TLSv1.3`.
    pub version: &'static str,
    /// Such as `TLS_AES_256_GCM_SHA384`, or `ECDHE-RSA-AES128-GCM-SHA256` before TLS 1.3.
    pub cipher_suite: &'static str,
    /// Such as `X25519MLKEM768` or `x25519`.
    pub key_exchange: Option<&'static str>,
}

/// An answer.
pub struct WireResponse {
    /// The status.
    pub status: u16,
    /// The `Content-Type`.
    pub content_type: &'static str,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
    /// The request id in hex with dashes, for `x-amzn-RequestId`.
    pub request_id: String,
    /// The body.
    pub body: Vec<u8>,
}
