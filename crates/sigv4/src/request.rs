//! A request as it came over the wire, and the headers that matter to its signature.

use crate::AuthError;

/// A header line: name (in any case) and value, as received.
pub type Header<'a> = (&'a str, &'a [u8]);

/// The parts of a request that a signature covers, exactly as received.
#[derive(Clone, Copy)]
pub struct RequestParts<'a> {
    /// `POST`
    pub method: &'a str,
    /// The path, still percent-encoded, without `?` and query.
    pub path: &'a str,
    /// What follows the `?`, still percent-encoded; empty if there is none.
    pub query: &'a str,
    /// All header lines in the order received. For HTTP/2, `:authority` goes in as `host`.
    pub headers: &'a [Header<'a>],
    /// The whole body, after any transfer coding and before any content coding is removed.
    pub body: &'a [u8],
}

/// The headers that authentication reads, each at most once.
#[derive(Default)]
pub(crate) struct Known<'a> {
    pub(crate) authorization: Option<&'a [u8]>,
    pub(crate) amz_date: Option<&'a [u8]>,
    pub(crate) date: Option<&'a [u8]>,
    pub(crate) token: Option<&'a [u8]>,
    pub(crate) content_sha256: Option<&'a [u8]>,
    host: Option<&'a [u8]>,
}

pub(crate) const HOST: &str = "host";
pub(crate) const TOKEN: &str = "x-amz-security-token";
pub(crate) const CONTENT_SHA256: &str = "x-amz-content-sha256";
pub(crate) const AMZ_DATE: &str = "x-amz-date";
pub(crate) const AUTHORIZATION: &str = "authorization";
const DATE: &str = "date";

impl<'a> Known<'a> {
    /// Collects them. A second line of any of them is refused: two readers of the request could
    /// take different ones.
    pub(crate) fn collect(parts: &RequestParts<'a>) -> Result<Self, AuthError> {
        let mut known = Self::default();
        for &(name, value) in parts.headers {
            // The length decides most lines without a comparison.
            let (slot, exact) = match name.len() {
                4 if name.eq_ignore_ascii_case(HOST) => (&mut known.host, HOST),
                4 if name.eq_ignore_ascii_case(DATE) => (&mut known.date, DATE),
                10 if name.eq_ignore_ascii_case(AMZ_DATE) => (&mut known.amz_date, AMZ_DATE),
                13 if name.eq_ignore_ascii_case(AUTHORIZATION) => {
                    (&mut known.authorization, AUTHORIZATION)
                }
                20 if name.eq_ignore_ascii_case(TOKEN) => (&mut known.token, TOKEN),
                20 if name.eq_ignore_ascii_case(CONTENT_SHA256) => {
                    (&mut known.content_sha256, CONTENT_SHA256)
                }
                _ => continue,
            };
            if slot.replace(value).is_some() {
                return Err(AuthError::Repeated(exact));
            }
        }
        Ok(known)
    }
}

/// What stands before the first `byte`, an ASCII character, and what behind it.
pub(crate) fn cut(text: &str, byte: u8) -> Option<(&str, &str)> {
    let at = memchr::memchr(byte, text.as_bytes())?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// A header value as text without blanks around it, or nothing if it is not UTF-8.
pub(crate) fn text(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value.trim_ascii()).ok()
}
