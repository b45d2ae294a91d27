//! The canonical request and the string to sign.

use bulla_crypto::{SHA256_LEN, hex, sha256};

use crate::headers::{self, is_token};
use crate::query::{self, Omit, Sorter};
use crate::{AuthError, PathRule, Payload, RequestParts, SigningKey, Stamp, path};

/// The one algorithm that is served.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// How a request becomes canonical.
#[derive(Clone, Copy)]
pub(crate) struct Recipe<'a> {
    pub(crate) path: PathRule,
    pub(crate) signed_headers: &'a str,
    pub(crate) payload: Payload,
    pub(crate) omit: Omit,
}

impl Recipe<'_> {
    /// Replaces `out` by the canonical request.
    pub(crate) fn build(
        &self,
        parts: &RequestParts<'_>,
        sorter: &mut Sorter,
        out: &mut Vec<u8>,
    ) -> Result<(), AuthError> {
        // A method or a list with a line break in it could imitate the lines that follow.
        if !parts.method.bytes().all(is_token) || !headers::well_formed(self.signed_headers) {
            return Err(AuthError::Mismatch);
        }
        out.clear();
        out.extend_from_slice(parts.method.as_bytes());
        out.push(b'\n');
        path::push(self.path, parts.path, out).map_err(|_| AuthError::Percent)?;
        out.push(b'\n');
        query::push(parts.query, self.omit, sorter, out).map_err(|_| AuthError::Percent)?;
        out.push(b'\n');
        headers::push(parts.headers, self.signed_headers, out)?;
        out.push(b'\n');
        out.extend_from_slice(self.signed_headers.as_bytes());
        out.push(b'\n');
        self.payload.push(parts.body, out)
    }
}

/// What is signed besides the canonical request.
#[derive(Clone, Copy)]
pub(crate) struct Preamble<'a> {
    pub(crate) stamp: Stamp,
    pub(crate) date: &'a str,
    pub(crate) region: &'a str,
    pub(crate) service: &'a str,
}

impl Preamble<'_> {
    /// Replaces a canonical request by its string to sign.
    pub(crate) fn string_to_sign(&self, canonical: &mut Vec<u8>) {
        let digest = hex::digits(&sha256(canonical));
        let out = canonical;
        out.clear();
        for piece in [
            ALGORITHM.as_bytes(),
            b"\n",
            &self.stamp.basic(),
            b"\n",
            self.date.as_bytes(),
            b"/",
            self.region.as_bytes(),
            b"/",
            self.service.as_bytes(),
            b"/aws4_request\n",
            digest.as_bytes(),
        ] {
            out.extend_from_slice(piece);
        }
    }

    /// The signature of a canonical request, whose place the string to sign then has.
    pub(crate) fn sign(&self, canonical: &mut Vec<u8>, key: &SigningKey) -> [u8; SHA256_LEN] {
        self.string_to_sign(canonical);
        key.sign(canonical)
    }
}

/// What the signer should have computed, for a caller who debugs his signer. Holds the request's
/// signed headers, session token included: show it to nobody but the sender.
#[derive(Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The canonical request.
    pub canonical_request: Vec<u8>,
    /// The string to sign.
    pub string_to_sign: Vec<u8>,
}
