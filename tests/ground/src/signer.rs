//! Who signs, and the request of any service that comes of it.

use std::net::{IpAddr, Ipv4Addr};

use bulla_plane::Clock;
use bulla_plane::wire::WireRequest;
use bulla_shapes::{Protocol, Service};
use bulla_sigv4::{Credentials, RequestParts, SignOptions, sign_header};
use http::{HeaderMap, HeaderName, HeaderValue};

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

    /// A signed request, at the time of the wall.
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
        let form = model.protocol == Protocol::Query;
        let kind = if form { "application/x-www-form-urlencoded" } else { JSON };
        let mut lines = vec![
            ("host".to_owned(), format!("{}.example", model.id)),
            ("content-type".to_owned(), kind.to_owned()),
        ];
        if !form {
            let target = format!("{}.{operation}", model.target_prefix);
            lines.push(("x-amz-target".to_owned(), target));
        }
        if !self.id.is_empty() {
            let added = self.signed(&lines, model, region, &body)?;
            lines.extend(added);
        }
        let mut headers = HeaderMap::new();
        for (name, value) in &lines {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(say)?;
            headers.append(name, HeaderValue::from_str(value).map_err(say)?);
        }
        Ok(WireRequest {
            method: http::Method::POST,
            path: "/".into(),
            query: String::new(),
            headers,
            body: body.into(),
            peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
            tls: None,
        })
    }

    fn signed(
        &self,
        lines: &[(String, String)],
        model: &Service,
        region: &str,
        body: &[u8],
    ) -> Result<Vec<(String, String)>, String> {
        let headers: Vec<_> = lines.iter().map(|(k, v)| (k.as_str(), v.as_bytes())).collect();
        let parts = RequestParts { method: "POST", path: "/", query: "", headers: &headers, body };
        let Self { id, secret, token } = self;
        let credentials =
            Credentials { access_key_id: id, secret: secret.as_bytes(), token: token.as_deref() };
        let options = SignOptions::new(model.signing_name, region, Clock::wall_ms() / 1000);
        sign_header(&parts, &credentials, &options).map_err(say)
    }
}

const JSON: &str = "application/x-amz-json-1.1";
