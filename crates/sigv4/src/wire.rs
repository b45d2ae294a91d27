//! What the sender of a request that is not authenticated is told, per protocol family.
//!
//! Clients match on codes and texts, so they stand here as AWS sends them, gathered from recorded
//! answers and public issues. "Our choice" marks the few that nobody has quoted.

use std::fmt::Write as _;

use crate::Form;
use crate::error::{AuthError, ExpiresFault, Missing};

/// The families of AWS protocols, as their error answers differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// JSON 1.0 and 1.1: KMS, Secrets Manager, SSM.
    Json,
    /// Query: IAM, STS.
    Query,
    /// EC2's variant of Query.
    Ec2,
    /// REST with JSON: EBS, Lambda.
    RestJson,
    /// REST with XML: S3.
    RestXml,
}

/// What kind of failure it is: the code follows from it, whatever the text says.
#[derive(Clone, Copy)]
enum Kind {
    Missing,
    Incomplete,
    Signature,
    Skew,
    UnknownKey,
    BadToken,
    ExpiredToken,
    NotServed,
}

const MISMATCH: &str = "The request signature we calculated does not match the signature you \
    provided. Check your AWS Secret Access Key and signing method. Consult the service \
    documentation for details.";
const MISMATCH_S3: &str = "The request signature we calculated does not match the signature you \
    provided. Check your key and signing method.";
const UNKNOWN: &str = "The security token included in the request is invalid.";
const EXPIRED_TOKEN: &str = "The security token included in the request is expired";
const NOT_SERVED: &str = "A header you provided implies functionality that is not implemented";
const EC2_FAILURE: &str = "AWS was not able to validate the provided access credentials";

impl AuthError {
    /// The error code, HTTP status and message for the sender. The message repeats what was
    /// sent: it is for the answer, not for a log.
    #[must_use]
    pub fn wire(&self, family: Family) -> (&'static str, u16, String) {
        let kind = self.kind();
        match family {
            Family::Json => (json_code(kind), not_served_or(kind, 400), self.text(family)),
            Family::RestJson => (json_code(kind), not_served_or(kind, 403), self.text(family)),
            Family::Query => {
                let (code, status) = query_code(kind);
                (code, status, self.text(family))
            }
            Family::Ec2 => self.ec2(kind),
            Family::RestXml => self.s3(),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Missing => Kind::Missing,
            Self::TooLarge(_)
            | Self::MalformedPair(_)
            | Self::IncompleteHeader(..)
            | Self::IncompleteQuery(_)
            | Self::Repeated(_)
            | Self::BadDate(_)
            | Self::Expires(_)
            | Self::Algorithm(_)
            | Self::CredentialShape(..) => Kind::Incomplete,
            Self::Expired { .. } | Self::NotYetCurrent { .. } => Kind::Skew,
            Self::BothForms
            | Self::HostUnsigned
            | Self::HeaderUnsigned(_)
            | Self::Scope(_)
            | Self::Mismatch
            | Self::Percent
            | Self::PayloadHash
            | Self::PayloadUnsigned
            | Self::PayloadUndeclared => Kind::Signature,
            Self::UnknownKey => Kind::UnknownKey,
            Self::BadToken => Kind::BadToken,
            Self::ExpiredToken => Kind::ExpiredToken,
            Self::Streaming(_) => Kind::NotServed,
        }
    }

