//! Every part of a signed request, altered in turn, and how each is refused.

use bulla_sigv4::{
    AuthError, Credentials, Family, ServiceRules, SignOptions, presign, sign_header,
};

use crate::request::{KEY_ID, NOW, Request, SECRET};

const TOKEN: &str = "IQoJb3JpZ2luX2VjEXAMPLE//////////wEaDGV1LWNlbnRyYWwtMQ==";
const CREDENTIALS: Credentials<'static> =
    Credentials { access_key_id: KEY_ID, secret: SECRET.as_bytes(), token: Some(TOKEN) };
const RULES: ServiceRules<'static> = ServiceRules::new("kms", "eu-central-1");

fn plain() -> Request {
    Request {
        method: "POST".into(),
        path: "/some/path".into(),
        query: "b=2&a=1&a=0".into(),
        headers: vec![
            ("Host".into(), b"kms.eu-central-1.amazonaws.com".to_vec()),
            ("Content-Type".into(), b"application/x-amz-json-1.1".to_vec()),
            ("X-Amz-Target".into(), b"TrentService.Decrypt".to_vec()),
            ("User-Agent".into(), b"forger/1".to_vec()),
        ],
        body: br#"{"CiphertextBlob":"AQICAHg="}"#.to_vec(),
    }
}

fn options() -> SignOptions<'static> {
    SignOptions { declare_body: true, ..SignOptions::new("kms", "eu-central-1", NOW) }
}

fn signed() -> Request {
    let mut request = plain();
    request.add(request.with(|parts| sign_header(parts, &CREDENTIALS, &options())).unwrap());
    assert_eq!(request.authenticate(NOW, &RULES), Ok(()));
    request
}

fn presigned() -> Request {
    let mut request = plain();
    let query = request.with(|parts| presign(parts, &CREDENTIALS, &options(), 60));
    request.query = query.unwrap();
    assert_eq!(request.authenticate(NOW, &RULES), Ok(()));
    request
}

fn code(request: &Request) -> &'static str {
    match request.authenticate(NOW, &RULES) {
        Ok(()) => "accepted",
        Err(error) => error.wire(Family::Json).0,
    }
}

#[track_caller]
fn refused(request: &Request, with: &str) {
    assert_eq!(code(request), with, "{request:?}");
}

const INVALID: &str = "InvalidSignatureException";
const INCOMPLETE: &str = "IncompleteSignatureException";
const MISSING: &str = "MissingAuthenticationTokenException";
const UNKNOWN: &str = "UnrecognizedClientException";

/// Replaces part of the `Authorization` header.
fn reauthorized(from: &str, to: &str) -> Request {
    let mut request = signed();
    let old = String::from_utf8(request.header("authorization").clone()).unwrap();
    let new = old.replace(from, to);
    assert_ne!(old, new, "{from}");
    *request.header("authorization") = new.into();
    request
}

#[test]
fn method_path_and_body() {
    for original in [signed(), presigned()] {
        for method in ["GET", "post", "", "POST\n", "POST "] {
            refused(&Request { method: method.into(), ..original.clone() }, INVALID);
        }
        for path in ["/", "", "/some/path/", "/some/Path", "/some%2Fpath", "/some", "/some/pat%68"]
        {
            refused(&Request { path: path.into(), ..original.clone() }, INVALID);
        }
        for index in 0..=original.body.len() {
            let mut longer = original.clone();
            longer.body.insert(index, b' ');
            refused(&longer, INVALID);
            let mut other = original.clone();
            if let Some(byte) = other.body.get_mut(index) {
                *byte ^= 1;
                refused(&other, INVALID);
            }
        }
        refused(&Request { body: vec![], ..original }, INVALID);
    }
}

#[test]
fn every_query_parameter() {
    for query in [
        "",
        "b=2&a=1",
        "b=2&a=1&a=0&",
        "b=2&a=1&a=0&c",
        "b=2&a=1&a=1",
        "b=3&a=1&a=0",
        "B=2&a=1&a=0",
        "b=2&a=1&a=%",
        "b=2&a=1&a=0&a=0",
        "b=2&a=1&a=0+",
        "b=2&a=1&a=0%20",
        "b&a=1&a=0",
    ] {
        let request = Request { query: query.into(), ..signed() };
        // An empty parameter is none.
        refused(&request, if query == "b=2&a=1&a=0&" { "accepted" } else { INVALID });
    }
    let reordered = Request { query: "a=0&a=%31&%62=2".into(), ..signed() };
    assert_eq!(reordered.authenticate(NOW, &RULES), Ok(()));
}

