//! Who signs, and the request of any service that comes of it.

use std::net::{IpAddr, Ipv4Addr};

use bulla_plane::Clock;
use bulla_plane::wire::WireRequest;
use bulla_shapes::{Protocol, Service};
use bulla_sigv4::{Credentials, RequestParts, SignOptions, sign_header};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::rest::{self, Parts};
use crate::say;

/// Credentials to sign with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signer {
    /// The access key's id; without one nothing is signed.
    pub id: String,
    /// The secret access key.
    pub secret: String,
    /// The session token.
    pub token: Option<String>,
}

impl Signer {
    /// Somebody whose secret does not matter, as in `bulla dev`.
    #[must_use]
    pub fn of(id: &str) -> Self {
        Self { id: id.to_owned(), secret: "any".to_owned(), token: None }
    }

    /// A signed request, at the time of the wall. For a REST protocol the body is its input as
    /// JSON, which this takes apart.
    ///
    /// # Errors
    /// What can't be sent or signed, as text.
    pub fn request(
        &self,
        model: &Service,
        operation: &str,
        region: &str,
        body: Vec<u8>,
    ) -> Result<WireRequest, String> {
        let mut parts = match model.protocol {
            Protocol::RestJson => rest::parts(model, operation, &body)?,
            _ => Parts {
                method: "POST".to_owned(),
                path: "/".to_owned(),
                query: String::new(),
                headers: Vec::new(),
                body,
            },
        };
        let (kind, target) = match model.protocol {
            Protocol::Query => ("application/x-www-form-urlencoded", None),
            Protocol::RestJson => ("application/json", None),
            _ => (JSON, Some(format!("{}.{operation}", model.target_prefix))),
        };
        parts.headers.push(("host".to_owned(), format!("{}.example", model.id)));
        parts.headers.push(("content-type".to_owned(), kind.to_owned()));
        parts.headers.extend(target.map(|target| ("x-amz-target".to_owned(), target)));
        if !self.id.is_empty() {
            let added = self.signed(&parts, model, region)?;
            parts.headers.extend(added);
        }
        let mut headers = HeaderMap::new();
        for (name, value) in &parts.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(say)?;
            headers.append(name, HeaderValue::from_str(value).map_err(say)?);
        }
        Ok(WireRequest {
            method: http::Method::from_bytes(parts.method.as_bytes()).map_err(say)?,
            path: parts.path,
            query: parts.query,
            headers,
            body: parts.body.into(),
            peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
            tls: None,
        })
    }

    fn signed(
        &self,
        request: &Parts,
        model: &Service,
        region: &str,
    ) -> Result<Vec<(String, String)>, String> {
        let headers: Vec<_> =
            request.headers.iter().map(|(k, v)| (k.as_str(), v.as_bytes())).collect();
        let Parts { method, path, query, body, .. } = request;
        let parts = RequestParts { method, path, query, headers: &headers, body };
        let Self { id, secret, token } = self;
        let credentials =
            Credentials { access_key_id: id, secret: secret.as_bytes(), token: token.as_deref() };
        let options = SignOptions::new(model.signing_name, region, Clock::wall_ms() / 1000);
        sign_header(&parts, &credentials, &options).map_err(say)
    }
}

const JSON: &str = "application/x-amz-json-1.1";
