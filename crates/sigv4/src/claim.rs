//! From a raw request to a claim, and from a claim to certainty.

use std::borrow::Cow;

use bulla_crypto::{SHA256_LEN, ct_eq};

use crate::canonical::{ALGORITHM, Explanation, Preamble, Recipe};
use crate::credential::Credential;
use crate::error::{AuthError, Echo, ExpiresFault};
use crate::presigned::Parameters;
use crate::query::{Omit, Sorter};
use crate::request::{Known, text};
use crate::rules::{ServiceRules, Skew};
use crate::{
    Header, MAX_EXPIRES_SECONDS, PathRule, Payload, RequestParts, SigningKey, Stamp, authorization,
    headers, limits, payload,
};

/// Where a signature stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// In the `Authorization` header.
    Header,
    /// In the query string.
    Presigned,
}

/// The pieces of a signature as they were sent, in either form.
pub(crate) struct Presented<'a> {
    pub(crate) form: Form,
    pub(crate) algorithm: Cow<'a, str>,
    pub(crate) credential: Cow<'a, str>,
    pub(crate) signed_headers: Cow<'a, str>,
    pub(crate) signature: Cow<'a, str>,
    pub(crate) date: Cow<'a, str>,
    pub(crate) expires: Option<Cow<'a, str>>,
    pub(crate) token: Option<Cow<'a, str>>,
}

/// Who claims to have signed a request. Nothing in it is to be believed before
/// [`Claim::verify`], save that it is well formed, in time, and scoped to the service.
pub struct Claim<'a> {
    form: Form,
    credential: Credential<'a>,
    stamp: Stamp,
    expires: Option<u32>,
    token: Option<Cow<'a, str>>,
    signed_headers: Cow<'a, str>,
    signature: Option<[u8; SHA256_LEN]>,
    payload: Payload,
    path: PathRule,
    token_after_signing: bool,
    /// Those whose coverage was checked.
    headers: &'a [Header<'a>],
}

/// Buffers of [`Claim::verify_with`], to be used again for the next request. They hold what the
/// last request signed.
#[derive(Default)]
pub struct Scratch {
    canonical: Vec<u8>,
    sorter: Sorter,
}

/// Reads who claims to have signed `parts`, and makes every check that needs no secret.
///
/// `now` is the server's time in seconds since 1970. The work and the memory taken are bounded by
/// the limits of this crate.
///
/// # Errors
/// The first of [`AuthError`]'s faults in AWS's order: both forms, none, missing pieces, date,
/// window, coverage of the signed headers, algorithm, scope, then the payload's declaration.
pub fn parse<'a>(
    parts: &RequestParts<'a>,
    now: i64,
    rules: &ServiceRules<'_>,
) -> Result<Claim<'a>, AuthError> {
    limits::check(parts)?;
    let known = Known::collect(parts)?;
    let presented = present(parts, &known)?;
    let form = presented.form;
    let stamp = read_date(&presented)?;
    let expires = presented.expires.as_deref().map(read_expires).transpose()?;
    check_window(form, stamp, expires, Stamp::from_unix(now), rules.skew)?;
    headers::check_coverage(parts.headers, &presented.signed_headers, rules.token_after_signing)?;
    if presented.algorithm != ALGORITHM {
        return Err(AuthError::Algorithm(presented.algorithm.into()));
    }
    let credential = Credential::split(&presented.credential)
        .ok_or_else(|| AuthError::CredentialShape(form, (&*presented.credential).into()))?;
    credential.check(rules, stamp)?;
    Ok(Claim {
        form,
        credential,
        stamp,
        expires,
        token: session_token(presented.token, known.token)?,
        signed_headers: presented.signed_headers,
        signature: payload::decode(&presented.signature),
        payload: Payload::read(known.content_sha256, form, rules.payload)?,
        path: rules.path,
        token_after_signing: rules.token_after_signing,
        headers: parts.headers,
    })
}

/// Finds the one signature of a request.
fn present<'a>(parts: &RequestParts<'a>, known: &Known<'a>) -> Result<Presented<'a>, AuthError> {
    let query = Parameters::collect(parts.query)?;
    match known.authorization {
        Some(_) if query.algorithm.is_some() => Err(AuthError::BothForms),
        Some(header) => authorization::read(header, known),
        None if query.any() => query.complete(),
        None => Err(AuthError::Missing),
    }
}

fn read_date(presented: &Presented<'_>) -> Result<Stamp, AuthError> {
    let text = &*presented.date;
    let http = || match presented.form {
        Form::Header => Stamp::parse_http(text),
        Form::Presigned => None,
    };
    let stamp = Stamp::parse_basic(text).or_else(http);
    stamp.ok_or_else(|| AuthError::BadDate(Echo::new(text.as_bytes())))
}

fn read_expires(text: &str) -> Result<u32, AuthError> {
    let fault = match text.parse::<i64>() {
        Ok(seconds) if text.starts_with('+') || seconds < 0 => ExpiresFault::Negative,
        Ok(0) => ExpiresFault::Zero,
        Ok(seconds) => match u32::try_from(seconds) {
            Ok(seconds) if seconds <= MAX_EXPIRES_SECONDS => return Ok(seconds),
            _ => ExpiresFault::TooLong,
        },
        Err(_) => ExpiresFault::NotANumber,
    };
    Err(AuthError::Expires(fault))
}

