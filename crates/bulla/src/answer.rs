//! An answer on its way out.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;

const JSON: &str = "application/json";

/// An answer on its way out.
pub(crate) type Answer = Response<Full<Bytes>>;

/// An answer in JSON.
pub(crate) fn json(status: StatusCode, body: String) -> Answer {
    typed(status, JSON, body)
}

/// An answer of some type.
pub(crate) fn typed(status: StatusCode, content_type: &'static str, body: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}
