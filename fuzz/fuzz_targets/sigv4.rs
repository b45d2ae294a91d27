//! Requests of any bytes: nothing panics, nothing verifies that was not signed, and what can be
//! signed verifies until a byte of it changes.
//!
//! The input reads like HTTP: method, path, query and header lines, each on its own line, then an
//! empty line and the body.

#![no_main]

use bulla_sigv4::{
    AuthError, Credentials, Family, Header, PathRule, PayloadRule, Regions, RequestParts,
    ServiceRules, SignOptions, SigningKey, parse, presign, scope_hint, sign_header,
};
use libfuzzer_sys::fuzz_target;

const NOW: i64 = 1_440_938_160;
const SECRET: &[u8] = b"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const FAMILIES: [Family; 5] =
    [Family::Json, Family::Query, Family::Ec2, Family::RestJson, Family::RestXml];

fn rules(path: PathRule, payload: PayloadRule) -> ServiceRules<'static> {
    let rules = ServiceRules::new("svc", "us-east-1");
    ServiceRules { regions: Regions::Any, token_after_signing: true, path, payload, ..rules }
}

fn key() -> SigningKey {
    SigningKey::derive(SECRET, "20150830", "us-east-1", "svc")
}

/// Parses and verifies; an error is written out in all forms.
fn authenticate(
    parts: &RequestParts<'_>,
    rules: &ServiceRules<'_>,
    key: &SigningKey,
) -> Result<(), AuthError> {
    let outcome = parse(parts, NOW, rules).and_then(|claim| {
        assert!(!claim.region().contains('/'));
        claim.verify(parts, key)
    });
    if let Err(error) = &outcome {
        for family in FAMILIES {
            let (code, status, text) = error.wire(family);
            assert!(!code.is_empty() && status >= 400 && !text.is_empty());
        }
        assert!(!error.to_string().is_empty());
    }
    outcome
}

/// Signed by its owner the request verifies, in both forms; with another body it does not.
fn sign_and_spoil(plain: &RequestParts<'_>) {
    let reserved = |name: &str| {
        let name = name.to_ascii_lowercase();
        name.is_empty() || name.starts_with("x-amz-") || name == "authorization" || name == "host"
    };
    let mut headers: Vec<Header<'_>> =
        plain.headers.iter().filter(|(name, _)| !reserved(name)).copied().collect();
    headers.push(("Host", b"h"));
    let body = [plain.body, b"x"].concat();
    let rules = rules(PathRule::Normalized, PayloadRule::Body);
    let credentials = Credentials { access_key_id: "AKID", secret: SECRET, token: None };
    let options = SignOptions::new("svc", "us-east-1", NOW);
    let base = RequestParts { headers: &headers, ..*plain };

    if let Ok(added) = sign_header(&base, &credentials, &options) {
        let mut all = headers.clone();
        all.extend(added.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
        let signed = RequestParts { headers: &all, ..base };
        match authenticate(&signed, &rules, &key()) {
            Ok(()) => {
                let spoilt = RequestParts { body: &body, ..signed };
                assert_eq!(authenticate(&spoilt, &rules, &key()), Err(AuthError::Mismatch));
                let dummy = authenticate(&signed, &rules, &SigningKey::dummy());
                assert_eq!(dummy, Err(AuthError::UnknownKey));
            }
            Err(AuthError::TooLarge(_) | AuthError::BothForms | AuthError::Repeated(_)) => {}
            // Parameters of a signature with a stray percent sign are refused before the rest.
            Err(AuthError::Percent) => {}
            Err(error) => panic!("signed, but {error:?}"),
        }
    }
    if let Ok(query) = presign(&base, &credentials, &options, 60) {
        let signed = RequestParts { query: &query, ..base };
        match authenticate(&signed, &rules, &key()) {
            Ok(()) => {
                let spoilt = RequestParts { body: &body, ..signed };
                assert_eq!(authenticate(&spoilt, &rules, &key()), Err(AuthError::Mismatch));
            }
            // The request had parameters of the same names, or is too large with the new ones.
            Err(AuthError::TooLarge(_) | AuthError::Repeated(_) | AuthError::Percent) => {}
            // An unsigned token of the request's own is nothing that the signer left out.
            Err(error) => panic!("presigned, but {error:?}"),
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
    let mut lines = head.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (method, path, query) = (line(), line(), line());
    let headers: Vec<Header<'_>> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name, value.as_bytes()))
        .collect();
    let parts = RequestParts { method, path, query, headers: &headers, body: body.as_bytes() };

    let _hint = scope_hint(&parts);
    for (path, payload) in [
        (PathRule::Normalized, PayloadRule::Body),
        (PathRule::AsSent, PayloadRule::Declared),
        (PathRule::Once, PayloadRule::Declared),
    ] {
        let stranger = SigningKey::derive(b"of nobody", "20150830", "us-east-1", "svc");
        assert!(authenticate(&parts, &rules(path, payload), &stranger).is_err());
    }
    sign_and_spoil(&parts);
});
