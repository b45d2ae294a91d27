//! How much of a request this crate is willing to read, so that no sender decides over its cost.

use crate::{AuthError, RequestParts};

/// The longest `Authorization` header, in bytes. A full one of an SDK has about 400.
pub const MAX_AUTHORIZATION_BYTES: usize = 8 * 1024;
/// The most header lines in a request.
pub const MAX_HEADERS: usize = 128;
/// The most names in `SignedHeaders`.
pub const MAX_SIGNED_HEADERS: usize = 64;
/// The most bytes of names and values over all header lines.
pub const MAX_SIGNED_HEADER_BYTES: usize = 64 * 1024;
/// The longest path, in bytes as sent.
pub const MAX_PATH_BYTES: usize = 16 * 1024;
/// The longest query string, in bytes as sent.
pub const MAX_QUERY_BYTES: usize = 64 * 1024;
/// The most parameters in a query string.
pub const MAX_QUERY_PARAMETERS: usize = 1_000;
/// The parts of a credential: key id, date, region, service, terminator.
pub const SCOPE_PARTS: usize = 5;
/// The longest life of a presigned request, in seconds: seven days.
pub const MAX_EXPIRES_SECONDS: u32 = 604_800;

/// The limit that a request exceeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// [`MAX_AUTHORIZATION_BYTES`]
    Authorization,
    /// [`MAX_HEADERS`]
    Headers,
    /// [`MAX_SIGNED_HEADERS`]
    SignedHeaders,
    /// [`MAX_SIGNED_HEADER_BYTES`]
    HeaderBytes,
    /// [`MAX_PATH_BYTES`]
    Path,
    /// [`MAX_QUERY_BYTES`]
    Query,
    /// [`MAX_QUERY_PARAMETERS`]
    QueryParameters,
}

impl Limit {
    /// What is limited, and the most that is accepted.
    pub(crate) fn describe(self) -> (&'static str, usize) {
        match self {
            Self::Authorization => ("bytes in the Authorization header", MAX_AUTHORIZATION_BYTES),
            Self::Headers => ("header lines", MAX_HEADERS),
            Self::SignedHeaders => ("signed headers", MAX_SIGNED_HEADERS),
            Self::HeaderBytes => ("bytes in all headers", MAX_SIGNED_HEADER_BYTES),
            Self::Path => ("bytes in the path", MAX_PATH_BYTES),
            Self::Query => ("bytes in the query string", MAX_QUERY_BYTES),
            Self::QueryParameters => ("query parameters", MAX_QUERY_PARAMETERS),
        }
    }
}

/// Refuses a request that is larger than the limits, before anything in it is read.
pub(crate) fn check(parts: &RequestParts<'_>) -> Result<(), AuthError> {
    let at_most = |ok: bool, limit| if ok { Ok(()) } else { Err(AuthError::TooLarge(limit)) };
    at_most(parts.headers.len() <= MAX_HEADERS, Limit::Headers)?;
    let bytes = parts.headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
    at_most(bytes <= MAX_SIGNED_HEADER_BYTES, Limit::HeaderBytes)?;
    at_most(parts.path.len() <= MAX_PATH_BYTES, Limit::Path)?;
    at_most(parts.query.len() <= MAX_QUERY_BYTES, Limit::Query)?;
    if !parts.query.is_empty() {
        let separators = memchr::memchr_iter(b'&', parts.query.as_bytes()).count();
        at_most(separators < MAX_QUERY_PARAMETERS, Limit::QueryParameters)?;
    }
    Ok(())
}