    /// The text in all families but S3's.
    fn text(&self, family: Family) -> String {
        match self {
            Self::BothForms => "Found both 'X-Amz-Algorithm' as a query-string param and \
                'Authorization' as HTTP header."
                .into(),
            Self::Missing if matches!(family, Family::Json | Family::RestJson) => {
                "Missing Authentication Token".into()
            }
            Self::Missing => "Request is missing Authentication Token".into(),
            Self::MalformedPair(header) => format!(
                "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with \
                 SHA-256 and encoded with Base64): '{}'.",
                header.digest()
            ),
            Self::IncompleteHeader(missing, header) => {
                format!("{} Authorization={}", header_pieces(*missing), header.text())
            }
            Self::IncompleteQuery(missing) => query_pieces(*missing),
            Self::BadDate(date) => format!(
                "Date must be in ISO-8601 'basic format'. Got '{}'. See \
                 http://en.wikipedia.org/wiki/ISO_8601",
                date.text()
            ),
            Self::Expired { request, limit, server, window, .. } => {
                let window = span(*window);
                format!(
                    "Signature expired: {request} is now earlier than {limit} \
                     ({server} - {window}.)"
                )
            }
            Self::NotYetCurrent { request, limit, server, window, .. } => {
                let window = span(*window);
                format!(
                    "Signature not yet current: {request} is still later than {limit} \
                     ({server} + {window}.)"
                )
            }
            Self::HostUnsigned => "'Host' or ':authority' must be a 'SignedHeader' in the AWS \
                Authorization."
                .into(),
            // Our choice, after the one for the host.
            Self::HeaderUnsigned(name) => {
                format!("'{name}' must be a 'SignedHeader' in the AWS Authorization.")
            }
            Self::Algorithm(name) => {
                format!("Unsupported AWS 'algorithm': '{name}' (only AWS4-HMAC-SHA256 for now). ")
            }
            Self::CredentialShape(_, credential) => format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. \
                 keyid/date/region/service/term, got '{credential}'"
            ),
            Self::Scope(faults) => faults.to_string(),
            Self::Expires(fault) => expires_text(*fault).into(),
            Self::UnknownKey => UNKNOWN.into(),
            // The same without its full stop, in AWS too.
            Self::BadToken => UNKNOWN.trim_end_matches('.').into(),
            Self::ExpiredToken => EXPIRED_TOKEN.into(),
            Self::Streaming(_) => NOT_SERVED.into(),
            // Our choice for both: AWS drops such a connection, or has other limits.
            Self::TooLarge(_) | Self::Repeated(_) => capitalized(&self.to_string()),
            // AWS computes another canonical request in these cases, and says no more.
            Self::Mismatch
            | Self::Percent
            | Self::PayloadHash
            | Self::PayloadUnsigned
            | Self::PayloadUndeclared => MISMATCH.into(),
        }
    }

    /// EC2 tells hardly anything.
    fn ec2(&self, kind: Kind) -> (&'static str, u16, String) {
        match kind {
            Kind::Signature | Kind::UnknownKey | Kind::BadToken => {
                ("AuthFailure", 401, EC2_FAILURE.into())
            }
            Kind::Skew | Kind::ExpiredToken => {
                ("RequestExpired", 400, "Request has expired.".into())
            }
            // Our choice: nobody has quoted EC2 on these.
            Kind::Missing | Kind::Incomplete | Kind::NotServed => {
                let (code, status) = query_code(kind);
                (code, status, self.text(Family::Ec2))
            }
        }
    }

    /// S3 has codes and texts of its own.
    fn s3(&self) -> (&'static str, u16, String) {
        let (code, status, text) = match self {
            Self::TooLarge(_) => {
                ("RequestHeaderSectionTooLarge", 400, &*self.text(Family::RestXml))
            }
            Self::BothForms => (
                "InvalidArgument",
                400,
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, \
                 Signature query string parameter or the Authorization header should be specified",
            ),
            Self::Missing => ("AccessDenied", 403, "Access Denied"),
            Self::MalformedPair(_)
            | Self::IncompleteHeader(..)
            | Self::Repeated(_)
            | Self::Algorithm(_)
            | Self::CredentialShape(Form::Header, _)
            | Self::Scope(_) => return self.s3_malformed(),
            Self::IncompleteQuery(_)
            | Self::CredentialShape(Form::Presigned, _)
            | Self::Expires(_) => (QUERY_PARAMETERS, 400, self.s3_query_parameters()),
            Self::BadDate(_) => (
                "AccessDenied",
                403,
                "AWS authentication requires a valid Date or x-amz-date header",
            ),
            Self::Expired { form: Form::Presigned, .. } => {
                ("AccessDenied", 403, "Request has expired")
            }
            Self::NotYetCurrent { form: Form::Presigned, .. } => {
                ("AccessDenied", 403, "Request is not valid yet")
            }
            Self::Expired { .. } | Self::NotYetCurrent { .. } => (
                "RequestTimeTooSkewed",
                403,
                "The difference between the request time and the current time is too large.",
            ),
            Self::HostUnsigned | Self::HeaderUnsigned(_) => (
                "AccessDenied",
                403,
                "There were headers present in the request which were not signed",
            ),
            Self::UnknownKey => (
                "InvalidAccessKeyId",
                403,
                "The AWS Access Key Id you provided does not exist in our records.",
            ),
            Self::Mismatch | Self::Percent | Self::PayloadUnsigned => {
                ("SignatureDoesNotMatch", 403, MISMATCH_S3)
            }
            Self::PayloadHash => (
                "XAmzContentSHA256Mismatch",
                400,
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
            ),
            Self::PayloadUndeclared => (
                "InvalidRequest",
                400,
                "Missing required header for this request: x-amz-content-sha256",
            ),
            Self::Streaming(_) => ("NotImplemented", 501, NOT_SERVED),
            Self::BadToken => {
                ("InvalidToken", 400, "The provided token is malformed or otherwise invalid.")
            }
            Self::ExpiredToken => ("ExpiredToken", 400, "The provided token has expired."),
        };
        (code, status, text.to_owned())
    }

    fn s3_query_parameters(&self) -> &'static str {
        match self {
            Self::Expires(fault) => expires_text(*fault),
            Self::CredentialShape(..) => {
                "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; \
                 expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\"."
            }
            _ => {
                "Query-string authentication version 4 requires the X-Amz-Algorithm, \
                 X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and \
                 X-Amz-Expires parameters."
            }
        }
    }

    fn s3_malformed(&self) -> (&'static str, u16, String) {
        let detail = match self {
            Self::Scope(faults) => match (&faults.region, &faults.expected_region) {
                (Some(region), Some(expected)) => {
                    format!("the region '{region}' is wrong; expecting '{expected}'")
                }
                _ => faults.to_string(),
            },
            _ => self.to_string(),
        };
        let text = format!("The authorization header is malformed; {detail}");
        ("AuthorizationHeaderMalformed", 400, text)
    }
}

