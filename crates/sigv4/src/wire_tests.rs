//! The exact codes, statuses and texts.

use super::*;
use crate::error::Echo;
use crate::{ScopeFaults, Stamp, Streaming};

fn stamp(text: &str) -> Stamp {
    Stamp::parse_basic(text).unwrap()
}

#[test]
fn codes_per_family() {
    use Family::{Ec2, Json, Query, RestJson, RestXml};
    for (error, family, code, status) in [
        (AuthError::Missing, Json, "MissingAuthenticationTokenException", 400),
        (AuthError::Missing, RestJson, "MissingAuthenticationTokenException", 403),
        (AuthError::Missing, Query, "MissingAuthenticationToken", 403),
        (AuthError::Missing, RestXml, "AccessDenied", 403),
        (AuthError::Mismatch, Json, "InvalidSignatureException", 400),
        (AuthError::Mismatch, RestJson, "InvalidSignatureException", 403),
        (AuthError::Mismatch, Query, "SignatureDoesNotMatch", 403),
        (AuthError::Mismatch, Ec2, "AuthFailure", 401),
        (AuthError::Mismatch, RestXml, "SignatureDoesNotMatch", 403),
        (AuthError::UnknownKey, Json, "UnrecognizedClientException", 400),
        (AuthError::UnknownKey, Query, "InvalidClientTokenId", 403),
        (AuthError::UnknownKey, Ec2, "AuthFailure", 401),
        (AuthError::UnknownKey, RestXml, "InvalidAccessKeyId", 403),
        (AuthError::ExpiredToken, Json, "ExpiredTokenException", 400),
        (AuthError::ExpiredToken, Query, "ExpiredToken", 403),
        (AuthError::ExpiredToken, Ec2, "RequestExpired", 400),
        (AuthError::ExpiredToken, RestXml, "ExpiredToken", 400),
        (AuthError::Repeated("host"), Query, "IncompleteSignature", 400),
        (AuthError::Streaming(Streaming::Signed), RestXml, "NotImplemented", 501),
    ] {
        let (got_code, got_status, message) = error.wire(family);
        assert_eq!((got_code, got_status), (code, status), "{error:?} {family:?}");
        assert!(!message.is_empty());
    }
}

#[test]
fn skew_is_told_with_its_numbers() {
    let late = AuthError::Expired {
        form: Form::Header,
        request: stamp("20220127T001427Z"),
        limit: stamp("20220127T014428Z"),
        server: stamp("20220127T015928Z"),
        window: 900,
    };
    let (code, status, text) = late.wire(Family::Query);
    assert_eq!((code, status), ("SignatureDoesNotMatch", 403));
    assert_eq!(
        text,
        "Signature expired: 20220127T001427Z is now earlier than 20220127T014428Z \
         (20220127T015928Z - 15 min.)"
    );
    let early = AuthError::NotYetCurrent {
        form: Form::Presigned,
        request: stamp("20220127T001427Z"),
        limit: stamp("20220127T000500Z"),
        server: stamp("20220127T000000Z"),
        window: 300,
    };
    let want = "Signature not yet current: 20220127T001427Z is still later than \
        20220127T000500Z (20220127T000000Z + 5 min.)";
    assert_eq!(early.wire(Family::Json), ("InvalidSignatureException", 400, want.into()));
    assert_eq!(early.wire(Family::RestXml).2, "Request is not valid yet");
    assert_eq!(span(61), "61 sec");
}

#[test]
fn missing_pieces_are_listed_in_order() {
    let all = Missing {
        algorithm: true,
        credential: true,
        signature: true,
        signed_headers: true,
        date: true,
    };
    let header = AuthError::IncompleteHeader(all, Echo::new(b"AWS4-HMAC-SHA256"));
    assert_eq!(
        header.wire(Family::Json).2,
        "Authorization header requires 'Credential' parameter. Authorization header requires \
         'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. \
         Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. \
         Authorization=AWS4-HMAC-SHA256"
    );
    assert_eq!(
        AuthError::IncompleteQuery(all).wire(Family::Query).2,
        "AWS query-string parameters must include 'X-Amz-Algorithm'. AWS query-string parameters \
         must include 'X-Amz-Credential'. AWS query-string parameters must include \
         'X-Amz-Signature'. AWS query-string parameters must include 'X-Amz-SignedHeaders'. AWS \
         query-string parameters must include 'X-Amz-Date'. Re-examine the query-string \
         parameters."
    );
}

#[test]
fn single_texts() {
    let json = |error: AuthError| error.wire(Family::Json).2;
    assert_eq!(
        json(AuthError::BadDate(Echo::new(b"201"))),
        "Date must be in ISO-8601 'basic format'. Got '201'. See \
         http://en.wikipedia.org/wiki/ISO_8601"
    );
    assert_eq!(
        json(AuthError::Algorithm("X".into())),
        "Unsupported AWS 'algorithm': 'X' (only AWS4-HMAC-SHA256 for now). "
    );
    assert_eq!(
        json(AuthError::CredentialShape(Form::Header, "a/b/c/d".into())),
        "Credential must have exactly 5 slash-delimited elements, e.g. \
         keyid/date/region/service/term, got 'a/b/c/d'"
    );
    assert_eq!(
        json(AuthError::HostUnsigned),
        "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
    );
    assert_eq!(
        json(AuthError::UnknownKey),
        "The security token included in the request is invalid."
    );
    assert_eq!(json(AuthError::BadToken), "The security token included in the request is invalid");
    assert_eq!(json(AuthError::Repeated("host")), "Host is there more than once.");
    let digest = Echo::new(b"AWS4-HMAC-SHA256 FooBar").digest();
    assert_eq!(digest.len(), 44);
    assert!(
        json(AuthError::MalformedPair(Echo::new(b"AWS4-HMAC-SHA256 FooBar")))
            .ends_with(&format!("(hashed with SHA-256 and encoded with Base64): '{digest}'."))
    );
}

#[test]
fn s3_names_the_region() {
    let faults = ScopeFaults {
        region: Some("aws-global".into()),
        expected_region: Some("us-east-1".into()),
        service: None,
        terminator: None,
        date: None,
    };
    let want = "The authorization header is malformed; the region 'aws-global' is wrong; \
        expecting 'us-east-1'";
    let scope = AuthError::Scope(Box::new(faults));
    assert_eq!(scope.wire(Family::RestXml), ("AuthorizationHeaderMalformed", 400, want.into()));
}

#[test]
fn nothing_sent_reaches_a_log() {
    let canary = "5d672d79c15b13162d9279b0855cfba6";
    let echo = Echo::new(canary.as_bytes());
    for error in [
        AuthError::MalformedPair(echo.clone()),
        AuthError::IncompleteHeader(Missing::default(), echo.clone()),
        AuthError::BadDate(echo),
    ] {
        assert!(!format!("{error} {error:?}").contains(canary));
    }
}
