//! Input that nobody's client sends: it is refused, soon, and nothing panics.

use bulla_sigv4::{
    AuthError, Claim, Limit, MAX_AUTHORIZATION_BYTES, MAX_HEADERS, MAX_PATH_BYTES, MAX_QUERY_BYTES,
    MAX_QUERY_PARAMETERS, MAX_SIGNED_HEADER_BYTES, MAX_SIGNED_HEADERS, PathRule, PayloadRule,
    Regions, ServiceRules, SigningKey, Skew, parse, scope_hint,
};
use proptest::prelude::*;

use crate::request::{NOW, Request};

fn limit_of(request: &Request) -> Option<Limit> {
    match request.authenticate(NOW, &ServiceRules::new("kms", "eu-central-1")) {
        Err(AuthError::TooLarge(limit)) => Some(limit),
        _ => None,
    }
}

#[test]
fn every_limit() {
    let authorization = |value: String| Request {
        headers: vec![
            ("Authorization".into(), value.into_bytes()),
            ("X-Amz-Date".into(), b"20150830T123600Z".to_vec()),
        ],
        ..Request::default()
    };
    let long = format!("AWS4-{}", "x".repeat(MAX_AUTHORIZATION_BYTES - 4));
    assert_eq!(limit_of(&authorization(long)), Some(Limit::Authorization));
    for (count, limit) in
        [(MAX_SIGNED_HEADERS, None), (MAX_SIGNED_HEADERS + 1, Some(Limit::SignedHeaders))]
    {
        let names = vec!["a"; count].join(";");
        let value = format!("AWS4-X Credential=a, SignedHeaders={names}, Signature=0");
        assert_eq!(limit_of(&authorization(value)), limit);
    }
    let line = |value: &[u8]| ("A".to_owned(), value.to_vec());
    for (request, limit) in [
        (
            Request { headers: vec![line(b""); MAX_HEADERS + 1], ..Request::default() },
            Limit::Headers,
        ),
        (
            Request {
                headers: vec![line(&vec![0; MAX_SIGNED_HEADER_BYTES])],
                ..Request::default()
            },
            Limit::HeaderBytes,
        ),
        (Request { path: "/".repeat(MAX_PATH_BYTES + 1), ..Request::default() }, Limit::Path),
        (Request { query: "a".repeat(MAX_QUERY_BYTES + 1), ..Request::default() }, Limit::Query),
        (
            Request { query: "&".repeat(MAX_QUERY_PARAMETERS), ..Request::default() },
            Limit::QueryParameters,
        ),
    ] {
        assert_eq!(limit_of(&request), Some(limit));
    }
}

fn look_everywhere(claim: &Claim<'_>) {
    let _seen = (claim.form(), claim.stamp(), claim.expires(), claim.payload());
    let _seen = (claim.access_key_id(), claim.session_token(), claim.scope_date());
    assert!(claim.signed_headers().count() <= MAX_SIGNED_HEADERS);
}

/// Text that is often nearly right.
fn fragments() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("AWS4-HMAC-SHA256 ".to_owned()),
        Just("Credential=a/20150830/r/s/aws4_request".to_owned()),
        Just("Credential=".to_owned()),
        Just("SignedHeaders=host".to_owned()),
        Just("SignedHeaders=".to_owned()),
        Just("Signature=".to_owned()),
        Just("X-Amz-Algorithm=AWS4-HMAC-SHA256".to_owned()),
        Just("X-Amz-Credential=a%2f20150830/r/s/aws4_request".to_owned()),
        Just("X-Amz-SignedHeaders=host".to_owned()),
        Just("X-Amz-Signature=".to_owned()),
        Just("X-Amz-Date=20150830T123600Z".to_owned()),
        Just("X-Amz-Expires=".to_owned()),
        Just("X-Amz-Security-Token=".to_owned()),
        Just("%".to_owned()),
        Just("..".to_owned()),
        "[&=;,/ %0-9a-f]{1,4}",
        any::<String>(),
    ];
    let separator = prop_oneof![Just(""), Just("&"), Just(", "), Just("/")];
    prop::collection::vec((piece, separator), 0..9)
        .prop_map(|pieces| pieces.into_iter().map(|(piece, after)| piece + after).collect())
}

fn requests() -> impl Strategy<Value = Request> {
    let name = prop_oneof![
        Just("Host".to_owned()),
        Just("Authorization".to_owned()),
        Just("X-Amz-Date".to_owned()),
        Just("Date".to_owned()),
        Just("X-Amz-Security-Token".to_owned()),
        Just("X-Amz-Content-Sha256".to_owned()),
        any::<String>(),
    ];
    let value = prop_oneof![
        Just(b"20150830T123600Z".to_vec()),
        fragments().prop_map(String::into_bytes),
        any::<Vec<u8>>(),
    ];
    let headers = prop::collection::vec((name, value), 0..8);
    let body = prop::collection::vec(any::<u8>(), 0..32);
    let method = prop_oneof![Just("POST".to_owned()), any::<String>()];
    (method, fragments(), fragments(), headers, body).prop_map(
        |(method, path, query, headers, body)| Request { method, path, query, headers, body },
    )
}

proptest! {
    #[test]
    fn nothing_panics_and_nothing_verifies(request in requests(), now: i64, at_now: bool) {
        let now = if at_now { NOW } else { now };
        for (path, payload) in [
            (PathRule::Normalized, PayloadRule::Body),
            (PathRule::AsSent, PayloadRule::Declared),
            (PathRule::Once, PayloadRule::Declared),
        ] {
            let rules = ServiceRules {
                service: "s",
                regions: Regions::Any,
                skew: Skew::default(),
                path,
                payload,
                token_after_signing: at_now,
            };
            request.with(|parts| {
                let _hint = scope_hint(parts);
                match parse(parts, now, &rules) {
                    Ok(claim) => {
                        look_everywhere(&claim);
                        let key = SigningKey::derive(b"secret", "20150830", "r", "s");
                        assert!(claim.verify(parts, &key).is_err());
                        let dummy = claim.verify(parts, &SigningKey::dummy());
                        assert_eq!(dummy, Err(AuthError::UnknownKey));
                    }
                    Err(error) => {
                        for family in [
                            bulla_sigv4::Family::Json,
                            bulla_sigv4::Family::Query,
                            bulla_sigv4::Family::Ec2,
                            bulla_sigv4::Family::RestJson,
                            bulla_sigv4::Family::RestXml,
                        ] {
                            let (code, status, text) = error.wire(family);
                            assert!(!code.is_empty() && (400..=501).contains(&status));
                            assert!(!text.is_empty());
                        }
                    }
                }
            });
        }
    }
}
