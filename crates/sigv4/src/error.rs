//! Why a request is not authenticated.

use std::borrow::Cow;
use std::fmt;

use crate::{Form, Limit, ScopeFaults, Stamp, Streaming};

/// Why a request is not authenticated. All of them are the sender's fault.
///
/// `Display` is for our log and never repeats what was sent; the answer to the sender is
/// [`AuthError::wire`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthError {
    /// A limit of this crate is exceeded.
    TooLarge(Limit),
    /// There is a signature both in the header and in the query.
    BothForms,
    /// There is no signature.
    Missing,
    /// A piece of the `Authorization` header is not `key=value`.
    MalformedPair(Echo),
    /// Pieces of the `Authorization` header, or its date, are missing.
    IncompleteHeader(Missing, Echo),
    /// Parameters of a presigned request are missing.
    IncompleteQuery(Missing),
    /// A header, parameter or piece that must be unique is there twice.
    Repeated(&'static str),
    /// The date is neither ISO 8601's basic format nor, in the `Date` header, an HTTP date.
    BadDate(Echo),
    /// `X-Amz-Expires` is not a number of seconds that is accepted.
    Expires(ExpiresFault),
    /// The request is too old.
    Expired {
        /// Where the signature stands.
        form: Form,
        /// When the request was signed.
        request: Stamp,
        /// The oldest date accepted at this moment.
        limit: Stamp,
        /// The server's time.
        server: Stamp,
        /// Seconds between the two.
        window: i64,
    },
    /// The request is from the future.
    NotYetCurrent {
        /// Where the signature stands.
        form: Form,
        /// When the request was signed.
        request: Stamp,
        /// The latest date accepted at this moment.
        limit: Stamp,
        /// The server's time.
        server: Stamp,
        /// Seconds between the two.
        window: i64,
    },
    /// The signature does not cover `host`.
    HostUnsigned,
    /// The signature does not cover this `x-amz-*` header, which the request has.
    HeaderUnsigned(Box<str>),
    /// The algorithm is not `AWS4-HMAC-SHA256`.
    Algorithm(Box<str>),
    /// The credential does not have five parts.
    CredentialShape(Form, Box<str>),
    /// The credential is scoped to something else.
    Scope(Box<ScopeFaults>),
    /// No such access key id, or it is not active. Also what a [`crate::SigningKey::dummy`] gives.
    UnknownKey,
    /// The signature is not the one that was computed.
    Mismatch,
    /// The path or the query has a `%` without two digits after it, so that nobody can say what
    /// was signed.
    Percent,
    /// `x-amz-content-sha256` is not the hash of the body, or no hash at all.
    PayloadHash,
    /// `UNSIGNED-PAYLOAD` where the body must be signed.
    PayloadUnsigned,
    /// No `x-amz-content-sha256` where it must be.
    PayloadUndeclared,
    /// A body in one of S3's chunked forms, none of which is served.
    Streaming(Streaming),
    /// The session token is not one of this access key id, or there should be none.
    BadToken,
    /// The session has ended.
    ExpiredToken,
}

/// The same by its name in the contract between parsing and verification: a request rejected.
pub type Rejection = AuthError;

/// Which pieces of a signature are missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// The algorithm; in the header form it cannot be.
    pub algorithm: bool,
    /// `Credential`
    pub credential: bool,
    /// `Signature`
    pub signature: bool,
    /// `SignedHeaders`
    pub signed_headers: bool,
    /// The date.
    pub date: bool,
}

/// Why `X-Amz-Expires` is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpiresFault {
    /// No decimal number.
    NotANumber,
    /// Below zero, or with a sign.
    Negative,
    /// A request that never was valid.
    Zero,
    /// More than [`crate::MAX_EXPIRES_SECONDS`].
    TooLong,
}

/// Something that was sent, kept to be told to its sender and to nobody else: it may hold a
/// signature. Its `Debug` shows the length only.
#[derive(Clone, PartialEq, Eq)]
pub struct Echo(Box<[u8]>);

impl Echo {
    pub(crate) fn new(sent: &[u8]) -> Self {
        Self(sent.into())
    }

    /// As text; what is not UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    /// Its SHA-256 in base 64, by which newer front ends of AWS name it.
    #[must_use]
    pub fn digest(&self) -> String {
        base64_simd::STANDARD.encode_to_string(bulla_crypto::sha256(&self.0))
    }
}

impl fmt::Debug for Echo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} bytes as sent>", self.0.len())
    }
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::TooLarge(limit) => {
                let (what, most) = limit.describe();
                return write!(f, "the request has more than {most} {what}");
            }
            Self::Repeated(what) => return write!(f, "{what} is there more than once"),
            Self::Expired { request, limit, .. } => {
                return write!(f, "signed at {request}, before the limit of {limit}");
            }
            Self::NotYetCurrent { request, limit, .. } => {
                return write!(f, "signed at {request}, after the limit of {limit}");
            }
            Self::Streaming(form) => {
                return write!(f, "the body is in the chunked form {form:?}, which is not served");
            }
            Self::BothForms => "signed both in the header and in the query string",
            Self::Missing => "not signed",
            Self::MalformedPair(_) => "the Authorization header has a piece without equal-sign",
            Self::IncompleteHeader(..) => "the Authorization header or its date is incomplete",
            Self::IncompleteQuery(_) => "the signature in the query string is incomplete",
            Self::BadDate(_) => "the date is not in a known format",
            Self::Expires(_) => "X-Amz-Expires is not between 1 and 604800",
            Self::HostUnsigned => "the signature does not cover the Host header",
            Self::HeaderUnsigned(_) => "the signature does not cover all x-amz- headers",
            Self::Algorithm(_) => "the algorithm is not AWS4-HMAC-SHA256",
            Self::CredentialShape(..) => "the credential does not have five parts",
            Self::Scope(_) => "the credential is scoped to another day, region or service",
            Self::UnknownKey => "the access key id is not known",
            Self::Mismatch => "the signature does not match",
            Self::Percent => "the path or query has a percent sign without two digits",
            Self::PayloadHash => "x-amz-content-sha256 is not the hash of the body",
            Self::PayloadUnsigned => "the body is not signed",
            Self::PayloadUndeclared => "x-amz-content-sha256 is missing",
            Self::BadToken => "the session token is not that of the access key",
            Self::ExpiredToken => "the session has expired",
        };
        f.write_str(text)
    }
}

impl std::error::Error for AuthError {}
