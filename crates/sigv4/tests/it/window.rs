//! How long a signature is good.

use bulla_sigv4::{
    AuthError, Credentials, ExpiresFault, Family, MAX_EXPIRES_SECONDS, ServiceRules, SignOptions,
    Skew, presign, sign_header,
};

use crate::request::{KEY_ID, NOW, Request, SECRET};

const CREDENTIALS: Credentials<'static> =
    Credentials { access_key_id: KEY_ID, secret: SECRET.as_bytes(), token: None };

fn plain() -> Request {
    Request {
        method: "GET".into(),
        path: "/".into(),
        headers: vec![("Host".into(), b"h".to_vec())],
        ..Request::default()
    }
}

fn signed(at: i64) -> Request {
    let mut request = plain();
    let options = SignOptions::new("sts", "us-east-1", at);
    let headers = request.with(|parts| sign_header(parts, &CREDENTIALS, &options)).unwrap();
    request.add(headers);
    request
}

fn presigned(at: i64, expires: u32) -> Request {
    let mut request = plain();
    let options = SignOptions::new("sts", "us-east-1", at);
    let query = request.with(|parts| presign(parts, &CREDENTIALS, &options, expires));
    request.query = query.unwrap();
    request
}

#[test]
fn header_form() {
    for (minutes, past, future) in [(15, 15, 15), (5, 5, 5), (0, 15, 5)] {
        let skew = if minutes == 0 { Skew { past, future } } else { Skew::minutes(minutes) };
        let rules = ServiceRules { skew, ..ServiceRules::new("sts", "us-east-1") };
        let (past, future) = (i64::from(past) * 60, i64::from(future) * 60);
        let at = |offset| signed(NOW + offset).authenticate(NOW, &rules);
        assert_eq!(at(0), Ok(()));
        assert_eq!(at(-past), Ok(()));
        assert_eq!(at(future), Ok(()));
        assert!(matches!(at(-past - 1), Err(AuthError::Expired { .. })));
        assert!(matches!(at(future + 1), Err(AuthError::NotYetCurrent { .. })));
    }
}

#[test]
fn the_text_bears_the_numbers_of_the_service() {
    let rules = ServiceRules { skew: Skew::minutes(5), ..ServiceRules::new("sts", "us-east-1") };
    let error = signed(NOW - 301).authenticate(NOW, &rules).unwrap_err();
    assert_eq!(
        error.wire(Family::Query).2,
        "Signature expired: 20150830T123059Z is now earlier than 20150830T123100Z \
         (20150830T123600Z - 5 min.)"
    );
}

#[test]
fn presigned_form() {
    let rules = ServiceRules::new("sts", "us-east-1");
    for expires in [1, 60, 3_600, MAX_EXPIRES_SECONDS] {
        let request = presigned(NOW, expires);
        let at = |offset| request.authenticate(NOW + offset, &rules);
        assert_eq!(at(0), Ok(()));
        assert_eq!(at(-900), Ok(()));
        assert_eq!(at(i64::from(expires)), Ok(()));
        assert!(matches!(at(i64::from(expires) + 1), Err(AuthError::Expired { .. })));
        assert!(matches!(at(-901), Err(AuthError::NotYetCurrent { .. })));
    }
}

#[test]
fn lives_that_are_refused() {
    let rules = ServiceRules::new("sts", "us-east-1");
    for (text, fault) in [
        ("0", ExpiresFault::Zero),
        ("604801", ExpiresFault::TooLong),
        ("99999999999", ExpiresFault::TooLong),
        ("-1", ExpiresFault::Negative),
        ("+60", ExpiresFault::Negative),
        ("", ExpiresFault::NotANumber),
        ("1e3", ExpiresFault::NotANumber),
        ("99999999999999999999", ExpiresFault::NotANumber),
    ] {
        let mut request = presigned(NOW, 60);
        request.query = request.query.replace("Expires=60", &format!("Expires={text}"));
        let error = request.authenticate(NOW, &rules).unwrap_err();
        assert_eq!(error, AuthError::Expires(fault), "{text}");
        assert_eq!(error.wire(Family::RestXml).0, "AuthorizationQueryParametersError");
    }
    let options = SignOptions::new("sts", "us-east-1", NOW);
    for (expires, fault) in [(0, ExpiresFault::Zero), (604_801, ExpiresFault::TooLong)] {
        let refused = plain().with(|parts| presign(parts, &CREDENTIALS, &options, expires));
        assert_eq!(refused, Err(AuthError::Expires(fault)));
    }
}

/// Without `X-Amz-Expires` the service's own window holds. Only S3 insists on the parameter.
#[test]
fn presigned_without_a_life() {
    let rules = ServiceRules::new("sts", "us-east-1");
    let query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830\
        %2Fus-east-1%2Fsts%2Faws4_request&X-Amz-Date=20150830T123600Z&X-Amz-SignedHeaders=host";
    let mut request = Request { query: query.into(), ..plain() };
    let scope = "20150830/us-east-1/sts/aws4_request";
    let signed =
        crate::naive::Signed { headers: "host", date: "20150830T123600Z", scope, presigned: true };
    let signature = crate::naive::signature(&request, &signed, SECRET).unwrap();
    request.query.push_str(&format!("&X-Amz-Signature={signature}"));
    assert_eq!(request.authenticate(NOW + 900, &rules), Ok(()));
    let late = request.authenticate(NOW + 901, &rules);
    assert!(matches!(late, Err(AuthError::Expired { .. })));
}

/// The `Date` header may stand for `X-Amz-Date`, in either format.
#[test]
fn the_date_header() {
    let rules = ServiceRules::new("sts", "us-east-1");
    for (date, signed_headers) in [
        ("Sun, 30 Aug 2015 12:36:00 GMT", "date;host"),
        ("Sun, 30 Aug 2015 12:36:00 GMT", "host"),
        ("20150830T123600Z", "host"),
    ] {
        let mut request = plain();
        request.headers.push(("Date".into(), date.into()));
        let scope = "20150830/us-east-1/sts/aws4_request";
        let signed = crate::naive::Signed {
            headers: signed_headers,
            date: "20150830T123600Z",
            scope,
            presigned: false,
        };
        let signature = crate::naive::signature(&request, &signed, SECRET).unwrap();
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={KEY_ID}/{scope}, SignedHeaders={signed_headers}, \
             Signature={signature}"
        );
        request.headers.push(("Authorization".into(), authorization.into()));
        assert_eq!(request.authenticate(NOW, &rules), Ok(()), "{date}");
        let other = date.replace("3600", "3601").replace(":00 ", ":01 ");
        *request.header("date") = other.into();
        assert_eq!(request.authenticate(NOW, &rules), Err(AuthError::Mismatch), "{date}");
    }
}
