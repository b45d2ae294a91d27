//! Reading the `Authorization` header.

use std::borrow::Cow;

use crate::claim::{Form, Presented};
use crate::error::{Echo, Missing};
use crate::request::{Known, text};
use crate::{AuthError, Limit, MAX_AUTHORIZATION_BYTES};

/// Takes the header apart: `ALGORITHM Credential=…, SignedHeaders=…, Signature=…`.
///
/// A header that does not begin with `AWS4-` belongs to another scheme: for AWS the request then
/// has no authentication at all.
pub(crate) fn read<'a>(value: &'a [u8], known: &Known<'a>) -> Result<Presented<'a>, AuthError> {
    let value = value.trim_ascii();
    if value.len() > MAX_AUTHORIZATION_BYTES {
        return Err(AuthError::TooLarge(Limit::Authorization));
    }
    if !value.starts_with(b"AWS4-") {
        return Err(AuthError::Missing);
    }
    let malformed = || AuthError::MalformedPair(Echo::new(value));
    let header = text(value).ok_or_else(malformed)?;
    let (algorithm, rest) = header.split_once(' ').unwrap_or((header, ""));
    let [mut credential, mut signed_headers, mut signature] = [None; 3];
    for pair in rest.split(',').filter(|_| !rest.trim_ascii().is_empty()) {
        let (name, value) = pair.trim_ascii().split_once('=').ok_or_else(malformed)?;
        let (slot, name) = match name {
            "Credential" => (&mut credential, "Credential"),
            "SignedHeaders" => (&mut signed_headers, "SignedHeaders"),
            "Signature" => (&mut signature, "Signature"),
            _ => continue,
        };
        if slot.replace(value).is_some() {
            return Err(AuthError::Repeated(name));
        }
    }
    let date = known.amz_date.or(known.date);
    if let (Some(credential), Some(signed_headers), Some(signature), Some(date)) =
        (credential, signed_headers, signature, date)
    {
        return Ok(Presented {
            form: Form::Header,
            algorithm: Cow::Borrowed(algorithm),
            credential: Cow::Borrowed(credential),
            signed_headers: Cow::Borrowed(signed_headers),
            signature: Cow::Borrowed(signature),
            date: String::from_utf8_lossy(date.trim_ascii()),
            expires: None,
            token: None,
        });
    }
    let missing = Missing {
        algorithm: false,
        credential: credential.is_none(),
        signature: signature.is_none(),
        signed_headers: signed_headers.is_none(),
        date: date.is_none(),
    };
    Err(AuthError::IncompleteHeader(missing, Echo::new(value)))
}