#[test]
fn every_presigned_parameter() {
    let original = presigned();
    let pairs: Vec<&str> = original.query.split('&').collect();
    for index in 0..pairs.len() {
        let (name, value) = pairs[index].split_once('=').unwrap();
        let rebuilt = |pair: Option<String>| {
            let mut pairs: Vec<String> = pairs.iter().map(|&pair| pair.into()).collect();
            match pair {
                Some(pair) => pairs[index] = pair,
                None => drop(pairs.remove(index)),
            }
            Request { query: pairs.join("&"), ..original.clone() }
        };
        let amz = name.starts_with("X-Amz-");
        let optional = ["X-Amz-Expires", "X-Amz-Security-Token"].contains(&name);
        let gone = if amz && !optional { INCOMPLETE } else { INVALID };
        refused(&rebuilt(None), gone);
        refused(&rebuilt(Some(format!("x{name}={value}"))), gone);
        let renamed_case = name.to_lowercase();
        if renamed_case != name {
            refused(&rebuilt(Some(format!("{renamed_case}={value}"))), gone);
        }
        let doubled = rebuilt(Some(format!("{name}={value}&{name}={value}")));
        refused(&doubled, if amz { INCOMPLETE } else { INVALID });
        let changed = rebuilt(Some(format!("{name}={value}1")));
        let with = match name {
            "X-Amz-Algorithm" | "X-Amz-Date" => INCOMPLETE,
            _ => INVALID,
        };
        refused(&changed, with);
    }
    // The same request in other words.
    let escaped = original.query.replace("X-Amz-Date", "X%2dAmz%2DDate").replace("%2F", "/");
    assert_eq!(Request { query: escaped, ..original }.authenticate(NOW, &RULES), Ok(()));
}

