//! Signing: for tests, the bench, the tour, and calls from one Bulla to another.

use std::fmt::Write as _;

use bulla_crypto::{hex, sha256};

use crate::canonical::{ALGORITHM, Preamble, Recipe};
use crate::credential::TERMINATOR;
use crate::payload::UNSIGNED;
use crate::percent::encode;
use crate::query::{Omit, Sorter};
use crate::request::{AMZ_DATE, AUTHORIZATION, CONTENT_SHA256, TOKEN};
use crate::{AuthError, Header, MAX_EXPIRES_SECONDS, PathRule, Payload, RequestParts};
use crate::{SigningKey, Stamp, error::ExpiresFault};

/// Headers that intermediaries add or change; no SDK signs them.
const NEVER_SIGNED: [&str; 6] =
    [AUTHORIZATION, "user-agent", "expect", "connection", "transfer-encoding", "x-amzn-trace-id"];

/// Who signs. Not printed by accident.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    /// The access key id.
    pub access_key_id: &'a str,
    /// The secret access key.
    pub secret: &'a [u8],
    /// The session token, for temporary credentials.
    pub token: Option<&'a str>,
}

/// For what, and how.
#[derive(Clone, Copy, Debug)]
pub struct SignOptions<'a> {
    /// The region of the scope.
    pub region: &'a str,
    /// The signing name of the service.
    pub service: &'a str,
    /// The moment of signing.
    pub stamp: Stamp,
    /// How the path becomes canonical.
    pub path: PathRule,
    /// Whether the body is signed; else it is `UNSIGNED-PAYLOAD`, and declared so.
    pub sign_body: bool,
    /// Whether the header form adds `x-amz-content-sha256`.
    pub declare_body: bool,
    /// Whether the session token is added after signing.
    pub token_after_signing: bool,
}

impl<'a> SignOptions<'a> {
    /// What every service but S3 expects, at `now` seconds since 1970.
    #[must_use]
    pub fn new(service: &'a str, region: &'a str, now: i64) -> Self {
        Self {
            region,
            service,
            stamp: Stamp::from_unix(now),
            path: PathRule::Normalized,
            sign_body: true,
            declare_body: false,
            token_after_signing: false,
        }
    }

    fn date(&self) -> String {
        self.stamp.to_string().chars().take(8).collect()
    }

    fn payload(&self) -> Payload {
        if self.sign_body { Payload::Body } else { Payload::Unsigned }
    }

    fn credential(&self, credentials: &Credentials<'_>, date: &str) -> String {
        let Self { region, service, .. } = self;
        format!("{}/{date}/{region}/{service}/{TERMINATOR}", credentials.access_key_id)
    }

    fn signature(
        &self,
        parts: &RequestParts<'_>,
        signed_headers: &str,
        secret: &[u8],
        date: &str,
    ) -> Result<String, AuthError> {
        let (path, payload) = (self.path, self.payload());
        let mut canonical = Vec::new();
        Recipe { path, payload, signed_headers, omit: Omit::Nothing }.build(
            parts,
            &mut Sorter::default(),
            &mut canonical,
        )?;
        let (stamp, region, service) = (self.stamp, self.region, self.service);
        let key = SigningKey::derive(secret, date, region, service);
        let preamble = Preamble { stamp, date, region, service };
        Ok(hex::encode(&preamble.sign(&mut canonical, &key)))
    }
}

/// Signs a request in its headers. Returns the header lines to add; those that are already there
/// are signed, `host` must be among them.
///
/// # Errors
/// [`AuthError::Percent`] for a path or query that has no canonical form, and
/// [`AuthError::Mismatch`] for a method or header name that is no token.
pub fn sign_header(
    parts: &RequestParts<'_>,
    credentials: &Credentials<'_>,
    options: &SignOptions<'_>,
) -> Result<Vec<(String, String)>, AuthError> {
    let mut added = vec![(AMZ_DATE.to_owned(), options.stamp.to_string())];
    let mut late = Vec::new();
    if let Some(token) = credentials.token {
        let place = if options.token_after_signing { &mut late } else { &mut added };
        place.push((TOKEN.to_owned(), token.to_owned()));
    }
    if !options.sign_body {
        added.push((CONTENT_SHA256.to_owned(), UNSIGNED.to_owned()));
    } else if options.declare_body {
        added.push((CONTENT_SHA256.to_owned(), hex::encode(&sha256(parts.body))));
    }
    let mut headers: Vec<Header<'_>> = parts.headers.to_vec();
    headers.extend(added.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
    let signed_headers = names_to_sign(&headers);
    let date = options.date();
    let whole = RequestParts { headers: &headers, ..*parts };
    let signature = options.signature(&whole, &signed_headers, credentials.secret, &date)?;
    let credential = options.credential(credentials, &date);
    let authorization = format!(
        "{ALGORITHM} Credential={credential}, SignedHeaders={signed_headers}, \
         Signature={signature}"
    );
    added.append(&mut late);
    added.push((AUTHORIZATION.to_owned(), authorization));
    Ok(added)
}

/// Signs a request in its query string. Returns the whole query to send, the request's own first.
///
/// # Errors
/// Those of [`sign_header`], and [`AuthError::Expires`] unless `expires` is between 1 and
/// [`MAX_EXPIRES_SECONDS`] seconds.
pub fn presign(
    parts: &RequestParts<'_>,
    credentials: &Credentials<'_>,
    options: &SignOptions<'_>,
    expires: u32,
) -> Result<String, AuthError> {
    match expires {
        0 => return Err(AuthError::Expires(ExpiresFault::Zero)),
        1..=MAX_EXPIRES_SECONDS => {}
        _ => return Err(AuthError::Expires(ExpiresFault::TooLong)),
    }
    let signed_headers = names_to_sign(parts.headers);
    let date = options.date();
    let mut query = parts.query.to_owned();
    if !query.is_empty() {
        query.push('&');
    }
    // Writing to a string cannot fail.
    let _infallible = write!(
        query,
        "X-Amz-Algorithm={ALGORITHM}&X-Amz-Credential={}&X-Amz-Date={}&X-Amz-SignedHeaders={}\
         &X-Amz-Expires={expires}",
        encoded(&options.credential(credentials, &date)),
        options.stamp,
        encoded(&signed_headers),
    );
    let mut late = String::new();
    if let Some(token) = credentials.token {
        let place = if options.token_after_signing { &mut late } else { &mut query };
        place.push_str("&X-Amz-Security-Token=");
        place.push_str(&encoded(token));
    }
    let whole = RequestParts { query: &query, ..*parts };
    let signature = options.signature(&whole, &signed_headers, credentials.secret, &date)?;
    query.push_str(&late);
    query.push_str("&X-Amz-Signature=");
    query.push_str(&signature);
    Ok(query)
}

fn names_to_sign(headers: &[Header<'_>]) -> String {
    let mut names: Vec<_> = headers
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase())
        .filter(|name| !NEVER_SIGNED.contains(&name.as_str()))
        .collect();
    names.sort_unstable();
    names.dedup();
    names.join(";")
}

fn encoded(text: &str) -> String {
    let mut out = Vec::new();
    encode(text, &mut out);
    // Only ASCII comes out of the encoder.
    String::from_utf8_lossy(&out).into_owned()
}
