//! AWS Signature Version 4, from the raw bytes of a request and without an HTTP library.
//!
//! [`parse`] reads who claims to have signed and makes every check that needs no secret, in the
//! order AWS's JSON front ends make them. The caller then looks up the secret and calls
//! [`Claim::verify`], which builds the canonical request and compares in constant time:
//!
//! ```
//! use bulla_sigv4::{AuthError, Claim, RequestParts, ServiceRules, SigningKey, parse};
//!
//! fn authenticate<'a>(
//!     parts: &RequestParts<'a>,
//!     now: i64,
//!     secret_of: impl Fn(&str) -> Option<&'static [u8]>,
//! ) -> Result<Claim<'a>, AuthError> {
//!     let claim = parse(parts, now, &ServiceRules::new("kms", "eu-central-1"))?;
//!     let key = match secret_of(claim.access_key_id()) {
//!         Some(secret) => {
//!             SigningKey::derive(secret, claim.scope_date(), claim.region(), claim.service())
//!         }
//!         // As much work as for a known key, then `AuthError::UnknownKey`.
//!         None => SigningKey::dummy(),
//!     };
//!     claim.verify(parts, &key)?;
//!     Ok(claim)
//! }
//! ```
//!
//! What is checked where:
//! - [`parse`]: header and query form together, none, missing pieces, date, window, `host` and
//!   every `x-amz-*` header signed, algorithm, credential scope;
//! - the caller: the access key id, and at the end the session token
//!   ([`AuthError::UnknownKey`], [`AuthError::BadToken`], [`AuthError::ExpiredToken`]);
//! - [`Claim::verify`]: the signature.
//!
//! AWS's guide asks clients to sign `host` and every `x-amz-*` header of the request. Here that
//! is a condition: an unsigned `X-Amz-Target` could be exchanged on the way. The one exception,
//! a session token added after signing, must be switched on per service
//! ([`ServiceRules::token_after_signing`]).
//!
//! Where the same request could be read in two ways (a repeated `Authorization`, `Host` or
//! signature parameter, `%` without two digits, an unsorted `SignedHeaders`) it is refused.

mod authorization;
mod canonical;
mod claim;
mod credential;
mod error;
mod headers;
mod key;
mod limits;
mod path;
mod payload;
mod percent;
mod presigned;
mod query;
mod request;
mod route;
mod rules;
mod signer;
mod stamp;
mod wire;

pub use canonical::{ALGORITHM, Explanation};
pub use claim::{Claim, Form, Scratch, parse};
pub use credential::ScopeFaults;
pub use error::{AuthError, Echo, ExpiresFault, Missing, Rejection};
pub use key::SigningKey;
pub use limits::{
    Limit, MAX_AUTHORIZATION_BYTES, MAX_EXPIRES_SECONDS, MAX_HEADERS, MAX_PATH_BYTES,
    MAX_QUERY_BYTES, MAX_QUERY_PARAMETERS, MAX_SIGNED_HEADER_BYTES, MAX_SIGNED_HEADERS,
    SCOPE_PARTS,
};
pub use payload::{Payload, Streaming};
pub use request::{Header, RequestParts};
pub use route::{ScopeHint, scope_hint};
pub use rules::{PathRule, PayloadRule, Regions, ServiceRules, Skew};
pub use signer::{Credentials, SignOptions, presign, sign_header};
pub use stamp::Stamp;
pub use wire::Family;