#[test]
fn every_signed_header() {
    let original = signed();
    for index in 0..original.headers.len() {
        let name = original.headers[index].0.to_lowercase();
        if ["user-agent", "authorization"].contains(&&*name) {
            continue;
        }
        let mut request = original.clone();
        request.headers[index].1.push(b'x');
        refused(&request, if name == "x-amz-date" { INCOMPLETE } else { INVALID });
        let mut request = original.clone();
        request.headers[index].0.insert(0, 'z');
        refused(&request, if name == "x-amz-date" { INCOMPLETE } else { INVALID });
        let mut request = original.clone();
        let line = request.headers[index].clone();
        request.headers.push(line);
        let unique = ["host", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"];
        refused(&request, if unique.contains(&&*name) { INCOMPLETE } else { INVALID });
        // Blanks and the case of names mean nothing.
        let mut request = original.clone();
        request.headers[index].0 = name.to_uppercase();
        request.headers[index].1 = [b" \t", &original.headers[index].1[..], b"  "].concat();
        assert_eq!(request.authenticate(NOW, &RULES), Ok(()), "{name}");
    }
    let mut request = original.clone();
    *request.header("user-agent") = b"other".to_vec();
    assert_eq!(request.authenticate(NOW, &RULES), Ok(()), "not signed, so not covered");
}

#[test]
fn headers_that_must_be_signed() {
    for mut request in [signed(), presigned()] {
        request.headers.push(("X-Amz-Extra".into(), b"1".to_vec()));
        let error = request.authenticate(NOW, &RULES).unwrap_err();
        assert_eq!(error, AuthError::HeaderUnsigned("x-amz-extra".into()));
        assert_eq!(
            error.wire(Family::Json),
            (
                INVALID,
                400,
                "'x-amz-extra' must be a 'SignedHeader' in the AWS Authorization.".into()
            )
        );
    }
    let list =
        "content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token;x-amz-target";
    assert_eq!(
        reauthorized(list, &list.replace("host;", "")).authenticate(NOW, &RULES),
        Err(AuthError::HostUnsigned)
    );
    for other in [
        list.replace("content-type;", ""),
        list.replace(";x-amz-target", ""),
        list.replace(";x-amz-security-token", ""),
        list.replace("content-type;host", "host;content-type"),
        list.replace("host", "host;host"),
        list.replace("host", "Host"),
        list.replace("host", "host;absent"),
        list.replace("x-amz-target", "x-amz-target;user-agent"),
        format!("{list};"),
        format!(";{list}"),
        list.replace(';', ";;"),
    ] {
        refused(&reauthorized(list, &other), INVALID);
    }
}

#[test]
fn scope_algorithm_and_key_id() {
    refused(&reauthorized("/20150830/", "/20150831/"), INVALID);
    refused(&reauthorized("/eu-central-1/", "/us-east-1/"), INVALID);
    refused(&reauthorized("/kms/", "/sts/"), INVALID);
    refused(&reauthorized("aws4_request", "aws4_Request"), INVALID);
    refused(&reauthorized("/kms/", "/kms/x/"), INCOMPLETE);
    refused(&reauthorized("/kms/", "/"), INCOMPLETE);
    refused(&reauthorized("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA512"), INCOMPLETE);
    refused(&reauthorized("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), INCOMPLETE);
    refused(&reauthorized("AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256,"), INCOMPLETE);
    refused(&reauthorized("AWS4-HMAC-SHA256", "Bearer"), MISSING);
    refused(&reauthorized("AWS4-HMAC-SHA256", "aws4-hmac-sha256"), MISSING);
    refused(&reauthorized("Credential=", "Credentials="), INCOMPLETE);
    refused(&reauthorized("Signature=", "Signature"), INCOMPLETE);
    refused(&reauthorized("Credential=", "Signature=0, Credential="), INCOMPLETE);
    refused(&reauthorized("AKIDEXAMPLE", "AKIDEXAMPLF"), UNKNOWN);
    refused(&reauthorized("AKIDEXAMPLE", ""), UNKNOWN);
    // Blanks around the pieces mean nothing.
    for (from, to) in [(", ", ","), (", ", "\t,  "), ("AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256  ")] {
        assert_eq!(reauthorized(from, to).authenticate(NOW, &RULES), Ok(()), "{from} {to}");
    }
    refused(&reauthorized("SignedHeaders=", "SignedHeaders= "), INVALID);
}

#[test]
fn every_digit_of_the_signature() {
    let request = signed();
    let position = |request: &Request| {
        let value = &request.headers.last().unwrap().1;
        value.len() - 64
    };
    let start = position(&request);
    for index in 0..64 {
        for digit in b"0123456789abcdefABCDEFg " {
            let mut forged = request.clone();
            let byte = &mut forged.header("authorization")[start + index];
            if *byte == *digit || (*digit == b' ' && [0, 63].contains(&index)) {
                continue;
            }
            *byte = *digit;
            refused(&forged, INVALID);
        }
    }
    for kept in 0..64 {
        let mut forged = request.clone();
        forged.header("authorization").truncate(start + kept);
        refused(&forged, INVALID);
    }
    let mut forged = request;
    forged.header("authorization").push(b'0');
    refused(&forged, INVALID);
}

#[test]
fn dates() {
    for (date, with) in [
        ("20150830T123601Z", INVALID),
        ("20150830T122059Z", INVALID),
        ("20150830T125101Z", INVALID),
        ("20150831T123600Z", INVALID),
        ("201", INCOMPLETE),
        ("2015-08-30T12:36:00Z", INCOMPLETE),
        ("", INCOMPLETE),
    ] {
        let mut request = signed();
        *request.header("x-amz-date") = date.into();
        refused(&request, with);
    }
}

#[test]
fn forms_and_their_absence() {
    refused(&plain(), MISSING);
    let mut both = signed();
    both.query = presigned().query;
    assert_eq!(both.authenticate(NOW, &RULES), Err(AuthError::BothForms));
    let mut twice = signed();
    let authorization = twice.headers.last().unwrap().clone();
    twice.headers.push(authorization);
    refused(&twice, INCOMPLETE);
    let mut other_scheme = plain();
    other_scheme.headers.push(("Authorization".into(), b"Basic Zm9vOmJhcg==".to_vec()));
    refused(&other_scheme, MISSING);
    let mut v2 = plain();
    v2.query = "AWSAccessKeyId=AKIDEXAMPLE&Signature=x&Expires=1".into();
    refused(&v2, MISSING);
}

#[test]
fn tokens() {
    let mut other = signed();
    other.header("x-amz-security-token")[0] ^= 1;
    refused(&other, INVALID);
    // A second token beside the signed one.
    let mut second = presigned();
    second.headers.push(("X-Amz-Security-Token".into(), b"other".to_vec()));
    refused(&second, INVALID);
    // A token added after signing is taken only where the service says so.
    let after = SignOptions { token_after_signing: true, ..options() };
    let lenient = ServiceRules { token_after_signing: true, ..RULES };
    let mut header = plain();
    header.add(header.with(|parts| sign_header(parts, &CREDENTIALS, &after)).unwrap());
    let mut query = plain();
    query.query = query.with(|parts| presign(parts, &CREDENTIALS, &after, 60)).unwrap();
    for request in [header, query] {
        refused(&request, INVALID);
        assert_eq!(request.authenticate(NOW, &lenient), Ok(()));
    }
    for request in [signed(), presigned()] {
        assert_eq!(request.authenticate(NOW, &lenient), Ok(()));
    }
}

#[test]
fn payloads() {
    let declare = |value: &str, rules: &ServiceRules<'_>| {
        let mut request = plain();
        request.headers.push(("X-Amz-Content-Sha256".into(), value.into()));
        let options = SignOptions::new("kms", "eu-central-1", NOW);
        request.add(request.with(|parts| sign_header(parts, &CREDENTIALS, &options)).unwrap());
        request.authenticate(NOW, rules)
    };
    let wrong = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(declare(wrong, &RULES), Err(AuthError::PayloadHash));
    assert_eq!(declare("UNSIGNED-PAYLOAD", &RULES), Err(AuthError::PayloadUnsigned));
    let streaming = declare("STREAMING-UNSIGNED-PAYLOAD-TRAILER", &RULES).unwrap_err();
    assert_eq!(streaming.wire(Family::RestXml).1, 501);

    let s3 = ServiceRules { service: "kms", ..ServiceRules::s3("eu-central-1") };
    let unsigned = SignOptions {
        sign_body: false,
        path: bulla_sigv4::PathRule::Once,
        ..SignOptions::new("kms", "eu-central-1", NOW)
    };
    let mut request = plain();
    request.path = "/bucket/a//../%7Ekey b".into();
    request.add(request.with(|parts| sign_header(parts, &CREDENTIALS, &unsigned)).unwrap());
    request.body = b"any other".to_vec();
    assert_eq!(request.authenticate(NOW, &s3), Ok(()));
    refused(&request, INVALID);
    request.path = "/bucket/a//../~key%20b".into();
    assert_eq!(request.authenticate(NOW, &s3), Ok(()));
    request.path = "/bucket/key".into();
    assert_eq!(request.authenticate(NOW, &s3), Err(AuthError::Mismatch));
    let mut undeclared = plain();
    let body = SignOptions { sign_body: true, ..unsigned };
    undeclared.add(undeclared.with(|parts| sign_header(parts, &CREDENTIALS, &body)).unwrap());
    assert_eq!(undeclared.authenticate(NOW, &s3), Err(AuthError::PayloadUndeclared));
}

/// Even the owner of the secret cannot have a request accepted whose canonical form another
/// request could share.
#[test]
fn what_a_signer_may_not_write() {
    let sign = |method: &str, headers: &str| {
        let mut request = Request { method: method.into(), ..plain() };
        request.headers.retain(|(name, _)| name != "X-Amz-Target");
        request.headers.push(("X-Amz-Date".into(), b"20150830T123600Z".to_vec()));
        let scope = "20150830/eu-central-1/kms/aws4_request";
        let plan =
            crate::naive::Signed { headers, date: "20150830T123600Z", scope, presigned: false };
        let signature = crate::naive::signature(&request, &plan, SECRET).unwrap();
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={KEY_ID}/{scope}, SignedHeaders={headers}, \
             Signature={signature}"
        );
        request.headers.push(("Authorization".into(), authorization.into()));
        request.authenticate(NOW, &RULES)
    };
    assert_eq!(sign("GET", "host;x-amz-date"), Ok(()));
    assert_eq!(sign("GET", "x-amz-date;host"), Err(AuthError::Mismatch));
    assert_eq!(sign("GET", "host;host;x-amz-date"), Err(AuthError::Mismatch));
    assert_eq!(sign("GET\n/", "host;x-amz-date"), Err(AuthError::Mismatch));
    assert_eq!(sign("G T", "host;x-amz-date"), Err(AuthError::Mismatch));
}