/// A request is good from its date on, less the skew, for the skew; a presigned one for as long
/// as it says.
fn check_window(
    form: Form,
    request: Stamp,
    expires: Option<u32>,
    server: Stamp,
    skew: Skew,
) -> Result<(), AuthError> {
    let window = expires.map_or(i64::from(skew.past) * 60, i64::from);
    let earliest = Stamp::from_unix(server.unix() - window);
    if request < earliest {
        return Err(AuthError::Expired { form, request, limit: earliest, server, window });
    }
    let window = i64::from(skew.future) * 60;
    let latest = Stamp::from_unix(server.unix() + window);
    if request > latest {
        return Err(AuthError::NotYetCurrent { form, request, limit: latest, server, window });
    }
    Ok(())
}

/// The token of the query or of the headers. Both at once would be two identities.
fn session_token<'a>(
    query: Option<Cow<'a, str>>,
    header: Option<&'a [u8]>,
) -> Result<Option<Cow<'a, str>>, AuthError> {
    match (query, header) {
        (Some(_), Some(_)) => Err(AuthError::Repeated(crate::query::TOKEN)),
        (query, None) => Ok(query),
        (None, Some(header)) => match text(header) {
            Some(token) => Ok(Some(Cow::Borrowed(token))),
            None => Err(AuthError::BadToken),
        },
    }
}

impl Claim<'_> {
    /// Where the signature stands.
    #[must_use]
    pub fn form(&self) -> Form {
        self.form
    }

    /// The access key id. Any text without a slash, the empty one included.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        &self.credential.access_key_id
    }

    /// The session token, if one was sent. Whether it is the right one, and still valid, is for
    /// the caller to find out, after [`Claim::verify`]. An unexpected token is as wrong as a
    /// missing one.
    #[must_use]
    pub fn session_token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// The date of the scope, `YYYYMMDD`: that of [`Claim::stamp`].
    #[must_use]
    pub fn scope_date(&self) -> &str {
        &self.credential.date
    }

    /// The region of the scope.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.credential.region
    }

    /// The service of the scope: the one in the rules.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.credential.service
    }

    /// When the request was signed, by its own account.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// How long a presigned request lives, in seconds, if it says so.
    #[must_use]
    pub fn expires(&self) -> Option<u32> {
        self.expires
    }

    /// What stands for the body.
    #[must_use]
    pub fn payload(&self) -> Payload {
        self.payload
    }

    /// The names of the signed headers, in lower case once [`Claim::verify`] succeeded.
    pub fn signed_headers(&self) -> impl Iterator<Item = &str> {
        self.signed_headers.split(';')
    }

    /// Compares the signature with the one that `key` gives for `parts`, which must be the
    /// request that was parsed.
    ///
    /// # Errors
    /// [`AuthError::Mismatch`], or a more precise fault of the same kind (a body that is not the
    /// declared one, `%` without digits); [`AuthError::UnknownKey`] under a
    /// [`SigningKey::dummy`], whatever else is wrong.
    pub fn verify(&self, parts: &RequestParts<'_>, key: &SigningKey) -> Result<(), AuthError> {
        self.verify_with(parts, key, &mut Scratch::default())
    }

    /// [`Claim::verify`] without an allocation once `scratch` has grown.
    ///
    /// # Errors
    /// Those of [`Claim::verify`].
    pub fn verify_with(
        &self,
        parts: &RequestParts<'_>,
        key: &SigningKey,
        scratch: &mut Scratch,
    ) -> Result<(), AuthError> {
        let outcome = self.compare(parts, key, scratch);
        if key.is_dummy() { Err(AuthError::UnknownKey) } else { outcome }
    }

    fn compare(
        &self,
        parts: &RequestParts<'_>,
        key: &SigningKey,
        scratch: &mut Scratch,
    ) -> Result<(), AuthError> {
        if !std::ptr::eq(parts.headers, self.headers) {
            // Not the headers that were looked at.
            headers::check_coverage(parts.headers, &self.signed_headers, self.token_after_signing)?;
        }
        let (first, second) = self.omissions();
        for omit in std::iter::once(first).chain(second) {
            self.recipe(omit).build(parts, &mut scratch.sorter, &mut scratch.canonical)?;
            let expected = self.preamble().sign(&mut scratch.canonical, key);
            // What is no signature is compared too, and fails by the second condition.
            let equal = ct_eq(&expected, &self.signature.unwrap_or_default());
            if equal & self.signature.is_some() {
                return Ok(());
            }
        }
        Err(AuthError::Mismatch)
    }

    /// What a request like this leaves out of the canonical query, and what it may leave out.
    fn omissions(&self) -> (Omit, Option<Omit>) {
        match self.form {
            Form::Header => (Omit::Nothing, None),
            Form::Presigned => {
                let maybe = self.token_after_signing && self.token.is_some();
                (Omit::Signature, maybe.then_some(Omit::SignatureAndToken))
            }
        }
    }

    fn recipe(&self, omit: Omit) -> Recipe<'_> {
        let Self { path, payload, .. } = *self;
        Recipe { path, payload, omit, signed_headers: &self.signed_headers }
    }

    fn preamble(&self) -> Preamble<'_> {
        let Credential { date, region, service, .. } = &self.credential;
        Preamble { stamp: self.stamp, date, region, service }
    }

    /// What the signer should have computed, for the debug switch that shows it to him.
    ///
    /// # Errors
    /// The faults of [`Claim::verify`] that prevent a canonical form.
    pub fn explain(&self, parts: &RequestParts<'_>) -> Result<Explanation, AuthError> {
        let mut canonical_request = Vec::new();
        let recipe = self.recipe(self.omissions().0);
        recipe.build(parts, &mut Sorter::default(), &mut canonical_request)?;
        let mut string_to_sign = canonical_request.clone();
        self.preamble().string_to_sign(&mut string_to_sign);
        Ok(Explanation { canonical_request, string_to_sign })
    }
}