const QUERY_PARAMETERS: &str = "AuthorizationQueryParametersError";

fn json_code(kind: Kind) -> &'static str {
    match kind {
        Kind::Missing => "MissingAuthenticationTokenException",
        Kind::Incomplete => "IncompleteSignatureException",
        Kind::Signature | Kind::Skew => "InvalidSignatureException",
        Kind::UnknownKey | Kind::BadToken => "UnrecognizedClientException",
        Kind::ExpiredToken => "ExpiredTokenException",
        Kind::NotServed => "NotImplementedException",
    }
}

fn query_code(kind: Kind) -> (&'static str, u16) {
    match kind {
        Kind::Missing => ("MissingAuthenticationToken", 403),
        Kind::Incomplete => ("IncompleteSignature", 400),
        Kind::Signature | Kind::Skew => ("SignatureDoesNotMatch", 403),
        Kind::UnknownKey | Kind::BadToken => ("InvalidClientTokenId", 403),
        Kind::ExpiredToken => ("ExpiredToken", 403),
        Kind::NotServed => ("NotImplemented", 501),
    }
}

fn not_served_or(kind: Kind, status: u16) -> u16 {
    if matches!(kind, Kind::NotServed) { 501 } else { status }
}

fn header_pieces(missing: Missing) -> String {
    let mut sentences = Vec::new();
    for (gone, name) in [
        (missing.credential, "Credential"),
        (missing.signature, "Signature"),
        (missing.signed_headers, "SignedHeaders"),
    ] {
        if gone {
            sentences.push(format!("Authorization header requires '{name}' parameter."));
        }
    }
    if missing.date {
        let date = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' \
            header.";
        sentences.push(date.into());
    }
    sentences.join(" ")
}

fn query_pieces(missing: Missing) -> String {
    let mut text = String::new();
    for (gone, name) in [
        (missing.algorithm, "Algorithm"),
        (missing.credential, "Credential"),
        (missing.signature, "Signature"),
        (missing.signed_headers, "SignedHeaders"),
        (missing.date, "Date"),
    ] {
        if gone {
            // Writing to a string cannot fail.
            let _infallible =
                write!(text, "AWS query-string parameters must include 'X-Amz-{name}'. ");
        }
    }
    text + "Re-examine the query-string parameters."
}

fn expires_text(fault: ExpiresFault) -> &'static str {
    match fault {
        ExpiresFault::NotANumber => "X-Amz-Expires should be a number",
        ExpiresFault::Negative => "X-Amz-Expires must be non-negative",
        // Our choice: a request that never is valid.
        ExpiresFault::Zero => "X-Amz-Expires must be at least 1 second",
        ExpiresFault::TooLong => {
            "X-Amz-Expires must be less than a week (in seconds); that is, the given \
             X-Amz-Expires must be less than 604800 seconds"
        }
    }
}

/// A window as AWS writes it, `15 min`; in seconds (our choice) if it is not whole minutes.
fn span(seconds: i64) -> String {
    if seconds % 60 == 0 { format!("{} min", seconds / 60) } else { format!("{seconds} sec") }
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).chain(['.']).collect())
        .unwrap_or_default()
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
